import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tightbound.theory.planning.bail import bail
from tightbound.theory.planning.closed_forms import reveal_regret
from tightbound.theory.planning.exact_dp import probe_bsc_forward, reveal_forward
from tightbound.theory.planning.expert import expert
from tightbound.theory.planning.forward import forward_regret
from tightbound.theory.planning.instances import reveal
from tightbound.theory.planning.instances.probe_bsc import PROBE, probe_bsc
from tightbound.theory.planning.tree import HistoryTree


@pytest.mark.parametrize(("q", "q_hat", "weight"), [(0.8, None, 0.5), (0.7, 0.45, 0.3), (0.3, 0.2, 0.6)])
@pytest.mark.parametrize("truth", [0, 1])
def test_agrees_with_the_law_of_the_posterior(q, q_hat, weight, truth):
    tree = HistoryTree(probe_bsc(q, q_hat, weight=weight))
    best, probe = expert(tree), np.eye(3)[PROBE]
    eps = np.linspace(0.9, 0.0, 15)

    def act(t, log_weights):
        return [(1.0 - eps[t], bail(tree, best, log_weights)), (eps[t], probe)]

    general = forward_regret(tree, truth, 15, act)
    found = probe_bsc_forward(15, q, q_hat, weight=weight, eps=eps, truth=truth)
    for name in ("regret", "root_ratio", "doubt"):
        np.testing.assert_allclose(getattr(found, name), getattr(general, name), rtol=1e-11, atol=1e-14)


def test_naive_execution_never_probes():
    found = probe_bsc_forward(40, 0.9)
    np.testing.assert_allclose(found.regret, 0.5 * (1.0 - 0.5 ** np.arange(1, 41)))
    np.testing.assert_allclose(found.unsettled, 0.5 ** np.arange(40))


@settings(deadline=None, derandomize=True, max_examples=25)
@given(st.floats(0.55, 0.95), st.floats(0.1, 0.9))
def test_ratios_hold_their_mean_far_beyond_underflow(q, weight):
    found = probe_bsc_forward(800, q, weight=weight, eps=1.0)
    np.testing.assert_allclose(found.inverse_weight, 1.0 / weight, rtol=1e-9)
    slow = np.sqrt((1 - weight) / weight) * (2 * np.sqrt(q * (1 - q))) ** np.arange(800)
    np.testing.assert_allclose(found.root_ratio, slow, rtol=1e-9, atol=1e-280)


def test_counting_evidence_twice_stops_the_contraction():
    found = probe_bsc_forward(1000, 0.8, eps=1.0, power=2.0)
    np.testing.assert_allclose(found.root_ratio, 1.0, rtol=1e-9)
    assert found.inverse_weight[-1] == np.inf
    assert not np.isnan(found.inverse_weight).any()


def test_learning_nothing_from_probes():
    found = probe_bsc_forward(30, 0.8, eps=0.5, power=0.0)
    np.testing.assert_allclose(found.doubt, 0.5 * 0.75 ** np.arange(30))


@pytest.mark.parametrize("truth", [0, 1])
def test_reveal_under_a_schedule(truth):
    tree = HistoryTree(reveal.reveal(3, 0.4))
    best, probe = expert(tree), np.eye(3)[reveal.PROBE]
    eps = np.minimum(1.0, 2.0 / np.arange(1, 21))

    def act(t, log_weights):
        return [(1.0 - eps[t], bail(tree, best, log_weights)), (eps[t], probe)]

    found = reveal_forward(20, 3, 0.4, eps, truth=truth)
    np.testing.assert_allclose(found, forward_regret(tree, truth, 20, act).regret, rtol=1e-11)
    constant = reveal_forward(20, 3, 0.4, 0.2, truth=truth)
    np.testing.assert_allclose(constant, reveal_regret(np.arange(1, 21), 3, 0.4, 0.2, truth=truth))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"environments": 1}, "environments is 1: give an integer of at least 2"),
        ({"eta": 0.0}, "eta is 0.0"),
        ({"truth": 2}, "truth is 2: give an integer from 0 to 1"),
        ({"eps": 1.5}, "eps contains 1.5"),
    ],
)
def test_bad_input_of_reveal(change, words):
    with pytest.raises(ValueError, match=words):
        reveal_forward(**{"episodes": 3, "environments": 2} | change)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"episodes": 0}, "episodes is 0: give an integer of at least 1"),
        ({"q": 0.5}, "q is 0.5: .* give a reliability other than 1/2"),
        ({"q": 1.0}, "q is 1.0: give one number strictly between 0 and 1"),
        ({"q_hat": 1.5}, r"q_hat is 1.5: give one number in \[0, 1\]"),
        ({"weight": 0.0}, "weight is 0.0: give one number strictly between"),
        ({"eps": [0.1, 0.2]}, r"eps has shape \(2,\): .*shape \(3,\)"),
        ({"truth": 2}, "truth is 2: give an integer from 0 to 1"),
        ({"power": -1.0}, "power is -1.0: .* 1 is the exact posterior"),
    ],
)
def test_bad_input(change, words):
    with pytest.raises(ValueError, match=words):
        probe_bsc_forward(**{"episodes": 3, "q": 0.8} | change)
