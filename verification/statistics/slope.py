"""The growth exponent stays on the right side of its target."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from tightbound.verification.statistics._arrays import check, choice, number
from tightbound.verification.statistics._curves import (
    METHODS,
    SIDES,
    Method,
    Side,
    fit,
    judge_slopes,
    read_curves,
)
from tightbound.verification.statistics._verdict import verdict
from tightbound.verification.statistics.base import CellEvidence, Judgement


@dataclass(frozen=True)
class Slope:
    r"""Check the slope of a curve: ``slope <= target + tolerance``, ``>= target - tolerance``, or both.

    The least-squares slope of ``log value`` on ``log x`` (``loglog``), of ``value`` on ``log x``
    (``semilogx``) or of ``value`` on ``x`` (``linear``).

    Reads either ``value`` of shape (R,) in cells that differ in ``axis`` (all other axes tell the curves
    apart, the cells being independent), or curves ``value`` of shape (R, T) beside ``x`` of shape (T,) in one
    cell.

    Parameters
    ----------
    target : float
        The slope stated.
    side : {"upper", "lower", "two-sided"}
        Whether the slope is stated to be at most, at least, or equal to the target.
    tolerance : float
        Allowance for lower-order terms, at least 0.
    axis : str
        Name of the axis of the grid that is ``x``.
    scale : {"loglog", "semilogx", "linear"}
        Which axes are logarithmic.
    method : {"per_seed", "delta", "exact"}
        ``per_seed``: Student's interval over the slopes of single replications (noise in proportion to the
        value). ``delta``: slope of the (log) mean curve, with the full covariance over the points of a curve;
        single replications may be 0 or negative. ``exact``: curves without noise, each compared.

    Raises
    ------
    TypeError, ValueError
        For an option outside its range; by ``judge`` for evidence that is missing, misshapen, not finite, has
        fewer than 2 replications (unless ``exact``), fewer than 2 points, or values without a logarithm.

    Notes
    -----
    No interval protects against a grid that has not reached the asymptotic regime: ``detail["local"]`` is
    the slope of the last half of the points, ``detail["slopes"]`` the slope of each replication. Limits and
    p-values hold together for all curves (Bonferroni). On a logarithm the limits of ``delta`` are the extreme
    slopes over the confidence ellipsoid of the means, which is the delta method to first order and keeps its
    level where single means are noisy; they are infinite where the ellipsoid reaches 0.

    Examples
    --------
    >>> import numpy as np
    >>> x = np.array([100.0, 1000.0, 10000.0])
    >>> evidence = [CellEvidence(cell={"arms": 2}, data={"x": x, "value": 3.0 * np.sqrt(x)[None, :]})]
    >>> judgement = Slope(target=0.5, method="exact").judge(evidence, level=0.01)
    >>> judgement.status, round(judgement.estimate, 6)
    ('pass', 0.5)
    """

    target: float
    side: Side = "upper"
    tolerance: float = 0.0
    axis: str = "tokens"
    scale: Literal["loglog", "semilogx", "linear"] = "loglog"
    method: Method = "per_seed"

    def __post_init__(self) -> None:
        number("target", self.target)
        choice("side", self.side, SIDES)
        number("tolerance", self.tolerance, least=0.0)
        choice("scale", self.scale, ("loglog", "semilogx", "linear"))
        choice("method", self.method, METHODS)
        if self.side == "two-sided" and self.tolerance == 0 and self.method != "exact":
            raise ValueError(
                "tolerance is 0 with side='two-sided': no sample confirms an exact slope; give the "
                "deviation that lower-order terms explain"
            )

    @property
    def stochastic(self) -> bool:
        """Whether sampling noise enters."""
        return self.method != "exact"

    def judge(self, evidence: Sequence[CellEvidence], *, level: float) -> Judgement:
        """Judge at ``level``: the chance of ``fail`` is at most ``level`` where the claim holds."""
        check(evidence, level)
        log_x, log_value = self.scale != "linear", self.scale == "loglog"
        fits = [
            fit(curves, self.method, log_x=log_x, log_value=log_value)
            for curves in read_curves(evidence, self.axis)
        ]
        rows = judge_slopes(
            fits,
            target=self.target,
            side=self.side,
            tolerance=self.tolerance,
            method=self.method,
            level=level,
        )
        return verdict(rows, level=level, comparisons=len(fits))
