"""Targets that are watched while they verify drafts, and targets with faults that make decoding lossy."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tightbound.simulators.speculative.decoding import Decoding


class Wrapped:
    """A target that passes everything on.

    Parameters
    ----------
    inner : AttentionModel
        What is run.
    """

    def __init__(self, inner: Any) -> None:
        self.inner = inner
        self.vocabulary, self.context, self.layers = inner.vocabulary, inner.context, inner.layers

    def start(self, batch: int, capacity: int | None = None) -> Any:
        """Return an empty cache."""
        return self.inner.start(batch, capacity)

    def forward(self, cache: Any, tokens: ArrayLike, **how: Any) -> NDArray[Any]:
        """Append rows and return logits."""
        logits: NDArray[Any] = self.inner.forward(cache, tokens, **how)
        return logits


def verifies(how: dict[str, Any]) -> bool:
    """Whether a pass with these arguments verifies drafts: all its logits, by all keys and layers."""
    return how.get("read") is None and how.get("attend") is None and how.get("run") is None


class Watched(Wrapped):
    """Keeps the logits of all passes that verify drafts, (B, M, V) each."""

    def __init__(self, inner: Any) -> None:
        super().__init__(inner)
        self.logits: list[NDArray[Any]] = []

    def forward(self, cache: Any, tokens: ArrayLike, **how: Any) -> NDArray[Any]:
        """Append rows and return logits."""
        found = super().forward(cache, tokens, **how)
        if verifies(how):
            self.logits.append(found)
        return found

    def along(self, decoding: Decoding) -> list[NDArray[Any]]:
        """Return the logits (T, V) that each written token was chosen by."""
        logs = [one.log for one in decoding.completions]
        found: list[list[NDArray[Any]]] = [[] for _ in logs]
        for number, logits in enumerate(self.logits):
            active = [b for b, log in enumerate(logs) if log.rounds > number]
            for row, b in enumerate(active):
                found[b].append(logits[row, : int(logs[b].kept[number])])
        return [np.concatenate(parts) for parts in found]


class SparseRowsKept(Wrapped):
    """Keeps keys and values of the sparse pass for the tokens that it read, also where they are accepted.

    Verification of the round itself sees the right ones; all later passes see those that are kept.
    """

    def __init__(self, inner: Any) -> None:
        super().__init__(inner)
        self._kept: list[tuple[NDArray[Any], NDArray[Any]]] = []

    def forward(self, cache: Any, tokens: ArrayLike, **how: Any) -> NDArray[Any]:
        """Append rows and return logits."""
        starts, count = cache.lengths + cache.pending, np.shape(tokens)[1]
        found = super().forward(cache, tokens, **how)
        if how.get("attend") is not None:
            for m in range(count):
                self._kept.append(tuple(_at(part, starts + m).copy() for part in (cache.keys, cache.values)))  # type: ignore[arg-type]
        elif verifies(how):
            for m, rows in enumerate(self._kept[:count]):
                for part, row in zip((cache.keys, cache.values), rows, strict=True):
                    part[:, np.arange(starts.size), :, starts + m] = row
            self._kept = []
        return found


def _at(part: NDArray[Any], places: NDArray[np.int64]) -> NDArray[Any]:
    """Return row ``places[b]`` of every sequence b, (B, layers, Hk, D)."""
    return np.asarray(part[:, np.arange(places.size), :, places])


class LastDraftTaken(Wrapped):
    """Does not verify the last draft of a chain: where those before it are accepted it is written as well."""

    def forward(self, cache: Any, tokens: ArrayLike, **how: Any) -> NDArray[Any]:
        """Append rows and return logits."""
        found = super().forward(cache, tokens, **how)
        ids = np.asarray(tokens)
        if verifies(how) and ids.shape[1] > 1:
            found = found.copy()
            found[np.arange(len(ids)), -2, ids[:, -1]] = found[:, -2].max(axis=-1) + 1.0
        return found


def total_variation(first: NDArray[Any], second: NDArray[Any]) -> NDArray[np.float64]:
    """Return half the L1 distance (T,) of the laws that logits (T, V) stand for."""
    laws = []
    for logits in (first, second):
        weights = np.exp(logits.astype(np.float64) - logits.max(axis=-1, keepdims=True))
        laws.append(weights / weights.sum(axis=-1, keepdims=True))
    return np.asarray(0.5 * np.abs(laws[0] - laws[1]).sum(axis=-1))
