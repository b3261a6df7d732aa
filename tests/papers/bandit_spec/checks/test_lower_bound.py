"""Change of measure: what clipping does, and what a rule that knows the instance leaves behind."""

import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tightbound.papers.bandit_spec.checks import lower_bound
from tightbound.theory.bandits import bernoulli_kl

unit = st.floats(0.0, 1.0)


@given(unit, unit, st.floats(1e-12, 0.4))
def test_clipping_both_probabilities_never_raises_the_divergence(p, q, eps):
    clipped = float(bernoulli_kl(*np.clip([p, q], eps, 1.0 - eps)))
    full = float(bernoulli_kl(p, q))
    assert clipped <= full * (1.0 + 1e-9) or full == math.inf


def test_a_told_rule_gathers_no_information():
    cell = {"policy": "UCBSpec", "max_draft": 2, "tokens": 10, "instances": 2}
    told = lower_bound.change_of_measure_when_told(cell, np.random.default_rng(0))
    assert told["value"].tolist() == [0.0, 0.0]
    assert np.all(told["bound"] > 20.0)
