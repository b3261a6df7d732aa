"""Where the time goes: the slowest claims, and each paper's share of what a whole run may take."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from tightbound.verification.claim import Claim
from tightbound.verification.grid import SIZES
from tightbound.verification.report.text import NONE, Record, duration

CORES = 2
BUDGETS = {"quick": 5 * 60.0, "standard": 45 * 60.0}
"""Seconds that all claims together may take on ``CORES`` cores; the full size has no limit."""

SLOWEST = 10


def render(records: Sequence[Record], claims: Iterable[Claim], count: int = SLOWEST) -> str:
    """Return the ``count`` slowest claims beside what they were planned to take, and the totals.

    Times are those of the measurements, also where the evidence was there already; they add up over cores.
    """
    planned = {claim.id: claim.seconds for claim in claims}
    run = [record for record in records if _seconds(record) is not None]
    slowest = sorted(run, key=lambda record: -(_seconds(record) or 0.0))[:count]
    blocks = [
        _columns(
            [
                ("slowest claims", "size", "took", "planned"),
                *(
                    (
                        str(record["claim"]),
                        str(record["size"]),
                        duration(_seconds(record)),
                        duration(planned.get(str(record["claim"]), {}).get(str(record["size"]))),
                    )
                    for record in slowest
                ),
            ]
        )
    ]
    for size in SIZES:
        members = [record for record in run if record["size"] == size]
        if members:
            blocks.append(_totals(size, members))
    return "\n\n".join(blocks)


def _totals(size: str, records: Sequence[Record]) -> str:
    allowed = BUDGETS[size] * CORES if size in BUDGETS else None
    rows = [(f"{size} size", "claims", "took", "of the budget")]
    papers = dict.fromkeys(str(record["paper"]) for record in records)
    for name in [*papers, "total"]:
        members = [record for record in records if name in ("total", record["paper"])]
        spent = sum(_seconds(record) or 0.0 for record in members)
        share = NONE if allowed is None else f"{100 * spent / allowed:.1f} %"
        rows.append((name, str(len(members)), duration(spent), share))
    total = sum(_seconds(record) or 0.0 for record in records)
    if allowed is None:
        said = "the full size has no limit"
    else:
        limit = f"{duration(BUDGETS[size])} on {CORES} cores for all claims"
        said = f"{'within' if total <= allowed else 'beyond'} the budget: {limit}"
    return f"{_columns(rows)}\n{said}"


def _seconds(record: Record) -> float | None:
    value = (record.get("run") or {}).get("wall_s")
    return None if value is None or record["status"] == "skipped" else float(value)


def _columns(rows: Sequence[tuple[str, ...]]) -> str:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return "\n".join(
        "  ".join(
            text.ljust(width) if index == 0 else text.rjust(width)
            for index, (text, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    )
