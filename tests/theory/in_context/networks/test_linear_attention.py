import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tightbound.theory.in_context.gaussian_linear import GaussianLinear
from tightbound.theory.in_context.networks.linear_attention import (
    chebyshev_bound,
    chebyshev_schedule,
    contraction_factor,
    gradient_bound,
    gradient_schedule,
    linear_attention_stack,
    spectrum,
)
from tightbound.theory.in_context.networks.newton_schulz import newton_schulz_network


def draw(rng, batch=(), count=12, dim=3):
    return (
        rng.standard_normal((*batch, count, dim)),
        rng.standard_normal((*batch, count)),
        rng.standard_normal((*batch, 4, dim)),
    )


def ridge_solution(x, y, q, ridge):
    return q @ np.linalg.solve(x.T @ x + ridge * np.eye(x.shape[1]), x.T @ y)


@settings(max_examples=20)
@given(st.integers(1, 5), st.integers(0, 20), st.floats(0.1, 4.0), st.integers(0, 2**32 - 1))
def test_all_three_stacks_end_at_the_ridge_solution(dim, count, ridge, seed):
    x, y, q = draw(np.random.default_rng(seed), count=count, dim=dim)
    bounds = spectrum(x, ridge)
    expected = ridge_solution(x, y, q, ridge)
    kappa = bounds[1] / bounds[0]
    blocks = int(20 * np.sqrt(kappa)) + 2
    step, momentum = chebyshev_schedule(blocks, *bounds)
    stack = linear_attention_stack(dim, step, momentum=momentum, ridge=ridge)
    squarings = int(np.log2(20 * kappa + 2)) + 2
    newton = newton_schulz_network(dim, squarings, *bounds, ridge=ridge)
    for network in (stack, newton):
        np.testing.assert_allclose(network(x, y, q)[-1], expected, atol=1e-10)
    long = linear_attention_stack(dim, gradient_schedule(60, *bounds).step, ridge=ridge)
    size = np.linalg.norm(q, axis=1) * np.linalg.norm(np.linalg.solve(x.T @ x + ridge * np.eye(dim), x.T @ y))
    assert np.all(np.abs(long(x, y, q)[-1] - expected) <= size * gradient_bound(60, *bounds) + 1e-12)


def test_the_fixed_point_is_the_posterior_mean(rng):
    x, y, q = draw(rng)
    problem = GaussianLinear(3, prior_variance=2.0, noise_variance=0.5)
    mean, _ = problem.posterior(x, y[:, None])
    bounds = spectrum(x, problem.ridge)
    step, momentum = chebyshev_schedule(80, *bounds)
    stack = linear_attention_stack(3, step, momentum=momentum, ridge=problem.ridge)
    np.testing.assert_allclose(stack(x, y, q)[-1], q @ mean[0], atol=1e-12)


def test_batches_are_worked_on_one_by_one(rng):
    x, y, q = draw(rng, (2,))
    bounds = spectrum(x, 1.0)
    networks = [
        linear_attention_stack(3, gradient_schedule(5, *bounds).step, ridge=1.0),
        newton_schulz_network(3, 3, *bounds, ridge=1.0),
    ]
    for network in networks:
        together = network(x, y, q)
        for b in range(2):
            np.testing.assert_allclose(together[b], network(x[b], y[b], q[b]), atol=1e-13)


def test_the_error_of_newton_schulz_is_squared(rng):
    x, y, _ = draw(rng)
    bounds = spectrum(x)
    values, vectors = np.linalg.eigh(x.T @ x)
    top = vectors[:, -1:].T  # a query along the largest eigenvalue sees the factor itself
    found = newton_schulz_network(3, 4, *bounds)(x, y, top)[:, 0]
    best = ridge_solution(x, y, top, 0.0)[0]
    rho = contraction_factor(*bounds)
    expected = 1.0 - np.array([(-rho) ** (2**k) for k in range(5)])
    np.testing.assert_allclose(found / best, expected, atol=1e-11)
    assert values[-1] == pytest.approx(bounds[1])


