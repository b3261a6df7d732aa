"""Checks of rows that every model and every cache makes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tightbound.simulators.language_models.language_model import ContextOverflowError, KeySelection
from tightbound.theory._validation import Integers, as_indices


@dataclass(frozen=True, eq=False)
class Rows:
    """Checked arguments of a pass over M rows of B sequences with P pending rows before.

    Parameters
    ----------
    tokens, positions : ndarray of int, shape (B, M)
    mask : ndarray of bool, shape (B, M, P + M)
    read : ndarray of int, shape (B, R)
    causal : bool
        Whether the mask is that of a chain.
    """

    tokens: Integers
    positions: Integers
    mask: NDArray[np.bool_]
    read: Integers
    causal: bool


def checked_rows(
    tokens: ArrayLike,
    mask: ArrayLike | None,
    positions: ArrayLike | None,
    read: ArrayLike | None,
    *,
    lengths: Integers,
    pending: int,
    vocabulary: int,
    context: int,
) -> Rows:
    """Return the arguments of a pass, with defaults filled in."""
    given = np.asarray(tokens)
    batch = lengths.size
    if given.ndim != 2 or given.shape[0] != batch or given.shape[1] == 0:
        raise ValueError(
            f"tokens has shape {given.shape}: give at least one token per sequence, ({batch}, M)"
        )
    ids = as_indices("tokens", given, vocabulary)
    rows = ids.shape[1]
    chain = lengths[:, np.newaxis] + pending + np.arange(rows)
    places = chain if positions is None else np.asarray(positions)
    if places.shape != ids.shape or places.dtype.kind not in "iu":
        raise ValueError(
            f"positions has shape {places.shape} and dtype {places.dtype}: give integers of shape {ids.shape}"
        )
    if places.min() < 0:
        raise ValueError(f"positions contains {places.min()}: give integers of at least 0")
    if places.max() >= context:
        raise ContextOverflowError(
            f"a row is at position {places.max()} and positions end at context - 1 = {context - 1}: "
            "shorten the prompt or generate fewer tokens"
        )
    seen = _mask(mask, batch, rows, pending)
    if read is None:
        wanted = np.broadcast_to(np.arange(rows), ids.shape)
    else:
        wanted = np.asarray(read)
        if wanted.ndim != 2 or wanted.shape[0] != batch:
            raise ValueError(f"read has shape {wanted.shape}: give rows of each sequence, ({batch}, R)")
        wanted = as_indices("read", wanted, rows)
    return Rows(ids, places.astype(np.int64), seen, wanted, mask is None)


def _mask(mask: ArrayLike | None, batch: int, rows: int, pending: int) -> NDArray[np.bool_]:
    width = pending + rows
    if mask is None:
        return np.broadcast_to(np.tri(rows, width, pending, dtype=np.bool_), (batch, rows, width))
    seen = np.asarray(mask)
    if seen.shape != (batch, rows, width) or seen.dtype.kind not in "biu":
        raise ValueError(
            f"mask has shape {seen.shape} and dtype {seen.dtype}: give bool of shape (B, M, pending + M) = "
            f"{(batch, rows, width)}"
        )
    seen = np.asarray(seen, dtype=np.bool_)
    if not np.all(np.diagonal(seen, offset=pending, axis1=1, axis2=2)):
        raise ValueError("mask hides a row from itself: set mask[b, i, pending + i] for every row i")
    return seen


def checked_commit(
    rows: ArrayLike, counts: ArrayLike, *, lengths: Integers, pending: int, capacity: int
) -> tuple[Integers, Integers]:
    """Return rows (B, R) and counts (B,) that name pending rows in ascending order and fit the cache."""
    named, kept = np.asarray(rows), np.asarray(counts)
    batch = lengths.size
    if named.ndim != 2 or named.shape[0] != batch:
        raise ValueError(f"rows has shape {named.shape}: give pending rows of each sequence, ({batch}, R)")
    if kept.shape != (batch,) or kept.dtype.kind not in "iu":
        raise ValueError(
            f"counts has shape {kept.shape} and dtype {kept.dtype}: give one integer per sequence, ({batch},)"
        )
    if kept.min() < 0 or kept.max() > named.shape[1]:
        bad = kept.min() if kept.min() < 0 else kept.max()
        raise ValueError(f"counts contains {bad}: give integers from 0 to R = {named.shape[1]}")
    used = np.arange(named.shape[1]) < kept[:, np.newaxis]
    paths = as_indices("rows", np.where(used, named, 0), max(pending, 1))
    if not pending and kept.max() > 0:
        raise ValueError("counts keeps rows and none is pending: call forward first")
    if np.any((np.diff(paths, axis=1) <= 0) & used[:, 1:]):
        raise ValueError("rows do not ascend: give the rows of one path from its root on")
    if np.any(lengths + kept > capacity):
        worst = int(np.argmax(lengths + kept))
        raise ContextOverflowError(
            f"sequence {worst} has {lengths[worst]} rows and would get {kept[worst]} more, but capacity is "
            f"{capacity}: start the cache with a larger one"
        )
    return paths, kept.astype(np.int64)


def checked_sequences(sequences: ArrayLike, batch: int) -> Integers:
    """Return sequences of a batch to keep, at least one, ascending."""
    kept: NDArray[Any] = np.asarray(sequences)
    if kept.ndim != 1 or kept.size == 0:
        raise ValueError(f"sequences has shape {kept.shape}: give at least one sequence to keep, (B',)")
    found = as_indices("sequences", kept, batch)
    if np.any(np.diff(found) <= 0):
        raise ValueError(f"sequences is {found.tolist()}: give them in ascending order, each once")
    return found


def checked_layers(run: Sequence[int] | None, layers: int) -> list[int]:
    """Return the layers that a pass runs, all where None, or raise a ValueError."""
    if run is None:
        return list(range(layers))
    chosen: list[int] = as_indices("run", run, layers).tolist()
    if not chosen or any(b <= a for a, b in pairwise(chosen)):
        raise ValueError(f"run is {list(run)}: give layers in ascending order, at least one")
    return chosen


def checked_selection(
    selection: KeySelection | None, expected: tuple[int, int, int], lengths: Integers
) -> None:
    """Check that a selection is for ``expected`` layers, sequences and key heads and for committed rows."""
    if selection is None:
        return
    if selection.keys.shape[:3] != expected:
        raise ValueError(
            f"attend.keys has shape {selection.keys.shape}: give (layers, B, Hk, K) = {(*expected, 'K')} for "
            "this cache"
        )
    tail = selection.tail_start
    if np.any(tail < 0) or np.any(tail > lengths):
        raise ValueError(
            f"attend.tail_start is {tail.tolist()} and {lengths.tolist()} rows are committed: give numbers "
            "from 0 to those"
        )


def checked_states(hidden: ArrayLike, width: int) -> NDArray[np.float32]:
    """Return hidden states (..., width)."""
    states = np.asarray(hidden, dtype=np.float32)
    if states.ndim == 0 or states.shape[-1] != width:
        raise ValueError(f"hidden has shape {states.shape}: its last axis must be {width}")
    return states
