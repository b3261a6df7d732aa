"""TIARA-2 and TIARA-3: gains of reweighted attention, where they shrink, and the best reduction."""

from __future__ import annotations

from typing import Any

import numpy as np

from tightbound.papers.tiara.checks._kernels import NO_MODEL, SHAPES, UNSEEN, row_of
from tightbound.theory.video.frequency_response import (
    attenuates,
    circulant,
    frequency_response,
    largest_attenuating_reduction,
    other_frames_response,
    self_weight,
)
from tightbound.theory.video.high_band import band_energy, least_energy_reduction
from tightbound.theory.video.reweighting import reduce_diagonal
from tightbound.verification.claim import Claim, NegativeControl
from tightbound.verification.grid import Cell, Grid, cells
from tightbound.verification.statistics import BoundHolds, Equality

PAPER = "tiara"
MOST = 10.0  # largest reduction

Arrays = dict[str, Any]


def _rows(frames: tuple[int, ...], points: int, sign: int = 1) -> tuple[Cell, ...]:
    return cells(shape=SHAPES, frames=frames, boost=(0.0, 2.0, 5.0), points=[points], sign=[sign])


QUICK = _rows((32,), 60)
REDUCTIONS = Grid(quick=QUICK, standard=_rows((16, 33, 64), 200), full=_rows((16, 33, 64), 2000))


