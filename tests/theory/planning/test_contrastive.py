"""Contrastive learning: the optimum is stationary and minimal, the gradient is one, the error is right."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tightbound.theory.planning.contrastive import (
    contrastive_error,
    contrastive_gradient,
    contrastive_loss,
    contrastive_optimum,
    translation_from_ratio,
)

seeds = st.integers(0, 2**32 - 1)
few = settings(deadline=None, derandomize=True, max_examples=25)


def draw(seed, states=3, observations=4):
    rng = np.random.default_rng(seed)
    law = rng.dirichlet(np.ones(observations), size=states)
    noise, mass = rng.dirichlet(np.ones(observations)), rng.dirichlet(np.ones(states))
    return rng, law, noise, float(rng.uniform(0.05, 0.95)), mass


@few
@given(seeds)
def test_the_optimum_is_stationary(seed):
    _, law, noise, rate, mass = draw(seed)
    best = contrastive_optimum(law, noise, rate)
    scale = mass[:, None] * noise
    assert np.all(
        np.abs(contrastive_gradient(best, law, noise, rate, mass)) <= 1e-14 * np.maximum(scale, 1.0)
    )


@few
@given(seeds)
def test_no_other_ratio_has_a_smaller_loss(seed):
    rng, law, noise, rate, mass = draw(seed)
    best = contrastive_optimum(law, noise, rate)
    other = best * np.exp(rng.normal(size=best.shape))
    least = contrastive_loss(best, law, noise, rate, mass)
    assert least <= contrastive_loss(other, law, noise, rate, mass)
    assert 0.0 <= least <= contrastive_loss(np.full_like(best, rate / (1 - rate)), law, noise, rate, mass)


@few
@given(seeds)
def test_the_gradient_is_the_derivative_of_the_loss(seed):
    rng, law, noise, rate, mass = draw(seed)
    ratio = rng.uniform(0.3, 3.0, size=law.shape)
    step = 1e-6 * rng.normal(size=law.shape)
    rise = contrastive_loss(ratio + step, law, noise, rate, mass)
    fall = contrastive_loss(ratio - step, law, noise, rate, mass)
    slope = contrastive_gradient(ratio, law, noise, rate, mass)
    assert (rise - fall) / 2 == pytest.approx(float((slope * step).sum()), abs=1e-14)


@few
@given(seeds)
def test_the_optimum_gives_the_reporter_back_at_any_share_of_positives(seed):
    _, law, noise, rate, _ = draw(seed)
    assert translation_from_ratio(contrastive_optimum(law, noise, rate), noise) == pytest.approx(
        law, abs=1e-14
    )


def test_an_observation_that_is_never_given_has_ratio_zero_and_a_finite_loss():
    law, noise = np.array([[1.0, 0.0, 0.0]]), np.array([0.5, 0.5, 0.0])
    best = contrastive_optimum(law, noise)
    assert best.tolist() == [[2.0, 0.0, 0.0]]
    assert np.isfinite(contrastive_loss(best, law, noise))
    assert contrastive_gradient(best, law, noise).tolist() == [[0.0, 0.25, 0.0]]


def test_the_first_order_error_is_the_limit_of_the_learners_error():
    law, noise, rate = np.array([[0.6, 0.3, 0.1]]), np.array([0.2, 0.3, 0.5]), 0.3
    size, runs = 100_000, 4000
    joint = np.concatenate([rate * law[0], (1 - rate) * noise])
    counts = np.random.default_rng(0).multinomial(size, joint, size=runs)
    product = counts[:, :3] / counts[:, 3:] * noise
    found = 0.5 * np.abs(product / product.sum(axis=1, keepdims=True) - law).sum(axis=1)
    expected = contrastive_error(law, noise, size, rate)[0]
    assert abs(found.mean() - expected) < 5 * found.std() / np.sqrt(runs) + 0.01 * expected


def test_a_deterministic_reporter_is_learned_without_first_order_error():
    assert contrastive_error([[1.0, 0.0]], [0.5, 0.5], 10).tolist() == [0.0]


def test_a_state_that_is_never_seen_is_never_learned():
    found = contrastive_error([[0.5, 0.5], [0.5, 0.5]], [0.5, 0.5], 10, states=[1.0, 0.0])
    assert np.isfinite(found[0])
    assert found[1] == np.inf


GOOD = ([[0.5, 0.5]], [0.5, 0.5])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([[0.5, 0.6]], [0.5, 0.5]), "translation has a row that sums to .* divide"),
        (([[1.5, -0.5]], [0.5, 0.5]), "translation contains -0.5: .* check"),
        (([0.5, 0.5], [0.5, 0.5]), "translation has shape .* give 2 axes"),
        (([[np.nan, 1.0]], [0.5, 0.5]), "translation has entries that are NaN"),
        (([[0.5, 0.5]], [1.0]), "negatives .*: give one entry per observation"),
        (([[0.5, 0.5]], [1.0, 0.0]), r"negatives gives probability 0 to observations \[1\].*spread"),
        ((*GOOD, 0.0), "positive_rate is 0.0: give one number strictly between 0 and 1"),
        ((*GOOD, 1.5), "positive_rate is 1.5: give one number"),
    ],
)
def test_bad_problems_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        contrastive_optimum(*arguments)


@pytest.mark.parametrize(
    ("ratio", "message"),
    [
        ([[1.0, -1.0]], "ratio contains -1.0 .* give positive entries"),
        ([[1.0, 0.0]], "the loss is infinite there; give positive entries"),
        ([[1.0]], r"ratio has shape \(1, 1\): give one entry per"),
        ([[1.0, np.inf]], "ratio has entries that are NaN or infinite"),
    ],
)
@pytest.mark.parametrize("function", [contrastive_loss, contrastive_gradient])
def test_bad_ratios_are_refused(function, ratio, message):
    with pytest.raises(ValueError, match=message):
        function(ratio, *GOOD)


def test_bad_states_samples_and_ratios_to_normalise_are_refused():
    with pytest.raises(ValueError, match=r"states has shape .* give one probability per row"):
        contrastive_loss([[1.0, 1.0]], *GOOD, states=[0.5, 0.5])
    with pytest.raises(ValueError, match="samples is 0: give an integer of at least 1"):
        contrastive_error(*GOOD, 0)
    with pytest.raises(TypeError, match=r"samples is 1\.5"):
        contrastive_error(*GOOD, 1.5)
    with pytest.raises(ValueError, match=r"ratio contains -1\.0: .* clip it"):
        translation_from_ratio([[-1.0, 1.0]], [0.5, 0.5])
    with pytest.raises(ValueError, match="give one column per observation"):
        translation_from_ratio([[1.0]], [0.5, 0.5])
