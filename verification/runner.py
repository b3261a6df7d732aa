"""From claims to verdicts: measure what is missing, judge, write the ledger."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tightbound.verification import defaults
from tightbound.verification.budget import SHARE, Costs, choose, explained
from tightbound.verification.claim import Claim
from tightbound.verification.collecting import Collector, Plan, recalled
from tightbound.verification.errors import EvidenceError, OutputError
from tightbound.verification.events import Event, OnEvent
from tightbound.verification.evidence import FOLDER, Unit, units, versions
from tightbound.verification.executors import get_executor
from tightbound.verification.grid import SIZES, Grid, Size
from tightbound.verification.interrupts import interrupts_deferred
from tightbound.verification.judging import Finding, Settings, flipped, judge, skipped
from tightbound.verification.ledger import NAME, Ledger, Record, read
from tightbound.verification.provenance import stamp
from tightbound.verification.statistics.base import CellEvidence


@dataclass(frozen=True)
class ClaimEvidence:
    """What was measured for one claim and for its control, cell by cell."""

    measure: tuple[CellEvidence, ...]
    control: tuple[CellEvidence, ...]


def _ignore(event: Event) -> None:
    """Tell nobody."""


def verify(
    claims: Sequence[Claim],
    *,
    size: Size | None = None,
    seed: int = defaults.SEED,
    level: float = defaults.LEVEL,
    executor: str = "local",
    jobs: int | None = None,
    scheduler: str | None = None,
    output: Path = defaults.OUTPUT,
    cache: bool = True,
    budget: float | None = None,
    family: Iterable[Claim] | None = None,
    on_event: OnEvent = _ignore,
) -> list[Record]:
    """Measure and judge claims; the verdicts are appended to the ledger in their order.

    Each claim is judged at ``level`` divided by the number of stochastic claims, so that any false alarm in
    the whole run is at most as likely as ``level``; at the end Holm's steps may turn further verdicts into
    ``fail``.

    Parameters
    ----------
    claims : sequence of Claim
        Without repetition.
    size : {"quick", "standard", "full"}, optional
        Of the grids. Where left out, quick; with a budget the largest sizes that are expected to fit into it,
        see ``tightbound.verification.budget``.
    seed : int
        Root of all random numbers.
    level : float
        Chance of any false alarm, in (0, 1).
    executor : {"local", "serial", "dask", "slurm"}
        Worker processes, this process, or a cluster.
    jobs : int, optional
        Number of workers; one per core, or what the cluster has, where left out.
    scheduler : str, optional
        Where the cluster is: see ``tightbound.verification.executors.get_executor``.
    output : Path
        Folder of the ledger and the evidence; made where it does not exist.
    cache : bool
        Keep evidence found there that fits claim, code, cell, seed and versions; False measures all anew.
    budget : float, optional
        Seconds after which no further claim is started; the rest is ``skipped``. What is on disk costs
        nothing.
    family : iterable of Claim, optional
        The claims among which the level is shared; ``claims`` where left out.
    on_event : callable, optional
        Called with an ``Event`` at every step, in this thread.

    Returns
    -------
    list of dict
        One record per claim in their order: see ``tightbound.verification.ledger``.

    Raises
    ------
    ValueError
        For a repeated claim or a setting out of range.
    OutputError
        Where the output cannot be written. Finished evidence and verdicts are kept.
    ExecutorError
        Where the executor cannot be had or can run nothing more; likewise.
    KeyboardInterrupt
        On Ctrl-C, after the verdicts of all complete claims are written. The next run resumes.
    """
    settings = _settings(claims, size or "quick", seed, level, family)
    if budget is not None and not budget >= 0:
        raise ValueError(f"budget is {budget!r}: give seconds, at least 0, or leave it out")
    folder = _prepared(output)
    book = _Book(claims, settings, folder, on_event)
    plans = [Plan.of(claim, size or "quick", seed) for claim in claims]
    with get_executor(executor, jobs, scheduler=scheduler, output=output) as workers:
        if budget is not None:
            sizes = SIZES if size is None else (size,)
            stored = folder if cache else None
            costs = Costs.of(claims, read(folder / NAME)[0])
            note = _priced(plans, sizes, costs, stored, budget=budget, workers=workers.workers)
            on_event(Event("note", message=note))
        collector = Collector(workers, folder, budget=budget, on_event=on_event, on_complete=book.enter)
        try:
            collector.run(plans, cache=cache)
        except BaseException:
            book.close(final=False)
            raise
    return book.close()


def rejudge(
    records: Iterable[Record],
    claims: Sequence[Claim],
    *,
    folder: Path,
    level: float = defaults.LEVEL,
    family: Iterable[Claim] | None = None,
) -> list[Record]:
    """Judge again, from stored evidence and without measuring; nothing is written.

    Parameters
    ----------
    records : iterable of dict
        Of one ledger, at most one per claim: see ``tightbound.verification.ledger.latest``.
    claims : sequence of Claim
        What to judge; one without a record is left out, and so is a record without its claim.
    folder : Path
        The ledger's folder, to which the names of evidence files are relative.
    level, family
        As in ``verify``.

    Returns
    -------
    list of dict
        Records in the order of ``claims``. Evidence that is gone or was altered since makes an ``error`` that
        names the file.

    Raises
    ------
    ValueError
        For two records of one claim, a repeated claim, or a level out of range.
    """
    by_claim: dict[str, Record] = {}
    for record in records:
        if record["claim"] in by_claim:
            raise ValueError(f"records holds {record['claim']} twice: give those of one size and seed")
        by_claim[record["claim"]] = record
    again: list[Record] = []
    for claim in claims:
        if claim.id in by_claim:
            old = by_claim[claim.id]
            settings = _settings(claims, old["size"], old["seed"], level, family)
            if old["status"] == "skipped":
                new = skipped(claim, settings, old["reason"], old["versions"])
            else:
                findings = [_finding(entry, folder) for entry in old["evidence"]]
                new = judge(claim, findings, settings, old["versions"])
            again.append(new | {"run": old["run"]})
    return _with_flips(again, claims, _settings(claims, "quick", 0, level, family))


def evidence_for(
    claims: Sequence[Claim],
    *,
    size: Size = "quick",
    seed: int = defaults.SEED,
    executor: str = "local",
    jobs: int | None = None,
    output: Path = defaults.OUTPUT,
    cache: bool = True,
    on_event: OnEvent = _ignore,
) -> Mapping[str, ClaimEvidence]:
    """Measure what is missing and return the evidence of each claim by its id: what figures are drawn from.

    Parameters
    ----------
    claims, size, seed, executor, jobs, output, cache, on_event
        As in ``verify``, which finds the same evidence on disk.

    Returns
    -------
    mapping from id to ClaimEvidence
        ``.measure`` and ``.control`` are tuples of ``CellEvidence`` in the order of the grid.

    Raises
    ------
    EvidenceError
        For a claim that is not run, or a unit that raised an error or whose assumptions do not hold.
    OutputError, KeyboardInterrupt
        As in ``verify``.
    """
    _settings(claims, size, seed, defaults.LEVEL, None)
    folder = _prepared(output)
    found: dict[str, ClaimEvidence] = {}

    def keep(plan: Plan) -> None:
        if plan.skipped:
            raise EvidenceError(f"{plan.claim.id} is not run ({plan.skipped}): it has no evidence")
        findings = plan.findings(folder)
        for finding in findings:
            trouble = finding.error or finding.missing
            if finding.evidence is not None and not all(finding.evidence.assumptions.values()):
                trouble = "an assumption does not hold"
            if trouble:
                raise EvidenceError(f"{plan.claim.id}, {finding.role}, cell {dict(finding.cell)}: {trouble}")
        found[plan.claim.id] = ClaimEvidence(*(_of_role(findings, role) for role in ("measure", "control")))

    with get_executor(executor, jobs, output=output) as workers:
        collector = Collector(workers, folder, budget=None, on_event=on_event, on_complete=keep)
        collector.run([Plan.of(claim, size, seed) for claim in claims], cache=cache)
    return {claim.id: found[claim.id] for claim in claims}


def _priced(
    plans: Sequence[Plan],
    sizes: Sequence[Size],
    costs: Costs,
    folder: Path | None,
    *,
    budget: float,
    workers: int,
) -> str:
    """Give each plan its prices and the largest size that the budget allows; say so in one line."""
    live = [plan for plan in plans if plan.units]
    for plan in live:
        plan.prices = _prices(plan, sizes, costs, folder)
    chosen = choose([plan.prices for plan in live], SHARE * budget * workers)
    for plan, size in zip(live, chosen, strict=True):
        plan.become(size)
    spending = [(plan.claim, plan.size, plan.price) for plan in live]
    return explained(spending, costs, budget=budget, workers=workers)


def _prices(plan: Plan, sizes: Sequence[Size], costs: Costs, folder: Path | None) -> dict[Size, float]:
    """Return what is to be spent on a claim at each size that is larger than the one before and known."""
    found: dict[Size, float] = {}
    before: tuple[Unit, ...] = ()
    for size in sizes:
        wanted = units(plan.claim, size, plan.units[0].seed)
        missing = sum(folder is None or not (folder / unit.file).exists() for unit in wanted) / len(wanted)
        seconds = costs.seconds(plan.claim, size) if missing else 0.0
        if not found or (seconds is not None and wanted != before):
            found[size] = missing * (seconds or 0.0)
            before = wanted
    return found


class _Book:
    """Judges complete claims and writes their records in the order of the claims."""

    def __init__(self, claims: Sequence[Claim], settings: Settings, folder: Path, on_event: OnEvent) -> None:
        self._claims = claims
        self._settings = settings
        self._folder = folder
        self._on_event = on_event
        self._ledger = Ledger(folder)
        self._judged: dict[str, Record] = {}
        self._written: list[Record] = []
        for problem in self._ledger.problems:
            message = f"{NAME} line {problem.line} is skipped: {problem.reason}"
            on_event(Event("problem", message=message))

    def enter(self, plan: Plan) -> None:
        """Judge the claim of ``plan`` and write every record whose turn it is; Ctrl-C waits until then."""
        with interrupts_deferred():
            self._enter(plan)

    def _enter(self, plan: Plan) -> None:
        settings = replace(self._settings, size=plan.size)
        if plan.skipped:
            record = skipped(plan.claim, settings, plan.skipped, versions())
            seconds = 0.0
        else:
            findings = plan.findings(self._folder)
            record = judge(plan.claim, findings, settings, versions())
            seconds = sum(
                finding.evidence.about["wall_s"] for finding in findings if finding.evidence is not None
            )
        self._judged[plan.claim.id] = record | {"run": stamp(seconds)}
        while len(self._written) < len(self._claims):
            due = self._judged.get(self._claims[len(self._written)].id)
            if due is None:
                break
            self._write(due)
            self._written.append(due)

    def close(self, *, final: bool = True) -> list[Record]:
        """Write what is left and, where the run is complete, the verdicts that Holm's steps change."""
        if not final:
            written = {record["claim"] for record in self._written}
            for claim in self._claims:
                if claim.id in self._judged and claim.id not in written:
                    self._write(self._judged[claim.id])
            return self._written
        changed = _with_flips(self._written, self._claims, self._settings)
        for old, new in zip(self._written, changed, strict=True):
            if new is not old:
                self._write(new)
        return changed

    def _write(self, record: Record) -> None:
        self._ledger.append(record)
        self._on_event(Event("judged", record["claim"], record=record))


