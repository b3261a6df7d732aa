"""Drafters that are the target with less to do: which keys they read, and that the text stays the same."""

import numba
import numpy as np
import pytest

from tightbound.simulators.language_models.gguf_checkpoint import LlamaConfig
from tightbound.simulators.language_models.llama import Llama
from tightbound.simulators.language_models.table_model import TableModel
from tightbound.simulators.speculative.decoder import SpeculativeDecoder
from tightbound.simulators.speculative.drafter import NoDraft
from tightbound.simulators.speculative.growth import Beam, Branching
from tightbound.simulators.speculative.layer_skip import LayerSkip
from tightbound.simulators.speculative.sampling import Sampling
from tightbound.simulators.speculative.separate_model import SeparateModel
from tightbound.simulators.speculative.sparse_to_dense import (
    Random,
    Recent,
    SparseToDense,
    Streaming,
    TextGuided,
)

SIZES = {"context": 96, "inner": 24, "layers": 3, "heads": 4, "kv_heads": 2, "head_size": 8}
PROMPTS = [np.random.default_rng(0).integers(17, size=n) for n in (40, 26, 33)]


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    # passes of a model this small are over before threads have met
    before = numba.get_num_threads()
    numba.set_num_threads(1)
    yield
    numba.set_num_threads(before)


@pytest.fixture(scope="module")
def llama():
    return Llama.random(LlamaConfig(vocabulary=17, width=16, **SIZES), rng=4)


@pytest.fixture(scope="module")
def plain_texts(llama):
    return SpeculativeDecoder(llama, NoDraft(), backend="numpy").generate(PROMPTS, [13, 5, 9]).tokens


def drafters():
    for selection in (TextGuided(), Streaming(sinks=2), Recent(), Random()):
        yield SparseToDense(6, text=5, shape=3, selection=selection)
    yield SparseToDense(6, text=5, shape=Beam((2, 2)))
    yield SparseToDense(60, text=5, shape=3)
    yield LayerSkip((0, 2), shape=3)
    yield LayerSkip((0,), shape=Branching((2, 2)))


@pytest.mark.parametrize("drafter", list(drafters()), ids=repr)
def test_the_text_is_that_of_plain_decoding(drafter, llama, plain_texts):
    found = SpeculativeDecoder(llama, drafter, backend="numpy").generate(PROMPTS, [13, 5, 9])
    assert found.tokens == plain_texts


def test_a_lossy_cache_would_be_seen(llama, plain_texts):
    # rows of a pass that skips layers, kept instead of the full ones, give another text
    class Lossy:
        vocabulary, context, layers = llama.vocabulary, llama.context, llama.layers
        start = staticmethod(llama.start)

        @staticmethod
        def forward(cache, tokens, **how):
            return llama.forward(cache, tokens, **{**how, "run": (0, 2)} if tokens.shape[1] > 3 else how)

    found = SpeculativeDecoder(Lossy(), LayerSkip((0, 2), shape=3), backend="numpy").generate(
        PROMPTS, [13, 5, 9]
    )
    assert found.tokens != plain_texts


@pytest.mark.parametrize("drafter", [SparseToDense(200, text=5, shape=3), LayerSkip((0, 1, 2), shape=3)])
def test_a_draft_that_leaves_nothing_out_is_accepted(drafter, llama):
    found = SpeculativeDecoder(llama, drafter, backend="numpy").generate(PROMPTS, 12)
    assert found.acceptance_rate == 1.0
    assert found.completions[0].log.rounds == 3


def session_of(drafter, llama, prompts, requests=None):
    """The session of a drafter after the prompts have been read."""
    from tightbound.simulators.speculative.drafter import Job
    from tightbound.simulators.speculative.model_session import read_into

    numbers = range(len(prompts)) if requests is None else requests
    job = Job(llama, prompts, list(numbers), Sampling(), 60, backend="numpy")
    session, cache = drafter.open(job), llama.start(len(prompts), 60)
    read_into(llama, cache, [p[:-1] for p in prompts], observe=session.observer(cache), chunk=7)
    session.begin(cache)
    assert cache.pending == 0
    return session


