import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tightbound.theory.speculative.greedy import (
    greedy_draft_law,
    greedy_text,
    greedy_verification,
    last_likeliest,
    speculative_greedy_text,
)
from tightbound.theory.speculative.tables import PrefixTables, total_variation

common = settings(deadline=None, derandomize=True, max_examples=25)


def test_rows_of_decoders_in_use(cases):
    for drafts, choices, emitted in cases["GREEDY_ROWS"]:
        found = greedy_verification(np.array(drafts, dtype=np.int64), choices)
        assert found.tolist() == emitted


@common
@given(st.integers(0, 2**32 - 1), st.integers(0, 4), st.integers(0, 5))
def test_speculative_text_is_plain_text_at_temperature_zero(seed, gamma, tokens):
    rng = np.random.default_rng(seed)
    models = []
    for _ in range(2):
        rows = [2.0 ** rng.integers(2, size=(3,) * (i + 1)) for i in range(5)]
        models.append(PrefixTables([row / row.sum(axis=-1, keepdims=True) for row in rows]))
    plain = greedy_text(models[0], tokens)
    assert speculative_greedy_text(*models, tokens, gamma).tolist() == plain.tolist()


def test_other_ties_write_another_text():
    even = PrefixTables.independent([0.5, 0.5], 3)
    assert greedy_text(even, 3).tolist() == [0, 0, 0]
    assert speculative_greedy_text(even, even, 3, 2, choose=last_likeliest).tolist() == [1, 1, 1]


@common
@given(st.integers(0, 2**32 - 1), st.integers(1, 3), st.sampled_from([1.0, 0.6]))
def test_greedy_drafts_are_lossless_at_every_temperature(pair, seed, gamma, keep):
    p, q = pair(seed, 3, gamma, keep)
    law = greedy_draft_law(p, q)
    assert total_variation(law.text(p), p.joint(gamma + 1)) < 1e-12
    first = int(np.argmax(q.rows[0]))
    assert 1.0 - law.accepted[0] == pytest.approx(p.rows[0][first])


def test_bad_input():
    with pytest.raises(ValueError, match=r"choices \(2,\)"):
        greedy_verification([1, 2], [1, 2])
    with pytest.raises(TypeError, match="drafts has dtype float64"):
        greedy_verification([1.5], [1, 2])
