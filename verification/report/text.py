"""How one record is put into words; the formats share it so that they never disagree."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from rich.cells import cell_len

Record = Mapping[str, Any]
"""One verdict as the ledger stores it (see ``tightbound.verification.ledger``)."""

NONE = "–"

_SIDE = re.compile(r"\bside='(upper|lower|two-sided)'")
_TARGET = re.compile(r"\btarget=(-?[0-9.]+(?:e[-+]?[0-9]+)?)\b")

_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def number(value: Any, digits: int = 4) -> str:
    """Return a number in at most about nine characters; what is missing becomes a dash.

    Examples
    --------
    >>> [number(v) for v in (0, 3, 0.123456, 1234567.0, 2.5e-12, None)]
    ['0', '3', '0.1235', '1.235e6', '2.5e-12', '–']
    """
    if value is None or isinstance(value, bool):
        return NONE
    try:
        x = float(value)
    except (TypeError, ValueError):
        return NONE
    if math.isnan(x):
        return NONE
    if math.isinf(x):
        return "inf" if x > 0 else "-inf"
    text = f"{x:.{digits}g}"
    if "e" in text:
        mantissa, exponent = text.split("e")
        text = f"{mantissa}e{int(exponent)}"
    return text


def bound(record: Record, digits: int = 4) -> str:
    """Return the bound with the side on which the measured value has to lie, where the statistic tells it.

    Examples
    --------
    >>> bound({"bound": 0.25, "statistic": "BoundHolds(method='t', side='lower')"})
    '≥ 0.25'
    >>> bound({"bound": 7.9, "statistic": "Equality(method='t', atol=0.1, rtol=0.0)"})
    '≈ 7.9'
    >>> bound({"bound": 0.25})
    '0.25'
    """
    value = number(record.get("bound"), digits)
    sign = "" if value == NONE else _sign(str(record.get("statistic") or ""), float(record["bound"]))
    return f"{sign} {value}".lstrip()


def _sign(statistic: str, value: float) -> str:
    """Return how what was measured must relate to the bound, from the words of its statistic."""
    name = statistic.partition("(")[0]
    if name in ("HighProbability", "Law"):
        return "≤"
    if name in ("Equality", "Order"):
        return "≈" if name == "Equality" else ">"
    side = _SIDE.search(statistic)
    if name not in ("BoundHolds", "Slope", "ExponentialRate") or side is None:
        return ""
    if side[1] != "two-sided":
        return "≤" if side[1] == "upper" else "≥"
    target = _TARGET.search(statistic)  # the bound is the end of the stated range that is nearer
    if target is None:
        return ""
    return "≈" if value == float(target[1]) else "≤" if value > float(target[1]) else "≥"


def interval(low: Any, high: Any) -> str:
    """Return ``[low, high]``, or ``exact`` where both ends agree."""
    if number(low) == number(high) == NONE:
        return NONE
    if low == high:
        return "exact"
    return f"[{number(low)}, {number(high)}]"


def duration(seconds: Any) -> str:
    """Return a time in the unit that suits it.

    Examples
    --------
    >>> [duration(s) for s in (3e-6, 0.0421, 1.26, 75, 4000)]
    ['3 µs', '42.1 ms', '1.3 s', '1 min 15 s', '1 h 7 min']
    """
    if number(seconds) == NONE:
        return NONE
    s = float(seconds)
    if s < 1e-3:
        return f"{s * 1e6:.3g} µs"
    if s < 0.9995:
        return f"{s * 1e3:.3g} ms"
    if s < 59.95:
        return f"{s:.1f} s"
    whole = round(s)
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    minutes = round(s / 60)
    return f"{minutes // 60} h {minutes % 60} min"


def remark(record: Record) -> str:
    """Return what a reader must know beside the bare status; empty where there is nothing to add."""
    parts = []
    status, expected = record["status"], record["expected"]
    if not record["as_expected"]:
        parts.append(f"instead of {expected}")
    elif status != "pass":
        parts.append("expected")
    if expected == "fail" and record.get("corrected_by"):
        parts.append(f"corrected by {record['corrected_by']}")
    if record.get("reason"):
        parts.append(str(record["reason"]))
    elif not record["as_expected"] and status in _REMEDIES:
        parts.append(_REMEDIES[status])
    if record.get("supersedes"):
        parts.append("judged again once all claims were known (Holm)")
    return " ".join("; ".join(parts).split())


_REMEDIES = {
    "inconclusive": "the interval holds the bound: draw more replications or take a larger --size",
    "vacuous": "the bound is no better than the trivial one on all instances: take ones where it says more",
}


def control(record: Record) -> str:
    """Return how the control ended."""
    found = record.get("control") or {}
    return str(found.get("status") or NONE)


def summary(records: Sequence[Record], level: float, seconds: float | None = None) -> list[str]:
    """Return the footer: counts by status, what was not as expected, and the chance of a false alarm."""
    counts = Counter(str(record["status"]) for record in records)
    order = ("pass", "fail", "inconclusive", "vacuous", "invalid", "error", "skipped")
    tally = ", ".join(f"{counts[status]} {status}" for status in order if counts[status])
    lines = [f"{len(records)} claim{'s' * (len(records) != 1)}: {tally or 'none judged'}"]
    wrong = [str(record["claim"]) for record in records if not record["as_expected"]]
    if wrong:
        lines.append(f"{len(wrong)} not as expected: {', '.join(wrong)}")
    elif records:
        lines.append("all as expected")
    lines.append(f"chance that any claim is called false although all hold: at most {100 * level:g} %")
    if seconds is not None:
        lines.append(f"time {duration(seconds)}")
    return lines


def wrapped(text: str, width: int) -> list[str]:
    """Return the text in lines of at most ``width`` columns, words longer than that excepted."""
    lines = [""]
    for word in text.split():
        if lines[-1] and cell_len(lines[-1]) + 1 + cell_len(word) > width:
            lines.append("")
        lines[-1] = f"{lines[-1]} {word}".strip()
    return lines


def printable(text: object) -> str:
    """Return the text with a mark in place of every character that neither XML nor HTML can hold."""
    return _NOT_XML.sub("\ufffd", str(text))
