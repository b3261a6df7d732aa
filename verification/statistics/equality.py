"""The measured quantity equals its reference."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from tightbound.verification.statistics._arrays import Floats, beside, check, choice, number, samples, where
from tightbound.verification.statistics._verdict import Rows, exact_row, moments, stack, student, verdict
from tightbound.verification.statistics.base import CellEvidence, Judgement


@dataclass(frozen=True)
class Equality:
    r"""Check that ``value`` equals ``reference`` up to a stated tolerance.

    ``|value - reference| <= atol + rtol |reference|``

    Reads ``value`` of shape (R,) or (R, T). The reference is an array ``reference`` of the same shape, of
    shape (1, T), or one number; without that array it is the claim's bound.

    Parameters
    ----------
    rtol, atol : float
        Tolerance, at least 0. Derive it from machine epsilon, condition and length, or from the accuracy
        claimed.
    method : {"exact", "t"}
        ``exact``: every entry. ``t``: the means over replications, by an equivalence test (a reference that
        varies with the replication is compared in pairs).

    Raises
    ------
    TypeError, ValueError
        For an option outside its range, or ``t`` without a tolerance; by ``judge`` for evidence that is
        missing, misshapen, not finite, or has fewer than 2 replications where the mean is tested.

    Notes
    -----
    With ``t`` the interval for the mean difference, simultaneous over all comparisons, decides: inside the
    tolerance ``pass``, wholly outside ``fail``, else ``inconclusive``.

    Examples
    --------
    >>> data = {"value": np.array([6.0]), "reference": np.array([6.0])}
    >>> Equality().judge([CellEvidence(cell={"n": 3}, data=data)], level=0.01).status
    'pass'
    """

    rtol: float = 0.0
    atol: float = 0.0
    method: Literal["exact", "t"] = "exact"

    def __post_init__(self) -> None:
        number("rtol", self.rtol, least=0.0)
        number("atol", self.atol, least=0.0)
        choice("method", self.method, ("exact", "t"))
        if self.method == "t" and self.rtol == self.atol == 0:
            raise ValueError(
                "rtol and atol are 0 with method='t': no sample confirms exact equality; give the "
                "difference that may be neglected, or method='exact'"
            )

    @property
    def stochastic(self) -> bool:
        """Whether sampling noise enters."""
        return self.method != "exact"

    def judge(self, evidence: Sequence[CellEvidence], *, level: float) -> Judgement:
        """Judge at ``level``: the chance of ``fail`` is at most ``level`` where the claim holds."""
        check(evidence, level)
        pairs = [self._read(item) for item in evidence]
        if self.method == "exact":
            return verdict(
                stack([self._exact(i, *pair) for i, pair in enumerate(pairs)]), level=level, comparisons=1
            )
        count = sum(value.shape[1] for value, _ in pairs)
        rows = stack([self._t(i, *pair, level / count) for i, pair in enumerate(pairs)])
        return verdict(rows, level=level, comparisons=count)

    def _read(self, item: CellEvidence) -> tuple[Floats, Floats]:
        value = samples(item, "value", 2 if self.stochastic else 1, f"method={self.method!r}")
        reference = beside(item, "reference", value, item.bound)
        if reference is None:
            raise ValueError(
                f"{where(item)}: no reference; return an array 'reference' from measure or give the claim "
                "a bound(cell)"
            )
        return value, np.broadcast_to(reference, value.shape)

    def _exact(self, index: int, value: Floats, reference: Floats) -> Rows:
        difference = np.abs(value - reference)
        tolerance = self.atol + self.rtol * np.abs(reference)
        beyond = difference - tolerance
        worst = np.unravel_index(int(beyond.argmax()), beyond.shape)
        row = exact_row(
            index,
            int(worst[1]),
            float(value[worst]),
            float(reference[worst]),
            float(beyond[worst]),
            bool((difference > tolerance).any()),
        )
        return row.adding(difference=difference[worst], tolerance=tolerance[worst])

    def _t(self, index: int, value: Floats, reference: Floats, delta: float) -> Rows:
        mean, error = moments(value - reference)
        center = moments(reference)[0]
        tolerance = self.atol + self.rtol * np.abs(center)
        df = np.full(mean.shape, value.shape[0] - 1.0)
        p_value, low, high, holds = student(mean, error, df, -tolerance, tolerance, delta)
        columns = np.arange(mean.size)
        cells = np.full(mean.size, index)
        gap = np.abs(mean) - tolerance
        rows = Rows(cells, columns, mean + center, low + center, high + center, center, p_value, holds, gap)
        return rows.adding(difference=mean, tolerance=tolerance)
