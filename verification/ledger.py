"""The ledger: one JSON line per verdict in ``results.jsonl``, only ever appended to.

A record holds the claim's identity (``claim``, ``paper``, ``title``, ``expected``, ``corrected_by``,
``provenance``, ``source``), the run's settings (``size``, ``seed``, ``level``, ``family``), the verdict
(``status``, ``as_expected``, ``estimate``, ``low``, ``high``, ``bound``, ``trivial``, ``tightness``,
``p_value``, ``statistic``, ``n_replicates``, ``control``, ``assumptions``, ``reason``, ``supersedes``), the
``evidence`` with its digests, ``versions``, and ``run``: when, where and how long, the only part on which
``key`` does not depend. Numbers that JSON lacks stand in a line as the strings ``"inf"``, ``"-inf"`` and
``"nan"``; ``read`` turns them back.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import math
import os
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import NoneType
from typing import Any

from tightbound.verification.claim import PROVENANCES, STATUSES
from tightbound.verification.errors import OutputError

if sys.platform != "win32":
    import fcntl

Record = dict[str, Any]
NAME = "results.jsonl"
SCHEMA = 1

_LOCK = "results.lock"
_NUMBER = (float, int, NoneType)
_NUMBERS = ("estimate", "low", "high", "bound", "trivial", "tightness", "p_value")
_FIELDS: dict[str, tuple[type, ...]] = {
    "schema": (int,),
    "key": (str,),
    "claim": (str,),
    "paper": (str,),
    "title": (str,),
    "status": (str,),
    "expected": (str,),
    "corrected_by": (str, NoneType),
    "as_expected": (bool,),
    **dict.fromkeys(_NUMBERS, _NUMBER),
    "level": (float,),
    "family": (int,),
    "statistic": (str,),
    "n_replicates": (int,),
    "size": (str,),
    "seed": (int,),
    "control": (dict,),
    "assumptions": (dict,),
    "provenance": (str,),
    "source": (str,),
    "evidence": (list,),
    "versions": (dict,),
    "reason": (str,),
    "supersedes": (str, NoneType),
    "run": (dict,),
}
_CONTROL: dict[str, tuple[type, ...]] = {
    "status": (str,),
    "must": (str,),
    **dict.fromkeys(("estimate", "low", "high", "bound"), _NUMBER),
    "because": (str,),
}


@dataclass(frozen=True)
class Problem:
    """A line that is not a record: its number (from 1) and why."""

    line: int
    reason: str


def read(path: Path) -> tuple[list[Record], list[Problem]]:
    """Return the records of the ledger at ``path`` in file order, and the lines that are none.

    Parameters
    ----------
    path : Path
        The file, usually ``.tightbound/results.jsonl``. One that does not exist holds nothing.
    """
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return [], []
    return _parse(content, 0)


def latest(records: Iterable[Mapping[str, Any]]) -> list[Record]:
    """Return the last record for each (claim, size, seed, level), in the order of first appearance."""
    last: dict[tuple[Any, ...], Record] = {}
    for record in records:
        last[_identity(record)] = dict(record)
    return list(last.values())


def to_json(record: Mapping[str, Any]) -> dict[str, Any]:
    """Return the record with non-finite floats as the strings ``"inf"``, ``"-inf"``, ``"nan"``: valid JSON.

    Examples
    --------
    >>> to_json({"bound": float("inf")})
    {'bound': 'inf'}
    """
    return {name: _plain(value) for name, value in record.items()}


def key_of(record: Mapping[str, Any]) -> str:
    """Return the sha256 of everything in ``record`` that the same run would find again."""
    lasting = {name: value for name, value in to_json(record).items() if name not in ("key", "run")}
    return hashlib.sha256(json.dumps(lasting, sort_keys=True, allow_nan=False).encode()).hexdigest()


def fault(record: object) -> str:
    """Return what is wrong with a parsed line, or an empty string."""
    if not isinstance(record, dict):
        return "not a JSON object"
    if record.get("schema") != SCHEMA:
        return f"schema is {record.get('schema')!r}: this version reads schema {SCHEMA}"
    found = _fault_of_fields(record, _FIELDS) or _fault_of_fields(record["control"], _CONTROL, "control.")
    if found:
        return found
    for name, allowed in (("status", STATUSES), ("expected", STATUSES), ("provenance", PROVENANCES)):
        if record[name] not in allowed:
            return f"{name} is {record[name]!r}, none of {', '.join(allowed)}"
    for entry in record["evidence"]:
        if not isinstance(entry, dict) or not {"role", "cell", "file", "sha256"} <= set(entry):
            return "an entry of evidence lacks role, cell, file or sha256"
    return "" if record["key"] == key_of(record) else "the content does not belong to its key"


class Ledger:
    """The ledger of one output folder, open for appending; several runs may share it.

    Parameters
    ----------
    folder : Path
        The output folder; it must exist.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / NAME
        self.problems: list[Problem] = []
        self._lock = folder / _LOCK
        self._position = 0
        self._lines = 0
        self._last: dict[tuple[Any, ...], Record] = {}
        with contextlib.suppress(FileNotFoundError), self.path.open("rb") as stream:
            self._catch_up(stream.fileno())

    def append(self, record: Record) -> bool:
        """Append ``record`` unless it is the verdict that stands already; return whether it was written.

        Raises
        ------
        OutputError
            Where the line could not be written; the ledger is then as it was.
        """
        try:
            with _locked(self._lock):
                return self._append(record)
        except OutputError:
            raise
        except OSError as error:
            raise OutputError.of(self.path, error) from None

    def _append(self, record: Record) -> bool:
        descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o666)
        try:
            ended = self._catch_up(descriptor)
            last = self._last.get(_identity(record))
            if last is not None and record["key"] in (last["key"], last["supersedes"]):
                return False
            line = json.dumps(to_json(record), ensure_ascii=False, allow_nan=False) + "\n"
            content = (line if ended else "\n" + line).encode()
            size = self._position
            try:
                if os.write(descriptor, content) != len(content):
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))  # half a line is no line
                os.fsync(descriptor)
            except OSError:
                os.ftruncate(descriptor, size)
                raise
            self._position += len(content)
            self._lines += content.count(b"\n")
            self._last[_identity(record)] = record
            return True
        finally:
            os.close(descriptor)

    def _catch_up(self, descriptor: int) -> bool:
        """Read what other runs appended since; return whether the last line is complete."""
        size = os.fstat(descriptor).st_size
        if size < self._position:  # somebody started the file anew
            self._position = self._lines = 0
            self._last = {}
        os.lseek(descriptor, self._position, os.SEEK_SET)
        content = b""
        while chunk := os.read(descriptor, max(1, size - self._position - len(content))):
            content += chunk
        records, problems = _parse(content, self._lines)
        for record in records:
            self._last[_identity(record)] = record
        self.problems.extend(problems)
        self._position += len(content)
        self._lines += content.count(b"\n")
        if self._position == 0:
            return True
        os.lseek(descriptor, self._position - 1, os.SEEK_SET)
        return os.read(descriptor, 1) == b"\n"


