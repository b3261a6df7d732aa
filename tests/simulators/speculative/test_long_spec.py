"""LongSpec drafts: what they read, what they leave unchanged, and whom they refuse."""

from dataclasses import replace

import numpy as np
import pytest

from tightbound.simulators.bandits import RoundRobin
from tightbound.simulators.language_models.gguf_checkpoint import LlamaConfig
from tightbound.simulators.language_models.llama import Llama
from tightbound.simulators.language_models.table_model import TableModel
from tightbound.simulators.speculative.bandit_decoder import BanditDecoder
from tightbound.simulators.speculative.byte_pair import load, restricted
from tightbound.simulators.speculative.decoder import SpeculativeDecoder
from tightbound.simulators.speculative.drafter import Job, NoDraft, Turn
from tightbound.simulators.speculative.growth import Beam, Branching
from tightbound.simulators.speculative.long_spec import Layers, LongSpecDraft, LongSpecSession
from tightbound.simulators.speculative.long_spec_block import (
    DraftMismatchError,
    LongSpecBlock,
    fingerprint_of,
)
from tightbound.simulators.speculative.model_session import read_into
from tightbound.simulators.speculative.prompt_lookup import PromptLookup
from tightbound.simulators.speculative.sampling import RoundCoins, Sampling
from tightbound.simulators.speculative.trainable_long_spec import TrainableLongSpec

CONFIG = LlamaConfig(
    vocabulary=23, context=200, width=24, inner=40, layers=3, heads=6, kv_heads=2, head_size=8
)
WINDOW = 6
SHAPES = [4, Beam((1, 1, 1)), Beam((4, 16, 16, 16, 16)), Branching((2, 2)), 0]


@pytest.fixture(scope="module")
def target():
    return Llama.random(CONFIG, rng=0)


@pytest.fixture(scope="module")
def block(target):
    return LongSpecBlock.random(CONFIG, window=WINDOW, inner=32, fingerprint=fingerprint_of(target), rng=1)


@pytest.fixture(scope="module")
def prompts():
    rng = np.random.default_rng(3)
    return [rng.integers(CONFIG.vocabulary, size=n) for n in (1, 9, 30)]


@pytest.fixture(scope="module")
def plain(target, prompts):
    return SpeculativeDecoder(target, NoDraft()).generate(prompts, [20, 25, 15]).tokens


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_the_text_is_that_of_plain_decoding(shape, target, block, prompts, plain):
    found = SpeculativeDecoder(target, LongSpecDraft(block, shape)).generate(prompts, [20, 25, 15])
    assert found.tokens == plain


def test_so_it_is_beside_another_drafter(target, block, prompts, plain):
    """The ring lags behind what the other one wrote."""
    arms = {"one block": LongSpecDraft(block, 3), "lookup": PromptLookup(max_draft=3)}
    decoder = BanditDecoder(RoundRobin(), arms, target)
    found = decoder.generate(prompts, [20, 25, 15])
    assert found.tokens == plain
    assert len(set(found.completions[0].log.arm.tolist())) == 2


@pytest.mark.parametrize("backend", ["auto", "numpy"])
def test_layers_are_the_forward_pass_of_training(backend, target):
    """A row d tokens ahead sees the target's keys with lag 1 + d, also where the ring has wrapped."""
    model = TrainableLongSpec(target, window=WINDOW, inner=32, length=20, longest=100)
    weights = model.init(1)
    rng = np.random.default_rng(2)
    weights = {n: w * rng.uniform(0.5, 1.5, w.shape).astype(np.float32) for n, w in weights.items()}
    block = model.block(weights)
    texts = rng.integers(CONFIG.vocabulary, size=(2, 20))
    job = Job(target, list(texts), [0, 1], Sampling(), 40, backend=backend)
    for known in (1, 4, 10):
        cache = target.start(2, 40)
        read_into(target, cache, list(texts[:, :known]))
        session = LongSpecSession(job, block, Branching.chain(4))
        session.catch_up(list(texts[:, : known + 1]), cache.lengths)
        layers = Layers(job, block, session.ring, cache)
        for ahead in range(4):
            row = texts[:, known + ahead : known + ahead + 1]
            found = layers.forward(row, mask=None, positions=None, read=np.zeros((2, 1), int))[:, 0]
            exact = np.asarray(model.logits(weights, texts, 1 + ahead))[:, known + ahead]
            assert found == pytest.approx(exact, abs=2e-5)