def dense_attention(llama, prompt):
    """Attention (layers, rows, H, keys) of one pass over a prompt, from what an observer sees."""
    cache, queries = llama.start(1), {}
    llama.forward(cache, [prompt], observe=lambda layer, q, _: queries.setdefault(layer, q.copy()))
    found = []
    for layer in range(llama.layers):
        keys = cache.rows(layer)[0][0, : prompt.size].astype(float)
        q = queries[layer][0].astype(float)
        scores = np.einsum("mhd,nhd->mhn", q, np.repeat(keys, q.shape[1] // keys.shape[1], axis=1))
        scores = scores / np.sqrt(q.shape[2])
        late = np.arange(prompt.size) > np.arange(prompt.size)[:, np.newaxis]
        scores = np.where(late[:, np.newaxis], -np.inf, scores)
        weights = np.exp(scores - scores.max(axis=-1, keepdims=True))
        found.append(weights / weights.sum(axis=-1, keepdims=True))
    return found


def test_the_text_chooses_the_keys_of_each_layer_and_key_head(llama):
    kept = session_of(SparseToDense(6, text=5, shape=3), llama, PROMPTS).kept
    assert kept.keys.shape == (3, 3, 2, 6)
    assert kept.tail_start.tolist() == [35, 21, 28]
    for b, prompt in enumerate(PROMPTS):
        for layer, weights in enumerate(dense_attention(llama, prompt)):
            mass = weights[-5:, :, : prompt.size - 5].mean(axis=0)
            grouped = mass.reshape(2, 2, -1).sum(axis=1)  # query heads 0, 1 share key head 0
            for head in range(2):
                best = np.sort(np.argsort(-grouped[head], kind="stable")[:6])
                assert kept.keys[layer, b, head].tolist() == best.tolist()


def test_the_baselines_keep_what_their_names_say(llama):
    streaming = session_of(SparseToDense(6, text=5, selection=Streaming(sinks=2)), llama, PROMPTS).kept
    assert np.all(streaming.keys[:, 0] == [0, 1, 31, 32, 33, 34])
    recent = session_of(SparseToDense(6, text=5, selection=Recent()), llama, PROMPTS).kept
    assert np.all(recent.keys[:, 1] == np.arange(15, 21))
    drawn = session_of(SparseToDense(6, text=5, selection=Random()), llama, PROMPTS).kept
    assert np.all(np.diff(drawn.keys, axis=-1) > 0)
    assert len({row.tobytes() for row in drawn.keys.reshape(-1, 6)}) == 18
    alone = session_of(SparseToDense(6, text=5, selection=Random()), llama, PROMPTS[1:2], [1]).kept
    np.testing.assert_array_equal(alone.keys[:, 0], drawn.keys[:, 1])


def test_short_documents_are_read_whole(llama):
    session = session_of(SparseToDense(28, text=5), llama, [PROMPTS[0], PROMPTS[2]])
    assert session.kept.tail_start.tolist() == [35, 28]
    assert session.kept.keys[0, 1, 0].tolist() == list(range(28))
    assert session_of(SparseToDense(35, text=5), llama, PROMPTS).cheaper() == {}
    assert session_of(SparseToDense(6, text=400), llama, PROMPTS).cheaper() == {}


def test_finished_texts_leave_the_selection(llama):
    session = session_of(SparseToDense(6, text=5), llama, PROMPTS)
    before = session.kept
    session.select(np.array([0, 2]))
    np.testing.assert_array_equal(session.kept.keys, before.keys[:, [0, 2]])
    assert session.kept.tail_start.tolist() == [35, 28]


def test_a_smaller_llama_drafts_with_a_cache_of_its_own(llama, plain_texts):
    small = Llama.random(LlamaConfig(vocabulary=17, width=16, **{**SIZES, "layers": 1}), rng=5)
    for shape in (3, Beam((2, 2))):
        found = SpeculativeDecoder(llama, SeparateModel(small, shape), backend="numpy").generate(
            PROMPTS, [13, 5, 9]
        )
        assert found.tokens == plain_texts


def test_targets_that_cannot_draft_for_themselves():
    table = TableModel(np.full((3, 2), 0.5))
    for drafter in (LayerSkip((0,)), SparseToDense(4)):
        with pytest.raises(TypeError, match=r"the target is a TableModel, in which .* finds no layers"):
            SpeculativeDecoder(table, drafter).generate([[0]], 2)


def test_bad_numbers(llama):
    with pytest.raises(ValueError, match=r"run is \(1, 0\): give layers in ascending order"):
        LayerSkip((1, 0))
    with pytest.raises(ValueError, match="run names layer 7 and the target has 3"):
        SpeculativeDecoder(llama, LayerSkip((7,))).generate([[0]], 2)
    with pytest.raises(ValueError, match="run is empty"):
        LayerSkip(())
    with pytest.raises(ValueError, match="keys is 0"):
        SparseToDense(0)
    with pytest.raises(ValueError, match="text is 0"):
        SparseToDense(4, text=0)
    with pytest.raises(ValueError, match="sinks is -1"):
        Streaming(sinks=-1)
    with pytest.raises(ValueError, match=r"prompts have 3 to 40 tokens and keys is 6: .* decode short ones"):
        SpeculativeDecoder(llama, SparseToDense(6, text=2)).generate([PROMPTS[0], [1, 2, 3]], 2)