def _parse(content: bytes, before: int) -> tuple[list[Record], list[Problem]]:
    records: list[Record] = []
    problems: list[Problem] = []
    for number, line in enumerate(content.split(b"\n"), start=before + 1):
        if not line.strip():
            continue
        try:
            record = json.loads(line)
        except ValueError:
            problems.append(Problem(number, "not valid JSON (a run was cut off here)"))
            continue
        reason = fault(record)
        if reason:
            problems.append(Problem(number, reason))
        else:
            records.append(_restored(record))
    return records, problems


def _fault_of_fields(
    record: Mapping[str, Any], fields: Mapping[str, tuple[type, ...]], where: str = ""
) -> str:
    for name, kinds in fields.items():
        if name not in record:
            return f"{where}{name} is missing"
        value = record[name]
        if kinds is _NUMBER and value in ("inf", "-inf", "nan"):
            continue
        if not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds):
            return f"{where}{name} is {value!r}"
    return ""


def _identity(record: Mapping[str, Any]) -> tuple[Any, ...]:
    return (record["claim"], record["size"], record["seed"], record["level"])


def _plain(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, Mapping):
        return {name: _plain(entry) for name, entry in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(entry) for entry in value]
    return value


def _restored(record: Record) -> Record:
    for part in (record, record["control"]):
        for name in _NUMBERS:
            if isinstance(part.get(name), str):
                part[name] = float(part[name])
    return record


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Hold the lock of the ledger; where the system has none, one run at a time is the user's care."""
    with path.open("a") as stream:
        if sys.platform != "win32":
            fcntl.flock(stream, fcntl.LOCK_EX)
        yield
