"""One claim in full: what is claimed, where it stands, how it is checked and what was last found."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tightbound.verification.claim import Claim
from tightbound.verification.grid import SIZES
from tightbound.verification.report.text import NONE, Record, bound, interval, number, remark

READ_FROM = {
    "abstract": "read in the abstract",
    "text": "read in the text of the paper",
    "recall": "from memory: its constant is not gated",
    "derived": "derived here",
}


def sections(claim: Claim, records: Sequence[Record]) -> Iterator[tuple[str, str]]:
    """Yield the headings and texts of ``tightbound show``, those without content left out."""
    yield "statement", claim.statement
    yield "source", f"{claim.source} ({READ_FROM[claim.provenance]})"
    yield "assumptions", "\n".join(f"{entry.name}: {entry.sentence}" for entry in claim.assumptions)
    yield "statistic", repr(claim.statistic)
    yield "bound", first_line(claim.bound) if claim.bound else "that of the statistic or of the measurement"
    yield "measured by", f"{claim.measure.__module__}.{getattr(claim.measure, '__qualname__', claim.measure)}"
    yield "instances", ", ".join(f"{len(claim.grid.at(size))} {size}" for size in SIZES)
    yield "control", f"must {claim.control_must}: {claim.control.because}"
    yield (
        "expected",
        f"{claim.expected}, corrected by {claim.corrected_by}" if claim.corrected_by else claim.expected,
    )
    yield (
        "counterexample",
        ", ".join(f"{name} = {value}" for name, value in (claim.counterexample or {}).items()),
    )
    yield "stands in", claim.substitutes
    yield "skipped because", claim.skip
    yield (
        "last verdict",
        "\n".join(_found(record) for record in records) or "none yet: tightbound verify " + claim.id,
    )


def _found(record: Record) -> str:
    said = f" ({remark(record)})" if remark(record) else ""
    when = (record.get("run") or {}).get("time") or "at an unknown time"
    found = record.get("control") or {}
    ended = f"control {found.get('status') or NONE}"
    if found.get("estimate") is not None:
        ended += f" with {number(found['estimate'])} {interval(found.get('low'), found.get('high'))}"
    return (
        f"{record['status']}{said}: measured {number(record.get('estimate'))} "
        f"{interval(record.get('low'), record.get('high'))}, bound {bound(record)}, "
        f"ratio {number(record.get('tightness'))}; {ended}; size {record.get('size')}, "
        f"seed {record.get('seed')}, {when}"
    )


def first_line(function: object) -> str:
    """Return the name of a function and the first line of its documentation."""
    name = f"{getattr(function, '__module__', '')}.{getattr(function, '__qualname__', function)}".lstrip(".")
    text = (getattr(function, "__doc__", None) or "").strip().partition("\n")[0]
    return f"{name}: {text}" if text else name
