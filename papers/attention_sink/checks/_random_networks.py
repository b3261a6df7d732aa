"""Random networks on which the exact claims are measured, and one token repeated."""

from __future__ import annotations

from typing import Any

import numpy as np

from tightbound.theory.attention.architecture import Architecture, Parameters
from tightbound.theory.attention.sink import importance
from tightbound.theory.attention.transformer import Trace, forward
from tightbound.verification.grid import Cell

PAPER = "attention_sink"
RANDOM = "random transformers of 3 blocks and 4 or 6 heads stand for language models"
VOCABULARY = 7

Arrays = dict[str, Any]


def random_network(
    cell: Cell, rng: np.random.Generator, *, context: int, **options: Any
) -> tuple[Architecture, Parameters]:
    """Draw a network; ``gain`` of the cell scales its logits, gains of norms and biases are drawn, too."""
    heads = cell.get("heads", 4)
    architecture = Architecture(
        vocabulary=VOCABULARY,
        context=context,
        width=cell.get("head_width", 8) * heads,
        blocks=3,
        heads=heads,
        feed_forward="swiglu",
        norm=cell.get("norm", "pre"),
        **{"position": cell["position"]} | options,
    )
    weights = architecture.init(int(rng.integers(2**31)))
    for name in weights:
        if name.endswith("_norm"):
            weights[name] = rng.uniform(0.5, 1.5, weights[name].shape)
    weights["query"] = cell.get("gain", 1.0) * weights["query"]
    if "relative_bias" in weights:
        weights["relative_bias"] = rng.normal(0.0, 2.0, weights["relative_bias"].shape)
    return architecture, weights


def repeated(length: int, rng: np.random.Generator, *, changed: int | None = None) -> np.ndarray:
    """Return one token repeated, with another one at position ``changed`` (from 1)."""
    token = int(rng.integers(VOCABULARY))
    tokens = np.full((1, length), token)
    if changed is not None:
        tokens[0, changed - 1] = (token + 1 + int(rng.integers(VOCABULARY - 1))) % VOCABULARY
    return tokens


def trace_of(cell: Cell, rng: np.random.Generator, *, changed: int | None = None) -> Trace:
    """Run a random network of the cell on one repeated token."""
    architecture, weights = random_network(cell, rng, context=cell["length"])
    return forward(architecture, weights, repeated(cell["length"], rng, changed=changed))


def by_head(array: np.ndarray) -> np.ndarray:
    """Return (blocks, 1, heads, ...) as (blocks x heads, ...)."""
    return array.reshape(-1, *array.shape[3:])


def beside_reference(trace: Trace, reference: np.ndarray) -> Arrays:
    """Scores of each head beside their closed form: the largest difference, and the importances of both.

    ``before`` is the largest difference in the rows of the first half.
    """
    scores, closed = by_head(trace.scores), by_head(np.broadcast_to(reference, trace.scores.shape))
    difference = np.abs(scores - closed)
    return {
        "value": difference.max(axis=(1, 2)),
        "before": difference[:, : scores.shape[1] // 2 - 1].max(axis=(1, 2)),
        "importance": importance(scores),
        "closed_form": importance(closed),
    }
