"""Keys and values of the last W tokens of each text, in memory that does not grow with the text."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tightbound.kernels.window_attention import ring_slots, window_attention
from tightbound.theory._validation import Integers, as_integer


class Ring:
    """A ring of W slots per sequence: position n lies in slot n mod W.

    Parameters
    ----------
    batch, window, kv_heads, head_size : int
        Sizes B, W, Hk, D, each at least 1. The state is 2 W Hk D numbers per sequence.
    dtype : str
        Of keys and values.

    Examples
    --------
    >>> ring = Ring(1, 2, 1, 2)
    >>> ring.write(0, 0, np.ones((5, 1, 2)), np.arange(10.0).reshape(5, 1, 2))
    >>> ring.values[0, :, 0].tolist()  # positions 4 and 3
    [[8.0, 9.0], [6.0, 7.0]]
    """

    def __init__(
        self, batch: int, window: int, kv_heads: int, head_size: int, *, dtype: str = "float32"
    ) -> None:
        given = {"batch": batch, "window": window, "kv_heads": kv_heads, "head_size": head_size}
        shape = tuple(as_integer(name, size, least=1) for name, size in given.items())
        self.keys: NDArray[Any] = np.zeros(shape, dtype=dtype)
        self.values: NDArray[Any] = np.zeros(shape, dtype=dtype)
        self.written: Integers = np.zeros(batch, dtype=np.int64)

    @property
    def window(self) -> int:
        """Slots per sequence."""
        return int(self.keys.shape[1])

    @property
    def nbytes(self) -> int:
        """Bytes of keys and values of all sequences."""
        return self.keys.nbytes + self.values.nbytes

    def missing(self, lengths: Integers) -> list[Integers]:
        """Return the positions to write so that each sequence holds the last W before ``lengths[b]``."""
        return [
            np.arange(max(int(done), int(length) - self.window), int(length))
            for done, length in zip(self.written, lengths, strict=True)
        ]

    def write(self, sequence: int, first: int, keys: NDArray[Any], values: NDArray[Any]) -> None:
        """Write keys and values (n, Hk, D) of the positions ``first``, ..., ``first + n - 1``.

        Positions between those that were written and ``first`` count as written: they are never read, as
        long as n is W or ``first`` continues what is there.
        """
        last = slice(max(len(keys) - self.window, 0), None)
        slots = ring_slots(first + np.arange(len(keys))[last], self.window)
        self.keys[sequence, slots], self.values[sequence, slots] = keys[last], values[last]
        self.written[sequence] = first + len(keys)

    def attend(self, queries: NDArray[Any], ahead: int, *, backend: str = "auto") -> tuple[Any, Any]:
        """Attend from rows that stand ``ahead`` positions behind the last written one, all at one position.

        Parameters
        ----------
        queries : ndarray, shape (B, M, H, D)
            M rows, e.g. a layer of a tree, each at position ``written[b] + ahead``.
        ahead : int
            Positions between the last written one and the rows; at least 0.
        backend : str
            See :mod:`tightbound.kernels.backends`.

        Returns
        -------
        o : array, shape (B, M, H, D)
            Attention to the written positions n with ``n > written[b] + ahead - W``; 0 where there is none.
        lse : array, shape (B, M, H)
            Natural log-sum-exp, -inf where there is none.
        """
        batch, rows, heads, dim = queries.shape
        kv_heads = self.keys.shape[2]
        group = heads // kv_heads
        seen = self.window - 1 - ahead
        # rows at one position read the same keys: they are more heads of one group
        packed = queries.reshape(batch, rows, kv_heads, group, dim).swapaxes(1, 2)
        packed = packed.reshape(batch, 1, heads * rows, dim)
        empty = self.written == 0
        if seen < 1 or empty.all():
            return np.zeros_like(queries), np.full((batch, rows, heads), -np.inf, dtype=queries.dtype)
        o, lse = window_attention(
            packed, self.keys, self.values, np.maximum(self.written, 1), window=seen, backend=backend
        )
        o = np.asarray(o).reshape(batch, kv_heads, rows, group, dim).swapaxes(1, 2)
        lse = np.array(lse).reshape(batch, kv_heads, rows, group).swapaxes(1, 2)
        lse[empty] = -np.inf
        return o.reshape(batch, rows, heads, dim), lse.reshape(batch, rows, heads)

    def select(self, sequences: Integers) -> None:
        """Keep only these sequences, ascending."""
        self.keys, self.values = self.keys[sequences], self.values[sequences]
        self.written = self.written[sequences]
