"""Records as JUnit XML, for continuous-integration servers: one suite per paper, one case per claim."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from xml.etree import ElementTree

from tightbound.verification.report.text import Record, interval, number, printable, remark

_SHOWN_AS_ERROR = ("error", "invalid")


def render(records: Sequence[Record]) -> str:
    """Return the records as JUnit XML.

    A claim that ended as expected is a passed case, also where a ``fail`` was expected. Otherwise ``error``
    and ``invalid`` are errors, and every other status is a failure. ``skipped`` is skipped either way.
    """
    root = ElementTree.Element("testsuites", name="tightbound")
    for paper, group in groupby(
        sorted(records, key=lambda record: str(record["paper"])), key=lambda r: r["paper"]
    ):
        members = list(group)
        kinds = [_kind(record) for record in members]
        suite = ElementTree.SubElement(
            root,
            "testsuite",
            name=printable(paper),
            tests=str(len(members)),
            failures=str(kinds.count("failure")),
            errors=str(kinds.count("error")),
            skipped=str(kinds.count("skipped")),
            time=f"{sum(_seconds(record) for record in members):.3f}",
        )
        for record, kind in zip(members, kinds, strict=True):
            case = ElementTree.SubElement(
                suite,
                "testcase",
                classname=printable(f"tightbound.papers.{paper}"),
                name=printable(f"{record['claim']} {record['title']}"),
                time=f"{_seconds(record):.3f}",
            )
            if kind:
                message = printable(f"{record['status']}; {remark(record)}".rstrip("; "))
                attributes = (
                    {"message": message}
                    if kind == "skipped"
                    else {"message": message, "type": record["status"]}
                )
                ElementTree.SubElement(case, kind, attributes)
            ElementTree.SubElement(case, "system-out").text = printable(_numbers(record))
    ElementTree.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ElementTree.tostring(root, encoding="unicode")


def _kind(record: Record) -> str:
    if record["status"] == "skipped":
        return "skipped"
    if record["as_expected"]:
        return ""
    return "error" if record["status"] in _SHOWN_AS_ERROR else "failure"


def _numbers(record: Record) -> str:
    control = record.get("control") or {}
    return (
        f"status {record['status']} (expected {record['expected']}), "
        f"measured {number(record.get('estimate'))}, "
        f"interval {interval(record.get('low'), record.get('high'))}, bound {number(record.get('bound'))}, "
        f"ratio {number(record.get('tightness'))}; control {control.get('status') or 'not run'}, "
        f"measured {number(control.get('estimate'))}: {control.get('because') or 'no reason given'}"
    )


def _seconds(record: Record) -> float:
    return float((record.get("run") or {}).get("wall_s") or 0.0)
