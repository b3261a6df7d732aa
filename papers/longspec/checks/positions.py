"""LS-7: Anchor-Offset positions of short training texts cover those of long ones.

LS-7b also covers the texts of drafts that were trained with and without offsets, and shows their losses.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tightbound.papers.longspec import offset_curves
from tightbound.theory.speculative.anchor_offset import anchor_offset_positions, position_coverage
from tightbound.verification.claim import Claim, NegativeControl
from tightbound.verification.grid import Cell, Grid, cells
from tightbound.verification.statistics import BoundHolds, Equality, Law

PAPER = "longspec"
SOURCE = "arXiv 2502.17421, Algorithm 1"
NO_TEXT = "positions alone; no text and no model"

Arrays = dict[str, Any]


def _counts(positions: np.ndarray, longest: int) -> np.ndarray:
    return np.bincount(positions.ravel(), minlength=longest)


def _offsets(cell: Cell) -> np.ndarray:
    return np.arange(cell["longest"] - cell["length"] + 1)


def coverage(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Occurrences of each position over one text for every offset, beside the closed form."""
    offsets = _offsets(cell)
    positions = anchor_offset_positions(cell["length"], offsets, anchors=cell["anchors"])
    exact = position_coverage(cell["length"], cell["longest"], anchors=cell["anchors"]) * offsets.size
    return {"value": _counts(positions, cell["longest"])[None], "reference": exact[None]}


def coverage_of_plain_positions(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the same for texts that all begin at 0."""
    offsets = np.zeros_like(_offsets(cell))
    positions = anchor_offset_positions(cell["length"], offsets, anchors=cell["anchors"])
    return coverage(cell, rng) | {"value": _counts(positions, cell["longest"])[None]}


GRID = Grid(
    quick=cells(length=[32, 128], longest=[128, 1000], anchors=[0, 4]),
    standard=cells(length=[32, 128, 1024], longest=[1024, 16_000], anchors=[0, 4]),
)
(TRAINED,) = cells(length=[512], longest=[8192], anchors=[4])
"""Of the drafts of `offset_curves`."""

LS_7A = Claim(
    id="LS-7a",
    paper=PAPER,
    title="Each position is trained as often as a ramp, a plateau and a ramp say",
    statement=r"E[updates of i] = #{o : i - n + 1 <= o <= i - 4} / (L - n + 1), and 1 for the anchors",
    source=f"{SOURCE}; derived and proved in position_coverage",
    provenance="derived",
    statistic=Equality(rtol=1e-12),
    grid=GRID,
    measure=coverage,
    control=NegativeControl(
        measure=coverage_of_plain_positions, because="texts that begin at 0 train n positions and no other"
    ),
    substitutes=NO_TEXT,
    seconds={"quick": 0.05, "standard": 1.5},
)


def _losses(cell: Cell, kind: int) -> Arrays:
    """Return losses (S, E, 2), near and far, of pairs of drafts whose texts had these lengths."""
    if cell != dict(TRAINED):
        return {}
    found = offset_curves.load()
    loss = found.loss[:, kind].transpose(1, 0, 2)
    return {"loss": loss, "steps": np.tile(found.steps, (len(loss), 1))}


def rarest_position(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Least number of occurrences of a position over one text for every offset."""
    found = coverage(cell, rng)["value"].min(axis=1, keepdims=True).astype(float)
    return {"value": found, **_losses(cell, 0)}


def rarest_plain_position(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the same for texts that all begin at 0."""
    found = coverage_of_plain_positions(cell, rng)["value"].min(axis=1, keepdims=True).astype(float)
    return {"value": found, **_losses(cell, 1)}


def once(cell: Cell) -> float:
    """Return 1: a position that occurs."""
    return 1.0


LS_7B = Claim(
    id="LS-7b",
    paper=PAPER,
    title="No position of the long range is left untrained",
    statement="every index 0, ..., L - 1 occurs for some offset",
    source=f"{SOURCE}; proved in position_coverage",
    provenance="derived",
    statistic=BoundHolds(side="lower", slack=0.0),
    grid=Grid(quick=[*GRID.quick, TRAINED], standard=[*GRID.standard, TRAINED]),
    measure=rarest_position,
    bound=once,
    control=NegativeControl(
        measure=rarest_plain_position,
        because="texts of n tokens that begin at 0 never reach position n",
    ),
    substitutes=NO_TEXT,
    seconds={"quick": 0.05, "standard": 1.5},
)


def _drawn(cell: Cell, rng: np.random.Generator, most: int) -> Arrays:
    """Count the position of one random token per text; texts are independent, tokens of one are not."""
    anchors, length, longest = cell["anchors"], cell["length"], cell["longest"]
    offsets = rng.integers(most + 1, size=cell["texts"])
    row = rng.integers(length, size=cell["texts"])
    positions = anchor_offset_positions(length, offsets, anchors=anchors)[np.arange(cell["texts"]), row]
    law = position_coverage(length, longest, anchors=anchors) / length
    return {"counts": _counts(positions, longest), "probabilities": law}


def drawn_positions(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Count positions of random tokens of texts with random offsets, beside their law."""
    return _drawn(cell, rng, cell["longest"] - cell["length"])


def drawn_positions_of_half_the_offsets(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the same where offsets stop half-way."""
    return _drawn(cell, rng, (cell["longest"] - cell["length"]) // 2)


LS_7C = Claim(
    id="LS-7c",
    paper=PAPER,
    title="Texts with random offsets visit positions by that law",
    statement=r"P(a random token stands at i) = E[updates of i] / n",
    source=f"{SOURCE}; derived and proved in position_coverage",
    provenance="derived",
    statistic=Law(method="chi2"),
    grid=Grid(
        quick=cells(length=[32], longest=[128], anchors=[4], texts=[40_000]),
        standard=cells(length=[32, 128], longest=[256, 1024], anchors=[4], texts=[100_000]),
    ),
    measure=drawn_positions,
    control=NegativeControl(
        measure=drawn_positions_of_half_the_offsets,
        because="offsets that stop half-way leave the far positions without any token",
    ),
    substitutes=NO_TEXT,
    seconds={"quick": 0.1, "standard": 1.0},
)

POSITIONS = (LS_7A, LS_7B, LS_7C)
