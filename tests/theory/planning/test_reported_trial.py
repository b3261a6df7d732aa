"""REPORTED-TRIAL: drift and threshold against the tree, regret against the general engine."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tightbound.theory.planning.bail import bail
from tightbound.theory.planning.evaluation import distinguishability, evaluate, leaf_law
from tightbound.theory.planning.expert import expert
from tightbound.theory.planning.forward import forward_regret
from tightbound.theory.planning.lattice import Lattice
from tightbound.theory.planning.reported_trial import (
    SAFE,
    TRY,
    UNIT,
    reported_trial,
    reported_trial_drift,
    reported_trial_threshold,
)
from tightbound.theory.planning.tree import HistoryTree

few = settings(deadline=None, derandomize=True, max_examples=25)
ALWAYS = np.array([0.0, 1.0])


@few
@given(st.floats(0.0, 1.0), st.integers(1, 3), st.integers(1, 4), st.integers(0, 1))
def test_the_drift_is_the_mean_gain_over_episodes(q_hat, payoff, report, truth):
    tree = HistoryTree(reported_trial(q_hat, payoff=payoff, report=report))
    logs = tree.levels[-1].log_likelihood
    gain = leaf_law(tree, ALWAYS)[truth, 0] @ (logs[truth] - logs[1 - truth])
    expected = reported_trial_drift(q_hat, payoff=payoff, report=report)
    assert gain == pytest.approx(expected, abs=1e-12)
    assert Lattice.of(tree, truth, UNIT).drift(TRY) == pytest.approx(expected, abs=1e-12)


@few
@given(st.integers(1, 3), st.integers(1, 6))
def test_the_drift_changes_sign_at_the_threshold(payoff, report):
    at = reported_trial_threshold(payoff=payoff, report=report)
    if at >= 0:
        assert reported_trial_drift(at, payoff=payoff, report=report) == pytest.approx(0.0, abs=1e-12)
    else:
        assert reported_trial_drift(0.0, payoff=payoff, report=report) > 0


def test_values_do_not_depend_on_the_reporter():
    for q_hat in (None, 0.2, 0.0):
        values = [evaluate(reported_trial(q_hat), np.eye(2)[goal]).ravel() for goal in (SAFE, TRY)]
        assert values[0] == pytest.approx([0.5, 0.5])
        assert values[1] == pytest.approx([2 / 3, 1 / 3])
    eta = distinguishability(reported_trial(), ALWAYS)
    assert eta == pytest.approx(1 - 4 * np.sqrt(2 / 9 * 8 / 81))


def test_the_lattice_is_the_general_engine():
    tree = HistoryTree(reported_trial(0.35))
    best, lattice = expert(tree), Lattice.of(tree, 0, UNIT)
    found = lattice.forward(0.8 * lattice.bail() + 0.2 * ALWAYS, 40)
    reference = forward_regret(tree, 0, 40, lambda t, logs: [(0.8, bail(tree, best, logs)), (0.2, ALWAYS)])
    assert found.regret == pytest.approx(reference.regret, abs=1e-12)


def test_the_report_may_be_of_different_reliability_in_the_two_environments():
    model = reported_trial((0.9, 0.6))
    assert model.emission[2, 2] == pytest.approx(0.9)
    assert model.emission[3, 3] == pytest.approx(0.6)
    gains = [Lattice.of(model, z, UNIT).drift(TRY) for z in (0, 1)]
    assert gains == pytest.approx([reported_trial_drift(0.9), reported_trial_drift(0.6)])
    with pytest.raises(ValueError, match="reliability in one environment"):
        reported_trial_drift((0.9, 0.6))


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"q_hat": 1.5}, ValueError, r"q_hat is 1\.5: give one probability in \[0, 1\]"),
        ({"q_hat": [0.1, 0.2, 0.3]}, ValueError, "or one per environment"),
        ({"q_hat": 0.5, "payoff": 0}, ValueError, "payoff is 0: give an integer"),
        ({"q_hat": 0.5, "report": 1.5}, TypeError, r"report is 1\.5"),
    ],
)
@pytest.mark.parametrize("function", [reported_trial, reported_trial_drift])
def test_bad_arguments_are_refused(function, arguments, error, message):
    with pytest.raises(error, match=message):
        function(**arguments)
