"""A claim: one statement of a paper, how it is measured, what it is compared with, and what must fail."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike

from tightbound.verification.grid import Cell, Grid
from tightbound.verification.statistics import Statistic

Status = Literal["pass", "fail", "inconclusive", "vacuous", "invalid", "error", "skipped"]
STATUSES: tuple[Status, ...] = ("pass", "fail", "inconclusive", "vacuous", "invalid", "error", "skipped")

Provenance = Literal["abstract", "text", "recall", "derived"]
PROVENANCES: tuple[Provenance, ...] = ("abstract", "text", "recall", "derived")

Measure = Callable[[Cell, np.random.Generator], Mapping[str, ArrayLike]]
"""Returns named arrays; axis 0 of each runs over replications (a scalar is one replication)."""

_ID = re.compile(r"^[A-Z]+(-[A-Z]+)*-[A-Z]?[0-9]+[a-z]?$")


@dataclass(frozen=True)
class Assumption:
    """A hypothesis of the theorem, run on every cell; one that is false makes the claim ``invalid``."""

    name: str
    sentence: str
    holds: Callable[[Cell], bool]


@dataclass(frozen=True)
class NegativeControl:
    """A variant that must **fail** the claim's own statistic: a broken algorithm or a violated assumption.

    Parameters
    ----------
    because : str
        Why it must fail, in one sentence.
    measure, grid, bound : optional
        What replaces the claim's own; at least one is given. Cells that the control shares with the claim
        see the same random numbers (same index, same seed).
    """

    because: str
    measure: Measure | None = None
    grid: Grid | None = None
    bound: Callable[[Cell], float] | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.because, str) or not self.because.strip():
            raise ValueError(
                f"because is {self.because!r}: say in one sentence why the control must end as it should, "
                "and give what it replaces by name, e.g. NegativeControl(because='...', measure=broken)"
            )
        if self.measure is None and self.grid is None and self.bound is None:
            raise ValueError(
                "the control changes nothing: give a measure, a grid or a bound, else it repeats the claim"
            )


@dataclass(frozen=True)
class PositiveControl(NegativeControl):
    """For a statement that is false: a region where it does hold, so it must **pass** the same statistic."""


@dataclass(frozen=True)
class Claim:
    """One checkable statement.

    Parameters
    ----------
    id : str
        Unique, e.g. ``"BS-4"`` or ``"BS-7a"``.
    paper : str
        Folder of the paper under ``papers/``.
    title, statement : str
        One line in words; the formula (LaTeX or plain).
    source : str
        Where it stands: theorem number, section, and the version read where it matters.
    provenance : {"abstract", "text", "recall", "derived"}
        Only ``text`` and ``derived`` constants are gated; nothing else is called the paper's.
    statistic : Statistic
        How measurements become a verdict.
    grid : Grid
        Instances at the three sizes.
    measure : callable ``(cell, rng) -> {name: array}``
        The left-hand side. A module-level function: it is sent to other processes by name.
    control : NegativeControl, or PositiveControl where ``expected="fail"``
        Required. A control that does not end as it must makes the claim ``invalid``.
    bound : callable ``(cell) -> float``, optional
        The right-hand side; left out where ``measure`` returns a ``bound`` or where there is none.
    trivial : callable ``(cell) -> float``, optional
        What holds without any theorem; a bound no better than this on the whole grid is ``vacuous``.
    assumptions : tuple of Assumption
        Hypotheses, run on every cell.
    expected : str
        The status that ``verify`` must find; ``"fail"`` marks a printed statement that is false.
    corrected_by : str, optional
        Id of the claim that states the corrected result; required where ``expected="fail"``.
    counterexample : mapping, optional
        The smallest instance on which a false statement fails; required where ``expected="fail"``.
    substitutes : str
        What stands in for an LLM, a robot, a video model; empty where nothing does.
    seconds : mapping from size to float
        Rough cost on one core, used to spend a budget.
    skip : str
        Reason why the claim is not run (status ``skipped``); empty where it is.

    Raises
    ------
    ValueError
        For an id of the wrong form, an unknown status or provenance, a missing control, or a false
        statement without counterexample, positive control and correction.
    TypeError
        For a part of the wrong kind, e.g. a grid that is no Grid.

    See Also
    --------
    tightbound.verification.statistics : the statistics and the names of the arrays each one reads.
    """

    id: str
    paper: str
    title: str
    statement: str
    source: str
    provenance: Provenance
    statistic: Statistic
    grid: Grid
    measure: Measure
    control: NegativeControl
    bound: Callable[[Cell], float] | None = None
    trivial: Callable[[Cell], float] | None = None
    assumptions: tuple[Assumption, ...] = ()
    expected: Status = "pass"
    corrected_by: str | None = None
    counterexample: Mapping[str, Any] | None = None
    substitutes: str = ""
    seconds: Mapping[str, float] = field(default_factory=dict)
    skip: str = ""

    def __post_init__(self) -> None:
        if not _ID.fullmatch(self.id):
            raise ValueError(f"id is {self.id!r}: use capitals, a dash and a number, e.g. 'BS-4' or 'BS-7a'")
        self._check_parts()
        if self.provenance not in PROVENANCES:
            raise ValueError(
                f"{self.id}: provenance is {self.provenance!r}: choose one of {', '.join(PROVENANCES)}"
            )
        if self.expected not in STATUSES:
            raise ValueError(f"{self.id}: expected is {self.expected!r}: choose one of {', '.join(STATUSES)}")
        if not isinstance(self.control, NegativeControl):
            raise ValueError(
                f"{self.id}: control is {self.control!r}: every claim needs a NegativeControl; "
                "a claim without a control that fails is not a claim"
            )
        if self.expected == "fail":
            if not isinstance(self.control, PositiveControl):
                raise ValueError(
                    f"{self.id}: a false statement needs a PositiveControl, a region where it does hold"
                )
            if not self.corrected_by or not self.counterexample:
                raise ValueError(f"{self.id}: a false statement needs corrected_by and a counterexample")
        elif isinstance(self.control, PositiveControl):
            raise ValueError(
                f"{self.id}: a PositiveControl belongs to expected='fail'; give a NegativeControl"
            )
        if bool(self.skip) != (self.expected == "skipped"):
            raise ValueError(f"{self.id}: a reason in skip and expected='skipped' belong together")

    def _check_parts(self) -> None:
        """Refuse a part of the wrong kind here, where the file and the line are known."""
        wrong = [
            (name, value, wanted)
            for name, value, good, wanted in (
                (
                    "statistic",
                    self.statistic,
                    hasattr(self.statistic, "judge") and not isinstance(self.statistic, type),
                    "a statistic: BoundHolds()",
                ),
                ("grid", self.grid, isinstance(self.grid, Grid), "a Grid: Grid(quick=cells(n=[10, 100]))"),
                ("measure", self.measure, callable(self.measure), "a function (cell, rng)"),
                *(
                    (name, value, value is None or callable(value), "a function (cell), or leave it out")
                    for name, value in (("bound", self.bound), ("trivial", self.trivial))
                ),
                (
                    "assumptions",
                    self.assumptions,
                    isinstance(self.assumptions, tuple)
                    and all(isinstance(entry, Assumption) for entry in self.assumptions),
                    "a tuple: (Assumption('positive', 'eps is positive', eps_is_positive),)",
                ),
            )
            if not good
        ]
        for name, value, wanted in wrong:
            raise TypeError(f"{self.id}: {name} is {value!r}: give {wanted}")

    @property
    def control_must(self) -> Status:
        """The status in which the control has to end: ``fail``, or ``pass`` for a positive control."""
        return "pass" if isinstance(self.control, PositiveControl) else "fail"
