"""Reading named arrays out of evidence, with errors that say which cell and what to do."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from tightbound.verification.statistics.base import CellEvidence

Floats = NDArray[np.float64]


def check(evidence: Sequence[CellEvidence], level: float) -> None:
    """Refuse empty evidence and a level that makes no interval."""
    if not 0.0 < level < 0.5:
        raise ValueError(f"level is {level!r}: give the chance of a false alarm, in (0, 0.5), e.g. 0.01")
    if not evidence:
        raise ValueError("evidence is empty: give at least one measured cell")


def choice(name: str, given: object, allowed: tuple[str, ...]) -> None:
    """Refuse an option outside ``allowed``."""
    if given not in allowed:
        raise ValueError(f"{name} is {given!r}: choose one of {', '.join(allowed)}")


def number(name: str, given: float, *, least: float = -np.inf) -> None:
    """Refuse an option that is not a finite number of at least ``least``."""
    if isinstance(given, bool) or not isinstance(given, (int, float, np.integer, np.floating)):
        raise TypeError(f"{name} is {given!r} ({type(given).__name__}): give a number")
    if not np.isfinite(given) or given < least:
        what = "a finite number" if least == -np.inf else f"a finite number of at least {least:g}"
        raise ValueError(f"{name} is {given!r}: give {what}")


def where(item: CellEvidence) -> str:
    """Name a cell in a message."""
    return "cell (" + ", ".join(f"{name}={value!r}" for name, value in item.cell.items()) + ")"


def read(item: CellEvidence, name: str, *, infinite: float | None = None) -> Floats:
    """Return an array as float64 with a replication axis; ``infinite`` is the one infinity that may occur."""
    if name not in item.data:
        has = ", ".join(sorted(item.data)) or "nothing"
        raise ValueError(f"{where(item)}: no array '{name}' (measure returned {has}); return it from measure")
    found = np.asarray(item.data[name])
    if found.dtype.kind not in "biuf":
        raise ValueError(f"{where(item)}: '{name}' has dtype {found.dtype}; give real numbers or booleans")
    if found.size == 0:
        raise ValueError(f"{where(item)}: '{name}' has shape {found.shape}; give at least one replication")
    numbers = np.atleast_1d(found.astype(np.float64))
    odd = ~np.isfinite(numbers)
    if infinite is not None:
        odd &= numbers != infinite
    if odd.any():
        raise ValueError(
            f"{where(item)}: '{name}' holds {numbers[odd][0]} in {int(odd.sum())} of {numbers.size} "
            "entries; give finite numbers, and raise in measure where a value is undefined"
        )
    return numbers


def table(array: Floats) -> Floats:
    """Flatten everything behind the replication axis: shape (R, T)."""
    return array.reshape(array.shape[0], -1)


def samples(item: CellEvidence, name: str, least: int, why: str) -> Floats:
    """Return (R, T) with at least ``least`` replications."""
    found = table(read(item, name))
    if found.shape[0] < least:
        raise ValueError(
            f"{where(item)}: '{name}' has {found.shape[0]} replications, {why} needs at least {least}; "
            "return more along axis 0 or raise the grid's replicates"
        )
    return found


def beside(
    item: CellEvidence, name: str, value: Floats, given: float | None, *, infinite: float | None = None
) -> Floats | None:
    """Return what ``value`` is compared with, (R, T) or (1, T): from the data or the claim."""
    if name not in item.data:
        if given is None:
            return None
        if np.isnan(given) or (np.isinf(given) and given != infinite):
            raise ValueError(f"{where(item)}: the claim gives {given} for '{name}'; give a finite number")
        return np.full((1, value.shape[1]), float(given))
    if given is not None:
        raise ValueError(f"{where(item)}: '{name}' comes from measure and from the claim; give it once")
    found = table(read(item, name, infinite=infinite))
    if found.shape == value.shape:
        return found
    if (found[:1] == found).all():
        if found.shape[1] == value.shape[1]:
            return found[:1]
        if found.shape[1] == 1:
            return np.broadcast_to(found[:1], (1, value.shape[1]))
    raise ValueError(
        f"{where(item)}: '{name}' has shape {np.shape(item.data[name])}, 'value' "
        f"{np.shape(item.data['value'])}; give the same shape, one row of shape (1, T), or one number"
    )
