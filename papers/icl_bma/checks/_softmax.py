"""What the claims on the limit of softmax attention share."""

from __future__ import annotations

from typing import Any

PAPER = "icl_bma"
NONE = "none: attention is evaluated as printed, by quadrature or over sampled keys; no model is trained"
SOURCE = "derived; corrects Proposition 4.3"

Arrays = dict[str, Any]


def lengths(first: int, count: int) -> tuple[tuple[int, ...], ...]:
    """Return one tuple of lengths, each four times the one before: a value for an axis of a grid."""
    return (tuple(first * 4**k for k in range(count)),)
