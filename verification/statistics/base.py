"""What a statistic is given and what it returns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

import numpy as np

from tightbound.verification.grid import Cell

JudgementStatus = Literal["pass", "fail", "inconclusive", "vacuous"]


@dataclass(frozen=True)
class CellEvidence:
    """What was measured in one cell.

    Parameters
    ----------
    cell : mapping
        The instance.
    data : mapping from name to array
        Axis 0 runs over replications (all replicates of the cell, concatenated).
    bound, trivial : float, optional
        Right-hand side of the claim and the bound that needs no theorem.
    """

    cell: Cell
    data: Mapping[str, np.ndarray]
    bound: float | None = None
    trivial: float | None = None


@dataclass(frozen=True)
class Judgement:
    """A verdict and the numbers behind it.

    Parameters
    ----------
    status : {"pass", "fail", "inconclusive", "vacuous"}
        ``fail`` only where ``p_value <= level``; ``pass`` only where the whole interval is on the right side.
    estimate, low, high : float
        The measured quantity and its interval at the level used (equal for an exact quantity). Of several
        cells: the one nearest to violating the claim.
    bound : float
        What the estimate is compared with, in the same cell.
    p_value : float
        Of the hypothesis that the claim holds: 0 or 1 for an exact quantity.
    tightness : float or None
        Largest measured / bound over the grid; None where there is no bound.
    detail : mapping from name to list
        Per-cell numbers for tables and figures.
    """

    status: JudgementStatus
    estimate: float
    low: float
    high: float
    bound: float
    p_value: float
    tightness: float | None = None
    detail: Mapping[str, list[Any]] = field(default_factory=dict)


class Statistic(Protocol):
    """Turns evidence into a verdict.

    ``stochastic`` says whether sampling noise enters; only such statistics spend a share of the level.
    """

    @property
    def stochastic(self) -> bool:
        """Whether sampling noise enters the verdict."""
        ...

    def judge(self, evidence: Sequence[CellEvidence], *, level: float) -> Judgement:
        """Judge at ``level``: the chance of ``fail`` is at most ``level`` where the claim holds."""
        ...
