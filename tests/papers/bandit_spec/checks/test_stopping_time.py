"""The settling budget beyond which the larger mean is faster, and what the cells hold."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tightbound.papers.bandit_spec.checks import stopping_time as checks
from tightbound.theory.bandits import law_mean, stopping_time_curve


@given(st.integers(0, 10**6), st.integers(2, 5), st.integers(2, 5))
def test_beyond_the_settling_budget_the_larger_mean_needs_fewer_rounds(seed, first, second):
    rng = np.random.default_rng(seed)
    laws = [rng.dirichlet(np.full(size, 0.3)) for size in (first, second)]
    slow, fast = sorted(laws, key=law_mean)
    assume(float(law_mean(fast) - law_mean(slow)) > 0.01)
    settled = checks._settled(slow, fast)
    curves = [stopping_time_curve(law, settled + 50)[settled:] for law in (slow, fast)]
    assert np.all(curves[0] > curves[1])


def test_each_pair_is_ordered_by_its_means_and_the_first_one_flips():
    for pair in checks._PAIRS:
        assert law_mean(pair["smaller_mean"]) < law_mean(pair["larger_mean"])
    below = checks.rounds_before_settling(checks.BS_2C.grid.quick[0], np.random.default_rng(0))
    faster = below["budgets"][below["greater"] < below["smaller"]]
    # odd budgets lose a token to the fixed length of 2, so only even ones flip from 4 tokens on
    assert set(faster[faster > 4] % 2) == {0}
    assert faster.max() == 40


def test_budgets_hold_all_small_ones_and_the_largest():
    at = checks._budgets(10_000)
    assert at[:64].tolist() == list(range(1, 65))
    assert at[-1] == pytest.approx(10_000, abs=1)
    assert np.all(np.diff(at) > 0)
