import numpy as np
import pytest
from scipy.stats import multivariate_normal

from tightbound.theory.chain_of_thought.linear_steps import LinearSteps


def draw(rng, tasks=3, steps=2, dim=2, noise=0.7):
    prior = rng.dirichlet(np.ones(tasks))
    return LinearSteps(prior, rng.standard_normal((tasks, steps, dim, dim)), noise)


def test_log_likelihood_is_a_product_of_normal_densities(rng):
    problem = draw(rng)
    z = rng.standard_normal((4, 3, 2))
    found = problem.log_likelihood(z)
    assert found.shape == (4, 3)
    for i in range(4):
        for task in range(3):
            expected = sum(
                multivariate_normal.logpdf(z[i, h + 1], problem.matrices[task, h] @ z[i, h], 0.49 * np.eye(2))
                for h in range(2)
            )
            assert found[i, task] == pytest.approx(expected, rel=1e-12)


def test_residual_maps_give_the_same_squares(rng):
    problem = draw(rng, steps=3)
    z = rng.standard_normal((5, 4, 2))
    residual = np.einsum("mkd,nd->nmk", problem.residual_maps(), z.reshape(5, -1))
    constant = 0.5 * 6 * np.log(2 * np.pi * 0.49)
    expected = -(residual**2).sum(axis=-1) / (2 * 0.49) - constant
    np.testing.assert_allclose(problem.log_likelihood(z), expected, rtol=1e-12)


def test_posterior_in_batches_and_without_demonstrations(rng):
    problem = draw(rng)
    z = rng.standard_normal((2, 3, 3, 2))
    both = problem.posterior(z)
    for b in range(2):
        weight = problem.prior * np.exp(problem.log_likelihood(z[b]).sum(axis=0))
        np.testing.assert_allclose(both[b], weight / weight.sum(), rtol=1e-12)
    np.testing.assert_allclose(problem.posterior(np.empty((0, 3, 2))), problem.prior)


@pytest.mark.filterwarnings("ignore:prior is 0 for task")
def test_a_task_of_probability_zero_never_gets_weight(rng):
    problem = LinearSteps([1.0, 0.0], rng.standard_normal((2, 1, 1, 1)), 1.0)
    assert problem.posterior(rng.standard_normal((4, 2, 1))).tolist() == [1.0, 0.0]


def test_answer_moments_against_the_joint_law(rng):
    problem = draw(rng, steps=3)
    query = rng.standard_normal((5, 2))
    mean, covariance = problem.answer_moments(query)
    for task in range(3):
        first, second, third = problem.matrices[task]
        np.testing.assert_allclose(mean[:, task], query @ (third @ second @ first).T, atol=1e-12)
        parts = [np.eye(2), third, third @ second]
        np.testing.assert_allclose(covariance[task], 0.49 * sum(p @ p.T for p in parts), atol=1e-12)


def test_sizes_are_known_and_tables_are_read_only(rng):
    problem = draw(rng, 4, 3, 2)
    assert (problem.tasks, problem.steps, problem.dim, problem.noise) == (4, 3, 2, 0.7)
    with pytest.raises(ValueError, match="read-only"):
        problem.matrices[0, 0, 0, 0] = 1.0


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"prior": [0.5, 0.6]}, ValueError, "sums to 1.1"),
        ({"prior": [-0.5, 1.5]}, ValueError, "must not be negative"),
        ({"prior": [[0.5, 0.5]]}, ValueError, "one probability per task"),
        ({"prior": [1.0]}, ValueError, r"\(1, H, d, d\)"),
        ({"matrices": np.ones((2, 1, 2))}, ValueError, r"\(2, H, d, d\)"),
        ({"matrices": np.ones((2, 0, 2, 2))}, ValueError, "H >= 1"),
        ({"matrices": np.ones((2, 1, 2, 3))}, ValueError, "square matrix"),
        ({"matrices": np.full((2, 1, 1, 1), np.nan)}, ValueError, "NaN"),
        ({"noise": 0.0}, ValueError, "noise is 0"),
        ({"noise": np.inf}, ValueError, "positive finite"),
        ({"noise": True}, TypeError, "positive number"),
    ],
)
def test_bad_problems(change, error, message):
    given = {"prior": [0.5, 0.5], "matrices": np.ones((2, 1, 2, 2)), "noise": 1.0} | change
    with pytest.raises(error, match=message):
        LinearSteps(**given)


def test_bad_trajectories(rng):
    problem = draw(rng)
    for wrong in (np.zeros((4, 2)), np.zeros((3, 3)), np.zeros(2)):
        with pytest.raises(ValueError, match="3 states"):
            problem.log_likelihood(wrong)
    with pytest.raises(ValueError, match="a sequence of trajectories"):
        problem.posterior(np.zeros((3, 2)))
    with pytest.raises(ValueError, match="NaN"):
        problem.log_likelihood(np.full((3, 2), np.nan))
    with pytest.raises(ValueError, match="must hold 2 numbers"):
        problem.answer_moments([1.0])
    with pytest.raises(ValueError, match="must hold 2 numbers"):
        problem.answer_moments(1.0)
