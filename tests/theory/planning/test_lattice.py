"""Regret on a lattice of log odds: equal to the general engine, right at its ends, strict about what fits."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tightbound.theory.planning.bail import bail
from tightbound.theory.planning.expert import expert
from tightbound.theory.planning.forward import forward_regret
from tightbound.theory.planning.hmdp import HMDP
from tightbound.theory.planning.lattice import Lattice
from tightbound.theory.planning.tree import HistoryTree

few = settings(deadline=None, derandomize=True, max_examples=25)
SAFE, TRY = 0, 1


def two_armed(flip=0.0, win=(0.75, 0.25), assumed=0.0, prior=(0.5, 0.5)):
    """Safe pays one half; a try is won with a probability that depends on the environment."""
    kernel = np.zeros((2, 4, 2, 4))
    kernel[:, :, SAFE, 1] = 1.0
    kernel[:, :, TRY, 2] = np.array(win)[:, None]
    kernel[:, :, TRY, 3] = 1.0 - np.array(win)[:, None]

    def reporter(f):
        law = np.eye(4)
        law[2:, 2:] = [[1 - f, f], [f, 1 - f]]
        return law

    rewards = [[0.0] * 4, [0.0, 0.5, 1.0, 0.0]]
    return HMDP([1.0, 0, 0, 0], kernel, reporter(assumed), rewards, prior, emission=reporter(flip))


@few
@given(st.floats(0.0, 0.5), st.floats(0.0, 0.6), st.integers(0, 1), st.floats(0.2, 0.8))
def test_it_agrees_with_the_general_engine(flip, eps, truth, prior):
    tree = HistoryTree(two_armed(flip, prior=(prior, 1.0 - prior)))
    best = expert(tree)
    lattice = Lattice.of(tree, truth, np.log(3.0))
    always = np.array([0.0, 1.0])
    found = lattice.forward((1 - eps) * lattice.bail() + eps * always, 25)
    reference = forward_regret(
        tree, truth, 25, lambda t, logs: [(1 - eps, bail(tree, best, logs)), (eps, always)]
    )
    for name in ("regret", "root_ratio", "doubt"):
        assert getattr(found, name) == pytest.approx(getattr(reference, name), abs=1e-12)


def test_numbers_of_the_problem():
    lattice = Lattice.of(two_armed(flip=0.1), 0, np.log(3.0))
    assert lattice.shift.tolist() == [-1, 0, 1]
    assert lattice.chance == pytest.approx(np.array([[0, 1, 0], [0.3, 0, 0.7]]))
    assert lattice.loss == pytest.approx([0.2, 0.0])
    assert lattice.experts.tolist() == [TRY, SAFE]
    assert lattice.drift(TRY) == pytest.approx(0.4 * np.log(3.0))
    assert lattice.drift(SAFE) == 0.0
    assert lattice.weight[lattice.radius] == pytest.approx(0.5)


def test_what_passes_the_ends_stays_at_the_ends():
    model = two_armed()
    narrow, wide = Lattice.of(model, 0, np.log(3.0), reach=40.0), Lattice.of(model, 0, np.log(3.0))
    tries = np.array([0.0, 1.0])
    short = narrow.forward(np.broadcast_to(tries, (2 * narrow.radius + 1, 2)), 500)
    full = wide.forward(np.broadcast_to(tries, (2 * wide.radius + 1, 2)), 500)
    assert short.posteriors <= 2 * narrow.radius + 1
    assert short.regret.tolist() == full.regret.tolist() == [0.0] * 500
    assert short.doubt == pytest.approx(full.doubt, abs=1e-12)


def test_a_posterior_that_never_moves():
    lattice = Lattice.of(two_armed(), 1, np.log(3.0))
    safe = np.broadcast_to([1.0, 0.0], (2 * lattice.radius + 1, 2))
    found = lattice.forward(safe, 4)
    assert found.doubt.tolist() == [0.5] * 4
    assert lattice.occupation(safe, 4)[lattice.radius] == 1.0


def test_means_of_any_function_of_the_state():
    lattice = Lattice.of(two_armed(flip=0.2), 0, np.log(3.0))
    policy = 0.9 * lattice.bail() + 0.1 * np.array([0.0, 1.0])
    doubt = lattice.expectation(policy, 1.0 - lattice.weight, 30)
    assert doubt == pytest.approx(lattice.forward(policy, 30).doubt, abs=1e-14)
    share = lattice.occupation(policy, 30)
    assert share @ (1.0 - lattice.weight) == pytest.approx(doubt.mean(), abs=1e-14)
    with pytest.raises(ValueError, match="values has shape"):
        lattice.expectation(policy, [1.0], 30)


def one_environment():
    one = two_armed()
    return HMDP(one.initial, one.transition[:1, 0], one.observation, one.reward)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: Lattice.of(two_armed(), 0, 0.0), ValueError, "unit is 0.0: give one number above 0"),
        (
            lambda: Lattice.of(two_armed(), 0, 1.0),
            ValueError,
            "give a unit of which every change is a multiple",
        ),
        (lambda: Lattice.of(two_armed(win=(1.0, 0.5)), 0, 1.0), ValueError, "infinite.*use forward_regret"),
        (lambda: Lattice.of(two_armed(), 2, 1.0), ValueError, "truth is 2"),
        (
            lambda: Lattice.of(one_environment(), 0, 1.0),
            ValueError,
            r"\(1, 1, 1, 1\): a lattice needs .* use forward_regret",
        ),
        (
            lambda: Lattice.of(two_armed(), 0, np.log(3.0)).forward([[0.5, 0.5]], 3),
            ValueError,
            r"policy has shape \(1, 2\)",
        ),
        (
            lambda: Lattice.of(two_armed(), 0, np.log(3.0)).forward([[0.5, 0.6]], 3),
            ValueError,
            "policy has a row that sums to",
        ),
        (
            lambda: Lattice.of(two_armed(), 0, np.log(3.0), reach=0.0).forward([[0.5, 0.5]], 0),
            ValueError,
            "episodes is 0",
        ),
    ],
)
def test_bad_arguments_are_refused(call, error, message):
    with pytest.raises(error, match=message):
        call()
