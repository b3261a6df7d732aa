"""Curves over one axis, and straight lines fitted to them with the right error."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from tightbound.verification.statistics import _profile as profile
from tightbound.verification.statistics._arrays import Floats, read, where
from tightbound.verification.statistics._verdict import Rows, moments, student
from tightbound.verification.statistics.base import CellEvidence

Method = Literal["per_seed", "delta", "exact"]
Side = Literal["upper", "lower", "two-sided"]
METHODS = ("per_seed", "delta", "exact")
SIDES = ("upper", "lower", "two-sided")
ROUNDING = 1e-9


@dataclass(frozen=True)
class Curves:
    """``columns[t]`` holds the replications at ``x[t]``; ``paired`` where row r is one run's curve."""

    index: int
    label: str
    x: Floats
    columns: tuple[Floats, ...]
    paired: bool

    def rows(self, least: int, why: str) -> Floats:
        """Return (R, T); over independent cells any pairing of replications is as good as another."""
        sizes = {column.size for column in self.columns}
        if len(sizes) > 1:
            raise ValueError(
                f"{self.label}: 'value' has {sorted(sizes)} replications; {why} needs the same in each cell"
            )
        if min(sizes) < least:
            raise ValueError(
                f"{self.label}: 'value' has {min(sizes)} replications, {why} needs at least {least}; "
                "return more along axis 0, raise the grid's replicates, or use method='exact' where the "
                "curve has no noise"
            )
        return np.stack(self.columns, axis=1)

    def at(self, points: slice, replications: slice) -> Curves:
        """Return part of the points and of the replications."""
        kept = tuple(column[replications] for column in self.columns[points])
        return Curves(self.index, self.label, self.x[points], kept, self.paired)


@dataclass(frozen=True)
class Fit:
    """A slope and its error; ``replicates`` are single slopes, ``means`` what a logarithm was taken of."""

    curves: Curves
    estimate: float
    error: float
    df: float
    local: float
    replicates: list[float]
    means: tuple[Floats, Floats, Floats] | None = None

    def test(self, least: float, most: float, delta: float) -> tuple[float, float, float]:
        """Test ``least <= slope <= most``; return p-value and limits."""
        if self.means is not None:
            return profile.test(*self.means, self.df, least, most, delta)
        estimate, error, df = np.array([self.estimate]), np.array([self.error]), np.array([self.df])
        found = student(estimate, error, df, np.array([least]), np.array([most]), delta)
        return float(found[0][0]), float(found[1][0]), float(found[2][0])


def read_curves(evidence: Sequence[CellEvidence], axis: str) -> list[Curves]:
    """Gather curves: one per cell that returned ``x``, else one per cells that share all but ``axis``."""
    groups: dict[str, list[tuple[int, CellEvidence]]] = {}
    for index, item in enumerate(evidence):
        others = sorted((name, value) for name, value in item.cell.items() if name != axis)
        key = f"cell {index}" if "x" in item.data else repr(others)
        groups.setdefault(key, []).append((index, item))
    return [
        _curve(*members[0]) if "x" in members[0][1].data else _across(members, axis)
        for members in groups.values()
    ]


def _curve(index: int, item: CellEvidence) -> Curves:
    value, x = read(item, "value"), read(item, "x")
    if value.ndim != 2:
        raise ValueError(
            f"{where(item)}: 'value' has shape {value.shape} beside 'x'; give curves of shape (R, T), a "
            "single one as value[None, :]"
        )
    width = value.shape[1]
    if x.size % width or (x.reshape(-1, width) != x.reshape(-1, width)[0]).any():
        raise ValueError(
            f"{where(item)}: 'x' has shape {x.shape}, 'value' {value.shape}; give x of shape (T,)"
        )
    return _sorted(index, where(item), x.reshape(-1, width)[0], list(value.T), paired=True)


def _across(members: list[tuple[int, CellEvidence]], axis: str) -> Curves:
    x, columns = [], []
    for _, item in members:
        at = item.cell.get(axis)
        if isinstance(at, bool) or not isinstance(at, (int, float)):
            raise ValueError(
                f"{where(item)}: axis {axis!r} is {at!r}; name an axis of the grid with numbers, or return "
                "'x' beside curves 'value' of shape (R, T)"
            )
        value = read(item, "value")
        if value.size != value.shape[0]:
            raise ValueError(
                f"{where(item)}: 'value' has shape {value.shape} without 'x'; return 'x' of shape (T,) "
                "beside curves, or one number per replication"
            )
        x.append(float(at))
        columns.append(value.reshape(-1))
    return _sorted(members[0][0], where(members[0][1]), np.array(x), columns, paired=False)


def _sorted(index: int, label: str, x: Floats, columns: list[Floats], *, paired: bool) -> Curves:
    order = np.argsort(x, kind="stable")
    x = x[order]
    if x.size < 2 or (np.diff(x) == 0).any():
        raise ValueError(
            f"{label}: the curve runs over x = {x.tolist()}; a slope needs at least 2 points, all different"
        )
    return Curves(index, label, x, tuple(columns[i] for i in order), paired)


