"""A bad event is rarer than the stated probability."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tightbound.theory.concentration import binomial_tail, clopper_pearson
from tightbound.verification.statistics._arrays import Floats, check, number, read, table, where
from tightbound.verification.statistics._verdict import Rows, stack, verdict
from tightbound.verification.statistics.base import CellEvidence, Judgement


@dataclass(frozen=True)
class HighProbability:
    r"""Check ``P(violated) <= delta`` in every cell by exact binomial limits.

    ``fail``: ``P(Binomial(n, delta) >= violations)`` is small; ``pass``: the Clopper-Pearson upper limit is
    at most ``delta``, which takes about ``log(1/level) / delta`` runs without a violation.

    Reads ``violated``, shape (R,) or (R, T) of booleans (or 0 and 1), each column being a comparison of its
    own; or counts ``violations`` and ``trials`` of one shape, added up over replications.

    Parameters
    ----------
    delta : float
        The stated probability, in (0, 1).

    Raises
    ------
    TypeError, ValueError
        For ``delta`` outside its range; by ``judge`` for evidence that is missing, misshapen, or not a count.

    Notes
    -----
    Limits and p-values hold together for all comparisons (Bonferroni). ``tightness`` is the largest frequency
    / delta.

    References
    ----------
    Clopper and Pearson, Biometrika 26, 1934.

    Examples
    --------
    >>> evidence = [CellEvidence(cell={"n": 10}, data={"violated": np.zeros(100, dtype=bool)})]
    >>> HighProbability(delta=0.05).judge(evidence, level=0.01).status
    'pass'
    >>> HighProbability(delta=0.04).judge(evidence, level=0.01).status
    'inconclusive'
    """

    delta: float

    def __post_init__(self) -> None:
        number("delta", self.delta)
        if not 0.0 < self.delta < 1.0:
            raise ValueError(f"delta is {self.delta!r}: give a probability strictly between 0 and 1")

    @property
    def stochastic(self) -> bool:
        """Whether sampling noise enters: always."""
        return True

    def judge(self, evidence: Sequence[CellEvidence], *, level: float) -> Judgement:
        """Judge at ``level``: the chance of ``fail`` is at most ``level`` where the claim holds."""
        check(evidence, level)
        counts = [_counts(item) for item in evidence]
        count = sum(hits.size for hits, _ in counts)
        rows = stack([self._row(i, *pair, level / count) for i, pair in enumerate(counts)])
        return verdict(
            rows, level=level, comparisons=count, tightness=float(rows.estimate.max()) / self.delta
        )

    def _row(self, index: int, hits: Floats, trials: Floats, share: float) -> Rows:
        low, high = clopper_pearson(hits, trials, share)
        rows = Rows(
            cell=np.full(hits.size, index),
            column=np.arange(hits.size),
            estimate=hits / trials,
            low=low,
            high=high,
            bound=np.full(hits.size, self.delta),
            p_value=binomial_tail(hits, trials, self.delta),
            holds=high <= self.delta,
            gap=hits / trials - self.delta,
        )
        return rows.adding(violations=hits.astype(np.int64), trials=trials.astype(np.int64))


def _counts(item: CellEvidence) -> tuple[Floats, Floats]:
    """Return violations and trials per column."""
    if "violated" in item.data:
        flags = table(read(item, "violated"))
        if not np.isin(flags, (0.0, 1.0)).all():
            raise ValueError(
                f"{where(item)}: 'violated' holds {flags[~np.isin(flags, (0.0, 1.0))][0]:g}; give "
                "booleans, one per replication, or counts 'violations' and 'trials'"
            )
        return flags.sum(axis=0), np.full(flags.shape[1], float(flags.shape[0]))
    if "violations" not in item.data:
        has = ", ".join(sorted(item.data)) or "nothing"
        raise ValueError(
            f"{where(item)}: no array 'violated' (measure returned {has}); return booleans 'violated', or "
            "counts 'violations' and 'trials'"
        )
    hits, trials = table(read(item, "violations")), table(read(item, "trials"))
    if hits.shape != trials.shape:
        raise ValueError(
            f"{where(item)}: 'violations' has shape {hits.shape}, 'trials' {trials.shape}; give one shape "
            "for both"
        )
    whole = (hits == np.floor(hits)) & (trials == np.floor(trials))
    if not (whole & (hits >= 0) & (hits <= trials) & (trials >= 1)).all():
        raise ValueError(
            f"{where(item)}: 'violations' and 'trials' are not counts with 0 <= violations <= trials and "
            "trials >= 1"
        )
    return hits.sum(axis=0), trials.sum(axis=0)
