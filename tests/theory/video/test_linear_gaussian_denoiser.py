import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tightbound.theory.video.linear_gaussian_denoiser import (
    LinearGaussianDenoiser,
    denoise,
    gate_influence,
    geometric_noise_levels,
    peak_noise_level,
    prompt_weights,
    step_gains,
)

levels_of = st.lists(st.floats(1e-3, 1e3), min_size=2, max_size=12, unique=True).map(
    lambda found: sorted(found, reverse=True)
)
spreads = st.floats(1e-3, 1e3)


@settings(max_examples=60, deadline=None)
@given(levels_of, spreads)
def test_weights_are_those_of_a_mean(levels, spread):
    weights, remainder = prompt_weights(LinearGaussianDenoiser(spread, levels))
    assert weights.min() >= 0.0
    assert 0.0 <= remainder <= 1.0
    assert weights.sum() + remainder == pytest.approx(1.0, abs=1e-13)


@settings(max_examples=40, deadline=None)
@given(levels_of, spreads, st.integers(0, 2**32 - 1))
def test_running_the_sampler_gives_the_weighted_mean(levels, spread, seed):
    model = LinearGaussianDenoiser(spread, levels)
    rng = np.random.default_rng(seed)
    means, start = rng.standard_normal((model.steps, 3)), rng.standard_normal(3)
    weights, remainder = prompt_weights(model)
    np.testing.assert_allclose(denoise(model, means, start), weights @ means + remainder * start, atol=1e-12)


@settings(max_examples=60, deadline=None)
@given(levels_of.filter(lambda found: len(found) > 2), spreads, st.floats(1.5, 50.0))
def test_the_last_steps_hold_less_of_a_wider_prior(levels, spread, factor):
    narrow, wide = (LinearGaussianDenoiser(tau, levels) for tau in (spread, factor * spread))
    for first in range(1, narrow.steps):
        late = range(first, narrow.steps)
        assert gate_influence(wide, late) <= gate_influence(narrow, late) + 1e-12


@settings(max_examples=40, deadline=None)
@given(st.floats(0.05, 20.0), st.floats(0.3, 0.99))
def test_the_peak_is_where_the_formula_puts_it(spread, ratio):
    levels = 100.0 * ratio ** np.arange(1 + int(np.ceil(np.log(1e-4) / np.log(ratio))))
    limit = peak_noise_level(spread, ratio)
    if np.abs(levels / limit - 1.0).min() < 1e-9:
        return  # the two neighbours tie
    weights = prompt_weights(LinearGaussianDenoiser(spread, levels))[0]
    assert weights.argmax() == np.flatnonzero(levels[:-1] <= limit)[0]


def test_one_step_by_hand():
    keep, take = step_gains(LinearGaussianDenoiser(1.0, [1.0, 0.5]))
    # h = (mu + z) / 2, then half way from z to h
    assert (keep[0], take[0]) == (0.75, 0.25)


def test_denoising_to_the_end_keeps_the_posterior_mean():
    model = LinearGaussianDenoiser(2.0, [2.0, 0.0])
    assert denoise(model, [[4.0]], [0.0]) == pytest.approx(2.0)
    assert prompt_weights(model)[1] == pytest.approx(0.5)


def test_many_steps_reach_the_limit_of_the_remainder():
    model = LinearGaussianDenoiser(1.0, geometric_noise_levels(3.0, 0.1, 20_000))
    # exp of minus the integral of sigma / (sigma^2 + tau^2)
    assert prompt_weights(model)[1] == pytest.approx(np.sqrt(1.01 / 10.0), rel=1e-3)


def test_gate_influence_is_a_share():
    model = LinearGaussianDenoiser(1.0, geometric_noise_levels(3.0, 0.1, 10))
    assert gate_influence(model, range(10)) == pytest.approx(1.0)
    assert gate_influence(model, []) == 0.0
    assert gate_influence(model, [3, 3]) == gate_influence(model, [3])
    both = gate_influence(model, range(4)) + gate_influence(model, range(4, 10))
    assert both == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("spread", "levels", "error"),
    [
        (0.0, [1.0, 0.5], ValueError),
        (np.nan, [1.0, 0.5], ValueError),
        ("wide", [1.0, 0.5], TypeError),
        (1.0, [0.5, 1.0], ValueError),
        (1.0, [1.0, 1.0], ValueError),
        (1.0, [1.0, -0.5], ValueError),
        (1.0, [1.0], ValueError),
        (1.0, [[1.0, 0.5]], ValueError),
        (1.0, [1.0, np.nan], ValueError),
    ],
)
def test_bad_models(spread, levels, error):
    with pytest.raises(error):
        LinearGaussianDenoiser(spread, levels)


def test_bad_arguments():
    model = LinearGaussianDenoiser(1.0, [1.0, 0.5])
    with pytest.raises(ValueError, match="means has shape"):
        denoise(model, [[1.0], [2.0]], [0.0])
    with pytest.raises(IndexError):
        gate_influence(model, [1])
    with pytest.raises(ValueError, match="ratio is 1"):
        peak_noise_level(1.0, 1.0)
    with pytest.raises(ValueError, match="noise must fall"):
        geometric_noise_levels(1.0, 2.0, 5)
    with pytest.raises(ValueError, match="steps is 0"):
        geometric_noise_levels(2.0, 1.0, 0)


def test_levels_cannot_be_changed_behind_the_model():
    levels = np.array([2.0, 1.0])
    model = LinearGaussianDenoiser(1.0, levels)
    levels[0] = 9.0
    assert model.noise_levels[0] == 2.0
    with pytest.raises(ValueError, match="read-only"):
        model.noise_levels[0] = 9.0
