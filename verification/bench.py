"""Benchmarks: what a paper measures in seconds, always beside the thing it is compared with."""

from __future__ import annotations

import difflib
import importlib
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from importlib.util import find_spec
from typing import Any

import numpy as np

from tightbound.verification import registry
from tightbound.verification.peers import PeerBenchmark, together
from tightbound.verification.threads import threads

Row = Mapping[str, Any]
"""Keys ``what, size, median, low20, high80, unit``, and ``ratio_to, ratio`` where something is compared."""


@dataclass(frozen=True)
class Benchmark:
    """One measurement of speed.

    Parameters
    ----------
    name : str
        What ``tightbound bench NAME`` selects.
    title : str
        What is measured against what, in one line.
    run : callable ``() -> sequence of rows``
        Usually ends in ``return compare(...)``.
    """

    name: str
    title: str
    run: Callable[[], Sequence[Row]]

    def __post_init__(self) -> None:
        if not self.name or any(character.isspace() for character in self.name):
            raise ValueError(
                f"name is {self.name!r}: give a word without spaces, it is typed on the command line"
            )
        if not callable(self.run):
            raise TypeError(f"{self.name}: run is {self.run!r}: give a function that returns a list of rows")


def select(
    names: Sequence[str], papers: Sequence[str], *, peers: bool = False
) -> tuple[Benchmark | PeerBenchmark, ...]:
    """Return the benchmarks of ``papers`` that ``names`` select; all without any name.

    Parameters
    ----------
    names : sequence of str
        Names of benchmarks, globs over them, or papers.
    papers : sequence of str
        Where they may be.
    peers : bool
        Return one benchmark: the comparisons with other packages among those selected.

    Raises
    ------
    ValueError
        For a name that selects nothing, with the nearest that exist, and for a name given twice.
    """
    shelf = {paper: _load(paper) for paper in papers}
    if peers:
        shelf = {
            paper: tuple(entry for entry in found if isinstance(entry, PeerBenchmark))
            for paper, found in shelf.items()
        }
    found = [entry for entries in shelf.values() for entry in entries]
    known = [entry.name for entry in found]
    twice = sorted({name for name in known if known.count(name) > 1})
    if twice:
        raise ValueError(f"two benchmarks have the name {', '.join(twice)}: give each its own")
    wanted: set[str] = set()
    for name in names:
        matching = {entry for entry in known if fnmatchcase(entry, name)}
        matching = matching or {entry.name for entry in shelf.get(name, ())}
        if not matching:
            near = difflib.get_close_matches(name, [*known, *(paper for paper in shelf if shelf[paper])])
            hint = f"did you mean {', '.join(near)}?" if near else f"there are {_listed(shelf)}"
            what = "no benchmark beside other packages" if peers else "no benchmark"
            raise ValueError(f"{what} matches {name!r}; {hint}")
        wanted |= matching
    chosen = [entry for entry in found if not names or entry.name in wanted]
    return (together(chosen),) if peers else tuple(chosen)


def _listed(shelf: Mapping[str, Sequence[Benchmark | PeerBenchmark]]) -> str:
    """Return the names of all benchmarks, by paper."""
    lists = (
        f"{paper}: {', '.join(sorted(entry.name for entry in shelf[paper]))}"
        for paper in sorted(shelf)
        if shelf[paper]
    )
    return "; ".join(lists) or "none yet"


def _load(paper: str) -> tuple[Benchmark | PeerBenchmark, ...]:
    module = f"{registry.package(paper)}.benchmarks"
    try:
        if find_spec(module) is None:
            return ()
    except Exception:  # another package that cannot be imported; 'tightbound list' tells why
        if paper in registry.PAPERS:
            raise
        return ()
    found: tuple[Benchmark | PeerBenchmark, ...] = importlib.import_module(module).BENCHMARKS
    return found


def timed(function: Callable[[], Any], *, rounds: int = 11, warmup: int = 1) -> tuple[float, float, float]:
    """Return the median and the 20 % and 80 % quantiles of the wall time of ``function()``, in seconds."""
    seconds = _in_turn({"": function}, rounds, warmup)[""]
    median, low, high = np.quantile(seconds, [0.5, 0.2, 0.8])
    return float(median), float(low), float(high)


def compare(
    functions: Mapping[str, Callable[[], Any]], *, size: str, ratio_to: str, rounds: int = 11, warmup: int = 1
) -> list[dict[str, Any]]:
    """Time several functions in turn and return one row each.

    Every round calls every function once, so a machine that slows down slows all of them; ``ratio`` is the
    median over rounds of (seconds of this one) / (seconds of ``ratio_to`` in the same round).

    Parameters
    ----------
    functions : mapping from name to callable
        What is timed; each does the same work.
    size : str
        The problem, e.g. ``"K=10, B=1e6"``.
    ratio_to : str
        Name of the one the others are compared with.
    rounds, warmup : int
        Calls that count, and calls before them (compilation, caches) that do not.
    """
    if ratio_to not in functions:
        raise ValueError(f"ratio_to is {ratio_to!r}: choose one of {', '.join(functions)}")
    seconds = _in_turn(functions, rounds, warmup)
    rows = []
    for name, values in seconds.items():
        median, low, high = np.quantile(values, [0.5, 0.2, 0.8])
        rows.append(
            {
                "what": name,
                "size": size,
                "median": float(median),
                "low20": float(low),
                "high80": float(high),
                "unit": "s",
                "ratio_to": ratio_to,
                "ratio": float(np.median(values / seconds[ratio_to])),
            }
        )
    return rows


def on_one_and_all(
    functions: Mapping[str, Callable[[], Any]], size: str, ratio_to: str, rounds: int = 15
) -> list[Row]:
    """Compare functions on one thread, then on all; see `compare`."""
    import numba

    rows: list[Row] = []
    for count in sorted({1, numba.get_num_threads()}):
        with threads(count, torch=find_spec("torch") is not None):
            said = f"{size}, {count} thread{'s' if count > 1 else ''}"
            rows += compare(functions, size=said, ratio_to=ratio_to, rounds=rounds)
    return rows


def _in_turn(functions: Mapping[str, Callable[[], Any]], rounds: int, warmup: int) -> dict[str, np.ndarray]:
    if rounds < 1:
        raise ValueError(f"rounds is {rounds}: at least 1 is needed for a median; 11 is the default")
    if warmup < 0:
        raise ValueError(f"warmup is {warmup}: give 0 or more calls that are not timed")
    for function in functions.values():
        for _ in range(warmup):
            function()
    seconds: dict[str, list[float]] = {name: [] for name in functions}
    for _ in range(rounds):
        for name, function in functions.items():
            start = time.perf_counter()
            function()
            seconds[name].append(max(time.perf_counter() - start, 1e-9))
    return {name: np.array(values) for name, values in seconds.items()}
