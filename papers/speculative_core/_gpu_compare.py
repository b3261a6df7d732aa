"""What a kernel's result may differ by from the float64 reference, by kind of result.

Each function takes what the reference returns, the same part of what the kernel returns, both in NumPy
arrays, and ``again(shift)``, the reference with its variates moved. It returns how many ties were decided
otherwise and raises ``ArithmeticError`` for anything else.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from typing import Any

import numpy as np

TIE = 1e-6
OUTPUT = {"float32": 2e-6, "float16": 1e-3, "bfloat16": 8e-3}
ROUNDING = {"float32": 2.0**-24, "float16": 2.0**-11, "bfloat16": 2.0**-8}  # of results in that dtype
LSE = 5e-6
LAW = 1e-6

Again = Callable[[tuple[float, ...]], Any]


def exact(expected: Any, found: Any, again: Again) -> int:
    """Demand the same bits; NaN, which no kernel returns, is never the same."""
    for a, b in zip(expected, found, strict=True):
        if not np.array_equal(a, b):
            raise ArithmeticError(f"{int(np.sum(a != b))} of {a.size} entries differ, none may")
    return 0


def tokens(expected: Any, found: Any, again: Again) -> int:
    """Demand the same tokens; a request may differ if it is what variates moved by ``TIE`` lead to."""
    left = _differing(expected, found)
    ties = left.size
    for shift in product((0.0, -TIE, TIE), repeat=2):
        if left.size and any(shift):
            moved = again(shift)
            left = np.intersect1d(left, _differing(moved, found))
    if left.size:
        raise ArithmeticError(f"tokens of requests {left.tolist()} differ, and not by a tie")
    return int(ties)


def _differing(expected: Any, found: Any) -> Any:
    requests = expected[-1].size  # the last output is a count for each request
    apart = [
        np.any(a.reshape(requests, -1) != b.reshape(requests, -1), axis=1)
        for a, b in zip(expected, found, strict=True)
    ]
    return np.flatnonzero(np.any(apart, axis=0))


def states(expected: Any, found: Any, again: Again, *, dtype: str, rounded: bool = True) -> int:
    """Demand outputs within the budget of the keys' dtype, and log-sum-exps within 5e-6.

    ``rounded`` says that outputs are in that dtype too, and no closer than it allows.
    """
    _within("output", expected[0], found[0], OUTPUT[dtype], ROUNDING[dtype] if rounded else 0.0)
    empty = np.isneginf(expected[1])
    if not np.array_equal(empty, np.isneginf(found[1])):
        raise ArithmeticError("lse is minus infinity in other places than it should be")
    _within("lse", np.where(empty, 0.0, expected[1]), np.where(empty, 0.0, found[1]), LSE)
    return 0


def masses(expected: Any, found: Any, again: Again) -> int:
    """Demand attention mass within 2e-6."""
    _within("mass", expected[0], found[0], OUTPUT["float32"])
    return 0


def laws(expected: Any, found: Any, again: Again) -> int:
    """Demand probabilities within 1e-6; a row may differ if it is what top-p moved by ``TIE`` leads to."""
    left = _apart(expected[0], found[0])
    ties = left.size
    for shift in (-TIE, TIE):
        if left.size:
            left = np.intersect1d(left, _apart(again((shift,))[0], found[0]))
    if left.size:
        raise ArithmeticError(f"laws of rows {left.tolist()} differ by more than {LAW}, and not by a tie")
    return int(ties)


def _apart(expected: Any, found: Any) -> Any:
    return np.flatnonzero(~np.all(np.abs(np.asarray(found, np.float64) - expected) <= LAW, axis=-1))


def _within(name: str, expected: Any, found: Any, budget: float, rounding: float = 0.0) -> None:
    apart = np.abs(np.asarray(found, np.float64) - expected)
    if not np.all(apart <= budget + rounding * np.abs(expected)):
        raise ArithmeticError(f"{name} is {float(apart.max()):.1e} from the reference, allowed is {budget}")