def test_one_eigenvalue_takes_one_step():
    schedule = chebyshev_schedule(3, 2.0, 2.0)
    assert schedule.step.tolist() == [0.5] * 3
    assert schedule.momentum.tolist() == [0.0] * 3
    assert chebyshev_bound([0, 1], 2.0, 2.0).tolist() == [1.0, 0.0]
    assert gradient_bound([0, 1], 2.0, 2.0).tolist() == [1.0, 0.0]


def test_chebyshev_polynomials_have_the_stated_size(rng):
    x, *_ = draw(rng, count=30)
    bounds = spectrum(x)
    assert np.all(chebyshev_bound(np.arange(1, 20), *bounds) <= gradient_bound(np.arange(1, 20), *bounds))
    # scalars: the iteration's residual is T_l(...)/T_l(...) at every eigenvalue
    mu, top = bounds
    step, momentum = chebyshev_schedule(6, mu, top)
    points = np.linspace(mu, top, 50)
    before = now = np.ones(50)
    for eta, beta in zip(step, momentum, strict=True):
        now, before = now + beta * (now - before) - eta * points * now, now
    t = np.polynomial.chebyshev.Chebyshev.basis(6)
    expected = t((top + mu - 2 * points) / (top - mu)) / t((top + mu) / (top - mu))
    np.testing.assert_allclose(now, expected, atol=1e-12)
    assert np.abs(now).max() == pytest.approx(float(chebyshev_bound(6, mu, top)))


def test_too_few_rows_need_a_ridge(rng):
    x = rng.standard_normal((2, 3))
    with pytest.raises(ValueError, match="2 rows do not determine 3 features; give a positive ridge"):
        spectrum(x)
    assert spectrum(x, 0.5)[0] == pytest.approx(0.5)
    with pytest.raises(ValueError, match="ridge is -1"):
        spectrum(rng.standard_normal((9, 3)), -1.0)
    with pytest.raises(ValueError, match="one row per demonstration"):
        spectrum([1.0, 2.0])


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: linear_attention_stack(0, [0.1]), "dim is 0"),
        (lambda: linear_attention_stack(2, [0.0]), "step must be positive"),
        (lambda: linear_attention_stack(2, [0.1], momentum=[-0.1]), "momentum at least 0"),
        (lambda: linear_attention_stack(2, [0.1], momentum=[0.1, 0.2]), "one number per block"),
        (lambda: linear_attention_stack(2, [[0.1]]), "one number per block"),
        (lambda: linear_attention_stack(2, [np.nan]), "NaN"),
        (lambda: linear_attention_stack(2, [0.1], ridge=-1.0), "ridge is -1"),
        (lambda: gradient_schedule(-1, 1.0, 2.0), "blocks is -1"),
        (lambda: chebyshev_schedule(3, 2.0, 1.0), "eigenvalues in order"),
        (lambda: gradient_bound(3, 0.0, 1.0), "smallest is 0"),
        (lambda: newton_schulz_network(2, -1, 1.0, 2.0), "iterations is -1"),
        (lambda: newton_schulz_network(2, 1, 1.0, 2.0, ridge=-1.0), "ridge is -1"),
    ],
)
def test_bad_weights(build, message):
    with pytest.raises(ValueError, match=message):
        build()


def test_bad_prompts(rng):
    x, y, q = draw(rng)
    for network in (linear_attention_stack(3, [0.1]), newton_schulz_network(3, 1, 1.0, 2.0)):
        with pytest.raises(ValueError, match="rows of 3 numbers"):
            network(x[:, :2], y, q)
        with pytest.raises(ValueError, match="one target per row"):
            network(x, y[:-1], q)
        with pytest.raises(ValueError, match="same leading axes"):
            network(x, y, q[None])
        with pytest.raises(ValueError, match="NaN"):
            network(x, np.full_like(y, np.nan), q)
    with pytest.raises(TypeError, match="positive number"):
        gradient_schedule(3, True, 2.0)
