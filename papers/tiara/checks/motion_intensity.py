"""TIARA-6: what the motion intensity says of rows that are as still, or as concentrated, as can be."""

from __future__ import annotations

from typing import Any

import numpy as np

from tightbound.papers.tiara.checks._kernels import NO_MODEL
from tightbound.theory.video.dstft import blackman_window
from tightbound.theory.video.motion_intensity import (
    main_lobe,
    motion_intensity,
    single_frame_ceiling,
    uniform_row_floor,
)
from tightbound.theory.video.reweighting import attention_weights
from tightbound.theory.video.tiara import Reweighting, tiara_weights
from tightbound.verification.claim import Assumption, Claim, NegativeControl
from tightbound.verification.grid import Cell, Grid, cells
from tightbound.verification.statistics import BoundHolds, Equality

PAPER = "tiara"
ALPHA = 6.0

Arrays = dict[str, Any]


def _thresholds(cell: Cell) -> list[tuple[int, int]]:
    """All pairs phi_1 < phi_2 whose upper one is in the upper half."""
    half = cell["frames"] // 2 + 1
    return [(first, end) for end in range(half // 2 + 1, half + 1) for first in range(1, end)]


def _compared(cell: Cell, rows: Any, window: Any, reference: Any) -> Arrays:
    """Intensities of frames (all that meet themselves once) and thresholds, beside a number per threshold."""
    pairs = _thresholds(cell)
    value = np.array(
        [
            motion_intensity(rows, window, slow_below=first, abnormal_above=end, padding=cell["padding"])
            for first, end in pairs
        ]
    ).T
    if cell["padding"] == "reflect":
        value = value[cell["length"] // 2 : cell["frames"] - cell["length"] // 2]
    wanted = np.array([reference(first, end) for first, end in pairs])
    return {"value": value, "reference": np.tile(wanted, (len(value), 1))}


def own_frame(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Intensity of rows that look at their own frame alone, for all thresholds."""
    rows = np.eye(cell["frames"])
    return _compared(cell, rows, blackman_window(cell["length"]), single_frame_ceiling)


def own_and_next_frame(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the same for rows that look at the next frame as well."""
    rows = 0.5 * (np.eye(cell["frames"]) + np.roll(np.eye(cell["frames"]), 1, axis=1))
    return _compared(cell, rows, blackman_window(cell["length"]), single_frame_ceiling)


def _sizes(frames: tuple[int, ...]) -> tuple[Cell, ...]:
    return cells(frames=frames, length=(7, 8, 9), padding=["periodic", "reflect"])


TIARA_6A = Claim(
    id="TIARA-6a",
    paper=PAPER,
    title="A row that looks at its own frame alone is labelled as moving",
    statement=r"\rho = (\phi_2 - \phi_1) / \phi_2 for one-hot rows; with reflecting padding for frames at "
    "least L // 2 from both ends, since the others meet themselves twice",
    source="derived, from the definition of the motion intensity (arXiv:2412.17254, as restated by others)",
    provenance="derived",
    statistic=Equality(atol=1e-12),
    grid=Grid(quick=_sizes((16, 33)), standard=_sizes((9, 16, 33, 64))),
    measure=own_frame,
    control=NegativeControl(
        measure=own_and_next_frame, because="two frames in the window have a spectrum that is not flat"
    ),
    substitutes=NO_MODEL,
    seconds={"quick": 0.2, "standard": 1.0},
)


def _window(name: str, length: int) -> Any:
    return {"blackman": blackman_window(length), "hann": np.hanning(length), "boxcar": np.ones(length)}[name]


def all_frames(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Intensity of uniform rows beside the Blackman window's leakage."""
    frames, length = cell["frames"], cell["length"]
    rows = np.full((frames, frames), 1.0 / frames)

    def floor(first: int, end: int) -> float:
        return uniform_row_floor(frames, blackman_window(length), slow_below=first, abnormal_above=end)

    found = _compared(cell, rows, _window(cell.get("window", "blackman"), length), floor)
    return {**found, "thresholds": np.array(_thresholds(cell))}


TIARA_6B = Claim(
    id="TIARA-6b",
    paper=PAPER,
    title="A row that looks at all frames alike is labelled by what leaks out of the window",
    statement=r"\rho = \sum_{[\phi_1, \phi_2)} |\hat\psi|^2 / \sum_{< \phi_2} |\hat\psi|^2 for uniform rows",
    source="derived, from the definition of the motion intensity (arXiv:2412.17254, as restated by others)",
    provenance="derived",
    statistic=Equality(atol=1e-12),
    grid=Grid(quick=_sizes((16, 33)), standard=_sizes((9, 16, 33, 64))),
    measure=all_frames,
    control=NegativeControl(
        grid=Grid(
            quick=[{**cell, "window": name} for cell in _sizes((16, 33)) for name in ("hann", "boxcar")]
        ),
        because="another window leaks otherwise",
    ),
    substitutes=NO_MODEL,
    seconds={"quick": 0.2, "standard": 1.0},
)


def taken_off(cell: Cell, rng: np.random.Generator) -> Arrays:
    """By how much TiARA lowers the log odds of a frame on itself, for all thresholds."""
    frames, pairs = cell["frames"], _thresholds(cell)
    logits = cell["boost"] * np.eye(frames)
    value = []
    for first, end in pairs:
        settings = Reweighting(ALPHA, cell["length"], first, end, padding=cell["padding"])
        # a softmax keeps the ratio of two entries of a row, however small
        i = frames // 2
        before, after = attention_weights(logits)[i], tiara_weights(logits, settings)[i]
        value.append(np.log(before[i] / before[0]) - np.log(after[i] / after[0]))
    return {"value": np.array(value), "reference": np.array([ALPHA * first / end for first, end in pairs])}


TIARA_6C = Claim(
    id="TIARA-6c",
    paper=PAPER,
    title="Where frames attend to themselves alone, TiARA takes alpha phi_1 / phi_2 off, not alpha",
    statement=r"logit p - logit \beta = \alpha \phi_1 / \phi_2 for rows on their own frame",
    source="derived, from the algorithm (arXiv:2412.17254, as restated by others)",
    provenance="derived",
    statistic=Equality(atol=1e-11),
    grid=Grid(
        quick=[{**cell, "boost": 40.0} for cell in _sizes((16,))],
        standard=[{**cell, "boost": 40.0} for cell in _sizes((9, 16, 33))],
    ),
    measure=taken_off,
    control=NegativeControl(
        grid=Grid(quick=[{**cell, "boost": 4.0} for cell in _sizes((16,))]),
        because="rows that see other frames too have a spectrum that is not flat",
    ),
    substitutes=NO_MODEL,
    seconds={"quick": 0.2, "standard": 1.0},
)


def beyond_the_lobe(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Moduli of the window's transform at multiples of N / (L - 1) from the third on."""
    length, frames = cell["length"], cell["frames"]
    spectrum = np.abs(np.fft.fft(_window(cell["window"], length), frames))
    step = frames // (length - 1)
    zeros = np.arange(int(main_lobe(frames, length)), frames // 2 + 1, step)
    return {"value": spectrum[zeros], "reference": np.zeros(zeros.size)}


def _lobes(window: str, sizes: tuple[tuple[int, int], ...]) -> list[dict[str, Any]]:
    return [{"window": window, "length": length, "frames": frames} for length, frames in sizes]


LOBES = ((7, 24), (8, 28), (9, 32))

TIARA_6D = Claim(
    id="TIARA-6d",
    paper=PAPER,
    title="The window's main lobe ends at 3N/(L-1), which for L = 7 is the highest frequency",
    statement=r"\hat\psi(j N / (L-1)) = 0 for j = 3, 4, ... up to N/2",
    source="derived",
    provenance="derived",
    statistic=Equality(atol=1e-13),
    grid=Grid(quick=_lobes("blackman", LOBES), standard=_lobes("blackman", (*LOBES, (9, 64), (8, 70)))),
    measure=beyond_the_lobe,
    control=NegativeControl(
        grid=Grid(quick=_lobes("boxcar", LOBES)), because="a window without a taper vanishes elsewhere"
    ),
    substitutes="nothing is substituted; no video model is involved",
    seconds={"quick": 0.01, "standard": 0.01},
)

# --- TIARA-6e: still rows between floor and ceiling ---------------------------------------------------------

WIDTHS = (0.3, 0.5, 0.7, 1.0, 1.4, 2.0, 2.8, 4.0, 5.6, 8.0)


def _bells(cell: Cell, every: int) -> Any:
    """Rows of circulant attention, shape (widths, N, N), that fall off from their own frame."""
    frames = cell["frames"]
    apart = np.abs(np.subtract.outer(np.arange(frames), np.arange(frames)))
    apart = np.minimum(apart, frames - apart)
    logits = -0.5 * (apart / np.array(cell["widths"])[:, np.newaxis, np.newaxis]) ** 2
    return attention_weights(np.where(apart % every == 0, logits, -800.0))


def still_rows(cell: Cell, rng: np.random.Generator, every: int = 1) -> Arrays:
    """Intensity of rows that look around themselves, by width, beside the ceiling; and the floor."""
    band = {"slow_below": cell["slow_below"], "abnormal_above": cell["frames"] // 2 + 1}
    window = blackman_window(cell["length"])
    found = motion_intensity(_bells(cell, every), window, **band)[:, 0]
    return {
        "value": found[np.newaxis],
        "bound": np.full((1, found.size), single_frame_ceiling(**band)),
        "floor": np.array([uniform_row_floor(cell["frames"], window, **band)]),
    }


def rows_of_every_second_frame(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the same for rows that look at every second frame."""
    return still_rows(cell, rng, every=2)


def spectra_decrease(cell: Cell) -> bool:
    """Whether the power of every windowed row does not increase with frequency."""
    frames, window = cell["frames"], blackman_window(cell["length"])
    row = _bells(cell, 1)[:, frames // 2]
    start = frames // 2 - window.size // 2
    seen = row[:, start : start + window.size] * window
    power = np.abs(np.fft.fft(seen, frames, axis=-1))[:, : frames // 2 + 1] ** 2
    return bool((np.diff(power, axis=1) <= 1e-5 * power[:, :1]).all())


def _bell_cells(frames: tuple[int, ...], widths: tuple[float, ...] = WIDTHS) -> list[dict[str, Any]]:
    return [
        {"frames": n, "length": length, "slow_below": 3 * n // 8, "widths": widths}
        for n in frames
        for length in (7, 8, 9)
    ]


TIARA_6E = Claim(
    id="TIARA-6e",
    paper=PAPER,
    title="No row whose power falls with frequency is labelled faster than a single frame is",
    statement=r"\rho <= (\phi_2 - \phi_1) / \phi_2 where |DSTFT(A_i, \psi, i, k)|^2 does not increase in k",
    source="derived, from the definition of the motion intensity (arXiv:2412.17254, as restated by others)",
    provenance="derived",
    statistic=BoundHolds(method="exact", slack=1e-12),
    grid=Grid(quick=_bell_cells((16, 64)), standard=_bell_cells((16, 32, 64))),
    measure=still_rows,
    assumptions=(
        Assumption(
            "decreasing",
            "power does not increase with frequency, up to the window's side lobes (1e-5 of the peak)",
            spectra_decrease,
        ),
    ),
    control=NegativeControl(
        measure=rows_of_every_second_frame,
        grid=Grid(quick=_bell_cells((16, 64), tuple(width for width in WIDTHS if width >= 1.0))),
        because="rows that look at every second frame have as much fast as slow power",
    ),
    substitutes="bell-shaped rows for a still video; no video model is involved",
    seconds={"quick": 0.05, "standard": 0.1},
)

MOTION_INTENSITY = (TIARA_6A, TIARA_6B, TIARA_6C, TIARA_6D, TIARA_6E)
