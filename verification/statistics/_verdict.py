"""From many comparisons to one judgement: Student intervals, Bonferroni limits, Holm's smallest p-value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tightbound.verification.statistics._arrays import Floats
from tightbound.verification.statistics.base import Judgement, JudgementStatus


@dataclass(frozen=True)
class Rows:
    """Comparisons, one entry each; ``p_value`` and ``holds`` are those of the single comparison."""

    cell: NDArray[np.int64]
    column: NDArray[np.int64]
    estimate: Floats
    low: Floats
    high: Floats
    bound: Floats
    p_value: Floats
    holds: NDArray[np.bool_]
    gap: Floats
    extra: Mapping[str, list[Any]] = field(default_factory=dict)

    def adding(self, **columns: Any) -> Rows:
        """Return the rows with further columns, one entry per row, for the judgement's detail."""
        lists = {
            name: np.atleast_1d(c).tolist() if not isinstance(c, list) else c for name, c in columns.items()
        }
        return replace(self, extra={**self.extra, **lists})


def student(
    estimate: Floats, error: Floats, df: Floats, least: Floats, most: Floats, delta: float
) -> tuple[Floats, Floats, Floats, NDArray[np.bool_]]:
    """Test ``least <= mean <= most``; return p-value, limits and whether the limits lie inside."""
    from scipy.special import stdtr, stdtrit

    sides = 1.0 + (np.isfinite(least) & np.isfinite(most))
    excess = np.maximum(estimate - most, least - estimate)
    noisy = error > 0
    with np.errstate(over="ignore"):
        ratio = np.divide(excess, error, out=np.where(excess > 0, np.inf, -np.inf), where=noisy)
    p_value = np.where(noisy, np.minimum(1.0, sides * stdtr(df, -ratio)), np.where(excess > 0, 0.0, 1.0))
    reach = -stdtrit(df, delta / sides) * error
    low, high = estimate - reach, estimate + reach
    return p_value, low, high, (low >= least) & (high <= most)


def moments(sample: Floats) -> tuple[Floats, Floats]:
    """Return mean and standard error of each column of (R, T), exact where a column is constant."""
    scale = np.maximum(np.abs(sample).max(axis=0), np.finfo(float).tiny)
    scaled = sample / scale
    constant = (sample == sample[:1]).all(axis=0)
    mean = np.where(constant, sample[0], scaled.mean(axis=0) * scale)
    error = scaled.std(axis=0, ddof=1) * scale / np.sqrt(sample.shape[0])
    return mean, np.where(constant, 0.0, error)


def stack(parts: list[Rows]) -> Rows:
    """Join the rows of all cells."""
    names = [name for name in Rows.__dataclass_fields__ if name != "extra"]
    joined = {name: np.concatenate([getattr(part, name) for part in parts]) for name in names}
    extra = {name: [entry for part in parts for entry in part.extra[name]] for name in parts[0].extra}
    return Rows(**joined, extra=extra)


def verdict(
    rows: Rows, *, level: float, comparisons: int, vacuous: bool = False, tightness: float | None = None
) -> Judgement:
    """Judge all rows together and report the one nearest to violating."""
    p_value = min(1.0, comparisons * float(rows.p_value.min()))
    status: JudgementStatus
    if p_value <= level:
        status = "fail"
    elif vacuous:
        status = "vacuous"
    else:
        status = "pass" if rows.holds.all() else "inconclusive"
    worst = int(np.lexsort((-rows.gap, rows.p_value))[0])
    shown = ("cell", "column", "estimate", "low", "high", "bound", "p_value")
    return Judgement(
        status=status,
        estimate=float(rows.estimate[worst]),
        low=float(rows.low[worst]),
        high=float(rows.high[worst]),
        bound=float(rows.bound[worst]),
        p_value=p_value,
        tightness=tightness,
        detail={**{name: getattr(rows, name).tolist() for name in shown}, **rows.extra},
    )


def exact_row(index: int, column: int, estimate: float, bound: float, gap: float, violated: bool) -> Rows:
    """Return one comparison without noise: its interval is a point, its p-value 0 or 1."""
    point = np.array([estimate])
    return Rows(
        cell=np.array([index]),
        column=np.array([column]),
        estimate=point,
        low=point,
        high=point,
        bound=np.array([bound]),
        p_value=np.array([0.0 if violated else 1.0]),
        holds=np.array([not violated]),
        gap=np.array([gap]),
    )
