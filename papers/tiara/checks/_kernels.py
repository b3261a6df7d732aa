"""Attention that depends on the circular distance between frames, in three shapes."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

SHAPES = ("gauss", "exponential", "nearest")
NEVER = -800.0  # its exponential is 0 in double precision
UNSEEN = (
    "derived; the statement of the paper's own theorem (Li et al. 2024, arXiv:2412.17254) was not found, and "
    "this carries the abstract's message in a form that can be proved"
)
NO_MODEL = "logits are given directly; no video model is involved"


def logit_row(shape: str, frames: int, boost: float, width: float = 2.0) -> Array:
    """Return the first row of circulant, symmetric logits, the diagonal raised by ``boost``."""
    frame = np.arange(frames)
    distance = np.minimum(frame, frames - frame).astype(float)
    if shape == "gauss":
        row = -0.5 * (distance / width) ** 2
    elif shape == "exponential":
        row = -distance / width
    else:
        row = np.where(distance <= 1, 0.0, NEVER)
    row[0] += boost
    return row


def row_of(cell: Any) -> Array:
    """Return the row of logits that a cell describes."""
    return logit_row(cell["shape"], cell["frames"], cell["boost"])
