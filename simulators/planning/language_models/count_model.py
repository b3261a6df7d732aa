"""A language model that is a table: counts of the labels that followed each prompt context."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tightbound.theory.planning._validation import Array, as_integer


def count_law(counts: ArrayLike) -> Array:
    r"""Return the maximum-likelihood law of counts, uniform where nothing was counted.

    .. math:: \hat p_g = n_g / \textstyle\sum_{g'} n_{g'}

    Parameters
    ----------
    counts : array_like, shape (..., G)
        Numbers of labels, at least 0.

    Returns
    -------
    ndarray, shape (..., G)
        Laws over labels.

    Raises
    ------
    ValueError
        For counts that are negative or not finite, or no labels at all.

    Examples
    --------
    >>> count_law([[3, 1], [0, 0]]).tolist()
    [[0.75, 0.25], [0.5, 0.5]]
    """
    table = np.asarray(counts, dtype=np.float64)
    if table.ndim == 0 or table.shape[-1] == 0:
        raise ValueError(f"counts has shape {table.shape}: the last axis runs over at least 1 label")
    if not np.isfinite(table).all() or (table < 0).any():
        raise ValueError("counts has entries that are negative, NaN or infinite: give numbers of labels")
    total = table.sum(axis=-1, keepdims=True)
    return np.where(total > 0, table / np.where(total > 0, total, 1.0), 1.0 / table.shape[-1])


@dataclass(frozen=True)
class CountModel:
    r"""The maximum-likelihood table over prompt contexts.

    .. math:: \mathrm{LLM}(g \mid c) = n(c, g) / n(c), \qquad 1/G \text{ where } n(c) = 0

    A context is whatever is kept of a prompt: any hashable value, e.g. the pair of a rounded posterior and
    the current prefix.

    Parameters
    ----------
    labels : int
        Number G of labels, at least 1.
    table : mapping from context to array_like, shape (G,)
        Counts of each context that was seen.

    Raises
    ------
    TypeError, ValueError
        For ``labels`` below 1, or counts of the wrong shape, negative or not finite.

    References
    ----------
    He, Chen, Zhang, Yang, "From Words to Actions", ICML 2024, arXiv:2405.19883.

    Examples
    --------
    >>> model = CountModel.fit(["a", "a", "a", "b"], [0, 0, 1, 1], labels=2)
    >>> model.law("a").round(3).tolist(), model.law("c").tolist(), model.samples
    ([0.667, 0.333], [0.5, 0.5], 4)
    """

    labels: int
    table: Mapping[Hashable, Array]

    def __post_init__(self) -> None:
        labels = as_integer("labels", self.labels, least=1)
        table = {}
        for context, counts in self.table.items():
            row = np.array(counts, dtype=np.float64)
            if row.shape != (labels,) or not np.isfinite(row).all() or (row < 0).any():
                raise ValueError(
                    f"table[{context!r}] is {counts!r}: give {labels} counts, finite and at least 0"
                )
            row.flags.writeable = False
            table[context] = row
        object.__setattr__(self, "table", MappingProxyType(table))

    @classmethod
    def fit(
        cls, contexts: Iterable[Hashable] | NDArray[np.int64], seen: ArrayLike, *, labels: int
    ) -> CountModel:
        """Count the labels of each context.

        Parameters
        ----------
        contexts : iterable of hashable, or integer array of shape (N, k)
            One context per sample; the rows of an array become tuples.
        seen : array_like of int, shape (N,)
            The label of each sample, in 0..labels-1; empty where nothing was seen.
        labels : int
            Number of labels.

        Returns
        -------
        CountModel
            The table.

        Raises
        ------
        TypeError, ValueError
            For labels out of range or no integers, or numbers of contexts and labels that differ.
        """
        size = as_integer("labels", labels, least=1)
        index = np.asarray(seen)
        if index.size == 0:
            index = index.astype(np.int64)
        if index.ndim != 1 or index.dtype.kind not in "iu":
            raise TypeError(
                f"seen has shape {index.shape} and type {index.dtype}: give integers of shape (N,)"
            )
        if index.size and (index.min() < 0 or index.max() >= size):
            raise ValueError(
                f"seen runs from {index.min()} to {index.max()}: labels lie in 0..{size - 1}; raise labels"
            )
        keys, rows = _grouped(contexts)
        if rows.size != index.size:
            raise ValueError(
                f"contexts has {rows.size} entries, seen {index.size}: give one label per context"
            )
        counts = np.bincount(rows * size + index, minlength=len(keys) * size).reshape(-1, size)
        return cls(size, dict(zip(keys, counts.astype(np.float64), strict=True)))

    @property
    def samples(self) -> int:
        """Number of samples counted."""
        return int(sum(row.sum() for row in self.table.values()))

    def law(self, context: Hashable) -> Array:
        """Return the law of the label in one context, shape (G,)."""
        return count_law(self.table.get(context, np.zeros(self.labels)))

    def laws(self, contexts: Iterable[Hashable] | NDArray[np.int64]) -> Array:
        """Return the laws in several contexts, given as to :meth:`fit`; shape (N, G)."""
        keys, rows = _grouped(contexts)
        if not keys:
            return np.zeros((0, self.labels))
        return np.stack([self.law(key) for key in keys])[rows]


def _grouped(contexts: Iterable[Hashable] | NDArray[np.int64]) -> tuple[list[Hashable], NDArray[np.int64]]:
    """Return the different contexts, and which of them each sample has."""
    if isinstance(contexts, np.ndarray):
        if contexts.ndim != 2 or contexts.dtype.kind not in "iu":
            raise TypeError(
                f"contexts has shape {contexts.shape} and type {contexts.dtype}: give integers of shape "
                "(N, k), one row per sample, or an iterable of hashable values"
            )
        unique, rows = np.unique(contexts, axis=0, return_inverse=True)
        return [tuple(row) for row in unique.tolist()], rows.reshape(-1)
    found: dict[Hashable, int] = {}
    rows = np.array([found.setdefault(context, len(found)) for context in contexts], dtype=np.int64)
    return list(found), rows
