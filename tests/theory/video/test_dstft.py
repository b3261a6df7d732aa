"""The short-time transform against its definition, written out."""

import numpy as np
import pytest

from tightbound.theory.video.dstft import blackman_window, dstft, window_positions
from tightbound.theory.video.dstft_energy import dstft_energy, high_share, high_share_of_window


def by_definition(x, psi, padding):
    frames, half = len(x), len(psi) // 2
    mode = {"periodic": "wrap", "reflect": "reflect"}[padding]
    padded = np.pad(x, half, mode=mode)
    found = np.zeros((frames, frames), complex)
    for m in range(frames):
        for k in range(frames):
            for entry, weight in enumerate(psi):
                n = m + entry - half
                found[m, k] += padded[n + half] * weight * np.exp(-2j * np.pi * k * n / frames)
    return found


@pytest.mark.parametrize("padding", ["periodic", "reflect"])
@pytest.mark.parametrize(("frames", "length"), [(7, 7), (8, 8), (9, 4), (10, 3)])
def test_matches_the_definition(rng, frames, length, padding):
    x, psi = rng.normal(size=(2, frames)), blackman_window(length)
    found = dstft(x, psi, padding=padding)
    for row, slices in zip(x, found, strict=True):
        assert slices == pytest.approx(by_definition(row, psi, padding), abs=1e-12)


def test_window_is_never_negative_and_zero_at_its_ends():
    for length in range(3, 20):
        psi = blackman_window(length)
        assert psi.min() == 0.0
        assert (psi > 0).sum() == length - 2
        assert psi[length // 2] == psi.max()


def test_even_window_is_centred_at_half_its_length():
    peak = np.zeros(12)
    peak[5] = 1.0
    seen = np.abs(dstft(peak, blackman_window(8))[:, 0])
    # entry l of the window meets frame 5 from the centre 5 - (l - 4)
    assert seen[5 - np.arange(8) + 4] == pytest.approx(blackman_window(8))


def test_padding_differs_only_near_the_ends():
    periodic, reflect = (window_positions(10, 5, padding) for padding in ("periodic", "reflect"))
    assert (periodic[2:8] == reflect[2:8]).all()
    assert periodic[0].tolist() == [8, 9, 0, 1, 2]
    assert reflect[0].tolist() == [2, 1, 0, 1, 2]
    assert reflect[9].tolist() == [7, 8, 9, 8, 7]


def test_energy_is_not_a_property_of_reflected_rows(rng):
    x, psi = rng.normal(size=16), blackman_window(7)
    reflected = (np.abs(dstft(x, psi, padding="reflect")) ** 2).sum(axis=0)
    assert np.abs(reflected - dstft_energy(x, psi)).max() > 0.01


def test_high_share_of_pure_waves():
    psi = blackman_window(9)
    shares = high_share(np.eye(16), psi, 4)
    assert shares == pytest.approx(high_share_of_window(16, psi, 4))
    assert shares[0] < 0.01
    assert shares[8] > 0.999


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: dstft(np.ones(5), blackman_window(7)), "longer than the 5 frames"),
        (lambda: dstft([1.0, np.nan, 0.0], blackman_window(3)), "x has entries that are NaN"),
        (lambda: dstft(np.ones(8), [1.0, 1.0]), "at least 3 weights"),
        (lambda: dstft(np.ones(8), [1.0, -1e-17, 1.0]), "at least 0 and not all 0"),
        (lambda: dstft(np.ones(8), np.zeros(3)), "at least 0 and not all 0"),
        (lambda: dstft(np.ones(8), blackman_window(5), padding="zero"), "choose one of periodic, reflect"),
        (lambda: dstft(1.0, blackman_window(5)), "at least one frame"),
        (lambda: blackman_window(2), "at least 3"),
        (lambda: dstft_energy(np.ones(4), blackman_window(5)), "at most 4"),
        (lambda: high_share_of_window(8, blackman_window(5), 5), "at most 4"),
        (lambda: high_share(np.zeros(8), blackman_window(5), 3), "some energy in every row"),
    ],
)
def test_bad_input(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_wrong_types():
    with pytest.raises(TypeError, match=r"length is 5\.0"):
        blackman_window(5.0)
    with pytest.raises(TypeError, match="give real numbers"):
        dstft(["a"], blackman_window(3))
