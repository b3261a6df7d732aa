"""What is shown while a run works: a bar on standard error, and only on a terminal."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TextColumn, TimeElapsedColumn
from rich.text import Text

from tightbound.verification.claim import Claim
from tightbound.verification.events import Event
from tightbound.verification.report.text import duration

_UNKNOWN = 1.0  # seconds that a claim is taken to cost where it states none
_TRUST = 60.0  # seconds of stated costs after which what was measured outweighs what is stated
_PATIENCE = 5.0  # seconds before the first guess of the time that is left


class ProgressBar:
    """A context manager whose ``update`` takes the runner's events.

    Parameters
    ----------
    claims : iterable of Claim
        Those of the run: the bar grows with their stated costs, from which the time left is guessed. Without
        them it grows with the units.
    size : str, optional
        The size at which they run.
    workers : int, optional
        How many units run at once; one per processor if left out.
    """

    def __init__(
        self, claims: Iterable[Claim] = (), size: str | None = None, workers: int | None = None
    ) -> None:
        self._costs = {claim.id: claim.seconds.get(size or "quick", _UNKNOWN) for claim in claims}
        self._shares = dict.fromkeys(self._costs, 0.0)
        self._workers = workers or os.cpu_count() or 1
        self._judged = 0
        self._worked = 0.0
        self._start: float | None = None
        self._console = Console(stderr=True)
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=None),
            TextColumn("{task.fields[count]}"),
            TimeElapsedColumn(),
            _Left(self._left),
            console=self._console,
            transient=True,
            disable=not self._console.is_terminal,
            redirect_stdout=False,
            redirect_stderr=False,
        )
        self._task = self._bar.add_task("starting", total=None, count="")

    def __enter__(self) -> ProgressBar:
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.stop()

    def update(self, event: Event) -> None:
        """Show how far the run is; problems and notes are said in any case."""
        if self._costs:
            self._count(event)
        elif event.total:
            count = f"{event.done} of {event.total} units"
            self._bar.update(self._task, total=event.total, completed=event.done, count=count)
        if event.kind == "started":
            self._bar.update(self._task, description=event.claim)
        if event.kind in ("problem", "note"):
            with self.away():
                print(f"tightbound: {event.message}", file=sys.stderr)

    def _count(self, event: Event) -> None:
        """Count claims, and weigh them by what they cost."""
        self._judged += event.kind == "judged"
        if event.claim in self._costs and event.claim_total:
            share = event.claim_done / event.claim_total
            if event.kind == "finished" and not event.cached:
                self._worked += (share - self._shares[event.claim]) * self._costs[event.claim]
            self._shares[event.claim] = share
        if event.kind == "judged":  # also one that was skipped
            self._shares[event.claim] = 1.0
        if event.kind == "started" and self._start is None:
            self._start = time.monotonic()
        done = sum(cost * self._shares[claim] for claim, cost in self._costs.items())
        total = sum(self._costs.values())
        count = f"{self._judged} of {len(self._costs)} claims"
        self._bar.update(self._task, total=total, completed=done, count=count)

    def _left(self) -> str:
        """Return a guess of the time left: from the pace so far, at first rather from stated costs."""
        spent = 0.0 if self._start is None else time.monotonic() - self._start
        if spent < _PATIENCE:
            return ""
        cost = sum(cost * (1.0 - self._shares[claim]) for claim, cost in self._costs.items())
        seconds = cost * (spent + _TRUST / self._workers) / (self._worked + _TRUST)
        return f"about {duration(60 * round(seconds / 60) or 60).removesuffix(' 0 s')} left"

    @contextmanager
    def away(self) -> Iterator[None]:
        """Take the bar off the screen, so that lines printed meanwhile stay whole."""
        if self._bar.disable:
            yield
            return
        self._bar.stop()
        try:
            yield
        finally:
            self._bar.start()


class _Left(ProgressColumn):
    """The time left, guessed anew whenever the bar is drawn: nothing may happen for minutes."""

    def __init__(self, left: Callable[[], str]) -> None:
        super().__init__()
        self._left = left

    def render(self, task: Task) -> Text:
        """Return the text of the column."""
        return Text(self._left())
