"""From the evidence of a claim and of its control to one verdict."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tightbound.verification.claim import Claim, Status
from tightbound.verification.evidence import Evidence, Role
from tightbound.verification.grid import Cell
from tightbound.verification.holm import holm
from tightbound.verification.ledger import SCHEMA, Record, key_of
from tightbound.verification.statistics.base import Judgement
from tightbound.verification.trace import told


@dataclass(frozen=True)
class Finding:
    """What became of one unit: its evidence, or why there is none.

    Parameters
    ----------
    role : {"measure", "control"}
        Which of the two it belongs to.
    cell : mapping
        The instance.
    file : str or None
        Where the evidence is, relative to the ledger's folder.
    evidence : Evidence or None
        What was measured.
    error : str
        What the measurement raised, where it did.
    missing : str
        Why evidence that was once written cannot be had, where it cannot.
    """

    role: Role
    cell: Cell
    file: str | None
    evidence: Evidence | None
    error: str = ""
    missing: str = ""


@dataclass(frozen=True)
class Settings:
    """What a verdict depends on besides claim and evidence; the share of the level is level / family."""

    size: str
    seed: int
    level: float
    family: int

    @property
    def share(self) -> float:
        """Level of one claim's own judgement (Bonferroni)."""
        return self.level / max(1, self.family)


def judge(
    claim: Claim, findings: Sequence[Finding], settings: Settings, versions: Mapping[str, str]
) -> Record:
    """Return the verdict on ``claim``.

    The first of these that applies decides: a measurement or the statistic raised an error (``error``); an
    assumption does not hold (``invalid``); the control raised an error or ended otherwise than it must
    (``invalid``); the statistic.
    """
    own = [finding for finding in findings if finding.role == "measure"]
    assumptions = _assumptions(own)
    verdict: Judgement | None = None
    status: Status
    control, control_reason = _control(claim, findings, settings)
    reason = _first(finding.missing for finding in findings) or _first(
        f"cell {dict(finding.cell)}: {finding.error}" for finding in own if finding.error
    )
    broken = [name for name, holds in assumptions.items() if not holds]
    if reason:
        status = "error"
    elif broken:
        status = "invalid"
        sentences = {assumption.name: assumption.sentence for assumption in claim.assumptions}
        reason = "; ".join(f"assumption {name} does not hold: {sentences.get(name, '')}" for name in broken)
    else:
        try:
            verdict = _judged(claim, own, settings)
            status = verdict.status
        except Exception as error:
            status, reason = "error", f"statistic: {told(error)}"
        if control_reason and status != "error":
            status, reason = "invalid", control_reason
    record = _blank(claim, settings) | {
        "status": status,
        "as_expected": status == claim.expected,
        **_numbers(verdict),
        "trivial": _trivial(own, verdict),
        "n_replicates": min((_replications(finding) for finding in own), default=0),
        "control": control,
        "assumptions": assumptions,
        "evidence": [_entry(finding) for finding in findings],
        "versions": dict(versions),
        "reason": reason,
    }
    return _keyed(record)


def skipped(claim: Claim, settings: Settings, reason: str, versions: Mapping[str, str]) -> Record:
    """Return the record of a claim that was not run."""
    as_expected = claim.expected == "skipped"
    return _keyed(
        _blank(claim, settings)
        | {"status": "skipped", "as_expected": as_expected, "versions": dict(versions), "reason": reason}
    )


def flipped(records: Iterable[Record], claims: Sequence[Claim], settings: Settings) -> list[Record]:
    """Return superseding records for the claims that fail only before the whole family (Holm's steps)."""
    stochastic = {claim.id for claim in claims if claim.statistic.stochastic}
    known = {
        record["claim"]: record
        for record in records
        if record["claim"] in stochastic and record["p_value"] is not None
    }
    rejected = holm(
        {name: record["p_value"] for name, record in known.items()},
        settings.level,
        max(settings.family, len(known)),
    )
    return [
        _keyed(
            record
            | {
                "status": "fail",
                "as_expected": record["expected"] == "fail",
                "reason": f"p = {record['p_value']:.3g} is rejected by Holm's steps over a family of "
                f"{settings.family} stochastic claims at level {settings.level}",
                "supersedes": record["key"],
            }
        )
        for name, record in known.items()
        if rejected[name] and record["status"] in ("pass", "inconclusive", "vacuous")
    ]


