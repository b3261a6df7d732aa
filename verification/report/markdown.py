"""Records and claims as Markdown tables; the READMEs contain what these functions return."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from itertools import groupby

from tightbound.verification.claim import Claim
from tightbound.verification.report.text import Record, control, interval, number, remark, summary

_SPECIAL = re.compile(r"([\\`*_<>\[\]|~])")


def escape(text: object) -> str:
    r"""Return text that Markdown shows as it is, also inside a table.

    Examples
    --------
    >>> print(escape("n_i <= 2*k | k > 1"))
    n\_i \<= 2\*k \| k \> 1
    """
    return _SPECIAL.sub(r"\\\1", " ".join(str(text).split()))


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a Markdown table; the cells are taken as they are.

    Examples
    --------
    >>> print(table(["a", "b"], [["1", "2"]]))
    | a | b |
    |---|---|
    | 1 | 2 |
    """
    lines = [header, ["---"] * len(header), *rows]
    text = ["| " + " | ".join(line) + " |" for line in lines]
    text[1] = text[1].replace(" ", "")
    return "\n".join(text)


def render(records: Sequence[Record], level: float) -> str:
    """Return one table per paper and the summary."""
    header = ("claim", "statement", "measured", "interval", "bound", "ratio", "control", "verdict")
    parts = []
    for paper, group in groupby(
        sorted(records, key=lambda record: str(record["paper"])), key=lambda r: r["paper"]
    ):
        rows = [
            (
                escape(record["claim"]),
                escape(record["title"]),
                number(record.get("estimate")),
                interval(record.get("low"), record.get("high")),
                number(record.get("bound")),
                number(record.get("tightness")),
                control(record),
                _verdict(record),
            )
            for record in group
        ]
        parts.append(f"### {escape(paper)}\n\n{table(header, rows)}")
    parts.append(". ".join(summary(records, level)) + ".")
    return "\n\n".join(parts)


def render_claims(claims: Sequence[Claim]) -> str:
    """Return the table of claims that ``tightbound list --format markdown`` prints."""
    rows = [
        (
            escape(claim.id),
            escape(claim.paper),
            escape(claim.title),
            escape(claim.source),
            claim.provenance,
            expected(claim),
        )
        for claim in claims
    ]
    return table(("claim", "paper", "statement", "source", "read from", "expected"), rows)


def expected(claim: Claim) -> str:
    """Return the expected status, with the claim that states the corrected result."""
    if claim.corrected_by:
        return f"{claim.expected}; corrected by {claim.corrected_by}"
    return str(claim.expected)


def _verdict(record: Record) -> str:
    status = str(record["status"])
    shown = status if record["as_expected"] else f"**{status}**"
    return f"{shown} ({escape(remark(record))})" if remark(record) else shown