def fit(curves: Curves, method: Method, *, log_x: bool, log_value: bool) -> Fit:
    """Fit a least-squares line to the (logarithmic) curve."""
    if log_x and curves.x[0] <= 0:
        raise ValueError(
            f"{curves.label}: x = {curves.x[0]:g} has no logarithm; use positive points or scale='linear'"
        )
    u = np.log(curves.x) if log_x else curves.x
    weights = _weights(u)
    half = slice(u.size - max(2, (u.size + 1) // 2), None)
    tail = np.zeros(u.size)
    tail[half] = _weights(u[half])
    if method == "delta":
        return _delta(curves, weights, tail, log_value=log_value)
    rows = curves.rows(2 if method == "per_seed" else 1, f"method={method!r}")
    if log_value:
        if rows.min() <= 0:
            row, column = np.unravel_index(int(rows.argmin()), rows.shape)
            remedy = (
                "use method='delta', which takes the logarithm of the mean"
                if method == "per_seed"
                else "use scale='linear' or 'semilogx', or leave such points out"
            )
            raise ValueError(
                f"{curves.label}: 'value' is {rows.min():g} in replication {row} at x = "
                f"{curves.x[column]:g} and has no logarithm; {remedy}"
            )
        rows = np.log(rows)
    slopes = rows @ weights
    local = float((rows @ tail).mean())
    mean, error = (
        (float(slopes.mean()), 0.0) if method == "exact" else (float(m[0]) for m in moments(slopes[:, None]))
    )
    return Fit(curves, mean, error, max(1.0, slopes.size - 1.0), local, slopes.tolist())


def _weights(u: Floats) -> Floats:
    centered = u - u.mean()
    return np.asarray(centered / (centered @ centered))


def _delta(curves: Curves, weights: Floats, tail: Floats, *, log_value: bool) -> Fit:
    """Slope of the (log) mean curve, with the covariance of the means."""
    columns = curves.columns
    if curves.paired:
        columns = tuple(curves.rows(2, "method='delta'").T)
    least = min(column.size for column in columns)
    if least < 2:
        raise ValueError(
            f"{curves.label}: 'value' has {least} replications at some x, method='delta' needs at least 2; "
            "return more along axis 0, raise the grid's replicates, or use method='exact' where the curve "
            "has no noise"
        )
    found = [moments(column[:, None]) for column in columns]
    mean, error = np.array([float(m[0]) for m, _ in found]), np.array([float(e[0]) for _, e in found])
    if log_value and mean.min() <= 0:
        raise ValueError(
            f"{curves.label}: the mean of 'value' is {mean.min():g} at x = "
            f"{curves.x[int(mean.argmin())]:g} and has no logarithm; add replications or leave such points "
            "out"
        )
    height, slopes = (np.log(mean), weights / mean) if log_value else (mean, weights)
    if curves.paired:
        rows = np.stack(columns, axis=1)
        noisy = error > 0
        covariance = np.cov(rows.T) / len(rows) * np.outer(noisy, noisy)
        df = len(rows) - 1.0
    else:
        covariance = np.diag(error**2)
        parts = (slopes * error) ** 2
        sizes = np.array([column.size for column in columns])
        # Welch and Satterthwaite's degrees of freedom
        df = float(parts.sum() ** 2 / (parts**2 / (sizes - 1)).sum()) if parts.any() else 1.0
    estimate, spread = float(height @ weights), float(np.sqrt(slopes @ covariance @ slopes))
    means = (mean, covariance, weights) if log_value and spread > 0 else None
    return Fit(curves, estimate, spread, df, float(height @ tail), [estimate], means)


def judge_slopes(
    fits: Sequence[Fit], *, target: float, side: Side, tolerance: float, method: Method, level: float
) -> Rows:
    """Compare slopes with the target; an exact curve is compared replication by replication."""
    rounding = ROUNDING * max(1.0, abs(target))
    least = -np.inf if side == "upper" else target - tolerance - rounding
    most = np.inf if side == "lower" else target + tolerance + rounding
    if method == "exact":
        fits = [_farthest(one, least, most) for one in fits]
    estimate = np.array([one.estimate for one in fits])
    p_value, low, high = np.array([one.test(least, most, level / len(fits)) for one in fits]).T
    above = estimate > target if side == "two-sided" else np.full(estimate.shape, side == "upper")
    rows = Rows(
        cell=np.array([one.curves.index for one in fits]),
        column=np.zeros(estimate.shape, dtype=np.int64),
        estimate=estimate,
        low=low,
        high=high,
        bound=target + np.where(above, tolerance, -tolerance),
        p_value=p_value,
        holds=(low >= least) & (high <= most),
        gap=np.maximum(estimate - most, least - estimate),
    )
    return rows.adding(local=[one.local for one in fits], slopes=[one.replicates for one in fits])


def _farthest(one: Fit, least: float, most: float) -> Fit:
    slopes = np.array(one.replicates)
    worst = int(np.maximum(slopes - most, least - slopes).argmax())
    return Fit(one.curves, float(slopes[worst]), 0.0, one.df, one.local, one.replicates)
