"""Run the whole quick suite from many roots of random numbers: ``python tests/checker/seeds.py 1 20``.

One run calls any true claim false with probability at most 0.01 (Holm over all claims), so twenty runs
together are expected to raise 0.2 false alarms at most. A claim that ends inconclusive, or whose control
does not fail, is no false alarm but too little power; it is counted apart.

Evidence is kept in ``--output``, one folder per root, and what was seen is written to ``seeds.json`` beside
this file as soon as a root is judged. It may be killed at any moment: the same command goes on. Roots are
taken a few at a time (``--together``), and one process measures a claim from all of them, which saves most of
the compiling; ``--seconds`` ends the run, and what is unfinished then waits for the next one.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Future, wait
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))
RESULTS = HERE / "seeds.json"
_RETRIES = 2
_SILENCE = 30.0


@dataclass
class Task:
    """One half of a claim from several roots, or (``claim`` empty) the judgement on one root."""

    roots: tuple[int, ...]
    claim: str = ""
    role: str = ""
    losses: int = 0


@dataclass
class Run:
    """What is known and what is still to do."""

    names: tuple[str, ...]
    output: Path
    results: Path
    deadline: float
    known: list[dict[str, Any]] = field(default_factory=list)
    left: dict[int, set[tuple[str, str]]] = field(default_factory=dict)
    still: dict[tuple[str, str], dict[int, str]] = field(default_factory=dict)
    queue: deque[Task] = field(default_factory=deque)

    def plan(self, roots: Sequence[int], together: int, seconds: dict[str, float]) -> None:
        """Queue the claims of a few roots at a time, the longest first."""
        longest = sorted(seconds, key=lambda name: -seconds[name])
        for start in range(0, len(roots), together):
            some = tuple(roots[start : start + together])
            for root in some:
                (self.output / str(root) / "evidence").mkdir(parents=True, exist_ok=True)
                self.left[root] = {(name, role) for name in longest for role in ("measure", "control")}
            self.queue.extend(Task(some, name, role) for name in longest for role in ("measure", "control"))

    def next(self) -> Task | None:
        """Return what a free worker is to do; after the deadline only judgements."""
        if self.queue and (time.time() < self.deadline or not self.queue[0].claim):
            return self.queue.popleft()
        return None

    def call(self, task: Task) -> tuple[Any, ...]:
        """Return the function of a task and its arguments."""
        from _roots import judge_root, measure_series

        if not task.claim:
            return judge_root, task.roots[0], self.names, self.output
        still = self.still.get((task.claim, task.role), {})
        return measure_series, task.claim, task.role, task.roots, self.output, still, self.deadline

    def finish(self, task: Task, outcome: Any) -> None:
        """Keep what a worker found; a root that is complete is judged next, one that is judged is written."""
        if not task.claim:
            seen, numbers = outcome
            self.known = sorted([*self.known, seen], key=lambda one: one["seed"])
            write(self.results, json.dumps(self.known, indent=1) + "\n")
            lines = "".join(json.dumps(line) + "\n" for line in numbers)
            write(self.output / f"numbers-{seen['seed']}.jsonl", lines)
            print(json.dumps(seen), flush=True)
            return
        done, still = outcome
        self.still[task.claim, task.role] = still
        for root in done:
            self.left[root].discard((task.claim, task.role))
            if not self.left[root]:
                self.queue.appendleft(Task((root,)))


def write(path: Path, text: str) -> None:
    """Write a file in one step."""
    beside = path.with_name(f".{path.name}.tmp")
    beside.write_text(text)
    os.replace(beside, path)


def work(run: Run, jobs: int) -> None:
    """Do what is queued in that many processes."""
    from tightbound.verification.executors import get_executor

    flying: dict[Future[Any], Task] = {}
    told = time.time()
    with get_executor("local", jobs) as workers:
        try:
            while True:
                # a second task per worker waits, so that none is idle between two
                while len(flying) < 2 * jobs and (task := run.next()) is not None:
                    flying[workers.submit(*run.call(task))] = task
                if not flying:
                    return
                for future in wait(flying, timeout=_SILENCE, return_when=FIRST_COMPLETED).done:
                    task = flying.pop(future)
                    try:
                        run.finish(task, future.result())
                    except BrokenExecutor:
                        task.losses += 1
                        if task.losses <= _RETRIES:
                            run.queue.append(task)
                if time.time() - told > _SILENCE:
                    told = time.time()
                    ahead = {root: len(tasks) for root, tasks in run.left.items() if tasks}
                    print(f"seeds: halves of claims left by root: {ahead}", file=sys.stderr, flush=True)
        except BaseException:
            workers.abandon()
            raise


def unknown(first: int, last: int, known: Sequence[dict[str, Any]]) -> Iterator[int]:
    """Yield the roots that are not judged yet."""
    judged = {run["seed"] for run in known}
    return (root for root in range(first, last + 1) if root not in judged)


def main() -> None:
    """Run what is not known yet and write the results after each root."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("first", type=int)
    parser.add_argument("last", type=int)
    parser.add_argument("patterns", nargs="*", help="claims, papers or tags; all where left out")
    parser.add_argument("--jobs", type=int, default=len(os.sched_getaffinity(0)), help="processes")
    parser.add_argument("--together", type=int, default=4, help="roots that one process takes in a row")
    parser.add_argument("--seconds", type=float, default=float("inf"), help="start nothing after this time")
    parser.add_argument("--output", type=Path, default=Path(".tightbound/seeds"))
    parser.add_argument("--results", type=Path, default=RESULTS)
    given = parser.parse_args()
    deadline = time.time() + given.seconds

    from tightbound.verification.registry import claims

    chosen = claims(given.patterns)
    known = json.loads(given.results.read_text()) if given.results.exists() else []
    run = Run(
        names=tuple(claim.id for claim in chosen),
        output=given.output.resolve(),
        results=given.results,
        deadline=deadline,
        known=known,
    )
    costs = {claim.id: claim.seconds.get("quick", 1.0) for claim in chosen if not claim.skip}
    run.plan(list(unknown(given.first, given.last, known)), given.together, costs)
    work(run, given.jobs)
    missing = [root for root, tasks in run.left.items() if tasks]
    if missing:
        print(f"seeds: roots {missing} are unfinished: the same command goes on", file=sys.stderr)


if __name__ == "__main__":
    main()
