"""Benchmark rows as a table, as Markdown and as JSON."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from tightbound.verification.bench import Benchmark, Row
from tightbound.verification.peers import PeerBenchmark
from tightbound.verification.report import markdown
from tightbound.verification.report.text import NONE, duration, number

HEADER = ("what", "size", "median", "20 % to 80 %", "ratio")
PEER_HEADER = ("problem", "here", "time", "there", "time there", "times faster", "20 % to 80 %", "results")

Run = tuple[Benchmark | PeerBenchmark, Sequence[Row]]


def table(benchmark: Benchmark | PeerBenchmark, rows: Sequence[Row]) -> RenderableType:
    """Return one benchmark as a table for the terminal."""
    header, body, notes = _parts(benchmark, rows)
    found = Table(
        title=Text(f"{benchmark.name}: {benchmark.title}", style="bold"),
        title_justify="left",
        box=None,
        padding=(0, 2, 0, 0),
        pad_edge=False,
    )
    for name in header:
        found.add_column(name)
    for row in body:
        found.add_row(*(Text(text) for text in row))
    return Group(found, *(Text(f"{what}: {of}") for what, of in notes))


def render_markdown(runs: Sequence[Run]) -> str:
    """Return one Markdown table per benchmark, with what could not be measured below it."""
    return "\n\n".join(_markdown(benchmark, rows) for benchmark, rows in runs)


def _markdown(benchmark: Benchmark | PeerBenchmark, rows: Sequence[Row]) -> str:
    header, body, notes = _parts(benchmark, rows)
    parts = [
        f"### {markdown.escape(benchmark.name)}",
        markdown.escape(benchmark.title),
        markdown.table(header, [[markdown.escape(text) for text in row] for row in body]) if body else "",
        "\n".join(f"- {markdown.escape(what)}: `{of}`" for what, of in notes),
    ]
    return "\n\n".join(part for part in parts if part)


def render_json(runs: Sequence[Run]) -> str:
    """Return the rows of all benchmarks as one JSON list; each names its benchmark."""
    rows = [{"benchmark": benchmark.name, **row} for benchmark, found in runs for row in found]
    return json.dumps(rows, indent=2, allow_nan=False, ensure_ascii=False)


def _parts(
    benchmark: Benchmark | PeerBenchmark, rows: Sequence[Row]
) -> tuple[tuple[str, ...], list[tuple[str, ...]], list[tuple[str, str]]]:
    """Return header, rows, and remarks as pairs of a label and what it says."""
    if not isinstance(benchmark, PeerBenchmark):
        return HEADER, [_cells(row) for row in rows], []
    notes: dict[tuple[str, str], None] = {}
    for row in rows:
        if row.get("failed"):
            notes[f"{row['peer']}, {row['problem']}, not compared", row["reason"]] = None
        elif "reason" in row:
            notes[f"{row['peer']}, {row['reason']}", row["install"]] = None
    return PEER_HEADER, [_peer_cells(row) for row in rows if "ratio" in row], list(notes)


def _cells(row: Row) -> tuple[str, ...]:
    if row["median"] is None:
        return str(row["what"]), str(row["size"]), NONE, NONE, ""
    unit = str(row["unit"])
    write = duration if unit == "s" else lambda value: f"{number(value)} {unit}"
    spread = f"{write(row['low20'])} to {write(row['high80'])}"
    ratio = f"{number(row['ratio'], 3)} x {row['ratio_to']}" if row.get("ratio_to") else ""
    return str(row["what"]), str(row["size"]), write(row["median"]), spread, ratio


def _peer_cells(row: Row) -> tuple[str, ...]:
    return (
        str(row["problem"]),
        str(row["ours"]),
        duration(row["ours_median"]),
        f"{row['peer']} {row['version']}, {row['theirs']}",
        duration(row["theirs_median"]),
        _plain(row["ratio"]),
        f"{_plain(row['ratio_low20'])} to {_plain(row['ratio_high80'])}",
        str(row["agreement"]),
    )


def _plain(ratio: Any) -> str:
    """Return two or three digits without an exponent."""
    return f"{ratio:#.2g}" if ratio < 9.95 else f"{float(f'{ratio:.3g}'):.0f}"
