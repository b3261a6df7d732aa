import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tightbound.theory.bandits import (
    hardness,
    ucbspec_fluid_pulls,
    ucbspec_fluid_regret,
    ucbspec_pull_bound,
    ucbspec_radius,
)

common = settings(deadline=None, derandomize=True, max_examples=40)


@common
@given(st.lists(st.floats(1.0, 5.0), min_size=1, max_size=6), st.floats(2.0, 12.0))
def test_levels_pulls_and_tokens_balance(means, exponent):
    mu, tokens = np.array(means), 10.0**exponent
    pulls = ucbspec_fluid_pulls(mu, 4, tokens)
    t = pulls.sum()
    assert pulls @ mu == pytest.approx(tokens, rel=1e-9)
    index = mu + np.asarray(ucbspec_radius(pulls, t, mu.size, 4))
    played = pulls > 1.0
    assert np.ptp(index[played]) < 1e-6
    assert np.all(index[~played] <= index[played].max() + 1e-6)
    assert np.all(np.diff(pulls[np.argsort(mu)]) >= -1e-6 * pulls.max())


@common
@given(st.floats(0.1, 3.5), st.floats(3.0, 9.0))
def test_pulls_stay_below_the_bound_of_the_proof(gap, exponent):
    pulls = ucbspec_fluid_pulls([4.5, 4.5 - gap], 4, 10.0**exponent)
    assert pulls[1] <= ucbspec_pull_bound(gap, 2, 4, pulls.sum())


def test_regret_grows_like_the_leading_constant_in_the_end():
    means, length = np.array([4.0, 3.0, 2.0]), 4
    at = [ucbspec_fluid_regret(means, length, 10.0**k) for k in (100, 110)]
    slope = (at[1] - at[0]) / (10 * np.log(10.0))
    # cr^2 = (L^2/4)(4 log t)/n at cr = Delta gives n = L^2 log t / Delta^2
    assert slope == pytest.approx(length**2 * hardness(means), rel=0.02)


def test_ties_share_and_a_single_arm_gets_all():
    assert ucbspec_fluid_pulls([2.0, 2.0], 4, 100).tolist() == pytest.approx([25.0, 25.0])
    assert ucbspec_fluid_pulls([2.0], 4, 100).tolist() == pytest.approx([50.0])
    assert ucbspec_fluid_regret([2.0, 2.0], 4, 100) == 0.0


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: ucbspec_fluid_pulls([3.0, 2.0], 4, 4.0), ("tokens", "sum(means)")),
        (lambda: ucbspec_fluid_pulls([3.0, 2.0], 4, np.nan), ("tokens", "NaN")),
        (lambda: ucbspec_fluid_pulls([3.0, 2.0], 4, 100, delta=2.0), ("delta", "between 0 and 1")),
        (lambda: ucbspec_fluid_regret([7.0, 2.0], 4, 100), ("means", "max_draft")),
    ],
)
def test_bad_input_names_argument_and_remedy(call, words):
    with pytest.raises(ValueError, match=re.escape(words[0])) as caught:
        call()
    assert all(word in str(caught.value) for word in words)
