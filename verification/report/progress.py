"""What is shown while a run works: a bar on standard error, and only on a terminal."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from tightbound.verification.events import Event


class ProgressBar:
    """A context manager whose ``update`` takes the runner's events."""

    def __init__(self) -> None:
        self._console = Console(stderr=True)
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=None),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            console=self._console,
            transient=True,
            disable=not self._console.is_terminal,
            redirect_stdout=False,
            redirect_stderr=False,
        )
        self._task = self._bar.add_task("starting", total=None)

    def __enter__(self) -> ProgressBar:
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.stop()

    def update(self, event: Event) -> None:
        """Show how far the run is; problems and notes are said in any case."""
        if event.total:
            self._bar.update(self._task, total=event.total, completed=event.done)
        if event.kind == "started":
            self._bar.update(self._task, description=event.claim)
        if event.kind in ("problem", "note"):
            with self.away():
                print(f"tightbound: {event.message}", file=sys.stderr)

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
