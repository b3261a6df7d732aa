"""Measured against bound, as a drawing of one line: bound black, interval a band, control dashed grey."""

from __future__ import annotations

import math
from typing import Any
from xml.etree.ElementTree import Element

from tightbound.verification.report.html.elements import node
from tightbound.verification.report.text import Record, number

_HEIGHT = 18
_ROOM = 1.3  # how far beyond the largest of its own numbers the axis goes


def bar(record: Record, width: int) -> Element | None:
    """Return the drawing, or None where there is no bound to compare with.

    The axis is linear and holds zero, what was measured and the bound. A control beyond its end is an arrow.
    """
    measured, bound = _finite(record.get("estimate")), _finite(record.get("bound"))
    if measured is None or bound is None:
        return None
    low, high = _finite(record.get("low")), _finite(record.get("high"))
    own = [0.0, measured, bound, *(end for end in (low, high) if end is not None)]
    left, right = min(own) * _ROOM, max(own) * _ROOM
    if not left < right or not math.isfinite(right - left):
        return None

    def at(value: float) -> float:
        return round(min(max((value - left) / (right - left), 0.0), 1.0) * (width - 12) + 6, 1)

    middle = _HEIGHT / 2
    said = [f"measured {number(measured)}"]
    drawn = [
        node("line", x1=6, x2=width - 6, y1=middle, y2=middle, class_="axis"),
        node("line", x1=at(0.0), x2=at(0.0), y1=middle - 3, y2=middle + 3, class_="axis"),
    ]
    if low is not None and high is not None and low < high:
        start, end = at(low), at(high)
        drawn.append(
            node(
                "rect", x=start, y=4, width=round(max(end - start, 1.5), 1), height=_HEIGHT - 8, class_="band"
            )
        )
        said.append(f"interval {number(low)} to {number(high)}")
    control = _control(record, bound)
    if control is not None:
        place = at(control) if left <= control <= right else None
        drawn.append(_control_mark(place, width, beyond=control > right))
        said.append(f"control {number(record['control']['estimate'])}")
    drawn.append(node("line", x1=at(bound), x2=at(bound), y1=1, y2=_HEIGHT - 1, class_="bound"))
    drawn.append(node("circle", cx=at(measured), cy=middle, r=3, class_="measured"))
    said.append(f"bound {number(bound)}")
    return node(
        "svg",
        drawn,
        class_="bar",
        role="img",
        aria_label=", ".join(said),
        width=width,
        height=_HEIGHT,
        viewBox=f"0 0 {width} {_HEIGHT}",
    )


def _control_mark(place: float | None, width: int, *, beyond: bool) -> Element:
    middle = _HEIGHT / 2
    if place is not None:
        return node("line", x1=place, x2=place, y1=1, y2=_HEIGHT - 1, class_="control")
    tip, base = (width - 1, width - 7) if beyond else (1, 7)
    return node("path", d=f"M{base} {middle - 4}L{tip} {middle}L{base} {middle + 4}z", class_="beyond")


def _control(record: Record, bound: float) -> float | None:
    """Return where the control stands on the axis of the claim; infinite where it is only known to be beyond.

    A control is judged in a cell of its own, so its bound may be another one. Then what counts is how many
    times its bound it is; where one of the bounds is not positive, only on which side of its bound it is.
    """
    found = record.get("control") or {}
    estimate, own = _finite(found.get("estimate")), _finite(found.get("bound"))
    if estimate is None or own is None or own == bound:
        return estimate
    if own > 0 and bound > 0:
        return estimate / own * bound
    return bound if estimate == own else math.copysign(math.inf, estimate - own)


def _finite(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        return None
    return float(value)
