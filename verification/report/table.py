"""The table a person reads in a terminal, line by line as the verdicts become known."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from rich.cells import cell_len, set_cell_size
from rich.text import Text

from tightbound.verification.report.text import (
    NONE,
    Record,
    bound,
    control,
    interval,
    number,
    remark,
    wrapped,
)

_WIDE = 105  # from here on the statement has a column of its own

_COLOURS = {"pass": "green", "fail": "red", "error": "red", "invalid": "red", "skipped": "dim"}

# Widths of the columns between the statement and the verdict.
_COLUMNS = {"measured": 8, "interval": 16, "bound": 9, "ratio": 6, "control": 7, "time": 6}


@dataclass(frozen=True)
class LiveTable:
    """Lays out one line per record without knowing the records still to come.

    Parameters
    ----------
    width : int
        Columns of the terminal. From 105 on the statement stands in the line, below that under it.
    claim_width : int
        Length of the longest id.
    """

    width: int
    claim_width: int = 6

    @property
    def wide(self) -> bool:
        """Whether the statement has a column of its own."""
        return self.width >= _WIDE

    def header(self) -> Text:
        """Return the line of column names."""
        return Text(self._line("claim", "statement", list(_COLUMNS), "verdict"), style="bold")

    def row(self, record: Record) -> list[Text]:
        """Return the lines of one record."""
        run = record.get("run") or {}
        numbers = [
            _fit(lambda digits: number(record.get("estimate"), digits), _COLUMNS["measured"]),
            _fit(lambda digits: _interval(record, digits), _COLUMNS["interval"]),
            _fit(lambda digits: bound(record, digits), _COLUMNS["bound"]),
            _fit(lambda digits: number(record.get("tightness"), digits), _COLUMNS["ratio"]),
            _shortened(control(record), _COLUMNS["control"]),
            _time(run.get("wall_s")),
        ]
        line = Text(self._line(str(record["claim"]), " ".join(str(record["title"]).split()), numbers, ""))
        status, said = str(record["status"]), remark(record)
        verdict = status if record["as_expected"] else f"! {status}"
        style = _COLOURS.get(status, "yellow") if record["as_expected"] else "bold red"
        if said and cell_len(line.plain) + cell_len(f"{verdict} ({said})") <= self.width:
            verdict, said = f"{verdict} ({said})", ""
        line.append(verdict, style="yellow" if record["as_expected"] and status == "fail" else style)
        below = [] if self.wide else [" ".join(str(record["title"]).split())]
        lines = [line]
        for text in [*below, *([said] if said else [])]:
            indent = " " * (self.claim_width + 1)
            for piece in wrapped(text, max(20, self.width - len(indent) - 1)):
                lines.append(Text(indent + piece, style="dim" if text in below else ""))
        return lines

    def _line(self, claim: str, title: str, columns: Iterable[str], verdict: str) -> str:
        cells = [set_cell_size(claim, self.claim_width) if len(claim) < self.claim_width else claim]
        if self.wide:
            room = self.width - self.claim_width - sum(_COLUMNS.values()) - len(_COLUMNS) - 16
            cells.append(_shortened(title, min(room, 60)))
        cells += [
            text + " " * (width - cell_len(text))
            for text, width in zip(columns, _COLUMNS.values(), strict=True)
        ]
        return " ".join([*cells, verdict])


def _fit(write: Callable[[int], str], width: int) -> str:
    for digits in (4, 3, 2):
        text = write(digits)
        if cell_len(text) <= width:
            break
    return text


def _interval(record: Record, digits: int) -> str:
    low, high = record.get("low"), record.get("high")
    if low == high:
        return interval(low, high)
    return f"[{number(low, digits)}, {number(high, digits)}]"


def _time(seconds: Any) -> str:
    if number(seconds) == NONE:
        return NONE
    s = float(seconds)
    if s < 99.5:
        return f"{s:.1f} s" if s < 9.95 else f"{s:.0f} s"
    return f"{s / 60:.0f} min" if s < 5970 else f"{s / 3600:.0f} h"


def _shortened(text: str, width: int) -> str:
    if cell_len(text) <= width:
        return set_cell_size(text, width)
    cut = set_cell_size(text, width - 1).rstrip()
    return cut + "…" + " " * (width - 1 - cell_len(cut))
