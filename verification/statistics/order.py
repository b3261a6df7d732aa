"""One quantity is larger than another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from tightbound.theory.concentration import binomial_tail, clopper_pearson
from tightbound.verification.statistics._arrays import Floats, check, choice, number, samples, table, where
from tightbound.verification.statistics._verdict import Rows, exact_row, moments, stack, student, verdict
from tightbound.verification.statistics.base import CellEvidence, Judgement


@dataclass(frozen=True)
class Order:
    r"""Check ``greater - smaller > margin`` in every cell, in pairs.

    With ``d = greater - smaller``, ``t``: ``E d > margin``; ``sign``: ``P(d > margin) > P(d < margin)``.

    Reads ``greater`` and ``smaller`` of one shape, (R,) or (R, T), paired by replication (common random
    numbers); each column is a comparison of its own.

    Parameters
    ----------
    margin : float
        What the difference must exceed.
    method : {"t", "sign", "exact"}
        ``t``: the mean difference, by Student's t. ``sign``: the exact binomial test, for differences without
        a useful mean; ties are left out. ``exact``: every entry.

    Raises
    ------
    TypeError, ValueError
        For an option outside its range; by ``judge`` for evidence that is missing, misshapen, not finite, or
        has fewer than 2 replications for ``t``.

    Notes
    -----
    The inequality is strict: equality in every replication is evidence against it for ``t`` and ``exact``;
    for ``sign``, nothing but ties is ``inconclusive``. Limits and p-values hold together for all comparisons
    (Bonferroni).

    Examples
    --------
    >>> data = {"greater": np.array([3.0, 4.0, 5.0]), "smaller": np.array([1.0, 2.0, 2.5])}
    >>> Order(method="exact").judge([CellEvidence(cell={"n": 3}, data=data)], level=0.01).status
    'pass'
    """

    margin: float = 0.0
    method: Literal["t", "sign", "exact"] = "t"

    def __post_init__(self) -> None:
        number("margin", self.margin)
        choice("method", self.method, ("t", "sign", "exact"))

    @property
    def stochastic(self) -> bool:
        """Whether sampling noise enters."""
        return self.method != "exact"

    def judge(self, evidence: Sequence[CellEvidence], *, level: float) -> Judgement:
        """Judge at ``level``: the chance of ``fail`` is at most ``level`` where the claim holds."""
        check(evidence, level)
        differences = [self._read(item) for item in evidence]
        if self.method == "exact":
            return verdict(
                stack([self._exact(i, found) for i, found in enumerate(differences)]),
                level=level,
                comparisons=1,
            )
        count = sum(found.shape[1] for found in differences)
        one = self._t if self.method == "t" else self._sign
        rows = stack([one(i, found, level / count) for i, found in enumerate(differences)])
        return verdict(rows, level=level, comparisons=count)

    def _read(self, item: CellEvidence) -> Floats:
        least = 2 if self.method == "t" else 1
        greater = samples(item, "greater", least, f"method={self.method!r}")
        smaller = samples(item, "smaller", least, f"method={self.method!r}")
        if greater.shape != smaller.shape:
            raise ValueError(
                f"{where(item)}: 'greater' has shape {np.shape(item.data['greater'])}, 'smaller' "
                f"{np.shape(item.data['smaller'])}; give pairs, one shape for both"
            )
        return table(greater - smaller)

    def _exact(self, index: int, difference: Floats) -> Rows:
        worst = np.unravel_index(int(difference.argmin()), difference.shape)
        found = float(difference[worst])
        return exact_row(
            index, int(worst[1]), found, self.margin, self.margin - found, not found > self.margin
        )

    def _t(self, index: int, difference: Floats, delta: float) -> Rows:
        mean, error = moments(difference)
        df = np.full(mean.shape, difference.shape[0] - 1.0)
        # the smallest number above the margin: the claim is a strict inequality
        least = np.full(mean.shape, np.nextafter(self.margin, np.inf))
        p_value, low, high, holds = student(mean, error, df, least, np.full(mean.shape, np.inf), delta)
        margin = np.full(mean.shape, self.margin)
        cells, columns = np.full(mean.size, index), np.arange(mean.size)
        return Rows(cells, columns, mean, low, high, margin, p_value, holds, margin - mean)

    def _sign(self, index: int, difference: Floats, delta: float) -> Rows:
        above = (difference > self.margin).sum(axis=0).astype(np.float64)
        below = (difference < self.margin).sum(axis=0).astype(np.float64)
        told = above + below
        some = told > 0
        trials = np.where(some, told, 1.0)
        low, high = clopper_pearson(above, trials, delta)
        half = np.full(told.shape, 0.5)
        share = np.where(some, above / trials, 0.5)
        return Rows(
            cell=np.full(told.size, index),
            column=np.arange(told.size),
            estimate=share,
            low=np.where(some, low, 0.0),
            high=np.where(some, high, 1.0),
            bound=half,
            p_value=np.where(some, binomial_tail(below, trials, 0.5), 1.0),
            holds=some & (low > half),
            gap=half - share,
        )
