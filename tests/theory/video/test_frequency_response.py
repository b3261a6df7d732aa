"""Gains, the region where none grows, the best reduction, contraction and what reductions trade."""

import math

import numpy as np
import pytest

from tightbound.theory.video.contraction import (
    contraction_bound,
    dobrushin,
    logit_spread,
    oscillation,
    uniform_coefficient,
)
from tightbound.theory.video.frequency_response import (
    attenuates,
    circulant,
    frequency_response,
    largest_attenuating_reduction,
    largest_nonnegative_reduction,
    other_frames_response,
    self_weight,
)
from tightbound.theory.video.high_band import band_energy, least_energy_reduction
from tightbound.theory.video.reweighting import attention_weights, reduce_diagonal
from tightbound.theory.video.self_weight import (
    flicker_gain,
    least_flicker_reduction,
    scene_blur,
    self_weight_bias,
)

NEAREST = [2.0, 0.0, *[-800.0] * 5, 0.0]  # 8 frames


def test_gains_are_eigenvalues(rng):
    half = rng.normal(size=6)
    row = np.concatenate([half, half[4:0:-1]])
    matrix = reduce_diagonal(circulant(row), np.full(10, 1.3))
    assert np.linalg.eigvals(matrix).imag == pytest.approx(0.0, abs=1e-12)
    found = frequency_response(row, 1.3)
    assert np.sort(np.linalg.eigvals(matrix).real) == pytest.approx(np.sort(found), abs=1e-12)
    assert other_frames_response(row).sum() == pytest.approx(0.0, abs=1e-12)


def test_limits_are_where_the_conditions_turn():
    limit = largest_attenuating_reduction(NEAREST)
    assert attenuates(NEAREST, [limit - 1e-9, limit + 1e-9]).tolist() == [True, False]
    nyquist = frequency_response(NEAREST, [0.0, limit])[:, 4]
    assert nyquist[1] == pytest.approx(-nyquist[0])
    turn = largest_nonnegative_reduction(NEAREST)
    assert frequency_response(NEAREST, turn).min() == pytest.approx(0.0, abs=1e-14)
    assert turn < limit


def test_limits_that_are_not_there():
    flat = [0.0] * 8  # f_p = 0 everywhere but at 0, so every reduction amplifies
    assert largest_attenuating_reduction(flat) == pytest.approx(0.0, abs=1e-12)
    assert largest_attenuating_reduction([5.0] + [0.0] * 7) == math.inf
    below = [-3.0] + [0.0] * 7
    assert largest_attenuating_reduction(below) == 0.0
    assert not attenuates(below, 0.5)
    assert largest_nonnegative_reduction(below) < 0.0
    assert self_weight(NEAREST, 1e4) == 0.0


def test_two_frames_swap():
    """With one other frame b(1) = -1, and without a diagonal frames change places."""
    assert frequency_response([0.0, 0.0], [0.0, 1e3]).tolist() == [[1.0, 0.0], [1.0, -1.0]]


def test_best_reduction_has_no_slope(rng):
    power = np.where(np.minimum(np.arange(8), 8 - np.arange(8)) >= 3, rng.random(8), 0.0)
    best = least_energy_reduction(NEAREST, power)
    around = band_energy(NEAREST, power, [best - 1e-4, best, best + 1e-4])
    assert around[1] < min(around[0], around[2])
    assert least_energy_reduction(NEAREST, [0, 1, 0, 0, 0, 0, 0, 1]) == math.inf


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: frequency_response([0.0, 1.0, 2.0]), "differs from its mirror image"),
        (lambda: frequency_response([0.0]), "at least 2 entries"),
        (lambda: frequency_response(NEAREST, np.nan), "NaN or infinite"),
        (lambda: circulant(np.zeros((2, 2))), "one axis"),
        (lambda: attenuates(NEAREST, 0.0), "reductions above 0"),
        (lambda: attenuates(NEAREST, -1.0), "reductions above 0"),
        (lambda: band_energy(NEAREST, np.ones(4), 0.0), "one number per frequency"),
        (lambda: band_energy(NEAREST, -np.ones(8), 0.0), "negative somewhere"),
        (lambda: least_energy_reduction(NEAREST, [1.0] + [0.0] * 7), "0 at every frequency but 0"),
    ],
)
def test_bad_rows(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_coefficient_is_the_largest_distance_of_rows(rng):
    for frames in (1, 2, 3, 6, 7):
        weights = attention_weights(rng.normal(size=(4, frames, frames)))
        pairs = 0.5 * np.abs(weights[:, :, None] - weights[:, None]).sum(axis=-1)
        assert dobrushin(weights) == pytest.approx(pairs.max(axis=(1, 2)), abs=1e-14)


def test_bound_at_its_ends():
    assert contraction_bound(8, 0.0, 0.3, np.inf) == 1.0
    assert contraction_bound(2, 0.3, 0.3, 5.0) == pytest.approx(uniform_coefficient(2, 0.3))
    assert contraction_bound(8, 1.0, 1.0, 0.0) == 1.0
    assert uniform_coefficient(8, 1 / 8) == 0.0
    assert oscillation([[1.0], [4.0], [2.0]]) == [3.0]
    assert logit_spread(7.0 * np.eye(3)) == 0.0


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: dobrushin([[0.5, 0.6], [0.5, 0.5]]), "no laws"),
        (lambda: dobrushin([[1.5, -0.5], [0.5, 0.5]]), "no laws"),
        (lambda: oscillation([1.0]), "at least one frame"),
        (lambda: logit_spread([[1.0]]), "at least 2 frames"),
        (lambda: contraction_bound(1, 0.1, 0.1, 0.0), "frames is 1"),
        (lambda: contraction_bound(4, 0.2, 0.1, 0.0), "smallest <= largest"),
        (lambda: contraction_bound(4, 0.1, 0.2, -1.0), "spread is negative or NaN"),
        (lambda: contraction_bound(4, 0.1, 0.2, np.nan), "spread is negative or NaN"),
        (lambda: uniform_coefficient(4, 1.1), r"lie in \[0, 1\]"),
    ],
)
def test_bad_contraction(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_blur_and_flicker_are_what_attention_does(rng):
    logits, reduction = rng.normal(size=(6, 6)) + 2.0 * np.eye(6), rng.uniform(0.0, 4.0, 6)
    weights = reduce_diagonal(logits, reduction)
    step = (np.arange(6) >= 2).astype(float)
    assert scene_blur(logits, 2, reduction) == pytest.approx(np.abs(weights @ step - step))
    assert flicker_gain(logits, reduction) == pytest.approx((weights**2).sum(axis=1))
    best = least_flicker_reduction(logits)
    slope = flicker_gain(logits, best + 1e-5) - flicker_gain(logits, best - 1e-5)
    assert slope == pytest.approx(0.0, abs=1e-9)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: scene_blur(np.zeros((3, 3)), 3), "the second scene is empty"),
        (lambda: scene_blur(np.zeros((3, 3)), 0), "cut is 0"),
        (lambda: self_weight_bias(-1.0, 4), "at least 0"),
        (lambda: self_weight_bias(math.nan, 4), "NaN"),
        (lambda: self_weight_bias(1.0, 0), "dimension is 0"),
    ],
)
def test_bad_trades(call, message):
    with pytest.raises(ValueError, match=message):
        call()
