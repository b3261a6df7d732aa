"""Compiled TiARA against the NumPy definition; all tests share one compiled program."""

import numba
import numpy as np
import pytest

from tightbound.simulators.video.tiara import softmax_attention, tiara, tiara_weights
from tightbound.theory import video as theory
from tightbound.theory.video.reweighting import attention_weights
from tightbound.theory.video.tiara import Reweighting

GOOD = {"alpha": 6.0, "window_length": 8, "slow_below": 6, "abnormal_above": 9}
# float32 carries 6e-8; exponentials have 2 units in the last place, and alpha multiplies an error of rho
ROUNDING = 2e-6


def sharp_logits(rng, sites, frames):
    """Logits from flat to one-hot, a fifth of them with all their mass on the diagonal."""
    logits = rng.normal(size=(sites, frames, frames)) * np.exp(rng.uniform(-1.0, 4.0, (sites, 1, 1)))
    logits[::5] += 200.0 * np.eye(frames)
    return logits.astype(np.float32)


@pytest.mark.parametrize("padding", ["periodic", "reflect"])
@pytest.mark.parametrize("corner", [{}, {"corner_alpha": 90.0, "corner_width": 3}])
@pytest.mark.parametrize(("frames", "length"), [(16, 8), (19, 7), (21, 3)])
def test_matches_numpy(rng, frames, length, padding, corner):
    logits, values = sharp_logits(rng, 40, frames), rng.normal(size=(40, frames, 5)).astype(np.float32)
    arguments = {**GOOD, "window_length": length, **corner, "padding": padding}
    settings = Reweighting(**arguments)
    found = tiara_weights(logits, settings)
    assert found.dtype == np.float32
    assert np.abs(found - theory.tiara_weights(logits, settings)).max() < ROUNDING
    out = tiara(logits, values, **arguments)
    assert np.abs(out - theory.tiara(logits, values, **arguments)).max() < 10 * ROUNDING


@pytest.mark.parametrize("alpha", [0.0, 300.0])
def test_extreme_reductions(rng, alpha):
    logits = sharp_logits(rng, 40, 16)
    settings = Reweighting(**{**GOOD, "alpha": alpha})
    assert np.abs(tiara_weights(logits, settings) - theory.tiara_weights(logits, settings)).max() < 1e-4
    if alpha == 0.0:
        assert np.abs(tiara_weights(logits, settings) - attention_weights(logits)).max() < ROUNDING


def test_rows_whose_window_has_no_weight(rng):
    logits = rng.normal(size=(3, 16, 16)).astype(np.float32)
    logits[:, 0, 8] = 3000.0
    logits[:, 5, 5] = -3000.0
    settings = Reweighting(**GOOD)
    assert np.abs(tiara_weights(logits, settings) - theory.tiara_weights(logits, settings)).max() < ROUNDING


def test_threads_change_nothing(rng):
    logits, values = sharp_logits(rng, 100, 16), rng.normal(size=(100, 16, 3))
    before = numba.get_num_threads()
    found = []
    for threads in (1, before):
        numba.set_num_threads(threads)
        found.append(tiara(logits, values, **GOOD))
    numba.set_num_threads(before)
    assert (found[0] == found[1]).all()
    alone = [tiara(logits[i], values[i], **GOOD) for i in (0, 41, 99)]
    assert (found[0][[0, 41, 99]] == alone).all()


def test_leading_axes_broadcast(rng):
    logits, values = rng.normal(size=(2, 1, 16, 16)), rng.normal(size=(3, 16, 4))
    found = tiara(logits, values, **GOOD)
    assert found.shape == (2, 3, 16, 4)
    assert np.abs(found - theory.tiara(logits, values, **GOOD)).max() < 10 * ROUNDING
    assert tiara(np.zeros((0, 16, 16)), np.zeros((0, 16, 4)), **GOOD).shape == (0, 16, 4)


def test_any_memory_order_and_dtype(rng):
    logits = rng.integers(-3, 4, (16, 16))
    expected = tiara_weights(logits.astype(np.float32), Reweighting(**GOOD))
    for same in (logits, np.asfortranarray(logits.astype(float)), logits.astype(np.float16)):
        assert (tiara_weights(same, Reweighting(**GOOD)) == expected).all()


def test_plain_attention(rng):
    logits, values = sharp_logits(rng, 20, 16), rng.normal(size=(20, 16, 4))
    assert np.abs(softmax_attention(logits, values) - attention_weights(logits) @ values).max() < 1e-5


def test_one_frame_is_the_identity():
    assert tiara([[3.0]], [[7.0, 8.0]], **GOOD).tolist() == [[7.0, 8.0]]
    assert tiara_weights([[3.0]], Reweighting(**GOOD)).tolist() == [[1.0]]


@pytest.mark.parametrize(
    ("logits", "values", "change", "message"),
    [
        (np.full((16, 16), np.nan), np.zeros((16, 1)), {}, "NaN or infinite"),
        (np.full((16, 16), -np.inf), np.zeros((16, 1)), {}, "NaN or infinite"),
        (np.zeros((16, 15)), np.zeros((16, 1)), {}, "frames attending to frames"),
        (0.0, np.zeros((16, 1)), {}, "frames attending to frames"),
        (np.zeros((16, 16)), np.zeros((15, 1)), {}, "one row per frame"),
        (np.zeros((2, 16, 16)), np.zeros((3, 16, 1)), {}, "must agree"),
        (np.zeros((16, 16)), np.full((16, 1), np.inf), {}, "values has entries that are NaN or infinite"),
        (np.zeros((16, 16)), np.zeros((16, 1)), {"alpha": -1.0}, "alpha is -1"),
        (np.zeros((16, 16)), np.zeros((16, 1)), {"alpha": np.nan}, "alpha is nan"),
        (np.zeros((16, 16)), np.zeros((16, 1)), {"abnormal_above": 10}, "repeat lower ones"),
        (np.zeros((16, 16)), np.zeros((16, 1)), {"window_length": 17}, "give 3 to 16"),
    ],
)
def test_bad_input(logits, values, change, message):
    with pytest.raises(ValueError, match=message):
        tiara(logits, values, **{**GOOD, **change})


def test_one_bad_entry_is_found(rng):
    logits = rng.normal(size=(70, 16, 16))
    logits[37, 3, 5] = np.inf
    with pytest.raises(ValueError, match="NaN or infinite"):
        tiara_weights(logits, Reweighting(**GOOD))
    with pytest.raises(TypeError, match="dtype complex128"):
        tiara_weights(logits.astype(complex), Reweighting(**GOOD))
