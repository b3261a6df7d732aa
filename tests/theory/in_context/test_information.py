"""The variational formula, mutual information, and nets of a continuous concept."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tightbound.theory.in_context.concept_net import cube_net, net_average, net_floor
from tightbound.theory.in_context.errors import UnsupportedTaskWarning
from tightbound.theory.in_context.finite_tasks import FiniteTasks
from tightbound.theory.in_context.gaussian_linear import GaussianLinear
from tightbound.theory.in_context.information import equivocation_bound, information, task_information
from tightbound.theory.in_context.model_averaging import posterior
from tightbound.theory.in_context.variational import variational_gap, variational_objective


def random_tasks(seed, tasks=3, responses=3):
    rng = np.random.default_rng(seed)
    return FiniteTasks(rng.dirichlet(np.ones(tasks)), rng.dirichlet(np.ones(responses), size=(tasks, 2)))


def entropy(law):
    return -(law * np.log(law)).sum()


@given(st.integers(0, 2**31))
def test_gap_is_the_divergence_from_the_posterior(seed):
    tasks, rng = random_tasks(seed), np.random.default_rng(seed)
    c, r, q = rng.integers(2, size=8), rng.integers(3, size=8), rng.dirichlet(np.ones(3))
    last = posterior(tasks, c, r)[-1]
    assert variational_gap(tasks, c, r, q) == pytest.approx((q * np.log(q / last)).sum(), abs=1e-11)
    assert variational_gap(tasks, c, r, last) == pytest.approx(0.0, abs=1e-12)


def test_laws_broadcast_against_sequences_and_may_have_zeros():
    tasks = random_tasks(0)
    c, r = np.zeros((4, 6), dtype=int), np.ones((4, 6), dtype=int)
    assert variational_objective(tasks, c, r, np.eye(3)[0]).shape == (4,)
    assert variational_objective(tasks, c[0], r[0], np.eye(3)).shape == (3,)
    excluded = FiniteTasks([0.5, 0.5], [[[1.0, 0.0]], [[0.0, 1.0]]])
    assert variational_objective(excluded, [0], [0], np.eye(2)).tolist() == [np.log(2.0), np.inf]
    assert variational_objective(excluded, [], [], [0.5, 0.5]) == 0.0


def test_bad_laws_and_covariates():
    tasks = random_tasks(0)
    with pytest.raises(ValueError, match="law has shape"):
        variational_gap(tasks, [0], [0], [0.5, 0.5])
    with pytest.raises(ValueError, match="law has shape"):
        variational_gap(tasks, [[0]] * 4, [[0]] * 4, np.eye(3))
    with pytest.raises(ValueError, match="law has a row"):
        variational_gap(tasks, [0], [0], [0.5, 0.5, 0.5])
    informative = FiniteTasks(tasks.prior, tasks.likelihood, [[0.5, 0.5], [0.1, 0.9], [0.3, 0.7]])
    with pytest.raises(ValueError, match="law differs between tasks"):
        variational_gap(informative, [0], [0], tasks.prior)


@given(st.integers(0, 2**31), st.integers(1, 4))
def test_counts_and_sequences_agree(seed, tasks):
    model = random_tasks(seed, tasks)
    c = np.random.default_rng(seed).integers(2, size=6)
    found = task_information(model, c)
    assert found.information == pytest.approx(information(model, c), abs=1e-13)
    assert found.information + found.equivocation == pytest.approx(entropy(model.prior), abs=1e-12)
    assert np.all(np.diff(found.information, prepend=0.0) >= -1e-14)
    assert np.all(found.equivocation <= equivocation_bound(model, c) + 1e-12)


def test_one_binary_demonstration_by_hand():
    tasks = FiniteTasks([0.5, 0.5], [[[0.9, 0.1]], [[0.1, 0.9]]])
    doubt = entropy(np.array([0.9, 0.1]))
    assert task_information(tasks, [0]).equivocation == pytest.approx([doubt], abs=1e-15)


def test_equivocation_keeps_its_accuracy_where_it_is_tiny():
    tasks = FiniteTasks([0.5, 0.5], [[[0.9, 0.1]], [[0.1, 0.9]]])
    doubt = task_information(tasks, np.zeros(800, dtype=int), at=[400, 800]).equivocation
    # about c exp(-T C)/sqrt(T), C the Chernoff information, -log 0.6 here
    rate = -np.log(doubt[1] * np.sqrt(2.0) / doubt[0]) / 400
    assert rate == pytest.approx(-np.log(0.6), rel=1e-3)
    assert doubt[1] < 1e-170


def test_selected_lengths_are_those_of_the_whole_curve():
    model, c = random_tasks(1), np.array([0, 1, 1, 0, 1])
    assert np.array_equal(
        task_information(model, c, at=[2, 5]).information, task_information(model, c).information[[1, 4]]
    )
    assert task_information(model, np.zeros(0, dtype=int)).information.shape == (0,)
    assert task_information(model, c, at=[]).equivocation.shape == (0,)


def test_tasks_that_are_equal_or_excluded_tell_nothing():
    same = FiniteTasks([0.5, 0.5], [[[0.3, 0.7]]] * 2)
    found = task_information(same, [0] * 5)
    assert found.information == pytest.approx(np.zeros(5), abs=1e-13)
    assert found.equivocation == pytest.approx(np.full(5, np.log(2.0)), abs=1e-13)
    with pytest.warns(UnsupportedTaskWarning):
        alone = FiniteTasks([1.0, 0.0], [[[0.3, 0.7]], [[0.7, 0.3]]])
    assert task_information(alone, [0] * 3).equivocation.tolist() == [0.0, 0.0, 0.0]
    assert information(alone, [0] * 3) == pytest.approx(np.zeros(3), abs=1e-15)


def test_deterministic_tasks_are_known_after_one_demonstration():
    tasks = FiniteTasks([0.25, 0.75], [[[1.0, 0.0]], [[0.0, 1.0]]])
    found = task_information(tasks, [0, 0])
    assert found.information == pytest.approx(np.full(2, entropy(tasks.prior)))
    assert found.equivocation.tolist() == [0.0, 0.0]
    assert equivocation_bound(tasks, [0, 0]).tolist() == [0.0, 0.0]


def test_sizes_are_guarded():
    model = random_tasks(0, responses=3)
    with pytest.raises(ValueError, match="too many sequences"):
        information(model, np.zeros(13, dtype=int))
    with pytest.raises(ValueError, match="too many counts"):
        task_information(random_tasks(0, responses=4), np.arange(2000) % 2)
    with pytest.raises(ValueError, match="one sequence"):
        information(model, [[0, 1]])
    with pytest.raises(ValueError, match="increasing"):
        task_information(model, [0, 1, 1], at=[2, 2])
    with pytest.raises(IndexError, match="at - 1"):
        task_information(model, [0, 1], at=[0])


def test_a_net_costs_at_most_its_logarithm_against_its_points():
    rng = np.random.default_rng(0)
    phi, v = rng.normal(size=(3, 40, 2)), 5.0 * rng.normal(size=(3, 40, 1))
    net = cube_net(2, 1.0, 0.5)
    found = net_average(GaussianLinear(2), phi, v, net)
    total = found.best - found.average
    assert net.shape == (25, 1, 2)
    assert np.all(total >= -1e-12)
    assert np.all(total <= np.log(25.0) + 1e-12)


def test_floor_is_below_the_exact_mean_of_the_smallest_loss():
    """The quadrature over the noise of the loss of the nearest concept at least h away."""
    problem, h = GaussianLinear(1, noise_variance=0.5), 0.3
    nodes = np.linspace(-10.0, 10.0, 400_001)
    weights = np.exp(-0.5 * nodes**2)
    weights = weights / weights.sum()
    for steps in (1, 10, 100, 1000):
        g = np.abs(nodes) * np.sqrt(0.5 * steps)
        u = np.maximum(h, g / steps)
        exact = weights @ (u**2 * steps - 2.0 * u * g) / (2.0 * 0.5)
        floor = net_floor(problem, np.ones((steps, 1)), h)[-1]
        assert floor <= exact + 1e-7
        # all that the proof gives away is part of the exponential term
        assert exact - floor <= 0.5 * np.exp(-(h**2) * steps / (2 * 0.5)) + 1e-7  # quadrature


def test_bad_nets():
    problem = GaussianLinear(1)
    with pytest.raises(ValueError, match="net has shape"):
        net_average(problem, [[1.0]], [[1.0]], [1.0])
    with pytest.raises(ValueError, match="radius is -1"):
        cube_net(1, -1.0, 0.5)
    with pytest.raises(ValueError, match="spacing"):
        cube_net(1, 1.0, 0.0)
    with pytest.raises(ValueError, match="points; widen it"):
        cube_net(4, 1.0, 0.01)
    with pytest.raises(ValueError, match="the floor is for one"):
        net_floor(GaussianLinear(2), [[1.0, 1.0]], 0.5)
    with pytest.raises(ValueError, match="distance is -1"):
        net_floor(problem, [[1.0]], -1.0)
    with pytest.raises(ValueError, match="one feature per step"):
        net_floor(problem, [1.0], 0.5)
