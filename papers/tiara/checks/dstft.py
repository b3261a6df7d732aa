"""TIARA-4 and TIARA-8: energy of the short-time transform under reweighting, and another library."""

from __future__ import annotations

from typing import Any

import numpy as np

from tightbound.papers.tiara.checks._kernels import SHAPES, UNSEEN, row_of
from tightbound.theory.video.dstft import blackman_window, dstft
from tightbound.theory.video.dstft_energy import dstft_energy, high_share, high_share_of_window
from tightbound.theory.video.frequency_response import (
    frequency_response,
    largest_attenuating_reduction,
    largest_nonnegative_reduction,
    other_frames_response,
)
from tightbound.verification.claim import Assumption, Claim, NegativeControl
from tightbound.verification.grid import Cell, Grid, cells
from tightbound.verification.statistics import BoundHolds, Equality

PAPER = "tiara"

Arrays = dict[str, Any]


def _energy(rows: Any, window: Any) -> Any:
    return (np.abs(dstft(rows, window)) ** 2).sum(axis=-2)


def energies(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Energy of all slices beside the closed form, for random rows."""
    rows, window = rng.normal(size=(cell["instances"], cell["frames"])), blackman_window(cell["length"])
    return {"value": _energy(rows, window).ravel(), "reference": dstft_energy(rows, window).ravel()}


def energies_at_ends(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the same where rows end (zeros beyond) or turn back at their ends."""
    frames, length = cell["frames"], cell["length"]
    rows, window = rng.normal(size=(cell["instances"], frames)), blackman_window(length)
    if cell["beyond"] == "reflect":
        value = (np.abs(dstft(rows, window, padding="reflect")) ** 2).sum(axis=-2)
    else:
        # the printed sum over n = 0, ..., N - 1 without any padding
        shifted = np.zeros((frames, frames))
        positions = np.arange(frames)[:, np.newaxis] + np.arange(length) - length // 2
        for centre, where in enumerate(positions):
            inside = (where >= 0) & (where < frames)
            shifted[centre, where[inside]] = window[inside]
        value = (np.abs(np.fft.fft(rows[:, np.newaxis] * shifted, axis=-1)) ** 2).sum(axis=-2)
    return {"value": value.ravel(), "reference": dstft_energy(rows, window).ravel()}


def _windows(frames: tuple[int, ...], instances: int) -> tuple[Cell, ...]:
    return cells(frames=frames, length=(7, 8, 9), instances=[instances])


TIARA_4A = Claim(
    id="TIARA-4a",
    paper=PAPER,
    title="Energy of the short-time transform is the spectrum's energy, smeared by the window",
    statement=r"\sum_m |DSTFT(y, \psi, m, k)|^2 = (1/N) \sum_f |\hat y(f)|^2 |\hat\psi(k - f)|^2",
    source=UNSEEN,
    provenance="derived",
    statistic=Equality(atol=1e-10, rtol=1e-12),
    grid=Grid(quick=_windows((9, 16, 33), 20), standard=_windows((9, 16, 33, 64), 200)),
    measure=energies,
    control=NegativeControl(
        measure=energies_at_ends,
        grid=Grid(quick=[{**c, "beyond": b} for c in _windows((9, 16, 33), 20) for b in ("zero", "reflect")]),
        because="a row that ends, or turns back at its ends, is not a circular convolution",
    ),
    substitutes="random rows; no video model is involved",
    seconds={"quick": 0.05, "standard": 0.5},
)


# --- output of reweighted attention -------------------------------------------------------------------------


def _spectrum(cell: Cell, rng: np.random.Generator) -> Any:
    """Return transforms of white noise, in which all frequencies are equally strong."""
    frames = cell["frames"]
    return np.fft.fft(rng.normal(size=(cell["instances"], frames)), axis=-1)


def _filtered(cell: Cell, values: Any, reductions: Any) -> Any:
    """Values after attention, (reductions, instances, N), by their transforms."""
    gains = frequency_response(row_of(cell), reductions)
    return np.fft.ifft(gains[:, np.newaxis] * values, axis=-1).real


def band_energies(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Energy of the output in every band of the transform, reweighted and not."""
    row, window = row_of(cell), blackman_window(cell["length"])
    most = min(largest_attenuating_reduction(row), 10.0)
    reductions = cell["share"] * most * np.linspace(0.0, 1.0, cell["points"] + 1)
    energy = _energy(_filtered(cell, _spectrum(cell, rng), reductions), window)
    scale = energy[0].max()
    return {
        "value": (energy[1:] / scale).reshape(1, -1),
        "bound": np.repeat(energy[:1] / scale, cell["points"], axis=0).reshape(1, -1),
    }


def _outputs(share: float, frames: tuple[int, ...], points: int) -> tuple[Cell, ...]:
    return cells(
        shape=SHAPES,
        frames=frames,
        boost=(2.0, 5.0),
        length=(7, 8, 9),
        instances=[5],
        share=[share],
        points=[points],
    )


TIARA_4B = Claim(
    id="TIARA-4b",
    paper=PAPER,
    title="Up to the largest attenuating reduction no band of the output's transform gains energy",
    statement=r"\sum_m |DSTFT(\bar A v, \psi, m, k)|^2 <= \sum_m |DSTFT(A v, \psi, m, k)|^2 for all k, v",
    source=UNSEEN,
    provenance="derived",
    statistic=BoundHolds(method="exact", slack=1e-12),
    grid=Grid(quick=_outputs(1.0, (16, 32), 5), standard=_outputs(1.0, (16, 33, 64), 20)),
    measure=band_energies,
    control=NegativeControl(
        grid=Grid(quick=_outputs(-0.5, (16, 32), 5)),
        because="a negative reduction strengthens the diagonal, and bands gain energy",
    ),
    substitutes="random values and given logits; no video model is involved",
    seconds={"quick": 0.2, "standard": 2.0},
)


def shares(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Share of high frequencies after each reduction beside the share after the one before."""
    row, window, frames = row_of(cell), blackman_window(cell["length"]), cell["frames"]
    most = largest_nonnegative_reduction(row)
    reductions = np.concatenate([np.linspace(0.0, most, cell["points"]), most + np.asarray(cell["beyond"])])
    power = np.abs(_spectrum(cell, rng)) ** 2
    gains = frequency_response(row, reductions)
    found = high_share(gains[:, np.newaxis] ** 2 * power, window, frames // 4)
    return {
        "value": found[1:].reshape(1, -1),
        "bound": found[:-1].reshape(1, -1),
        "share": found.mean(axis=1)[np.newaxis],
        "reduction": reductions[np.newaxis],
        "limit": np.array([most]),
    }


def gains_decrease(cell: Cell) -> bool:
    """Whether the gains of other frames do not increase on the lower half of the frequencies."""
    half = other_frames_response(row_of(cell))[: cell["frames"] // 2 + 1]
    return bool((np.diff(half) <= 1e-12).all())


def window_share_increases(cell: Cell) -> bool:
    """Whether the window's share of the high band does not decrease on the lower half."""
    frames = cell["frames"]
    half = high_share_of_window(frames, blackman_window(cell["length"]), frames // 4)[: frames // 2 + 1]
    return bool((np.diff(half) >= -1e-12).all())


def starts_nonnegative(cell: Cell) -> bool:
    """Whether all gains are at least 0 before any reduction."""
    return largest_nonnegative_reduction(row_of(cell)) > 0.0


# On 16 frames the Gauss shape has a kink at the opposite frame, and its gains do not decrease.
def _shares(frames: tuple[int, ...], points: int, beyond: tuple[float, ...] = ()) -> tuple[Cell, ...]:
    return cells(
        shape=SHAPES,
        frames=frames,
        boost=(2.0, 5.0),
        length=(7, 8, 9),
        instances=[5],
        points=[points],
        beyond=[beyond],
    )


TIARA_4C = Claim(
    id="TIARA-4c",
    paper=PAPER,
    title="The share of high frequencies falls with the reduction as long as no gain turns negative",
    statement=r"R(\beta) = E_high / E does not increase in a for 0 <= a <= logit p - log c",
    source=UNSEEN,
    provenance="derived",
    statistic=BoundHolds(method="exact", slack=1e-12),
    grid=Grid(quick=_shares((32, 48), 20), standard=_shares((32, 33, 64), 100)),
    measure=shares,
    assumptions=(
        Assumption("gains-decrease", "gains of other frames do not increase with frequency", gains_decrease),
        Assumption("window", "the window's share of the high band increases", window_share_increases),
        Assumption("non-negative", "no gain is negative before the reduction", starts_nonnegative),
    ),
    control=NegativeControl(
        grid=Grid(quick=_shares((32, 48), 20, (2.0, 4.0, 6.0))),
        because="beyond that reduction gains at high frequencies grow again, with the opposite sign",
    ),
    substitutes="random values and given logits; no video model is involved",
    seconds={"quick": 0.1, "standard": 0.5},
)


# --- TIARA-8: another library -------------------------------------------------------------------------------


def in_scipy(cell: Cell, rng: np.random.Generator, shift: int = 0) -> Arrays:
    """Moduli of the transform beside those of SciPy's ShortTimeFFT on the padded row."""
    from scipy.signal import ShortTimeFFT

    frames, length = cell["frames"], cell["length"]
    rows, window = rng.normal(size=(cell["instances"], frames)), blackman_window(length)
    half = length // 2
    ends = ((0, 0), (half, half))
    periodic = cell["padding"] == "periodic"
    padded = np.pad(rows, ends, mode="wrap") if periodic else np.pad(rows, ends, mode="reflect")
    transform = ShortTimeFFT(window, hop=1, fs=1.0, fft_mode="twosided", mfft=frames, phase_shift=None)
    # slice p has its centre at sample p of the padded row
    found = transform.stft(padded, p0=half + shift, p1=half + shift + frames)
    ours = dstft(rows, window, padding=cell["padding"])
    return {"value": np.abs(ours).ravel(), "reference": np.abs(np.swapaxes(found, -1, -2)).ravel()}


def one_slice_late(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the same with slices counted from the next frame."""
    return in_scipy(cell, rng, shift=1)


TIARA_8 = Claim(
    id="TIARA-8",
    paper=PAPER,
    title="The short-time transform is SciPy's, slice by slice",
    statement=r"|DSTFT(x, \psi, m, k)| = |ShortTimeFFT| at the slice whose centre is frame m",
    source="definition of the DSTFT, Li et al. 2024 (arXiv:2412.17254), as restated by others",
    provenance="derived",
    statistic=Equality(atol=1e-12),
    grid=Grid(
        quick=cells(frames=(9, 16, 33), length=(7, 8, 9), instances=[5], padding=["periodic", "reflect"]),
        standard=cells(
            frames=(9, 16, 33, 64), length=(3, 7, 8, 9), instances=[50], padding=["periodic", "reflect"]
        ),
    ),
    measure=in_scipy,
    control=NegativeControl(
        measure=one_slice_late, because="slices that are counted from another frame are another transform"
    ),
    substitutes="random rows; no video model is involved",
    seconds={"quick": 1.0, "standard": 1.5},
)

DSTFT = (TIARA_4A, TIARA_4B, TIARA_4C, TIARA_8)
