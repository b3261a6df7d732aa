"""What the runner tells its caller while it works."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

EventKind = Literal["started", "finished", "judged", "problem", "note"]


@dataclass(frozen=True)
class Event:
    """One step of a run.

    Parameters
    ----------
    kind : {"started", "finished", "judged", "problem", "note"}
        A unit was handed to a worker; a unit is complete; a claim has its verdict (``record``); something
        on disk was unreadable and is being replaced; something that the user should know (``message``).
    claim : str
        Id of the claim; empty where the event belongs to none.
    done, total : int
        Units complete so far and units of the run (those found on disk count as complete).
    claim_done, claim_total : int
        The same for this claim alone.
    cached : bool
        For ``finished``: the unit was found on disk.
    record : mapping, optional
        For ``judged``: the verdict, already in the ledger.
    message : str
        For ``problem`` and ``note``, and for ``finished`` where the unit raised an error.
    """

    kind: EventKind
    claim: str = ""
    done: int = 0
    total: int = 0
    claim_done: int = 0
    claim_total: int = 0
    cached: bool = False
    record: Mapping[str, Any] | None = None
    message: str = ""


OnEvent = Callable[[Event], None]
