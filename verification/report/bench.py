"""Benchmark rows as a table, as Markdown and as JSON."""

from __future__ import annotations

import json
from collections.abc import Sequence

from rich.table import Table
from rich.text import Text

from tightbound.verification.bench import Benchmark, Row
from tightbound.verification.report import markdown
from tightbound.verification.report.text import duration, number

HEADER = ("what", "size", "median", "20 % to 80 %", "ratio")

Run = tuple[Benchmark, Sequence[Row]]


def table(benchmark: Benchmark, rows: Sequence[Row]) -> Table:
    """Return one benchmark as a table for the terminal."""
    found = Table(
        title=Text(f"{benchmark.name}: {benchmark.title}", style="bold"),
        title_justify="left",
        box=None,
        padding=(0, 2, 0, 0),
        pad_edge=False,
    )
    for name in HEADER:
        found.add_column(name)
    for row in rows:
        found.add_row(*(Text(text) for text in _cells(row)))
    return found


def render_markdown(runs: Sequence[Run]) -> str:
    """Return one Markdown table per benchmark."""
    return "\n\n".join(
        f"### {markdown.escape(benchmark.name)}\n\n{markdown.escape(benchmark.title)}\n\n"
        + markdown.table(HEADER, [[markdown.escape(text) for text in _cells(row)] for row in rows])
        for benchmark, rows in runs
    )


def render_json(runs: Sequence[Run]) -> str:
    """Return the rows of all benchmarks as one JSON list; each names its benchmark."""
    rows = [{"benchmark": benchmark.name, **row} for benchmark, found in runs for row in found]
    return json.dumps(rows, indent=2, allow_nan=False, ensure_ascii=False)


def _cells(row: Row) -> tuple[str, ...]:
    unit = str(row["unit"])
    write = duration if unit == "s" else lambda value: f"{number(value)} {unit}"
    spread = f"{write(row['low20'])} to {write(row['high80'])}"
    ratio = f"{number(row['ratio'], 3)} x {row['ratio_to']}" if row.get("ratio_to") else ""
    return str(row["what"]), str(row["size"]), write(row["median"]), spread, ratio
