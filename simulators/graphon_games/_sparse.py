"""Kernels that lead to few states, as lists of successors and predecessors."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Lists = dict[str, NDArray[np.float64] | NDArray[np.int32]]

# A gathered entry costs several times an entry of a dense product.
_SHARE = 8


def lists(table: NDArray[np.float64]) -> Lists | None:
    """Return the lists of a kernel (L, S, A, S), or None where dense products are as good.

    ``successor`` and ``chance`` have shape (L, S, A, K), ``predecessor`` (pairs s A + a) and ``arrival``
    shape (L, S, J); shorter lists are filled up with entries of weight 0.
    """
    steps, states, actions, _ = table.shape
    onto = table.reshape(steps, states * actions, states).swapaxes(1, 2)
    if any(np.count_nonzero(one, axis=-1).max() * _SHARE > one.shape[-1] for one in (table, onto)):
        return None
    successor, chance = _positive(table)
    predecessor, arrival = _positive(onto)
    return {"successor": successor, "chance": chance, "predecessor": predecessor, "arrival": arrival}


def _positive(table: NDArray[np.float64]) -> tuple[NDArray[np.int32], NDArray[np.float64]]:
    """Return where the last axis is positive, and the entries there."""
    longest = int(np.count_nonzero(table, axis=-1).max())
    where = np.argsort(table == 0.0, axis=-1, kind="stable")[..., :longest]
    return where.astype(np.int32), np.take_along_axis(table, where, axis=-1)
