import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tightbound.theory.attention.normalisers import equivalent_adamw, equivalent_sgd, power_softmax


@given(st.lists(st.floats(-30, 30), min_size=1, max_size=6), st.floats(0.2, 5.0))
def test_p_th_powers_sum_to_one(logits, power):
    found = power_softmax(logits, power)
    assert np.sum(found**power) == pytest.approx(1.0)
    expected = np.exp(logits) / np.sum(np.exp(power * np.array(logits))) ** (1 / power)
    np.testing.assert_allclose(found, expected, rtol=1e-9)


def gradient(weight):
    """Of a loss f with f(W) = sum of fourth powers minus a linear part."""
    return weight**3 - np.array([1.0, -0.5, 2.0])


@pytest.mark.parametrize("scale", [0.05, 0.2, 2.0])
def test_sgd_follows_the_same_trajectory(scale):
    rate, decay = 0.01 / max(scale, 1) ** 2, 0.3
    other_rate, other_decay = equivalent_sgd(scale, rate, decay)
    weight = np.array([0.3, -0.2, 0.1]) / scale
    other = scale * weight
    for _ in range(200):
        weight = weight - rate * (scale * gradient(scale * weight) + decay * weight)
        other = other - other_rate * (gradient(other) + other_decay * other)
    np.testing.assert_allclose(scale * weight, other, atol=1e-12)


def adamw(weight, slope, settings, steps):
    """AdamW as published, with decay apart from the gradient."""
    rate, eps, decay = settings
    first, second = np.zeros(3), np.zeros(3)
    for step in range(1, steps + 1):
        g = slope(weight)
        first, second = 0.9 * first + 0.1 * g, 0.99 * second + 0.01 * g * g
        update = (first / (1 - 0.9**step)) / (np.sqrt(second / (1 - 0.99**step)) + eps)
        weight = weight - rate * update - rate * decay * weight
    return weight


@pytest.mark.parametrize("scale", [0.05, 0.2, 2.0])
def test_adamw_follows_the_same_trajectory_and_sgd_settings_do_not(scale):
    settings = (0.05, 1e-3, 0.2)
    start = np.array([0.3, -0.2, 0.1])
    scaled = scale * adamw(start / scale, lambda w: scale * gradient(scale * w), settings, 200)
    np.testing.assert_allclose(
        scaled, adamw(start, gradient, equivalent_adamw(scale, *settings), 200), atol=1e-11
    )
    wrong = (scale**2 * settings[0], settings[1] / scale, settings[2] / scale)
    assert np.abs(scaled - adamw(start, gradient, wrong, 20)).max() > 0.01


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: power_softmax([0.0], 0.0), "power"),
        (lambda: power_softmax([np.nan], 2.0), "NaN"),
        (lambda: power_softmax([], 2.0), "at least one logit"),
        (lambda: equivalent_sgd(0.0, 0.1), "scale"),
        (lambda: equivalent_sgd(1.0, -0.1), "learning_rate"),
        (lambda: equivalent_sgd(1.0, 0.1, -1.0), "weight_decay is -1"),
        (lambda: equivalent_adamw(1.0, 0.1, -1e-8), "eps is -1e-08"),
        (lambda: equivalent_adamw(1.0, 0.1, np.nan), "NaN"),
    ],
)
def test_bad_input(call, words):
    with pytest.raises(ValueError, match=words):
        call()