def test_rows_of_a_tree_are_those_of_their_paths(target, block):
    text = np.random.default_rng(4).integers(CONFIG.vocabulary, size=12)
    job = Job(target, [text], [0], Sampling(), 40)
    cache = target.start(1, 40)
    read_into(target, cache, [text[:-1]])
    session = LongSpecSession(job, block, Beam((2, 2)))
    session.catch_up([text], cache.lengths)

    def logits(*path):
        layers = Layers(job, block, session.ring, cache)
        for token in (text[-1], *path):
            row = np.array([[token]])
            found = layers.forward(row, mask=None, positions=None, read=np.zeros((1, 1), int))
        return found[0, 0]

    layers = Layers(job, block, session.ring, cache)
    first = np.zeros((1, 1), int)
    layers.forward(text[None, -1:], mask=None, positions=None, read=first)
    mask = np.array([[[1, 1, 0], [1, 0, 1]]], dtype=bool)
    layers.forward([[3, 5]], mask=mask, positions=None, read=np.array([[0, 1]]))
    mask = np.array([[[1, 1, 0, 1, 0], [1, 0, 1, 0, 1]]], dtype=bool)
    found = layers.forward([[7, 8]], mask=mask, positions=None, read=np.array([[0, 1]]))[0]
    assert found[0] == pytest.approx(logits(3, 7), abs=1e-5)
    assert found[1] == pytest.approx(logits(5, 8), abs=1e-5)


def test_a_session_keeps_its_ring_and_nothing_else(target, block, prompts):
    job = Job(target, prompts, [0, 1, 2], Sampling(), 60)
    session = LongSpecDraft(block, 3).open(job)
    assert session.state_bytes == 3 * 4 * block.state_numbers
    cache = target.start(3, 60)
    read_into(target, cache, [text[:-1] for text in prompts])
    coins = [RoundCoins(0, b, text.size) for b, text in enumerate(prompts)]
    drafts = session.draft(Turn(prompts, np.array([3, 0, 3]), coins, cache))
    assert [draft.depth for draft in drafts] == [3, 0, 3]
    assert session.ring.written.tolist() == [0, 0, 29]
    assert cache.pending == 0


def test_drafts_come_back_from_their_file(tmp_path, block, target):
    block.save(tmp_path / "draft.npz")
    again = LongSpecBlock.load(tmp_path / "draft.npz")
    again.check(target)
    assert (again.window, again.inner, again.target) == (WINDOW, 32, CONFIG)
    for name, array in block.weights.items():
        assert again.weights[name] == pytest.approx(array, abs=2e-3)


def test_other_targets_are_refused(block, target):
    with pytest.raises(TypeError, match="TableModel"):
        block.check(TableModel.random(3, 1, rng=0))
    wider = Llama.random(replace(CONFIG, width=32, vocabulary=29), rng=0)
    with pytest.raises(DraftMismatchError, match=r"vocabulary 23 \(the target has 29\), width 24"):
        block.check(wider)
    with pytest.raises(DraftMismatchError, match="other weights"):
        SpeculativeDecoder(Llama.random(CONFIG, rng=7), LongSpecDraft(block, 2)).generate([[1]], 2)


def test_bad_blocks(block, tmp_path):
    with pytest.raises(ValueError, match="lacks or adds down"):
        LongSpecBlock(CONFIG, 0, 4, {n: w for n, w in block.weights.items() if n != "down"})
    with pytest.raises(ValueError, match="cross_query"):
        LongSpecBlock(CONFIG, 0, 4, {**block.weights, "cross_query": np.zeros((2, 2))})
    with pytest.raises(ValueError, match="NaN"):
        LongSpecBlock(CONFIG, 0, 4, {**block.weights, "norm": np.full(24, np.nan)})
    with pytest.raises(ValueError, match="window"):
        LongSpecBlock(CONFIG, 0, 0, block.weights)
    with pytest.raises(ValueError, match="7 deep"):
        LongSpecDraft(block, 7)
    with pytest.raises(FileNotFoundError):
        LongSpecBlock.load(tmp_path / "none.npz")
    damaged = tmp_path / "damaged.npz"
    block.save(damaged)
    damaged.write_bytes(damaged.read_bytes()[:500])
    with pytest.raises(ValueError, match="damaged"):
        LongSpecBlock.load(damaged)


def test_the_shipped_pair_drafts_well_and_writes_the_same():
    pair = load()
    text = np.frombuffer(b"The default value of the argument is None. If ", np.uint8).astype(np.int64)
    plain = SpeculativeDecoder(pair.target, NoDraft()).generate([text], 24)
    drafted = SpeculativeDecoder(pair.target, LongSpecDraft(pair.block)).generate([text], 24)
    assert drafted.tokens == plain.tokens
    assert drafted.tokens_per_round > 1.5


def test_a_restricted_pair_has_the_conditioned_laws():
    pair = load()
    kept = np.array([101, 32, 116, 97])
    small = restricted(pair, kept)
    text = np.array([2, 1, 0, 1, 3])
    whole = pair.target.forward(pair.target.start(1, 8), kept[text][None])[0]
    found = small.target.forward(small.target.start(1, 8), text[None])[0]
    assert found == pytest.approx(whole[:, kept], abs=1e-5)
    small.block.check(small.target)
    with pytest.raises(ValueError, match="different"):
        restricted(pair, [3, 3])
