"""Speed beside other packages: equal results first, then the same problem in turns on one thread."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from importlib import metadata
from importlib.util import find_spec
from math import ceil, floor, log10
from typing import Any

import numpy as np

from tightbound.verification.threads import threads

SHORTEST = 0.1
"""Seconds that a turn lasts at least, so that what another package left in the caches weighs little."""
LEAST_TURNS, MOST_TURNS = 3, 25


class UnavailableError(Exception):
    """Something else that a comparison needs is missing here; the message is the command that installs it."""


@dataclass(frozen=True)
class Peer:
    """Another package that solves a problem of ours.

    Parameters
    ----------
    name : str
        As pip knows it; its version is reported.
    modules : sequence of str
        What must be importable.
    install : str, optional
        Command that installs it, where that is not ``pip install NAME``.
    """

    name: str
    modules: Sequence[str]
    install: str = ""

    def __post_init__(self) -> None:
        if isinstance(self.modules, str) or not self.modules:
            raise TypeError(f"modules is {self.modules!r}: give a list of names that must be importable")

    @property
    def version(self) -> str | None:
        """Installed version; None where a module cannot be found."""
        if not all(find_spec(module) for module in self.modules):
            return None
        try:
            return metadata.version(self.name)
        except metadata.PackageNotFoundError:  # put on the path without being installed
            return "unknown"

    @property
    def command(self) -> str:
        """Command that installs it."""
        return self.install or f"pip install {self.name}"


@dataclass(frozen=True)
class Match:
    """Two runs that were found to give the same result, for which each was called at least once.

    Parameters
    ----------
    ours, theirs : callable
        Each solves the whole problem once.
    agreement : str
        How well results agree, e.g. ``agree(...)``.
    """

    ours: Callable[[], Any]
    theirs: Callable[[], Any]
    agreement: str


@dataclass(frozen=True)
class Pair:
    """One problem that we and another package solve.

    Parameters
    ----------
    problem : str
        What is solved, and its size.
    ours, theirs : str
        What solves it here and there.
    peer : Peer
        The other package.
    prepare : callable ``() -> Match``
        Called only where the package is installed. Raises ArithmeticError if results differ.
    seconds : float
        Processor time for the turns; three are taken in any case.
    """

    problem: str
    ours: str
    theirs: str
    peer: Peer
    prepare: Callable[[], Match]
    seconds: float = 3.0

    def __post_init__(self) -> None:
        if not self.seconds > 0.0:
            raise ValueError(f"seconds is {self.seconds!r}: give a positive time for the turns")


@dataclass(frozen=True)
class PeerBenchmark:
    """Problems of one paper that other packages solve too.

    Parameters
    ----------
    name : str
        What ``tightbound bench NAME`` selects.
    title : str
        One line.
    pairs : sequence of Pair
        What is compared.
    """

    name: str
    title: str
    pairs: Sequence[Pair]

    def __post_init__(self) -> None:
        if not self.name or any(character.isspace() for character in self.name):
            raise ValueError(
                f"name is {self.name!r}: give a word without spaces, it is typed on the command line"
            )

    def run(self, on_pair: Callable[[Pair], object] = lambda pair: None) -> list[dict[str, Any]]:
        """Return one row per pair; ``on_pair`` is called before each.

        Keys ``problem, ours, theirs, peer, version``, and either ``ours_median, theirs_median`` (seconds),
        ``ratio, ratio_low20, ratio_high80`` (how many times their time is ours), ``turns, agreement``, or
        ``reason`` with ``install``, where something is not installed, or ``failed``.
        """
        rows = []
        for pair in self.pairs:
            on_pair(pair)
            rows.append(_row(pair))
        return rows


def together(benchmarks: Iterable[Any]) -> PeerBenchmark:
    """Return the pairs of several benchmarks as those of one."""
    pairs = [pair for benchmark in benchmarks for pair in benchmark.pairs]
    return PeerBenchmark("peers", "Processor time on one thread, in turns, beside other packages", pairs)


def agree(found: Any, expected: Any, tolerance: float, *, relative: bool = False) -> str:
    """Return by how much two results differ, in words.

    Raises
    ------
    ArithmeticError
        If it is more than ``tolerance``: their speeds cannot be compared.

    Examples
    --------
    >>> agree([1.0, 2.0], [1.0, 2.0 + 2**-40], 1e-10)
    'within 1e-12'
    >>> agree([1, 2], [1, 2], 0.0)
    'equal'
    """
    one, other = np.asarray(found, np.float64), np.asarray(expected, np.float64)
    if one.shape != other.shape:
        raise ArithmeticError(f"shapes {one.shape} and {other.shape} differ: speeds cannot be compared")
    gap = np.abs(one - other)
    if relative:
        gap = gap / np.abs(other)
    largest = float(gap.max(initial=0.0))
    if not largest <= tolerance:
        raise ArithmeticError(
            f"results differ by {largest:.1e}, more than {tolerance:g}: speeds cannot be compared"
        )
    if largest == 0.0:
        return "equal"
    return f"within {_up(largest)}" + (" of the value" if relative else "")


def _up(value: float) -> str:
    """Return one digit, never below the value."""
    power = floor(log10(value))
    return f"{ceil(value / 10.0**power) * 10.0**power:.0e}"


def _row(pair: Pair) -> dict[str, Any]:
    version = pair.peer.version
    row: dict[str, Any] = {
        "problem": pair.problem,
        "ours": pair.ours,
        "theirs": pair.theirs,
        "peer": pair.peer.name,
        "version": version,
    }
    if version is None:
        return {**row, "reason": "not installed", "install": pair.peer.command}
    try:
        with threads(1, torch="torch" in pair.peer.modules):
            match = pair.prepare()
            return {**row, **_in_turn(match.ours, match.theirs, pair.seconds), "agreement": match.agreement}
    except UnavailableError as missing:
        return {**row, "reason": "not installed", "install": str(missing)}
    except Exception as error:  # of another package too: one that fails must not end the others
        return {**row, "reason": f"{type(error).__name__}: {error}", "failed": True}


def _in_turn(ours: Callable[[], Any], theirs: Callable[[], Any], seconds: float) -> dict[str, Any]:
    runs = (ours, theirs)
    ours()  # what was called before may have been of another size
    cost = [_spent(run, 1) for run in runs]
    times = [ceil(SHORTEST / one) for one in cost]
    turn = sum(count * one for count, one in zip(times, cost, strict=True))
    turns = min(max(int(seconds / turn), LEAST_TURNS), MOST_TURNS)
    spent = np.array([[_spent(run, n) / n for run, n in zip(runs, times, strict=True)] for _ in range(turns)])
    ratio, low, high = np.quantile(spent[:, 1] / spent[:, 0], [0.5, 0.2, 0.8]).tolist()
    ours_median, theirs_median = np.median(spent, axis=0).tolist()
    return {
        "ours_median": ours_median,
        "theirs_median": theirs_median,
        "ratio": ratio,
        "ratio_low20": low,
        "ratio_high80": high,
        "turns": turns,
        "unit": "s",
        "clock": "processor time, one thread",
    }


def _spent(run: Callable[[], Any], times: int) -> float:
    start = time.process_time()
    for _ in range(times):
        run()
    return max(time.process_time() - start, 1e-6)