def gains(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Eigenvalues of reweighted attention matrices beside the formula; frequency 0 has gain 1."""
    row, reductions = row_of(cell), np.linspace(0.0, MOST, cell["points"])
    frames = cell["frames"]
    matrices = reduce_diagonal(circulant(row), np.repeat(reductions[:, np.newaxis], frames, axis=1))
    frequency = np.exp(-2j * np.pi / frames * (np.outer(np.arange(frames), np.arange(frames)) % frames))
    # rows of the matrix applied to every wave, relative to the wave: the same from every frame
    applied = matrices @ frequency / frequency
    reference = frequency_response(row, reductions)[:, np.newaxis, :]
    mean = matrices.sum(axis=1)  # of a constant video, frame by frame, from the columns
    value = np.concatenate([applied.real.ravel(), applied.imag.ravel(), mean.ravel()])
    wanted = np.broadcast_to(reference, applied.shape).ravel()
    return {"value": value, "reference": np.concatenate([wanted, 0.0 * wanted, np.ones(mean.size)])}


def gains_without_renormalising(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the same beside a weight on oneself that is damped and not renormalised."""
    found = gains(cell, rng)
    row, reductions = row_of(cell), np.linspace(0.0, MOST, cell["points"])
    others, p = other_frames_response(row), self_weight(row)
    damped = (1.0 - p) * others + (p * np.exp(-reductions))[:, np.newaxis]
    reference = np.repeat(damped[:, np.newaxis], cell["frames"], axis=1).ravel()
    found["reference"][: reference.size] = reference
    return found


TIARA_2A = Claim(
    id="TIARA-2a",
    paper=PAPER,
    title="Reweighted attention is a filter whose gains move towards those of the other frames",
    statement=r"attention that depends on distance alone has gains f_\beta(k) = \hat b(k) + \beta (1 - \hat "
    r"b(k)), 1 at frequency 0 for every reduction",
    source=UNSEEN,
    provenance="derived",
    statistic=Equality(atol=1e-13),
    grid=Grid(quick=_rows((32,), 12), standard=_rows((16, 33, 64), 12)),
    measure=gains,
    control=NegativeControl(
        measure=gains_without_renormalising,
        because="weights that are damped after the softmax lose the mean over time",
    ),
    substitutes=NO_MODEL,
    seconds={"quick": 0.1, "standard": 0.5},
)


def attenuation(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Whether no gain grows, reduction by reduction, beside the condition; and the gains for the figure."""
    row = row_of(cell)
    reductions = np.linspace(0.0, MOST, cell["points"] + 1)[1:]
    before, after = np.abs(frequency_response(row)), np.abs(frequency_response(row, reductions))
    ratio = np.divide(after, before, out=np.zeros_like(after), where=before > 0.0)  # where there was a gain
    return {
        "value": (after <= before * (1.0 + 1e-12)).all(axis=1).astype(float)[np.newaxis],
        "reference": attenuates(row, reductions).astype(float)[np.newaxis],
        "reduction": reductions[np.newaxis],
        "largest_ratio": ratio[:, 1:].max(axis=1)[np.newaxis],
        "limit": np.array([min(largest_attenuating_reduction(row), 2.0 * MOST)]),
    }


def attenuation_always(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the same beside the belief that a reduction never amplifies."""
    found = attenuation(cell, rng)
    return {**found, "reference": np.ones_like(found["value"])}


TIARA_2B = Claim(
    id="TIARA-2b",
    paper=PAPER,
    title="A reduction amplifies no frequency exactly where the weights on oneself are large enough",
    statement=r"|f_\beta(k)| <= |f_p(k)| for all k iff \beta + p >= 2c/(1+c), c = -min_k \hat b(k)",
    source=UNSEEN,
    provenance="derived",
    statistic=Equality(),
    grid=REDUCTIONS,
    measure=attenuation,
    control=NegativeControl(
        measure=attenuation_always,
        because="too large a reduction turns the sign of high frequencies and amplifies them again",
    ),
    substitutes=NO_MODEL,
    seconds={"quick": 0.05, "standard": 0.2},
)


def inside_the_region(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Gains at reductions up to the limit beside the gains without one."""
    row = row_of(cell)
    most = min(largest_attenuating_reduction(row), MOST)
    reductions = cell["sign"] * most * np.linspace(0.0, 1.0, cell["points"])
    before, after = np.abs(frequency_response(row)), np.abs(frequency_response(row, reductions))
    far = frequency_response(row, (0.0, 0.5 * most, most, most + 4.0))
    return {
        "value": after,
        "bound": np.broadcast_to(before, after.shape),
        "gains": np.abs(far),
        "reductions": np.array([0.0, 0.5 * most, most, most + 4.0]),
    }


TIARA_2C = Claim(
    id="TIARA-2c",
    paper=PAPER,
    title="Up to the largest attenuating reduction every gain shrinks",
    statement=r"|f_\beta(k)| <= |f_p(k)| for 0 <= a <= logit p - logit(2c/(1+c) - p)",
    source=UNSEEN,
    provenance="derived",
    statistic=BoundHolds(method="exact", slack=1e-12),
    grid=REDUCTIONS,
    measure=inside_the_region,
    control=NegativeControl(
        grid=Grid(quick=_rows((32,), 60, sign=-1)),
        because="a negative reduction strengthens the diagonal and amplifies every frequency but 0",
    ),
    substitutes=NO_MODEL,
    seconds={"quick": 0.05, "standard": 0.2},
)


# --- TIARA-3: the reduction that leaves least energy in the high band ---------------------------------------

STEP = 0.01


def least_energy(cell: Cell, rng: np.random.Generator, measured: str = "high") -> Arrays:
    """Reduction with the least energy in the high band, on a fine grid, beside the closed form."""
    row, frames = row_of(cell), cell["frames"]
    reductions = np.arange(0.0, MOST + STEP / 2, STEP)
    power = rng.chisquare(2.0, frames) if cell["spectrum"] == "random" else np.ones(frames)
    away = np.minimum(np.arange(frames), frames - np.arange(frames))
    bands = {"high": power * (away > frames // 4), "low": power * (away <= frames // 4)}
    energy = band_energy(row, bands[measured], reductions)
    best = least_energy_reduction(row, bands["high"])
    return {
        "value": np.array([reductions[energy.argmin()]]),
        "reference": np.array([np.clip(best, 0.0, MOST)]),
        "energy": (energy / energy[0])[np.newaxis],
        "reduction": reductions[np.newaxis],
    }


def least_energy_of_low_band(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the same with the energy of the low band."""
    return least_energy(cell, rng, measured="low")


def _bands(frames: tuple[int, ...], boosts: tuple[float, ...]) -> tuple[Cell, ...]:
    return cells(shape=SHAPES, frames=frames, boost=boosts, spectrum=["flat", "random"])


TIARA_3 = Claim(
    id="TIARA-3",
    paper=PAPER,
    title="Energy at high frequencies falls up to one reduction and rises after it",
    statement=r"argmin_a E = logit p - logit \beta^*, \beta^* = -\sum w b (1-b) / \sum w (1-b)^2",
    source=UNSEEN,
    provenance="derived",
    statistic=Equality(atol=STEP),
    grid=Grid(
        quick=_bands((32,), (2.0, 5.0)),
        standard=_bands((16, 33, 64), (0.0, 2.0, 5.0)),
        full=_bands((16, 33, 64, 128), (0.0, 1.0, 2.0, 3.0, 4.0, 5.0)),
    ),
    measure=least_energy,
    control=NegativeControl(
        measure=least_energy_of_low_band,
        because="slow motion loses energy with every reduction, so its best one is another",
    ),
    substitutes=NO_MODEL,
    seconds={"quick": 0.05, "standard": 0.2},
)

FREQUENCY_RESPONSE = (TIARA_2A, TIARA_2B, TIARA_2C, TIARA_3)
