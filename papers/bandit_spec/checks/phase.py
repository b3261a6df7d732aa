"""BS-12n: the best speculation length over batch size and acceptance, in closed form."""

from __future__ import annotations

import numpy as np

from tightbound.verification.claim import Claim, NegativeControl
from tightbound.verification.grid import Cell, Grid, cells
from tightbound.verification.statistics import BoundHolds

LONGEST = 8
NEVER = 0.0
"""Stands for a crossover that does not exist."""


def best_lengths(cell: Cell, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Return the largest rise of gamma* along the batch size and the largest gamma* from the crossover on."""
    from tightbound.theory.bandits.serving import crossover_batch, optimal_speculation_length

    alpha = np.linspace(0.02, 0.98, cell["acceptances"])
    batch = np.unique(np.geomspace(1, 1024, cell["batches"]).round())
    context = float(cell["context"])
    length = optimal_speculation_length(batch[None, :], alpha[:, None], LONGEST, context)
    crossover = np.array([crossover_batch(float(a), LONGEST, context) for a in alpha])
    beyond = np.where(batch[None, :] >= crossover[:, None], length, 0).max(axis=1)
    rise = np.diff(length, axis=1).max(axis=1)
    return {
        "value": np.stack((rise, beyond), axis=1).astype(float),
        "length": length,
        "alpha": alpha,
        "batch": np.broadcast_to(batch, length.shape),
        "crossover": np.where(np.isfinite(crossover), crossover, NEVER),
    }


def no_rise(cell: Cell) -> float:
    """Allow no rise, and no drafts beyond the crossover."""
    return 0.0


def longest(cell: Cell) -> float:
    """Return what no length exceeds."""
    return float(LONGEST)


BS_12N = Claim(
    id="BS-12n",
    paper="bandit_spec",
    title="The best length never rises with the batch size and vanishes at the crossover, in short contexts",
    statement=r"gamma*(b+1) <= gamma*(b), and gamma*(b) = 0 for b >= b_0(alpha), context 0",
    source="roofline of a round",
    provenance="derived",
    statistic=BoundHolds(),
    grid=Grid(
        cells(context=[0], acceptances=[49], batches=[80]),
        cells(context=[0], acceptances=[193], batches=[400]),
    ),
    measure=best_lengths,
    bound=no_rise,
    trivial=longest,
    control=NegativeControl(
        grid=Grid(
            cells(context=[8000], acceptances=[49], batches=[80]),
            cells(context=[8000], acceptances=[193], batches=[400]),
        ),
        because="in long contexts reading keys and values dominates large batches, and drafts share it",
    ),
    substitutes="an analytic roofline of an 8B model stands in for the GPU",
    seconds={"quick": 1, "standard": 3},
)

PHASE = (BS_12N,)
