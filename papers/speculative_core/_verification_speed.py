"""Chain verification as the usual array formulation has it, in NumPy."""

from __future__ import annotations

from typing import Any

import numpy as np

DRAFTS = 4
BATCH = 64
VOCABULARIES = (32_000, 128_256)
SIZES = [(batch, calls, size) for batch, calls in ((BATCH, 1), (1, 50)) for size in VOCABULARIES]
TIE = 1e-6  # of the mass of the law: array formulations subtract and divide in float32


def task(batch: int, vocabulary: int) -> tuple[Any, ...]:
    """Return laws of float32 that agree by about 80 %, drafts from the one, and variates."""
    rng = np.random.default_rng(0)
    logits = 3.0 * rng.standard_normal((batch, DRAFTS + 1, vocabulary), dtype=np.float32)
    q = _softmax(logits[:, :DRAFTS])
    ids = np.empty((batch, DRAFTS), np.int64)
    for b in range(batch):
        for i in range(DRAFTS):
            ids[b, i] = _find(np.cumsum(q[b, i], dtype=np.float64), rng.random())
    logits += 0.5 * rng.standard_normal(logits.shape, dtype=np.float32)
    return q, ids, _softmax(logits), rng.random((batch, DRAFTS)), rng.random(batch)


def _softmax(logits: Any) -> Any:
    weights = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return weights / weights.sum(axis=-1, keepdims=True)


def _find(upto: Any, uniform: float) -> int:
    return int(np.searchsorted(upto, uniform * upto[-1], side="right"))


def with_numpy(q: Any, ids: Any, p: Any, uniform: Any, final: Any) -> tuple[list[int], list[int]]:
    """Verify one request after another: ratios, counts, a clipped difference, a cumulative sum.

    The formulation of Hugging Face transformers, which knows one request, with the last token by inverse
    distribution function.
    """
    counts, tokens = [], []
    at = np.arange(DRAFTS)
    for b in range(len(q)):
        passed = uniform[b] <= p[b, at, ids[b]] / q[b, at, ids[b]]
        n = int(((~passed).cumsum() < 1).sum())
        law = p[b, n]
        if n < DRAFTS:
            law = np.clip(law - q[b, n], 0.0, None)
            law = law / law.sum()
        counts.append(n)
        tokens.append(_find(np.cumsum(law, dtype=np.float64), final[b]))
    return counts, tokens


def check(given: tuple[Any, ...], tokens: Any, counts: Any) -> None:
    """Raise unless emitted tokens and counts are those of the array formulation, up to ties.

    A last token may differ where the variate is within ``TIE`` of the edge between two tokens.
    """
    q, _ids, p, _uniform, final = given
    expected, last = with_numpy(*given)
    if list(counts) != expected:
        raise ArithmeticError(
            f"numba accepts {list(counts)}, NumPy {expected}: their speed is not comparable"
        )
    for b, n in enumerate(expected):
        found = int(tokens[b, n])
        if found == last[b]:
            continue
        law = p[b, n].astype(np.float64)
        if n < DRAFTS:
            law = np.maximum(law - q[b, n], 0.0)
        upto = np.cumsum(law / law.sum())
        low = upto[found - 1] if found else 0.0
        if not low - TIE <= final[b] <= upto[found] + TIE:
            raise ArithmeticError(
                f"request {b}: numba emits token {found}, NumPy {last[b]}, and it is no tie"
            )
