"""At temperature 0 every drafter gives the text of plain decoding, token for token."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tightbound.simulators.bandits import EXP3Spec
from tightbound.simulators.language_models.table_model import TableModel
from tightbound.simulators.speculative.bandit_decoder import BanditDecoder
from tightbound.simulators.speculative.decoder import SpeculativeDecoder
from tightbound.simulators.speculative.drafter import NoDraft
from tightbound.simulators.speculative.growth import Beam, Branching
from tightbound.simulators.speculative.separate_model import SeparateModel

PROMPTS = [[0, 1, 2, 0, 1], [2], [1, 1, 0, 2, 0, 1, 1, 0]]
CHAINS = ["lookup", "ngram", "suffix", "datastore", "model", "likeliest", "nothing"]
TREES = ["independent", "distinct", "beam"]


@pytest.fixture
def decoders(target, chain_drafters, tree_drafters):
    made = {name: SpeculativeDecoder(target, one, backend="numpy") for name, one in chain_drafters.items()}
    made |= {name: SpeculativeDecoder(target, one, backend="numpy") for name, one in tree_drafters.items()}
    arms = chain_drafters | tree_drafters
    made["bandit"] = BanditDecoder(EXP3Spec(), arms, target, backend="numpy")
    return made


@pytest.mark.parametrize("name", [*CHAINS, *TREES, "bandit"])
def test_a_batch_writes_what_plain_decoding_writes(name, decoders, target, plain):
    found = decoders[name].generate(PROMPTS, [20, 7, 1])
    assert found.tokens == [plain(target, p, n) for p, n in zip(PROMPTS, [20, 7, 1], strict=True)]
    assert all(one.outcome == "length" for one in found.completions)


@pytest.mark.parametrize("name", [*CHAINS, *TREES, "bandit"])
@pytest.mark.parametrize("eos", [0, 1, 2, (1, 2)])
def test_a_text_ends_with_the_first_end_token_even_inside_an_accepted_draft(
    name, eos, decoders, target, plain
):
    ends = (eos,) if isinstance(eos, int) else eos
    found = decoders[name].generate(PROMPTS, 12, eos=eos)
    expected = [plain(target, p, 12, ends) for p in PROMPTS]
    assert found.tokens == expected
    for one in found.completions:
        assert one.outcome == ("eos" if one.tokens[-1] in ends else "length")
        assert one.log.kept.sum() == one.tokens.size


@pytest.mark.parametrize("name", ["lookup", "model", "beam"])
def test_a_text_does_not_depend_on_those_beside_it(name, decoders):
    together = decoders[name].generate(PROMPTS, 15)
    for one, prompt in zip(together.completions, PROMPTS, strict=True):
        alone = decoders[name].generate([prompt], 15).completions[0]
        assert one.tokens.tolist() == alone.tokens.tolist()
        for column in ("start", "drafted", "nodes", "accepted", "kept"):
            np.testing.assert_array_equal(getattr(one.log, column), getattr(alone.log, column))


@settings(deadline=None, derandomize=True, max_examples=25)
@given(
    seed=st.integers(0, 10**6),
    prompt=st.lists(st.integers(0, 3), min_size=1, max_size=6),
    tokens=st.integers(1, 12),
    children=st.lists(st.integers(1, 3), max_size=3),
    beam=st.booleans(),
)
def test_any_tree_of_any_model_writes_the_same(plain, seed, prompt, tokens, children, beam):
    rng = np.random.default_rng(seed)
    target, small = TableModel.random(4, 2, rng=rng), TableModel.random(4, 1, rng=rng)
    shape = Beam(tuple(children)) if beam else Branching(tuple(children))
    decoder = SpeculativeDecoder(target, SeparateModel(small, shape), backend="numpy")
    assert decoder.generate([prompt], tokens).tokens == [plain(target, prompt, tokens)]


def test_equal_tokens_are_taken_as_plain_decoding_takes_them(plain):
    # every law has ties; the drafter breaks them the other way
    target = TableModel(np.tile([0.4, 0.2, 0.4], (4, 1)))
    drafter = SeparateModel(TableModel(np.tile([0.0, 0.0, 1.0], (4, 1))), Beam((2, 1)))
    found = SpeculativeDecoder(target, drafter, backend="numpy").generate([[1]], 6)
    assert found.tokens == [plain(target, [1], 6)] == [[0] * 6]


def test_a_perfect_drafter_needs_the_fewest_rounds(target):
    for gamma in range(4):
        found = SpeculativeDecoder(target, SeparateModel(target, gamma), backend="numpy").generate([[0]], 24)
        log = found.completions[0].log
        assert log.rounds == -(-24 // (gamma + 1))
        assert log.emitted[:-1].tolist() == [gamma + 1] * (log.rounds - 1)
        assert found.acceptance_rate == (1.0 if gamma else 0.0)
        assert found.tokens_per_round == pytest.approx(24 / log.rounds)
        assert found.accepted_per_round == pytest.approx(found.tokens_per_round - 1)


def test_plain_decoding_takes_one_pass_a_token(target, plain):
    found = SpeculativeDecoder(target, NoDraft(), backend="numpy").generate(PROMPTS, 9)
    assert found.tokens == [plain(target, p, 9) for p in PROMPTS]
    assert [one.log.rounds for one in found.completions] == [9, 9, 9]


def test_stop_sequences_end_a_text_where_they_end(target, plain):
    whole = plain(target, PROMPTS[0], 20)
    sequence = whole[6:9]
    first = next(i for i in range(3, 21) if whole[i - 3 : i] == sequence)
    for drafter in (NoDraft(), SeparateModel(target, 3)):
        found = SpeculativeDecoder(target, drafter, backend="numpy").generate(
            [PROMPTS[0]], 20, stop=[[9 % 3] * 15, sequence]
        )
        assert found.tokens == [whole[:first]]
        assert found.completions[0].outcome == "stop"


def test_the_whole_context_can_be_written(plain):
    target = TableModel.random(3, 2, context=10, rng=3)
    small = TableModel.random(3, 1, context=10, rng=4)
    for shape in (3, Beam((3, 2, 2))):
        decoder = SpeculativeDecoder(target, SeparateModel(small, shape), backend="numpy")
        # ten rows are read, an eleventh token is only written; a shorter text beside it is filled up
        found = decoder.generate([[0, 1, 2], [1]], [8, 3])
        assert found.tokens == [plain(target, [0, 1, 2], 8), plain(target, [1], 3)]


def test_streaming_gives_the_text_in_pieces(target, small):
    pieces = {0: [], 1: []}
    ended = []

    def on_tokens(number, tokens, outcome):
        pieces[number].append(tokens.tolist())
        if outcome is not None:
            ended.append((number, outcome))

    decoder = SpeculativeDecoder(target, SeparateModel(small, 2), backend="numpy")
    found = decoder.generate([[0], [1]], [4, 9], on_tokens=on_tokens)
    for number, one in enumerate(found.completions):
        assert [len(piece) for piece in pieces[number]] == one.log.kept.tolist()
        assert [token for piece in pieces[number] for token in piece] == one.tokens.tolist()
    assert sorted(ended) == [(0, "length"), (1, "length")]


def test_the_log_adds_up(target, small):
    decoder = SpeculativeDecoder(target, SeparateModel(small, Branching((2, 2))), backend="numpy")
    found = decoder.generate(PROMPTS, [20, 7, 1])
    for one in found.completions:
        log = one.log
        assert log.start.tolist() == [0, *np.cumsum(log.kept)[:-1].tolist()]
        assert np.all(log.accepted <= log.drafted)
        assert np.all(log.drafted <= log.nodes)
        assert np.all(log.kept <= log.emitted)
        assert np.all(log.draft_seconds >= 0.0)
        assert np.all(log.target_seconds > 0.0)
    rounds = sum(one.log.rounds for one in found.completions)
    assert found.tokens_per_round == 28 / rounds
    spent = found.timings
    assert spent.total >= spent.prefill + spent.draft + spent.target + spent.verify
    assert found.tokens_per_second > 0.0


def test_the_compiled_kernels_write_the_same(target, small, plain):
    for shape in (2, Beam((2, 2))):
        found = SpeculativeDecoder(target, SeparateModel(small, shape)).generate(PROMPTS, 12)
        assert found.tokens == [plain(target, p, 12) for p in PROMPTS]
