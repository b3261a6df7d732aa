"""The error falls (or grows) exponentially at the stated rate."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import takewhile

import numpy as np

from tightbound.verification.statistics._arrays import Floats, check, choice, number
from tightbound.verification.statistics._curves import (
    METHODS,
    SIDES,
    Curves,
    Fit,
    Method,
    Side,
    fit,
    judge_slopes,
    read_curves,
)
from tightbound.verification.statistics._verdict import moments, verdict
from tightbound.verification.statistics.base import CellEvidence, Judgement

_CLEAR = 4.0


@dataclass(frozen=True)
class ExponentialRate:
    r"""Check the exponent of ``value ~ C exp(target k)``: at most, at least, or equal to the target.

    The least-squares slope of ``log value`` on ``k``, over the points before the curve first meets the floor.

    Reads the same arrays as :class:`Slope`, with ``k`` in place of ``x``'s logarithm.

    Parameters
    ----------
    target : float
        The exponent stated, per unit of ``k``: negative for an error that falls.
    side : {"upper", "lower", "two-sided"}
        Whether the exponent is stated to be at most, at least, or equal to the target.
    tolerance : float
        Allowance for lower-order terms, at least 0.
    axis : str
        Name of the axis of the grid that is ``k``.
    floor : float
        Height below which a value is rounding, at least 0; the curve is cut at its first point at or below
        it.
    method : {"per_seed", "delta", "exact"}
        As in :class:`Slope`.

    Raises
    ------
    TypeError, ValueError
        For an option outside its range; by ``judge`` as in :class:`Slope`, and where fewer than 2 points stay
        above the floor.

    Notes
    -----
    Cutting a noisy curve by the same noise that the slope is fitted to would bias the slope. So with noise
    the even replications decide where to cut (``per_seed``: the first point where one of them is at the
    floor; ``delta``: where their mean is at the floor or within 4 standard errors of it) and the odd ones are
    fitted: at least 4 are needed.

    Examples
    --------
    >>> k = np.arange(60.0)
    >>> value = np.maximum(np.exp(-k), 1e-16)[None, :]
    >>> evidence = [CellEvidence(cell={"n": 1}, data={"x": k, "value": value})]
    >>> judgement = ExponentialRate(target=-1.0, method="exact").judge(evidence, level=0.01)
    >>> judgement.status, round(judgement.estimate, 9)
    ('pass', -1.0)
    """

    target: float
    side: Side = "upper"
    tolerance: float = 0.0
    axis: str = "k"
    floor: float = 100 * float(np.finfo(np.float64).eps)
    method: Method = "per_seed"

    def __post_init__(self) -> None:
        number("target", self.target)
        choice("side", self.side, SIDES)
        number("tolerance", self.tolerance, least=0.0)
        number("floor", self.floor, least=0.0)
        choice("method", self.method, METHODS)
        if self.side == "two-sided" and self.tolerance == 0 and self.method != "exact":
            raise ValueError(
                "tolerance is 0 with side='two-sided': no sample confirms an exact rate; give the "
                "deviation that lower-order terms explain"
            )

    @property
    def stochastic(self) -> bool:
        """Whether sampling noise enters."""
        return self.method != "exact"

    def judge(self, evidence: Sequence[CellEvidence], *, level: float) -> Judgement:
        """Judge at ``level``: the chance of ``fail`` is at most ``level`` where the claim holds."""
        check(evidence, level)
        fits = [self._fit(curves) for curves in read_curves(evidence, self.axis)]
        rows = judge_slopes(
            fits,
            target=self.target,
            side=self.side,
            tolerance=self.tolerance,
            method=self.method,
            level=level,
        )
        points = [one.curves.x.size for one in fits]
        return verdict(rows.adding(points=points), level=level, comparisons=len(fits))

    def _fit(self, curves: Curves) -> Fit:
        deciding, fitted = curves, curves
        if self.stochastic:
            least = min(column.size for column in curves.columns)
            if least < 4:
                raise ValueError(
                    f"{curves.label}: 'value' has {least} replications, method={self.method!r} needs at "
                    "least 4 (half cut the curve, half are fitted); return more, or use method='exact' "
                    "where there is no noise"
                )
            deciding = curves.at(slice(None), slice(0, None, 2))
            fitted = curves.at(slice(None), slice(1, None, 2))
        points = _until(self._floored(column) for column in deciding.columns)
        if points < 2:
            raise ValueError(
                f"{curves.label}: 'value' meets the floor {self.floor:g} after {points} points; a rate "
                "needs 2 or more: start at smaller k, space k more finely, or draw more replications"
            )
        if self.method == "delta":
            # two points are kept whatever their noise: their interval then says how little they tell
            points = max(2, min(points, _until(_hidden(column) for column in deciding.columns)))
            positive = max(2, _until(column.mean() <= 0 for column in fitted.columns[:points]))
            if positive < points:
                # to drop the point would be to choose by the noise; to keep it leaves no finite interval
                shorter = fit(fitted.at(slice(positive), slice(None)), "delta", log_x=False, log_value=True)
                return replace(shorter, error=np.inf, means=None)
        return fit(fitted.at(slice(points), slice(None)), self.method, log_x=False, log_value=True)

    def _floored(self, column: Floats) -> bool:
        return bool((column.mean() if self.method == "delta" else column.min()) <= self.floor)


def _hidden(column: Floats) -> bool:
    mean, error = moments(column[:, None])
    return bool(mean[0] <= _CLEAR * error[0])


def _until(flags: Iterable[bool]) -> int:
    """Return how many come before the first that is true."""
    return sum(1 for _ in takewhile(lambda flag: not flag, flags))
