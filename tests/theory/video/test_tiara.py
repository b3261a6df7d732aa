"""TiARA on NumPy: what it reduces to, rows that are one-hot, and arguments it refuses."""

import numpy as np
import pytest

from tightbound.theory.video.dstft import blackman_window
from tightbound.theory.video.motion_intensity import motion_intensity
from tightbound.theory.video.reweighting import (
    affine_path,
    attention_weights,
    off_diagonal,
    reduce_diagonal,
    reweight,
    self_logit,
)
from tightbound.theory.video.tiara import Reweighting, row_intensity, tiara, tiara_weights

GOOD = {"alpha": 6.0, "window_length": 7, "slow_below": 5, "abnormal_above": 7}


def test_matches_the_algorithm_line_by_line(rng):
    logits, values = rng.normal(0.0, 2.0, (12, 12)), rng.normal(size=(12, 3))
    weights = attention_weights(logits)
    rho = motion_intensity(weights, blackman_window(7), slow_below=5, abnormal_above=7)
    expected = attention_weights(logits - np.diag(6.0 * (1.0 - rho))) @ values
    assert tiara(logits, values, **GOOD) == pytest.approx(expected, abs=1e-13)


def test_no_reduction_is_plain_attention(rng):
    logits, values = rng.normal(size=(2, 3, 12, 12)), rng.normal(size=(2, 3, 12, 4))
    found = tiara(logits, values, **{**GOOD, "alpha": 0.0})
    assert found == pytest.approx(attention_weights(logits) @ values, abs=1e-14)


def test_heads_and_sites_are_reweighted_one_by_one(rng):
    logits, values = rng.normal(0.0, 3.0, (2, 3, 12, 12)), rng.normal(size=(3, 12, 4))
    found = tiara(logits, values, **GOOD)
    assert found.shape == (2, 3, 12, 4)
    for site in range(2):
        for head in range(3):
            assert found[site, head] == pytest.approx(tiara(logits[site, head], values[head], **GOOD))
    averaged = tiara_weights(logits.mean(axis=1), Reweighting(**GOOD))
    assert np.abs(averaged - tiara_weights(logits, Reweighting(**GOOD)).mean(axis=1)).max() > 0.01


@pytest.mark.parametrize("height", [50.0, 800.0, 1e6])
def test_one_hot_rows(rng, height):
    logits = height * np.eye(12)
    weights = tiara_weights(logits, Reweighting(**GOOD))
    assert np.isfinite(weights).all()
    assert weights == pytest.approx(np.eye(12), abs=1e-12)
    # a reduction that outweighs the diagonal finds the others, which have no weight in double precision
    strong = tiara_weights(logits, Reweighting(**{**GOOD, "alpha": 10.0 * height}))
    assert strong == pytest.approx((1.0 - np.eye(12)) / 11, abs=1e-12)


def test_rows_that_look_elsewhere_are_judged_from_logits():
    """Where the softmax has no weight in the window, the intensity is that of what the logits say there."""
    logits = np.zeros((12, 12))
    logits[0, 6] = 2000.0
    settings = Reweighting(**GOOD)
    assert attention_weights(logits)[0, :4].max() == 0.0
    assert row_intensity(logits, settings) == pytest.approx(row_intensity(np.zeros((12, 12)), settings))


def test_one_frame_is_the_identity():
    assert tiara([[[3.0]], [[4.0]]], [[[7.0]], [[8.0]]], **GOOD).tolist() == [[[7.0]], [[8.0]]]
    assert tiara_weights([[3.0]], Reweighting(**GOOD)).tolist() == [[1.0]]


def test_corners_lose_weight(rng):
    logits = rng.normal(size=(12, 12))
    settings = Reweighting(**GOOD, corner_alpha=900.0, corner_width=3)
    weights, plain = tiara_weights(logits, settings), tiara_weights(logits, Reweighting(**GOOD))
    apart = np.abs(np.subtract.outer(np.arange(12), np.arange(12)))
    assert (weights[apart >= 9] == 0.0).all()
    assert (apart >= 9).sum() == 12
    assert weights[3:9] == pytest.approx(plain[3:9], abs=1e-15)
    assert weights.sum(axis=1) == pytest.approx(1.0)