def _with_flips(records: Sequence[Record], claims: Sequence[Claim], settings: Settings) -> list[Record]:
    changed = {record["claim"]: record for record in flipped(records, claims, settings)}
    return [changed.get(record["claim"], record) for record in records]


def _finding(entry: Mapping[str, Any], folder: Path) -> Finding:
    cell = Grid([entry["cell"]]).quick[0]
    if entry["file"] is None:
        return Finding(entry["role"], cell, None, None, error=entry.get("error") or "it was never measured")
    found = recalled(entry["file"], Finding(entry["role"], cell, entry["file"], None), folder)
    if found.evidence is not None and found.evidence.sha256 != entry["sha256"]:
        missing = f"evidence {entry['file']} is not the one that was judged: run the claim again"
        return Finding(entry["role"], cell, entry["file"], None, missing=missing)
    return found


def _of_role(findings: Sequence[Finding], role: str) -> tuple[CellEvidence, ...]:
    return tuple(
        finding.evidence.for_statistic
        for finding in findings
        if finding.role == role and finding.evidence is not None
    )


def _settings(
    claims: Sequence[Claim], size: Size, seed: int, level: float, family: Iterable[Claim] | None
) -> Settings:
    seen: set[str] = set()
    for claim in claims:
        if claim.id in seen:
            raise ValueError(f"claims holds {claim.id} twice: give each claim once")
        seen.add(claim.id)
    if size not in SIZES:
        raise ValueError(f"size is {size!r}: choose one of {', '.join(SIZES)}")
    if isinstance(seed, bool) or not isinstance(seed, int) or seed < 0:
        raise ValueError(f"seed is {seed!r}: give an integer of at least 0")
    if not (0.0 < level < 1.0) or not math.isfinite(level):
        raise ValueError(f"level is {level!r}: give a chance of a false alarm between 0 and 1, e.g. 0.01")
    shared = {claim.id for claim in (claims if family is None else family) if claim.statistic.stochastic}
    return Settings(size, seed, float(level), len(shared))


def _prepared(output: Path) -> Path:
    try:
        (output / FOLDER).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError.of(output, error) from None
    return output
