"""Run the whole quick suite from many roots of random numbers: ``python tests/checker/seeds.py 1 20``.

One run calls any true claim false with probability at most 0.01 (Holm over all claims), so twenty runs
together are expected to raise 0.2 false alarms at most. A claim that ends inconclusive, or whose control
does not fail, is no false alarm but too little power; it is counted apart.

Evidence is kept in ``--output``, one folder per root, and what was seen is written to ``seeds.json`` beside
this file as soon as a root is judged. It may be killed at any moment: the same command goes on. Roots are
taken a few at a time (``--together``), and a process keeps the claims that it began with, so that most of the
compiling is done once; ``--seconds`` ends the run, and what is unfinished then waits for the next one.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Future, wait
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))
RESULTS = HERE / "seeds.json"
_RETRIES = 2
_SILENCE = 30.0
NOBODY = -1


@dataclass
class Task:
    """One half of a claim from several roots, or (``claim`` empty) the judgement on one root."""

    roots: tuple[int, ...]
    claim: str = ""
    role: str = ""
    module: str = ""
    seconds: float = 0.0
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
    queue: list[Task] = field(default_factory=list)
    judgements: list[Task] = field(default_factory=list)
    owner: dict[str, int] = field(default_factory=dict)

    def plan(self, roots: Sequence[int], together: int, halves: Sequence[Task]) -> None:
        """Queue the claims of a few roots at a time: the longest module first, in it the longest claim."""
        total: dict[str, float] = defaultdict(float)
        for half in halves:
            total[half.module] += half.seconds
        ordered = sorted(halves, key=lambda half: (-total[half.module], half.module, -half.seconds))
        for start in range(0, len(roots), together):
            some = tuple(roots[start : start + together])
            for root in some:
                (self.output / str(root) / "evidence").mkdir(parents=True, exist_ok=True)
                self.left[root] = {(half.claim, half.role) for half in ordered}
            self.queue.extend(replace(half, roots=some) for half in ordered)

    def next(self, worker: int) -> Task | None:
        """Return what a free worker is to do; after the deadline only judgements.

        A worker keeps the modules that it began with, whose programs it has compiled. Where none of them is
        left in the roots that are due, it begins another one, and at last helps the one with most to do.
        """
        if self.judgements:
            return self.judgements.pop()
        if not self.queue or time.time() > self.deadline:
            return None
        due = [task for task in self.queue if task.roots == self.queue[0].roots]
        ahead: dict[int, float] = defaultdict(float)
        for task in due:
            ahead[self.owner.get(task.module, NOBODY)] += task.seconds
        busiest = max(ahead, key=lambda one: ahead[one])
        wanted = next(one for one in (worker, NOBODY, busiest) if one in ahead)
        these = [task for task in due if self.owner.get(task.module, NOBODY) == wanted]
        chosen = self.begin(worker, these) if wanted == NOBODY else these[0]
        self.owner.setdefault(chosen.module, worker)
        self.queue.remove(chosen)
        return chosen

    def begin(self, worker: int, free: Sequence[Task]) -> Task:
        """Return the first task of a new module: of its own paper, else of the one most in want of workers.

        The modules of a paper share compiled code, so few workers at a time should compile it.
        """
        at: dict[str, set[int]] = defaultdict(set)
        for module, owner in self.owner.items():
            at[paper_of(module)].add(owner)
        ahead: dict[str, float] = defaultdict(float)
        for task in free:
            ahead[paper_of(task.module)] += task.seconds / (1 + len(at[paper_of(task.module)]))
        paper = max(ahead, key=lambda one: (worker in at[one], ahead[one]))
        return next(task for task in free if paper_of(task.module) == paper)

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
                self.judgements.append(Task((root,)))


def paper_of(module: str) -> str:
    """Return the part of a module's name that says of which paper it is."""
    return ".".join(module.split(".")[:3])


def write(path: Path, text: str) -> None:
    """Write a file in one step."""
    beside = path.with_name(f".{path.name}.tmp")
    beside.write_text(text)
    os.replace(beside, path)


def work(run: Run, jobs: int) -> None:
    """Do what is queued in that many processes, each with one task at a time."""
    from tightbound.verification.executors import get_executor

    flying: dict[Future[Any], tuple[int, Task]] = {}
    idle = set(range(jobs))
    told = time.time()
    with ExitStack() as stack:
        workers = [stack.enter_context(get_executor("local", 1)) for _ in range(jobs)]
        try:
            while True:
                for worker in sorted(idle):
                    if (task := run.next(worker)) is not None:
                        flying[workers[worker].submit(*run.call(task))] = worker, task
                        idle.discard(worker)
                if not flying:
                    return
                for future in wait(flying, timeout=_SILENCE, return_when=FIRST_COMPLETED).done:
                    worker, task = flying.pop(future)
                    idle.add(worker)
                    try:
                        run.finish(task, future.result())
                    except BrokenExecutor:
                        task.losses += 1
                        if task.losses <= _RETRIES:
                            (run.queue if task.claim else run.judgements).append(task)
                if time.time() - told > _SILENCE:
                    told = time.time()
                    ahead = {root: len(tasks) for root, tasks in run.left.items() if tasks}
                    print(f"seeds: halves of claims left by root: {ahead}", file=sys.stderr, flush=True)
        except BaseException:
            for one in workers:
                one.abandon()
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
    halves = [
        Task((), claim.id, role, claim.measure.__module__, claim.seconds.get("quick", 1.0))
        for claim in chosen
        if not claim.skip
        for role in ("measure", "control")
    ]
    run.plan(list(unknown(given.first, given.last, known)), given.together, halves)
    work(run, given.jobs)
    missing = [root for root, tasks in run.left.items() if tasks]
    if missing:
        print(f"seeds: roots {missing} are unfinished: the same command goes on", file=sys.stderr)


if __name__ == "__main__":
    main()