def test_reflecting_ends_change_only_the_ends(rng):
    logits = rng.normal(size=(12, 12))
    periodic, reflect = (
        row_intensity(logits, Reweighting(**GOOD, padding=name)) for name in ("periodic", "reflect")
    )
    assert (periodic[3:9] == reflect[3:9]).all()
    assert (periodic != reflect)[[0, 1, 10, 11]].all()


def test_both_routes_of_the_affine_path(rng):
    logits, reduction = rng.normal(0.0, 3.0, (5, 8, 8)), rng.uniform(-3.0, 9.0, (5, 8))
    path = affine_path(logits, reduction)
    assert path == pytest.approx(reduce_diagonal(logits, reduction), abs=1e-14)
    beta = np.diagonal(path, axis1=-2, axis2=-1)
    assert np.log(beta / (1 - beta)) == pytest.approx(self_logit(logits) - reduction)
    assert off_diagonal(logits).sum(axis=-1) == pytest.approx(1.0)
    far = affine_path(800.0 * np.eye(4), 1600.0)
    assert far == pytest.approx((1.0 - np.eye(4)) / 3, abs=1e-14)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"alpha": -1.0}, "alpha is -1.0: a reduction is at least 0"),
        ({"alpha": np.nan}, "alpha is nan"),
        ({"alpha": np.inf}, "alpha is inf"),
        ({"window_length": 2}, "window_length is 2"),
        ({"window_length": 13}, "window_length is 13 with 12 frames: give 3 to 12"),
        ({"slow_below": 0}, "slow_below is 0"),
        ({"slow_below": 7}, "fast band between them is empty"),
        ({"abnormal_above": 8}, "repeat lower ones"),
        ({"corner_alpha": -2.0, "corner_width": 2}, "corner_alpha is -2.0"),
        ({"corner_alpha": 2.0}, "a corner needs both"),
        ({"corner_width": 2}, "a corner needs both"),
        ({"corner_alpha": 2.0, "corner_width": 12}, "the diagonal is no corner"),
        ({"padding": "zero"}, "choose one of periodic, reflect"),
    ],
)
def test_bad_parameters(change, message):
    with pytest.raises(ValueError, match=message):
        tiara(np.zeros((12, 12)), np.zeros((12, 1)), **{**GOOD, **change})


@pytest.mark.parametrize("alpha", ["6", None, True, np.ones(2)])
def test_alpha_is_one_number(alpha):
    with pytest.raises(TypeError, match="alpha is"):
        Reweighting(**{**GOOD, "alpha": alpha})


@pytest.mark.parametrize(
    ("logits", "values", "message"),
    [
        (np.zeros((12, 11)), np.zeros((12, 1)), "frames attending to frames"),
        (np.full((12, 12), -np.inf), np.zeros((12, 1)), "NaN or infinite"),
        (np.full((12, 12), np.nan), np.zeros((12, 1)), "NaN or infinite"),
        (np.zeros((12, 12)), np.zeros((11, 1)), "one row per frame"),
        (np.zeros((12, 12)), np.zeros(12), "one row per frame"),
        (np.zeros((2, 12, 12)), np.zeros((3, 12, 1)), "sites and heads, must agree"),
        (np.zeros((12, 12)), np.full((12, 1), np.nan), "values has entries that are NaN"),
    ],
)
def test_bad_arrays(logits, values, message):
    with pytest.raises(ValueError, match=message):
        tiara(logits, values, **GOOD)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: self_logit([[1.0]]), "at least 2 frames"),
        (lambda: off_diagonal([[1.0]]), "at least 2 frames"),
        (lambda: reduce_diagonal(np.zeros((3, 3)), [1.0, 2.0]), "one number or one per frame"),
        (lambda: reduce_diagonal(np.zeros((3, 3)), np.nan), "NaN or infinite"),
        (lambda: reweight(np.zeros((3, 3)), np.zeros((2, 2))), "one entry per logit"),
    ],
)
def test_bad_reweighting(call, message):
    with pytest.raises(ValueError, match=message):
        call()
