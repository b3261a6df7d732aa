"""Getting units measured: what is on disk is kept, the rest is handed to an executor."""

from __future__ import annotations

import secrets
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Future, wait
from dataclasses import dataclass, field, replace
from pathlib import Path

from tightbound.verification.claim import Claim
from tightbound.verification.errors import ExecutorError, NotSendableError, OutputError
from tightbound.verification.events import Event, EventKind, OnEvent
from tightbound.verification.evidence import (
    FOLDER,
    CorruptEvidenceError,
    Unit,
    measure,
    packed,
    read,
    store,
    sweep,
    units,
)
from tightbound.verification.executors import Executor
from tightbound.verification.grid import Size
from tightbound.verification.judging import Finding
from tightbound.verification.trace import told

_RETRIES = 2


@dataclass
class Plan:
    """The units of one claim and how far they are.

    Parameters
    ----------
    claim : Claim
        What is measured.
    size : str
        At which size.
    units : tuple of Unit
        What there is to do.
    skipped : str
        Why nothing is done, where nothing is.
    prices : mapping from size to float
        What is to be spent on the claim, in seconds on one core; a larger size than the smallest one here
        gives way to that one where time is short.
    """

    claim: Claim
    size: Size
    units: tuple[Unit, ...]
    skipped: str = ""
    prices: Mapping[Size, float] = field(default_factory=dict)
    errors: dict[int, str] = field(default_factory=dict)
    waiting: set[int] = field(init=False)
    started: bool = False
    told: bool = False

    def __post_init__(self) -> None:
        self.waiting = set(range(len(self.units)))

    @classmethod
    def of(cls, claim: Claim, size: Size, seed: int) -> Plan:
        """Return the plan of ``claim`` at ``size``; one that is not to be run has no units."""
        return cls(claim, size, () if claim.skip else units(claim, size, seed), skipped=claim.skip)

    @property
    def price(self) -> float:
        """Seconds on one core, as far as known."""
        return self.prices.get(self.size, 0.0)

    @property
    def smallest(self) -> Size:
        """The size that it can give way to."""
        return next(iter(self.prices), self.size)

    def become(self, size: Size) -> None:
        """Change to another size; nothing may have started."""
        if size != self.size:
            other = Plan.of(self.claim, size, self.units[0].seed)
            self.size, self.units, self.waiting = size, other.units, other.waiting

    def findings(self, folder: Path) -> list[Finding]:
        """Return what became of every unit, read from disk."""
        return [self._finding(position, folder) for position in range(len(self.units))]

    def _finding(self, position: int, folder: Path) -> Finding:
        unit = self.units[position]
        if position in self.errors:
            return Finding(unit.role, unit.cell, None, None, error=self.errors[position])
        return recalled(unit.file, Finding(unit.role, unit.cell, unit.file, None), folder)


def recalled(file: str, finding: Finding, folder: Path) -> Finding:
    """Return ``finding`` with the evidence in ``file``, or with the reason why it cannot be had."""
    try:
        evidence = read(folder / file)
    except FileNotFoundError:
        missing = f"evidence {file} is missing: run the claim again"
        return Finding(finding.role, finding.cell, file, None, missing=missing)
    except CorruptEvidenceError as error:
        return Finding(finding.role, finding.cell, file, None, missing=f"evidence {error}")
    return Finding(finding.role, evidence.cell, file, evidence)


@dataclass(frozen=True)
class _Outcome:
    """What a worker reports; the evidence itself is on disk, or here where the worker cannot write it."""

    error: str = ""
    unwritable: str = ""
    foreign: bool = False
    content: bytes = b""


def perform(unit: Unit, path: Path | None, token: str, key: str | None = None) -> _Outcome:
    """Measure ``unit`` and write its evidence; runs in the worker.

    Parameters
    ----------
    unit : Unit
        What to measure.
    path : Path, optional
        Where its evidence goes; where left out, it is returned.
    token : str
        Marks the temporary files of this run.
    key : str, optional
        Of the unit as the parent computed it, to compare where the worker may have other code.
    """
    if key is not None and replace(unit).key != key:
        return _Outcome(foreign=True)
    try:
        content = packed(measure(unit))
    except (Exception, SystemExit) as error:
        return _Outcome(error=told(error))
    if path is None:
        return _Outcome(content=content)
    try:
        store(path, content, token=token)
    except OutputError as error:
        return _Outcome(unwritable=str(error))
    return _Outcome()


