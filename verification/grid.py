"""Cells and grids: the instances on which a claim is measured, at three sizes."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Literal

Cell = Mapping[str, Any]
"""One instance: names to numbers, strings, booleans, None, or (nested) tuples of those."""

Size = Literal["quick", "standard", "full"]
SIZES: tuple[Size, ...] = ("quick", "standard", "full")


def cells(**axes: Iterable[Any]) -> tuple[Cell, ...]:
    """Return the product of named axes, the last axis running fastest.

    Examples
    --------
    >>> [dict(c) for c in cells(arms=[2], tokens=[10, 20])]
    [{'arms': 2, 'tokens': 10}, {'arms': 2, 'tokens': 20}]
    """
    for name, values in axes.items():
        if isinstance(values, str) or not isinstance(values, Iterable):
            raise TypeError(f"{name} is {values!r}: give the values of this axis, e.g. {name}=[{values!r}]")
    names = tuple(axes)
    return tuple(
        _frozen(dict(zip(names, values, strict=True))) for values in itertools.product(*axes.values())
    )


@dataclass(frozen=True)
class Grid:
    """The cells of a claim at each size, and how many independent replicates each cell gets.

    Parameters
    ----------
    quick, standard, full : iterables of mappings
        The cells. A larger size that is left out is the next smaller one.
    replicates : int or mapping from size to int
        How often ``measure`` is called in each cell, each time with a random generator of its own.
        Leave it at 1 where ``measure`` itself draws many replications in one vectorised call.

    Raises
    ------
    ValueError
        For an empty grid, a cell value that cannot be written as JSON, or ``replicates`` below 1.
    TypeError
        For a cell that is not a mapping.
    """

    quick: tuple[Cell, ...]
    standard: tuple[Cell, ...]
    full: tuple[Cell, ...]
    replicates: Mapping[str, int]

    def __init__(
        self,
        quick: Iterable[Cell],
        standard: Iterable[Cell] | None = None,
        full: Iterable[Cell] | None = None,
        *,
        replicates: int | Mapping[str, int] = 1,
    ) -> None:
        chosen = tuple(_frozen(cell) for cell in quick)
        if not chosen:
            raise ValueError(
                "quick has no cells: a grid needs at least one instance; give e.g. cells(tokens=[10, 100])"
            )
        object.__setattr__(self, "quick", chosen)
        for size, given in (("standard", standard), ("full", full)):
            chosen = chosen if given is None else tuple(_frozen(cell) for cell in given)
            if not chosen:
                raise ValueError(f"{size} has no cells: leave it out to use the next smaller size")
            object.__setattr__(self, size, chosen)
        counts = dict.fromkeys(SIZES, replicates) if isinstance(replicates, int) else dict(replicates)
        if set(counts) != set(SIZES) or any(not isinstance(n, int) or n < 1 for n in counts.values()):
            raise ValueError(
                f"replicates is {replicates!r}: give an integer of at least 1, or one for each of quick, "
                "standard, full"
            )
        object.__setattr__(self, "replicates", MappingProxyType(counts))

    def at(self, size: Size) -> tuple[Cell, ...]:
        """Return the cells at ``size``."""
        if size not in SIZES:
            raise ValueError(f"size is {size!r}: choose one of {', '.join(SIZES)}")
        found: tuple[Cell, ...] = getattr(self, size)
        return found

    def __reduce__(self) -> tuple[Any, ...]:
        plain = [[dict(cell) for cell in self.at(size)] for size in SIZES]
        return (_rebuild, (*plain, dict(self.replicates)))


def _rebuild(quick: list[Cell], standard: list[Cell], full: list[Cell], replicates: dict[str, int]) -> Grid:
    return Grid(quick, standard, full, replicates=replicates)


def _frozen(cell: Cell) -> Cell:
    if not isinstance(cell, Mapping):
        raise TypeError(
            f"a cell is {cell!r}: give mappings from names to values, e.g. quick=cells(tokens=[10, 100])"
        )
    return MappingProxyType({str(name): _plain(name, value) for name, value in cell.items()})


def _plain(name: str, value: Any) -> Any:
    if value is None or isinstance(value, (str, bool, int)):
        return value
    if isinstance(value, float) and math.isfinite(value):
        return value
    if isinstance(value, (tuple, list)):
        return tuple(_plain(name, entry) for entry in value)
    raise ValueError(
        f"cell value {name} is {value!r} ({type(value).__name__}): allowed are finite numbers, strings, "
        "booleans, None and tuples of those; turn NumPy values into Python ones with .item() or .tolist()"
    )