def _control(claim: Claim, findings: Sequence[Finding], settings: Settings) -> tuple[dict[str, Any], str]:
    """Return the control's part of the record, and what is wrong with it."""
    controls = [finding for finding in findings if finding.role == "control"]
    must, because = claim.control_must, claim.control.because
    judgement: Judgement | None = None
    status: Status
    reason = _first(f"cell {dict(finding.cell)}: {finding.error}" for finding in controls if finding.error)
    if any(finding.evidence is None for finding in controls):
        status = "error"
    else:
        try:
            judgement = _judged(claim, controls, settings)
            status = judgement.status
        except Exception as error:
            status, reason = "error", f"statistic: {told(error)}"
    numbers = _numbers(judgement)
    if reason:
        reason = f"the control raised an error: {reason}"
    elif status != must:
        said = "" if judgement is None else f" ({_against(judgement)})"
        reason = f"the control ended in {status}{said} but must {must}: {because}"
    shown = {name: numbers[name] for name in ("estimate", "low", "high", "bound")}
    return {"status": status, "must": must, **shown, "because": because}, reason


def _blank(claim: Claim, settings: Settings) -> Record:
    return {
        "schema": SCHEMA,
        "key": "",
        "claim": claim.id,
        "paper": claim.paper,
        "title": claim.title,
        "status": "skipped",
        "expected": claim.expected,
        "corrected_by": claim.corrected_by,
        "as_expected": False,
        **_numbers(None),
        "trivial": None,
        "level": float(settings.level),
        "family": settings.family,
        "statistic": repr(claim.statistic),
        "n_replicates": 0,
        "size": settings.size,
        "seed": settings.seed,
        "control": {
            "status": "skipped",
            "must": claim.control_must,
            **dict.fromkeys(("estimate", "low", "high", "bound")),
            "because": claim.control.because,
        },
        "assumptions": {},
        "provenance": claim.provenance,
        "source": claim.source,
        "evidence": [],
        "versions": {},
        "reason": "",
        "supersedes": None,
        "run": {},
    }


def _keyed(record: Record) -> Record:
    return record | {"key": key_of(record)}


def _judged(claim: Claim, findings: Sequence[Finding], settings: Settings) -> Judgement:
    evidence = [finding.evidence.for_statistic for finding in findings if finding.evidence is not None]
    judgement = claim.statistic.judge(evidence, level=settings.share)
    if not 0.0 <= judgement.p_value <= 1.0:
        raise ValueError(f"p_value is {judgement.p_value!r}: a statistic must give a number from 0 to 1")
    return judgement


def _assumptions(own: Sequence[Finding]) -> dict[str, bool]:
    """Each assumption, true where it holds in every cell."""
    found: dict[str, bool] = {}
    for finding in own:
        if finding.evidence is not None:
            for name, holds in finding.evidence.assumptions.items():
                found[name] = found.get(name, True) and holds
    return found


def _numbers(judgement: Judgement | None) -> dict[str, float | None]:
    names = ("estimate", "low", "high", "bound", "tightness", "p_value")
    if judgement is None:
        return dict.fromkeys(names)
    values = {name: getattr(judgement, name) for name in names}
    return {name: None if value is None else float(value) for name, value in values.items()}


def _against(judgement: Judgement) -> str:
    """Return what was measured, its interval where it is not exact, and the bound."""
    low, high = judgement.low, judgement.high
    between = "" if low == high else f" [{low:.4g}, {high:.4g}]"
    return f"measured {judgement.estimate:.4g}{between}, bound {judgement.bound:.4g}"


def _trivial(own: Sequence[Finding], judgement: Judgement | None) -> float | None:
    """Return the trivial bound of the cell that the judgement reports."""
    if judgement is None:
        return None
    found = [finding.evidence for finding in own if finding.evidence is not None]
    same = [evidence for evidence in found if evidence.bound == judgement.bound]
    return same[0].trivial if same else None


def _replications(finding: Finding) -> int:
    if finding.evidence is None or not finding.evidence.data:
        return 0
    data = finding.evidence.data
    return int((data["value"] if "value" in data else next(iter(data.values()))).shape[0])


def _entry(finding: Finding) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "role": finding.role,
        "cell": dict(finding.cell),
        "file": finding.file,
        "sha256": None if finding.evidence is None else finding.evidence.sha256,
    }
    return entry | ({"error": finding.error} if finding.error else {})


def _first(reasons: Iterable[str]) -> str:
    return next((reason for reason in reasons if reason), "")
