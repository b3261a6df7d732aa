"""Which columns a row of attention sees."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tightbound.theory._validation import as_integer


def visible(length: int, *, slots: int = 0, window: int | None = None, prefix: int = 0) -> NDArray[np.bool_]:
    """Return which columns each row sees.

    Row t sees the slot, columns 1, ..., prefix, and columns t - window + 1, ..., t.

    Parameters
    ----------
    length : int
        T, at least 1.
    slots : int, default 0
        Columns before the first token, 0 or 1.
    window : int, optional
        At least 1; all columns up to t where left out.
    prefix : int, default 0
        From 0 to T.

    Returns
    -------
    ndarray of bool, shape (T, slots + T)
        Every row sees at least its own column.

    Raises
    ------
    TypeError, ValueError
        For a size that is no integer or out of range.

    Examples
    --------
    >>> visible(4, window=2).astype(int).tolist()
    [[1, 0, 0, 0], [1, 1, 0, 0], [0, 1, 1, 0], [0, 0, 1, 1]]
    >>> visible(3, slots=1, prefix=2).astype(int).tolist()
    [[1, 1, 1, 0], [1, 1, 1, 0], [1, 1, 1, 1]]
    """
    count = as_integer("length", length, least=1)
    before = as_integer("slots", slots, least=0)
    shared = as_integer("prefix", prefix, least=0)
    reach = count if window is None else as_integer("window", window, least=1)
    if before > 1:
        raise ValueError(f"slots is {before}: there is at most one column before the first token")
    if shared > count:
        raise ValueError(f"prefix is {shared}: it must be at most the length, {count}")
    row, column = np.arange(count)[:, None], np.arange(count)
    seen = (column <= row) & (column > row - reach) | (column < shared)
    return np.concatenate([np.ones((count, before), bool), seen], axis=1)
