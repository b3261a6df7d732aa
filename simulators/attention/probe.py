"""What attention does in the course of a training: traceable functions of a forward pass."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from tightbound.simulators.attention.forward import forward
from tightbound.simulators.language_models.trainable import Parameters
from tightbound.theory.attention.architecture import Architecture

PROXY_EPS = 1e-8


@dataclass(frozen=True)
class SinkWatch:
    """Records sinks at every evaluation of a training: pass it as ``watch``.

    Every entry has one number per column, S = slots + T of them, a slot or sink token first; averages are
    over blocks, heads and sequences.

    * ``sink``: share of sequences in which the importance (the mean score over the rows from that token on,
      all rows for a slot) exceeds ``eps``; ``proxy_sink``: the same of scores divided by their row's absolute
      sum.
    * ``mass``, ``proxy_mass``: the mean importance itself.
    * ``value_norm``, ``key_norm``: mean lengths.
    * ``contribution``: mean of ``||A_tk v_k|| / ||output_t||`` over the same rows.
    * ``residual_norm``: mean length of the states before any norm, by block, (L + 1, N).

    Parameters
    ----------
    architecture : Architecture
        Of the model that is trained.
    eps : float, default 0.3
        Threshold of the metric, in (0, 1).

    Examples
    --------
    >>> SinkWatch(Architecture(vocabulary=3, context=4, width=4), eps=0.5).eps
    0.5
    """

    architecture: Architecture
    eps: float = 0.3

    def __post_init__(self) -> None:
        if not 0.0 < self.eps < 1.0:
            raise ValueError(f"eps is {self.eps!r}: give a number strictly between 0 and 1, e.g. 0.3")

    def __call__(self, parameters: Parameters, tokens: Any) -> dict[str, Any]:
        """Return the arrays for weights and sequences (B, T)."""
        return sinks(forward(self.architecture, parameters, tokens), self.architecture.slots, self.eps)


def sinks(trace: dict[str, Any], slots: int, eps: float) -> dict[str, Any]:
    """Return the arrays of `SinkWatch` for what a forward pass went through."""
    import jax.numpy as jnp

    scores = trace["scores"]
    length = scores.shape[-2]
    first = np.maximum(np.arange(-slots, length), 0)  # the first row that is averaged
    counted = np.arange(length)[:, None] >= first
    share = (counted / counted.sum(axis=0)).astype(scores.dtype)
    size = jnp.abs(scores)
    proxy = size / (size.sum(axis=-1, keepdims=True) + PROXY_EPS)
    importance, proxied = ((part * share).sum(axis=-2) for part in (scores, proxy))  # (L, B, H, S)
    lengths = {name: jnp.linalg.norm(trace[name], axis=-1) for name in ("values", "keys", "outputs")}
    parts = size * lengths["values"][..., None, :] / (lengths["outputs"][..., None] + PROXY_EPS)
    return {
        "sink": (importance > eps).mean(axis=(0, 1, 2)),
        "proxy_sink": (proxied > eps).mean(axis=(0, 1, 2)),
        "mass": importance.mean(axis=(0, 1, 2)),
        "proxy_mass": proxied.mean(axis=(0, 1, 2)),
        "value_norm": lengths["values"].mean(axis=(0, 1, 2)),
        "key_norm": lengths["keys"].mean(axis=(0, 1, 2)),
        "contribution": (parts * share).sum(axis=-2).mean(axis=(0, 1, 2)),
        "residual_norm": jnp.linalg.norm(trace["residual"], axis=-1).mean(axis=1),
    }
