"""What the claims on depth share."""

from __future__ import annotations

from typing import Any

from tightbound.verification.grid import Cell

PAPER = "icl_bma"
WRITTEN = "weights written down stand in for a pretrained transformer, real numbers or letters for text"
SOURCE = (
    "Propositions 5.4 and F.4 state an error exponentially small in depth (displays lost in the copy read; "
    "the printed proof gives exp(-c D^{1/4})); networks, bounds and constants are derived"
)

Arrays = dict[str, Any]


def one(cell: Cell) -> float:
    """Return the largest total variation, and the relative error of a network without blocks."""
    return 1.0


def zero(cell: Cell) -> float:
    """Return the least divergence."""
    return 0.0
