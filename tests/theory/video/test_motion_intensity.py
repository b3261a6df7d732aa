"""Motion intensity against the slices of the transform, and every row it cannot judge."""

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings

from tightbound.theory.video.dstft import blackman_window, dstft
from tightbound.theory.video.motion_intensity import (
    UnseenRowWarning,
    lag_weights,
    main_lobe,
    motion_intensity,
    single_frame_ceiling,
    uniform_row_floor,
)

BAND = {"slow_below": 3, "abnormal_above": 6}


def by_slices(attention, window, first, end, padding):
    slices = np.abs(dstft(attention, window, padding=padding)) ** 2
    own = slices[np.arange(len(attention)), np.arange(len(attention))]
    return own[:, first:end].sum(axis=1) / own[:, :end].sum(axis=1)


@given(
    frames=st.integers(8, 14),
    length=st.integers(3, 8),
    padding=st.sampled_from(["periodic", "reflect"]),
    seed=st.integers(0, 10**6),
    data=st.data(),
)
@settings(max_examples=25)
def test_is_the_share_of_slices(frames, length, padding, seed, data):
    end = data.draw(st.integers(2, frames // 2 + 1))
    first = data.draw(st.integers(1, end - 1))
    rows = np.random.default_rng(seed).dirichlet(np.ones(frames), frames)
    window = blackman_window(length)
    found = motion_intensity(rows, window, slow_below=first, abnormal_above=end, padding=padding)
    assert found == pytest.approx(by_slices(rows, window, first, end, padding), abs=1e-12)
    n = end - first
    assert (found >= 0.0).all()
    assert (found <= n / (n + 1) + 1e-12).all()  # weights are not negative, so frequency 0 is the strongest


def test_lags_give_the_same_energies(rng):
    frames, window = 16, blackman_window(8)
    u = rng.random(8) * window
    lags = np.array([u[: 8 - d] @ u[d:] for d in range(8)])
    power = np.abs(np.fft.fft(u, frames)) ** 2
    assert lags @ lag_weights(frames, 8, 3, 7) == pytest.approx(power[3:7].sum(), rel=1e-12)
    assert lags @ lag_weights(frames, 8, 0, 7) == pytest.approx(power[:7].sum(), rel=1e-12)


def test_does_not_depend_on_scale(rng):
    rows, window = rng.random((3, 12, 12)), blackman_window(7)
    found = motion_intensity(rows, window, **BAND)
    assert motion_intensity(1e-200 * rows, window, **BAND) == pytest.approx(found, rel=1e-12)


def test_heads_are_judged_one_by_one(rng):
    heads = rng.dirichlet(np.full(12, 0.2), (4, 12))
    window = blackman_window(7)
    found = motion_intensity(heads, window, **BAND)
    assert found.shape == (4, 12)
    for head, own in zip(heads, found, strict=True):
        assert (motion_intensity(head, window, **BAND) == own).all()
    averaged = motion_intensity(heads.mean(axis=0), window, **BAND)
    assert np.abs(averaged - found.mean(axis=0)).max() > 0.05


def test_limits():
    window = blackman_window(9)
    assert motion_intensity(np.eye(12), window, **BAND) == pytest.approx(single_frame_ceiling(**BAND))
    uniform = motion_intensity(np.full((12, 12), 1 / 12), window, **BAND)
    assert uniform == pytest.approx(uniform_row_floor(12, window, **BAND), abs=1e-14)


def test_no_threshold_lies_beyond_the_lobe_of_seven():
    assert main_lobe(64, 7) == 32.0
    assert uniform_row_floor(64, blackman_window(9), slow_below=24, abnormal_above=33) < 1e-6
    assert uniform_row_floor(64, blackman_window(7), slow_below=24, abnormal_above=33) > 1e-4


def test_row_without_weight_in_its_window_is_slow():
    rows = np.eye(12)
    rows[3] = np.eye(12)[9]
    with pytest.warns(UnseenRowWarning, match="1 rows have no weight"):
        found = motion_intensity(rows, blackman_window(5), **BAND)
    assert found[3] == 0.0
    assert found[2] == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"slow_below": 0}, "slow_below is 0"),
        ({"slow_below": 6}, "the fast band between them is empty"),
        ({"slow_below": 7}, "the fast band between them is empty"),
        ({"abnormal_above": 8}, "frequencies above 6 repeat lower ones"),
        ({"padding": "zero"}, "choose one of"),
        ({"window": blackman_window(13)}, "longer than the 12 frames"),
        ({"attention": -np.eye(12)}, "at least 0"),
        ({"attention": np.ones((12, 11))}, r"\(..., N, N\)"),
        ({"attention": np.ones(12)}, r"\(..., N, N\)"),
        ({"attention": np.full((12, 12), np.inf)}, "NaN or infinite"),
    ],
)
def test_bad_input(change, message):
    arguments = {"attention": np.eye(12), "window": blackman_window(5), **BAND, **change}
    with pytest.raises(ValueError, match=message):
        motion_intensity(arguments.pop("attention"), arguments.pop("window"), **arguments)


def test_highest_thresholds_are_allowed():
    found = motion_intensity(np.eye(12), blackman_window(12), slow_below=6, abnormal_above=7)
    assert found == pytest.approx(1 / 7)
    with pytest.raises(TypeError, match=r"slow_below is 3\.0"):
        motion_intensity(np.eye(12), blackman_window(5), slow_below=3.0, abnormal_above=6)
