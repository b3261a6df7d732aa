"""The measured distribution is the stated one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from tightbound.theory.concentration import binomial_tail
from tightbound.verification.statistics._arrays import Floats, check, choice, number, read, where
from tightbound.verification.statistics._verdict import Rows, exact_row, stack, verdict
from tightbound.verification.statistics.base import CellEvidence, Judgement

_LEAST_EXPECTED = 5.0
_SUM_TOLERANCE = 1e-8


@dataclass(frozen=True)
class Law:
    r"""Check that a distribution on finitely many categories is the stated one.

    ``exact``: ``1/2 sum |value - reference| <= atol``; ``chi2``: ``sum (counts - n p)^2 / (n p)`` against the
    chi-square law with (categories - 1) degrees of freedom

    Parameters
    ----------
    method : {"exact", "chi2"}
        ``exact`` reads probability vectors ``value`` and ``reference``, shape (C,) or rows (R, C) compared
        one by one. ``chi2`` reads ``counts``, shape (C,) or rows (R, C) that are added up, and
        ``probabilities`` of shape (C,) or identical rows.
    atol : float
        Total-variation distance allowed by ``exact``, at least 0.

    Raises
    ------
    TypeError, ValueError
        For an option outside its range; by ``judge`` for evidence that is missing, misshapen, not a
        probability vector or not a count.

    Notes
    -----
    Categories with fewer than 5 expected counts are pooled (with the smallest other one, where the pool
    itself stays below 5); a count where the stated probability is 0 rejects outright. Where two categories
    are left the p-value is the exact binomial one, because there the chi-square tail rejects too often. With
    more it is an approximation, rough at levels far below 0.01 when ``detail["least_expected"]`` is near 5;
    draw more rather than trust it there.

    A test of fit never confirms a law: ``pass`` means not rejected with at least two categories left after
    pooling, fewer leave it ``inconclusive``. What it could have missed is a matter of sample size, which the
    control shows. In the judgement of ``chi2`` the estimate is the statistic, the bound its critical value.

    References
    ----------
    Cochran, "Some methods for strengthening the common chi-square tests", Biometrics 10, 1954.

    Examples
    --------
    >>> data = {"counts": np.array([260, 240, 500]), "probabilities": np.array([0.25, 0.25, 0.5])}
    >>> Law(method="chi2").judge([CellEvidence(cell={"n": 1000}, data=data)], level=0.01).status
    'pass'
    """

    method: Literal["exact", "chi2"] = "exact"
    atol: float = 1e-12

    def __post_init__(self) -> None:
        choice("method", self.method, ("exact", "chi2"))
        number("atol", self.atol, least=0.0)

    @property
    def stochastic(self) -> bool:
        """Whether sampling noise enters."""
        return self.method != "exact"

    def judge(self, evidence: Sequence[CellEvidence], *, level: float) -> Judgement:
        """Judge at ``level``: the chance of ``fail`` is at most ``level`` where the claim holds."""
        check(evidence, level)
        if self.method == "exact":
            return verdict(
                stack([self._exact(i, item) for i, item in enumerate(evidence)]), level=level, comparisons=1
            )
        count = len(evidence)
        rows = stack([_chi2(i, item, level / count) for i, item in enumerate(evidence)])
        return verdict(rows, level=level, comparisons=count)

    def _exact(self, index: int, item: CellEvidence) -> Rows:
        value, reference = _law(item, "value"), _law(item, "reference")
        if value.shape != reference.shape and (len(reference) != 1 or value.shape[1] != reference.shape[1]):
            raise ValueError(
                f"{where(item)}: 'value' has shape {np.shape(item.data['value'])}, 'reference' "
                f"{np.shape(item.data['reference'])}; give one shape for both, or one row as reference"
            )
        distance = 0.5 * np.abs(value - reference).sum(axis=1)
        worst = int(distance.argmax())
        found = float(distance[worst])
        return exact_row(index, worst, found, self.atol, found - self.atol, found > self.atol)


def _rows(item: CellEvidence, name: str) -> Floats:
    found = np.atleast_2d(read(item, name))
    if found.ndim != 2:
        raise ValueError(
            f"{where(item)}: '{name}' has shape {found.shape}; give one vector (C,) or rows (R, C)"
        )
    return found


def _law(item: CellEvidence, name: str) -> Floats:
    found = _rows(item, name)
    total = found.sum(axis=1)
    worst = int(np.abs(total - 1.0).argmax())
    if found.min() < -_SUM_TOLERANCE or abs(total[worst] - 1.0) > _SUM_TOLERANCE:
        raise ValueError(
            f"{where(item)}: '{name}' is not a probability vector (smallest entry {found.min():g}, sum "
            f"{total[worst]:.9g}); give rows of shape (R, C) that are at least 0 and add up to 1"
        )
    return found


def _chi2(index: int, item: CellEvidence, delta: float) -> Rows:
    from scipy.special import chdtrc, chdtri

    counts, laws = _rows(item, "counts"), _law(item, "probabilities")
    if counts.shape[1] != laws.shape[1]:
        raise ValueError(
            f"{where(item)}: 'counts' has {counts.shape[1]} categories, 'probabilities' {laws.shape[1]}; "
            "give one number of categories for both, counts as rows of shape (R, C)"
        )
    if (laws != laws[:1]).any():
        raise ValueError(
            f"{where(item)}: the rows of 'probabilities' differ; make each law a cell of its own"
        )
    if counts.min() < 0 or (counts != np.floor(counts)).any() or counts.sum() == 0:
        raise ValueError(
            f"{where(item)}: 'counts' are not counts (whole, at least 0, not all 0); give np.bincount's"
        )
    observed, law = counts.sum(axis=0), np.maximum(laws[0], 0.0)
    seen, expected = _pooled(observed[law > 0], observed.sum() * law[law > 0])
    enough = expected.size >= 2
    statistic = float(((seen - expected) ** 2 / expected).sum()) if enough else 0.0
    df = max(expected.size - 1, 1)
    p_value = float(chdtrc(df, statistic)) if enough else 1.0
    critical = float(chdtri(df, delta))
    if expected.size == 2 and seen.sum() > 0:
        share = expected / expected.sum()
        p_value = min(1.0, 2.0 * float(binomial_tail(seen, seen.sum(), share).min()))
    if observed[law == 0].sum() > 0:
        statistic, p_value = np.inf, 0.0
    row = Rows(
        cell=np.array([index]),
        column=np.array([0]),
        estimate=np.array([statistic]),
        low=np.array([statistic]),
        high=np.array([statistic]),
        bound=np.array([critical]),
        p_value=np.array([p_value]),
        holds=np.array([enough and p_value > delta]),
        gap=np.array([statistic / critical]),
    )
    return row.adding(
        degrees_of_freedom=expected.size - 1, draws=int(observed.sum()), least_expected=float(expected.min())
    )


def _pooled(observed: Floats, expected: Floats) -> tuple[Floats, Floats]:
    """Pool categories expected fewer than 5 times; the choice never looks at what was observed."""
    order = np.argsort(expected, kind="stable")
    observed, expected = observed[order], expected[order]
    small = int((expected < _LEAST_EXPECTED).sum())
    if small and expected[:small].sum() < _LEAST_EXPECTED:
        small += 1
    if small < 2:
        return observed, expected
    return (
        np.concatenate([[observed[:small].sum()], observed[small:]]),
        np.concatenate([[expected[:small].sum()], expected[small:]]),
    )
