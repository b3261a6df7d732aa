"""The table of all verdicts, and the controls that filter it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from xml.etree.ElementTree import Element

from tightbound.verification.claim import PROVENANCES, STATUSES, Claim
from tightbound.verification.report.html.article import anchor, badge
from tightbound.verification.report.html.bar import bar
from tightbound.verification.report.html.elements import Content, node
from tightbound.verification.report.html.pictures import link
from tightbound.verification.report.text import NONE, Record, bound, control, duration, interval, number

_BAR = 96

# What a column is called, and the attribute of a row by which it is sorted.
_COLUMNS = (
    ("claim", "order"),
    ("verdict", "rank"),
    ("tightness", "ratio"),
    ("measured", ""),
    ("bound", ""),
    ("control", ""),
    ("paper", ""),
    ("read from", ""),
    ("time", "seconds"),
)


def filters(records: Sequence[Record]) -> Element:
    """Return the form above the table; it is hidden until the script that serves it runs."""
    return node(
        "form",
        node("label", "Search ", node("input", type="search", name="text", placeholder="id, words, formula")),
        _choice("paper", "Paper", dict.fromkeys(str(record["paper"]) for record in records)),
        _choice(
            "status", "Verdict", [name for name in STATUSES if any(r["status"] == name for r in records)]
        ),
        _choice(
            "provenance",
            "Read from",
            [name for name in PROVENANCES if any(r.get("provenance") == name for r in records)],
        ),
        node("button", "Show all", type="reset"),
        node("output", f"{len(records)} of {len(records)} claims", name="count", role="status"),
        id="filters",
        aria_label="Filter the claims",
        hidden=True,
    )


def verdicts(records: Sequence[Record], claims: Mapping[str, Claim]) -> Element:
    """Return the table in a box of its own, one row per record."""
    head = node(
        "tr",
        [node("th", name, scope="col", role="columnheader", data_sort=key or None) for name, key in _COLUMNS],
        role="row",
    )
    rows = [_row(index, record, claims.get(str(record["claim"]))) for index, record in enumerate(records)]
    return node(
        "div",
        node(
            "table",
            node("caption", _legend(), id="verdicts-caption"),
            node("thead", head, role="rowgroup"),
            node("tbody", rows, role="rowgroup"),
            id="table",
            role="table",
        ),
        class_="scroll",
        role="region",
        tabindex="0",
        aria_labelledby="verdicts-caption",
    )


def _legend() -> list[Content]:
    """Return what a line of the table is and what is drawn in it."""
    marks = (
        ("measured", "measured, on the instance nearest to its bound or furthest beyond it"),
        ("band", "interval"),
        ("bound", "bound"),
        ("control", "control, an arrow where it lies outside of the drawing"),
    )
    shown: list[Content] = [
        [node("span", class_=f"key {key}", aria_hidden="true"), f"{words}{'; ' * (key != 'control')}"]
        for key, words in marks
    ]
    return ["One line per claim. ", *shown, "."]


def _row(index: int, record: Record, claim: Claim | None) -> Element:
    run: Mapping[str, Any] = record.get("run") or {}
    seconds = run.get("wall_s")
    between = interval(record.get("low"), record.get("high"))
    cells: list[Content] = [
        badge(record),
        [bar(record, _BAR), node("span", number(record.get("tightness")))],
        [number(record.get("estimate")), node("small", between) if between != NONE else None],
        bound(record),
        _control(record),
        str(record["paper"]),
        str(record.get("provenance") or NONE),
        duration(seconds) if seconds is not None else NONE,
    ]
    words = [record["claim"], record["title"], record.get("source"), claim.statement if claim else ""]
    return node(
        "tr",
        node(
            "th",
            link(anchor(record["claim"]), str(record["claim"]), class_="id"),
            " ",
            node("span", str(record["title"])),
            scope="row",
            role="rowheader",
        ),
        [
            node("td", content, role="cell", data_label=name)
            for (name, _), content in zip(_COLUMNS[1:], cells, strict=True)
        ],
        role="row",
        data_claim=record["claim"],
        data_order=index,
        data_rank=_rank(record),
        data_ratio=_sortable(record.get("tightness")),
        data_seconds=_sortable(seconds),
        data_paper=record["paper"],
        data_status=record["status"],
        data_provenance=record.get("provenance"),
        data_text=" ".join(str(word or "") for word in words).lower(),
    )


def _control(record: Record) -> Content:
    must = (record.get("control") or {}).get("must")
    status = control(record)
    if status == NONE or not must:
        return status
    return [status, node("small", "as it must" if status == must else f"but must {must}")]


def _rank(record: Record) -> int:
    """Return a number by which what deserves attention first comes first."""
    order = ("error", "invalid", "fail", "vacuous", "inconclusive", "skipped", "pass")
    return order.index(str(record["status"])) + (len(order) if record["as_expected"] else 0)


def _sortable(value: Any) -> str | None:
    return None if number(value) == NONE else repr(float(value))


def _choice(name: str, label: str, values: Sequence[str] | Mapping[str, Any]) -> Element:
    options = [node("option", "all", value=""), *(node("option", value, value=value) for value in values)]
    return node("label", f"{label} ", node("select", options, name=name))
