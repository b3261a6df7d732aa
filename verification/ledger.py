"""The ledger: one JSON line per verdict, only ever appended to."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Record = dict[str, Any]
NAME = "results.jsonl"


@dataclass(frozen=True)
class Problem:
    """A line that is not a record: its number (from 1) and why."""

    line: int
    reason: str


def read(path: Path) -> tuple[list[Record], list[Problem]]:
    """Return the records of the ledger at ``path`` in file order, and the lines that are none."""
    raise NotImplementedError


def latest(records: Iterable[Mapping[str, Any]]) -> list[Record]:
    """Return the last record for each (claim, size, seed, level), in the order of first appearance."""
    raise NotImplementedError


def to_json(record: Mapping[str, Any]) -> dict[str, Any]:
    """Return the record with non-finite floats as the strings ``"inf"``, ``"-inf"``, ``"nan"``: valid JSON."""
    raise NotImplementedError
