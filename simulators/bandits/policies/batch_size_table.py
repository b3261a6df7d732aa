"""BatchSizeTable: a fixed draft length for every batch size."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass

from tightbound.theory._validation import as_integer


@dataclass(frozen=True)
class BatchSizeTable:
    """Look the draft length up by batch size. There is nothing to learn, so it is for serving only.

    Parameters
    ----------
    table : sequence of (int, int)
        (smallest batch size, draft length) with increasing batch sizes; the first must be 1.

    Examples
    --------
    >>> BatchSizeTable().length(100)
    1
    """

    table: tuple[tuple[int, int], ...] = ((1, 4), (16, 2), (64, 1), (128, 0))

    def __post_init__(self) -> None:
        sizes = [as_integer("batch size", size, least=1) for size, _ in self.table]
        for _, length in self.table:
            as_integer("draft length", length, least=0)
        if not sizes or sizes[0] != 1 or sorted(set(sizes)) != sizes:
            raise ValueError(
                f"table is {self.table!r}: batch sizes must start at 1 and increase; sort the table"
            )

    def length(self, batch: int) -> int:
        """Return the draft length at this batch size."""
        batch = as_integer("batch", batch, least=1)
        return self.table[bisect_right([size for size, _ in self.table], batch) - 1][1]
