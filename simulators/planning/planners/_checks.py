"""Checks of hyper-parameters shared by the planners."""

from __future__ import annotations

from typing import Any

import numpy as np

from tightbound.simulators.planning.planners.base import Planner


def as_number(
    name: str,
    value: Any,
    *,
    above: float = -np.inf,
    least: float = -np.inf,
    most: float = np.inf,
    remedy: str,
) -> float:
    """Return ``value`` as a finite float within the limits."""
    if isinstance(value, bool) or not isinstance(value, (int, float, np.integer, np.floating)):
        raise TypeError(f"{name} is {value!r} ({type(value).__name__}): give a number")
    number = float(value)
    if not np.isfinite(number) or number <= above or number < least or number > most:
        limits = [f"above {above:g}"] * (above > -np.inf) + [f"at least {least:g}"] * (least > -np.inf)
        limits += [f"at most {most:g}"] * (most < np.inf)
        raise ValueError(f"{name} is {value!r}: it must be finite, {' and '.join(limits)}; {remedy}")
    return number


def as_planner(name: str, value: Any, kind: type[Planner], *, whole_tree: bool = True) -> None:
    """Refuse what is no ``kind`` of planner, explores, or plans whole episodes where that has no meaning."""
    if not isinstance(value, kind):
        raise TypeError(
            f"{name} is {value!r} ({type(value).__name__}): give an instance of {kind.__name__}, "
            f"e.g. {'Uniform()' if kind.__name__ == 'Explorer' else 'BAIL()'}"
        )
    if value.parts[1] is not None:
        raise TypeError(f"{name} is {value!r}: it explores already; give the planner that it exploits with")
    if value.whole_tree and not whole_tree:
        raise TypeError(
            f"{name} is {value!r}: it plans whole episodes with predictions of its own, which this wrapper "
            "does not reach; give a planner that chooses subgoals as they come, e.g. BAIL()"
        )
