import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import softmax

from tightbound.theory.in_context.networks.relu_posterior import levels_needed, relu_posterior_network
from tightbound.theory.in_context.networks.relu_square import SquareNetwork, relu_square


def draw(rng, tasks=3, residuals=2, width=4, n=5):
    maps, y = rng.standard_normal((tasks, residuals, width)), rng.uniform(-1, 1, size=(n, width))
    prior = rng.dirichlet(np.ones(tasks)) + 0.01
    return maps, prior / prior.sum(), y


def exact(maps, prior, y, noise):
    squares = (np.einsum("mkd,nd->nmk", maps, y) ** 2).sum(axis=(0, 2))
    return softmax(np.log(prior) - squares / (2 * noise**2))


@settings(max_examples=25)
@given(st.integers(0, 16), st.sampled_from(["position", "begin", "linear"]), st.integers(0, 2**32 - 1))
def test_total_variation_stays_below_its_bound(levels, counting, seed):
    maps, prior, y = draw(np.random.default_rng(seed))
    network = relu_posterior_network(
        maps, prior, relu_square(levels), scale=32.0, noise=1.5, counting=counting
    )
    distance = 0.5 * np.abs(network(y) - exact(maps, prior, y, 1.5)).sum()
    assert distance <= network.bound(5) + 1e-12
    assert network.depth == levels + 3
    assert network.per_task == 2


def test_the_bound_is_the_stated_formula(rng):
    maps, prior, _ = draw(rng)
    network = relu_posterior_network(maps, prior, relu_square(6), scale=8.0, noise=2.0)
    eta = 7 * 2 * 64.0 * 4.0**-7 / 8.0
    assert network.logit_error(7) == pytest.approx(eta)
    assert network.bound(7) == pytest.approx(math.tanh(eta / 4))
    assert network.bound(0) == 0.0


def test_batches_and_empty_prompts(rng):
    maps, prior, y = draw(rng)
    network = relu_posterior_network(maps, prior, relu_square(8), scale=32.0, noise=1.0)
    both = network(np.stack([y, -y, 0.5 * y]))
    np.testing.assert_allclose(both[0], network(y))
    np.testing.assert_allclose(both[0], both[1], atol=1e-15)  # residuals enter by their size
    np.testing.assert_allclose(network(np.empty((2, 0, 4))), [prior] * 2)


def test_residuals_beyond_the_scale_are_refused(rng):
    maps, prior, y = draw(rng)
    largest = np.abs(np.einsum("mkd,nd->nmk", maps, y)).max()
    with pytest.raises(ValueError, match="beyond scale"):
        relu_posterior_network(maps, prior, relu_square(8), scale=0.99 * largest, noise=1.0)(y)
    relu_posterior_network(maps, prior, relu_square(8), scale=1.01 * largest, noise=1.0)(y)


@pytest.mark.parametrize("n", [1, 10, 1000])
@pytest.mark.parametrize("tolerance", [1e-3, 1e-9, 0.5])
def test_the_levels_needed_are_the_fewest(n, tolerance):
    needed = levels_needed(tolerance, n, per_task=3, scale=8.0, noise=0.5)

    def bound(levels):
        square = SquareNetwork((), 4.0 ** -(levels + 1))
        maps = np.ones((2, 3, 1))
        return relu_posterior_network(maps, [0.5, 0.5], square, scale=8.0, noise=0.5).bound(n)

    assert bound(needed) <= tolerance
    assert needed == 0 or bound(needed - 1) > tolerance


def test_no_levels_where_nothing_is_asked():
    assert levels_needed(0.9, 1, per_task=1, scale=0.1, noise=10.0) == 0


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"residuals": np.ones((2, 4))}, r"\(3, K, D\)"),
        ({"residuals": np.ones((2, 2, 4))}, r"\(3, K, D\)"),
        ({"residuals": np.ones((3, 0, 4))}, r"\(3, K, D\)"),
        ({"residuals": np.full((3, 2, 4), np.inf)}, "NaN or infinite"),
        ({"prior": [0.5, 0.5, 0.0]}, "probability 0"),
        ({"scale": 0.0}, "scale is 0"),
        ({"noise": -1.0}, "noise is -1"),
        ({"noise": math.inf}, "noise is inf"),
    ],
)
def test_bad_weights(change, message):
    given = {"residuals": np.ones((3, 2, 4)), "prior": [0.5, 0.25, 0.25], "scale": 4.0, "noise": 1.0} | change
    with pytest.raises(ValueError, match=message):
        relu_posterior_network(
            given["residuals"], given["prior"], relu_square(3), scale=given["scale"], noise=given["noise"]
        )


def test_bad_prompts_and_tolerances(rng):
    maps, prior, y = draw(rng)
    network = relu_posterior_network(maps, prior, relu_square(3), scale=32.0, noise=1.0)
    with pytest.raises(ValueError, match="rows of 4 numbers"):
        network(y[:, :3])
    with pytest.raises(ValueError, match="rows of 4 numbers"):
        network(y[0])
    with pytest.raises(ValueError, match="at least 0"):
        network.bound(-1)
    with pytest.raises(ValueError, match="tolerance is 1"):
        levels_needed(1.0, 1, per_task=1, scale=1.0, noise=1.0)
    with pytest.raises(ValueError, match="demonstrations is 0"):
        levels_needed(0.1, 0, per_task=1, scale=1.0, noise=1.0)
    with pytest.raises(TypeError, match="scale"):
        levels_needed(0.1, 1, per_task=1, scale="wide", noise=1.0)
