"""The measured quantity stays on the right side of its bound."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from tightbound.theory.concentration import empirical_bernstein_radius, empirical_bernstein_tail
from tightbound.verification.statistics._arrays import Floats, beside, check, choice, number, samples, where
from tightbound.verification.statistics._verdict import Rows, exact_row, moments, stack, student, verdict
from tightbound.verification.statistics.base import CellEvidence, Judgement


@dataclass(frozen=True)
class BoundHolds:
    r"""Check ``value <= bound`` (or ``>=``) in every cell, for each entry or for the mean.

    ``E[value] <= bound + slack max(1, |bound|)``

    Reads ``value`` of shape (R,) or (R, T), each column being a comparison of its own. The bound is the
    claim's, or an array ``bound`` of the same shape, of shape (1, T), or one number; likewise ``trivial``.
    The only infinite bound allowed is the one that says nothing: ``+inf`` above, ``-inf`` below.

    Parameters
    ----------
    method : {"exact", "t", "bernstein"}
        ``exact``: every entry. ``t``: the mean over replications by Student's t (a bound that varies with the
        replication is compared in pairs). ``bernstein``: the mean of variables in a known range, by the
        empirical Bernstein bound, which holds at every sample size.
    side : {"upper", "lower"}
        Whether the bound lies above or below.
    slack : float
        Allowance for rounding, at least 0, relative to ``max(1, |bound|)``.
    value_range : (low, high), optional
        Interval that holds every entry; required by ``bernstein`` and by nothing else.

    Raises
    ------
    TypeError, ValueError
        For an option outside its range; by ``judge`` for evidence that is missing, misshapen, not finite, has
        fewer than 2 replications where the mean is tested, or lies outside ``value_range``.

    Notes
    -----
    Limits and p-values hold together for all comparisons (Bonferroni). ``vacuous``: nothing violates, and the
    bound is no better than the trivial one in every entry of every cell (no trivial bound given: nothing but
    an infinite bound is vacuous). ``tightness`` is the largest measured/bound over comparisons with a
    positive bound (for a lower bound: the smallest).

    References
    ----------
    Maurer and Pontil, COLT 2009, Theorem 4.

    Examples
    --------
    >>> evidence = [CellEvidence(cell={"n": 10}, data={"value": np.array([0.5, 0.75])}, bound=1.0)]
    >>> judgement = BoundHolds().judge(evidence, level=0.01)
    >>> judgement.status, judgement.tightness
    ('pass', 0.75)
    """

    method: Literal["exact", "t", "bernstein"] = "exact"
    side: Literal["upper", "lower"] = "upper"
    slack: float = 1e-9
    value_range: tuple[float, float] | None = None

    def __post_init__(self) -> None:
        choice("method", self.method, ("exact", "t", "bernstein"))
        choice("side", self.side, ("upper", "lower"))
        number("slack", self.slack, least=0.0)
        if (self.value_range is None) == (self.method == "bernstein"):
            raise ValueError(
                f"value_range is {self.value_range!r} with method={self.method!r}: the range belongs to "
                "'bernstein', which needs it, e.g. value_range=(0.0, 1.0)"
            )
        if self.value_range is not None:
            low, high = self.value_range
            number("value_range[0]", low)
            number("value_range[1]", high)
            if not low < high:
                raise ValueError(f"value_range is {self.value_range!r}: give (low, high) with low < high")

    @property
    def stochastic(self) -> bool:
        """Whether sampling noise enters."""
        return self.method != "exact"

    def judge(self, evidence: Sequence[CellEvidence], *, level: float) -> Judgement:
        """Judge at ``level``: the chance of ``fail`` is at most ``level`` where the claim holds."""
        check(evidence, level)
        parts = [self._read(item) for item in evidence]
        vacuous = all(bool(self._useless(bound, trivial).all()) for _, bound, trivial in parts)
        pairs = [(value, np.broadcast_to(bound, value.shape)) for value, bound, _ in parts]
        if self.method == "exact":
            tests = [self._exact(index, value, bound) for index, (value, bound) in enumerate(pairs)]
            count = 1
            ratios = [value[bound > 0] / bound[bound > 0] for value, bound in pairs]
        else:
            count = max(1, sum(int(np.isfinite(bound).all(axis=0).sum()) for _, bound in pairs))
            one = self._t if self.method == "t" else self._bernstein
            tests = [one(index, value, bound, level / count) for index, (value, bound) in enumerate(pairs)]
            ratios = [test.estimate[test.bound > 0] / test.bound[test.bound > 0] for test in tests]
        pooled = np.concatenate(ratios)
        nearest = pooled.max if self.side == "upper" else pooled.min
        tightness = float(nearest()) if pooled.size else None
        return verdict(stack(tests), level=level, comparisons=count, vacuous=vacuous, tightness=tightness)

    def _read(self, item: CellEvidence) -> tuple[Floats, Floats, Floats]:
        value = samples(item, "value", 2 if self.stochastic else 1, f"method={self.method!r}")
        nothing = np.inf if self.side == "upper" else -np.inf
        bound = beside(item, "bound", value, item.bound, infinite=nothing)
        if bound is None:
            raise ValueError(
                f"{where(item)}: no bound; give the claim a bound(cell) or return an array 'bound' from "
                "measure"
            )
        trivial = beside(item, "trivial", value, item.trivial, infinite=nothing)
        if self.value_range is not None:
            low, high = self.value_range
            if value.min() < low or value.max() > high:
                raise ValueError(
                    f"{where(item)}: 'value' runs from {value.min():g} to {value.max():g}, outside "
                    f"value_range=({low:g}, {high:g}); give the range that holds every entry"
                )
            if (bound != bound[:1]).any():
                raise ValueError(f"{where(item)}: 'bound' varies over replications; use method='t'")
        return value, bound, np.full((1, value.shape[1]), nothing) if trivial is None else trivial

    def _room(self, bound: Floats) -> Floats:
        """Bound widened by the slack."""
        sign = 1.0 if self.side == "upper" else -1.0
        size = np.where(np.isfinite(bound), np.abs(bound), 1.0)
        return bound + sign * self.slack * np.maximum(1.0, size)

    def _useless(self, bound: Floats, trivial: Floats) -> np.ndarray:
        return self._room(bound) >= trivial if self.side == "upper" else self._room(bound) <= trivial

    def _exact(self, index: int, value: Floats, bound: Floats) -> Rows:
        sign = 1.0 if self.side == "upper" else -1.0
        violated = bool((sign * (value - self._room(bound)) > 0).any())
        scale = np.maximum(1.0, np.abs(np.where(np.isfinite(bound), bound, 0.0)))
        gap = sign * (value - bound) / scale
        worst = np.unravel_index(int(gap.argmax()), gap.shape)
        found, limit = float(value[worst]), float(bound[worst])
        return exact_row(index, int(worst[1]), found, limit, float(gap[worst]), violated)

    def _t(self, index: int, value: Floats, bound: Floats, delta: float) -> Rows:
        finite = np.isfinite(bound).all(axis=0)
        # a bound that varies with the replication is compared in pairs
        paired = finite & (bound != bound[:1]).any(axis=0)
        moving = np.where(paired, bound, 0.0)
        shift = moving.mean(axis=0)
        nowhere = np.full(shift.shape, np.inf)
        upper = self.side == "upper"
        limit = np.where(finite, np.where(paired, shift, bound[0]), nowhere if upper else -nowhere)
        room = self._room(limit) - shift
        least, most = (-nowhere, room) if upper else (room, nowhere)
        mean, error = moments(value - moving)
        df = np.full(shift.shape, value.shape[0] - 1.0)
        p_value, low, high, holds = student(mean, error, df, least, most, delta)
        return self._rows(index, mean + shift, low + shift, high + shift, limit, p_value, holds)

    def _bernstein(self, index: int, value: Floats, bound: Floats, delta: float) -> Rows:
        assert self.value_range is not None
        floor, ceiling = self.value_range
        size, width = value.shape[0], ceiling - floor
        mean, variance = value.mean(axis=0), value.var(axis=0, ddof=1)
        reach = empirical_bernstein_radius(variance, size, delta, width=width)
        low, high = np.maximum(mean - reach, floor), np.minimum(mean + reach, ceiling)
        room = self._room(bound[0])
        upper = self.side == "upper"
        excess = mean - room if upper else room - mean
        p_value = empirical_bernstein_tail(excess, variance, size, width=width)
        return self._rows(index, mean, low, high, bound[0], p_value, high <= room if upper else low >= room)

    def _rows(
        self,
        index: int,
        mean: Floats,
        low: Floats,
        high: Floats,
        bound: Floats,
        p_value: Floats,
        holds: np.ndarray,
    ) -> Rows:
        sign = 1.0 if self.side == "upper" else -1.0
        columns = np.arange(mean.size)
        gap = sign * (mean - bound)
        return Rows(np.full(mean.size, index), columns, mean, low, high, bound, p_value, holds, gap)
