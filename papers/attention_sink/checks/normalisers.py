"""SINK-I7: the p-norm as normaliser of a softmax is a root of a sharper softmax."""

from __future__ import annotations

import numpy as np

from tightbound.papers.attention_sink.checks._random_networks import PAPER, Arrays
from tightbound.papers.attention_sink.checks.key_bias import HEADS, ROUNDING, ROWS, WIDTH
from tightbound.theory.attention.normalisers import power_softmax
from tightbound.theory.attention.scores import attention_scores
from tightbound.verification.claim import Claim, NegativeControl
from tightbound.verification.grid import Cell, Grid, cells


def _scores(cell: Cell, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Return logits, and scores by their definition and by the library, side by side."""
    query, key = rng.uniform(-2.0, 2.0, (2, ROWS, WIDTH))
    p = cell["power"]
    library = attention_scores(query, key, normaliser="power", power=p)
    logits = query @ key.T * WIDTH**-0.5
    defined = np.exp(logits) / (np.exp(p * logits).sum(axis=1, keepdims=True)) ** (1.0 / p)
    return logits, np.concatenate([defined, library], axis=1)


def power_normalised(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Scores normalised by the p-norm beside the root of a softmax of p times the logits."""
    logits, value = _scores(cell, rng)
    return {"value": value, "reference": np.tile(power_softmax(logits, cell["power"]), 2)}


def without_the_root(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the same beside the softmax itself."""
    logits, value = _scores(cell, rng)
    return {
        "value": value,
        "reference": np.tile(power_softmax(logits, cell["power"]) ** cell["power"], 2),
    }


SINK_I7 = Claim(
    id="SINK-I7",
    paper=PAPER,
    title="Normalising by the p-norm is the p-th root of a softmax at p times the logits",
    statement=r"e^{s_ij} / (sum_k e^{p s_ik})^{1/p} = softmax(p s_i)_j^{1/p}",
    source="Appendix D.4, as read",
    provenance="text",
    statistic=ROUNDING,
    grid=Grid(
        quick=cells(power=[0.25, 1.0 / 3.0, 0.5, 2.0, 4.0]),
        replicates={"quick": 2, "standard": 50, "full": 500},
    ),
    measure=power_normalised,
    control=NegativeControl(
        measure=without_the_root,
        because="without the root the rows sum to one, and with the p-norm their p-th powers do",
    ),
    substitutes=HEADS,
    seconds={"quick": 0.2, "standard": 2.0},
)

NORMALISERS = (SINK_I7,)
