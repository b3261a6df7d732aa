"""LS-9a: flash noisy training is attention under a mask."""

from __future__ import annotations

import numpy as np
from scipy.special import softmax

from tightbound.papers.longspec.checks.tree_attention import PAPER, Arrays
from tightbound.verification.claim import Claim, NegativeControl
from tightbound.verification.grid import Cell, Grid, cells
from tightbound.verification.statistics import BoundHolds

HEADS, KV_HEADS, DIM = 4, 2, 8


def shifted(q: np.ndarray, k: np.ndarray, v: np.ndarray, lag: int) -> np.ndarray:
    """Return causal attention of rows ``lag``, ... over all keys but the last ``lag``; 0 before."""
    length, group = q.shape[1], q.shape[2] // k.shape[2]
    out = np.zeros_like(q)
    rows = length - lag
    if rows > 0:
        keys, values = (np.repeat(x[:, :rows], group, axis=2) for x in (k, v))
        scores = np.einsum("bthd,bnhd->bhtn", q[:, lag:], keys) / np.sqrt(q.shape[-1])
        scores = np.where(np.tri(rows, dtype=bool), scores, -np.inf)
        out[:, lag:] = np.einsum("bhtn,bnhd->bthd", softmax(scores, axis=-1), values)
    return out


def _masked(q: np.ndarray, k: np.ndarray, v: np.ndarray, lags: np.ndarray) -> np.ndarray:
    """Return the trainer's attention in float64, each sequence with a lag of its own."""
    import jax

    from tightbound.simulators.language_models.trainable_llama import attend

    length = q.shape[1]
    seen = np.arange(length) <= np.arange(length)[:, np.newaxis] - lags[:, np.newaxis, np.newaxis]
    with jax.enable_x64(True):
        return np.asarray(jax.jit(attend)(q, k, v, seen))


def _errors(cell: Cell, rng: np.random.Generator, off: int) -> Arrays:
    length, lags = cell["length"], np.array(cell["lags"])
    q = rng.standard_normal((lags.size, length, HEADS, DIM))
    k, v = rng.standard_normal((2, lags.size, length, KV_HEADS, DIM))
    masked = _masked(q, k, v, lags - off)
    errors = [
        np.abs(masked[b] - shifted(q[b : b + 1], k[b : b + 1], v[b : b + 1], int(lag))[0]).max()
        for b, lag in enumerate(lags)
    ]
    return {"value": np.array(errors)[:, np.newaxis]}


def noisy_attention(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Errors of masked attention against attention over shifted queries and cut keys."""
    return _errors(cell, rng, 0)


def noisy_attention_off_by_one(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the same where each row sees one key more."""
    return _errors(cell, rng, 1)


def rounding(cell: Cell) -> float:
    """Return 1e-13: some hundred roundings of numbers of order one, in float64."""
    return 1e-13


LS_9A = Claim(
    id="LS-9a",
    paper=PAPER,
    title="Flash noisy training is attention in which row t sees the keys up to t - j",
    statement="O[j:] = causal attention(Q[j:], K[:l-j], V[:l-j]), O[:j] = 0, equals the mask n <= t - j",
    source="arXiv 2502.17421, Algorithm 2",
    provenance="text",
    statistic=BoundHolds(slack=0.0),
    grid=Grid(
        quick=cells(length=[24], lags=[(1, 2, 3, 4, 23, 24)]),
        standard=cells(length=[24, 200], lags=[(1, 2, 3, 4, 23, 24)]),
    ),
    measure=noisy_attention,
    bound=rounding,
    control=NegativeControl(
        measure=noisy_attention_off_by_one,
        because="one key more is the target's own state of the token before, which drafting does not have",
    ),
    substitutes="random queries, keys and values in place of a language model's",
    seconds={"quick": 0.5, "standard": 0.8},
)

NOISY_TRAINING = (LS_9A,)