@dataclass
class _Task:
    plan: Plan
    position: int
    losses: int = 0

    @property
    def unit(self) -> Unit:
        return self.plan.units[self.position]


class Collector:
    """Measures the units of several plans, in their order.

    Parameters
    ----------
    executor : Executor
        Where units run.
    folder : Path
        The output folder.
    budget : float, optional
        Seconds after which no further claim is started.
    on_event : callable
        Told about every step.
    on_complete : callable
        Given each plan once, as soon as nothing of it is missing.
    """

    def __init__(
        self,
        executor: Executor,
        folder: Path,
        *,
        budget: float | None,
        on_event: OnEvent,
        on_complete: Callable[[Plan], None],
    ) -> None:
        self._executor = executor
        self._folder = folder
        self._budget = budget
        self._on_event = on_event
        self._on_complete = on_complete
        self._token = secrets.token_hex(4)
        self._queue: deque[_Task] = deque()
        self._suspects: deque[_Task] = deque()
        self._flying: dict[Future[_Outcome], _Task] = {}
        self._failure: OutputError | ExecutorError | None = None
        self._plans: Sequence[Plan] = ()
        self._cache = True
        self._done = 0
        self._total = 0
        self._start = time.monotonic()

    def run(self, plans: Sequence[Plan], *, cache: bool) -> None:
        """Complete every plan.

        Raises
        ------
        OutputError
            Where evidence could not be written; what was finished before is on disk.
        ExecutorError
            Where no further unit can run; likewise.
        KeyboardInterrupt
            As it came, after workers are ended; what was finished before is on disk.
        """
        sweep(self._folder / FOLDER)
        self._plans = plans
        self._cache = cache
        self._total = sum(len(plan.units) for plan in plans)
        try:
            for plan in plans:
                self._find(plan, cache=cache)
            while self._queue or self._suspects or self._flying:
                self._fill()
                for future in wait(self._flying, return_when=FIRST_COMPLETED).done:
                    self._settle(future)
        except BaseException as error:
            complete = [future for future in self._flying if future.done() and not future.exception()]
            self._executor.abandon()
            sweep(self._folder / FOLDER, self._token)
            if isinstance(error, KeyboardInterrupt):
                for future in complete:
                    self._settle(future)
                for plan in plans:
                    self._complete(plan)
            raise
        if self._failure is not None:
            raise self._failure

    def _find(self, plan: Plan, *, cache: bool, first: bool = False) -> None:
        """Keep what is on disk and queue the rest, before everything else where ``first``."""
        missing = []
        for position, unit in enumerate(plan.units):
            if cache and self._kept(plan, unit):
                self._finished(plan, position, cached=True)
            else:
                missing.append(_Task(plan, position))
        if first:
            self._queue.extendleft(reversed(missing))
        else:
            self._queue.extend(missing)
        self._complete(plan)

    def _kept(self, plan: Plan, unit: Unit) -> bool:
        try:
            read(self._folder / unit.file)
        except FileNotFoundError:
            return False
        except CorruptEvidenceError as error:
            self._tell("problem", plan, message=str(error))
            return False
        return True

    def _fill(self) -> None:
        """Hand over as many units as there are slots; a unit that may kill its worker runs alone."""
        if self._suspects:
            if not self._flying:
                self._submit(self._suspects.popleft())
            return
        while self._queue and len(self._flying) < self._executor.slots:
            task = self._queue.popleft()
            if task.plan.started or self._affordable(task.plan):
                self._submit(task)

    def _affordable(self, plan: Plan) -> bool:
        """Whether there is time to start ``plan``; where not, it is lowered or skipped."""
        if self._budget is None or plan.skipped:
            return not plan.skipped
        left = self._budget - (time.monotonic() - self._start)
        workers = self._executor.workers
        if plan.size != plan.smallest:
            others = [other for other in self._plans if other.waiting and not other.started]
            reserved = sum(
                other.prices[other.smallest] for other in others if other is not plan and other.prices
            )
            if plan.price + reserved > left * workers:
                self._lower(plan)
                return False
        if left > 0 and plan.price <= left * workers:
            return True
        plan.skipped = f"the budget of {self._budget:g} s was spent before this claim could start"
        self._done += len(plan.waiting)
        plan.waiting.clear()
        self._complete(plan)
        return False

    def _lower(self, plan: Plan) -> None:
        """Put the smallest size of ``plan`` in the place of the one that takes too long."""
        self._queue = deque(task for task in self._queue if task.plan is not plan)
        self._done -= len(plan.units) - len(plan.waiting)
        self._total -= len(plan.units)
        plan.become(plan.smallest)
        self._total += len(plan.units)
        self._find(plan, cache=self._cache, first=True)

    def _submit(self, task: _Task) -> None:
        task.plan.started = True
        self._tell("started", task.plan)
        unit = task.unit
        path = self._folder / unit.file
        if self._executor.remote:
            path = path.absolute()
        future = self._executor.submit(
            perform,
            unit,
            path if self._executor.writes else None,
            self._token,
            unit.key if self._executor.remote else None,
        )
        self._flying[future] = task

    def _settle(self, future: Future[_Outcome]) -> None:
        task = self._flying.pop(future)
        raised = future.exception()
        if isinstance(raised, BrokenExecutor):
            self._lost(task)
        elif isinstance(raised, (ExecutorError, OutputError)):
            self._stop(raised)
        elif isinstance(raised, NotSendableError):
            self._failed(task, _unsendable(task.unit))
        elif raised is not None:
            self._failed(task, told(raised))
        else:
            self._take(task, future.result())

    def _take(self, task: _Task, outcome: _Outcome) -> None:
        """Act on what a worker reports."""
        if outcome.content:
            try:
                store(self._folder / task.unit.file, outcome.content, token=self._token)
            except OutputError as error:
                self._stop(error)
                return
        if outcome.unwritable:
            self._stop(OutputError(outcome.unwritable))
        elif outcome.foreign and _nested(task.unit):
            self._failed(task, _unsendable(task.unit))
        elif outcome.foreign:
            self._stop(
                ExecutorError(
                    f"a worker has other code or other versions than this process for {task.plan.claim.id}: "
                    "install the same tightbound and the same libraries everywhere ('tightbound env' prints "
                    "them); finished evidence is kept"
                )
            )
        elif outcome.error:
            self._failed(task, outcome.error)
        else:
            self._finished(task.plan, task.position)

    def _stop(self, failure: OutputError | ExecutorError) -> None:
        """Start nothing more; what runs is still waited for."""
        self._failure = self._failure or failure
        self._queue.clear()
        self._suspects.clear()

    def _lost(self, task: _Task) -> None:
        """Try a unit again, alone, that may have killed its worker; it may also have finished before."""
        if self._failure is not None:
            return
        if self._executor.writes and self._cache and self._kept(task.plan, task.unit):
            self._finished(task.plan, task.position)
            return
        task.losses += 1
        if task.losses <= _RETRIES:
            self._suspects.append(task)
        else:
            self._failed(
                task,
                f"its worker process ended {task.losses} times (out of memory, a time limit, a crash in "
                "compiled code, or a script that calls verify outside of 'if __name__ == \"__main__\":')",
            )

    def _failed(self, task: _Task, reason: str) -> None:
        task.plan.errors[task.position] = reason
        self._finished(task.plan, task.position, message=reason)

    def _finished(self, plan: Plan, position: int, *, cached: bool = False, message: str = "") -> None:
        plan.waiting.discard(position)
        self._done += 1
        self._tell("finished", plan, cached=cached, message=message)
        self._complete(plan)

    def _complete(self, plan: Plan) -> None:
        if not plan.waiting and not plan.told:
            self._on_complete(plan)
            plan.told = True

    def _tell(self, kind: EventKind, plan: Plan, *, cached: bool = False, message: str = "") -> None:
        total = len(plan.units)
        self._on_event(
            Event(
                kind,
                plan.claim.id,
                self._done,
                self._total,
                total - len(plan.waiting),
                total,
                cached,
                None,
                message,
            )
        )


def _names(unit: Unit) -> list[str]:
    return [
        f"{function.__module__}.{getattr(function, '__qualname__', function)}" for function in unit.functions
    ]


def _nested(unit: Unit) -> list[str]:
    """Return the functions of ``unit`` that have no place where another machine could find them."""
    return [name for name in _names(unit) if "<" in name or name.startswith("__main__")]


def _unsendable(unit: Unit) -> str:
    names = ", ".join(_nested(unit) or _names(unit))
    return (
        f"{names} cannot be sent to another process: only functions at the top level of an importable module "
        "can; define it there, or use the serial executor"
    )
