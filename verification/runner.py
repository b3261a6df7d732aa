"""From claims to verdicts: measure what is missing, judge, write the ledger."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tightbound.verification.claim import Claim
from tightbound.verification.events import Event, OnEvent
from tightbound.verification.grid import Size
from tightbound.verification.ledger import Record
from tightbound.verification.statistics.base import CellEvidence

DEFAULT_OUTPUT = Path(".tightbound")
DEFAULT_SEED = 0
DEFAULT_LEVEL = 0.01


@dataclass(frozen=True)
class ClaimEvidence:
    """What was measured for one claim and for its control, cell by cell."""

    measure: tuple[CellEvidence, ...]
    control: tuple[CellEvidence, ...]


def _ignore(event: Event) -> None:
    """Do nothing."""


def verify(
    claims: Sequence[Claim],
    *,
    size: Size = "quick",
    seed: int = DEFAULT_SEED,
    level: float = DEFAULT_LEVEL,
    executor: str = "local",
    jobs: int | None = None,
    output: Path = DEFAULT_OUTPUT,
    cache: bool = True,
    budget: float | None = None,
    family: Iterable[Claim] | None = None,
    on_event: OnEvent = _ignore,
) -> list[Record]:
    """Verify ``claims`` and return one record each, in their order; see the ledger for the fields."""
    raise NotImplementedError


def rejudge(
    records: Iterable[Record],
    claims: Sequence[Claim],
    *,
    folder: Path,
    level: float = DEFAULT_LEVEL,
    family: Iterable[Claim] | None = None,
) -> list[Record]:
    """Judge again, from the evidence that ``records`` of the ledger in ``folder`` name; nothing is written."""
    raise NotImplementedError


def evidence_for(
    claims: Sequence[Claim],
    *,
    size: Size = "quick",
    seed: int = DEFAULT_SEED,
    executor: str = "local",
    jobs: int | None = None,
    output: Path = DEFAULT_OUTPUT,
    cache: bool = True,
    on_event: OnEvent = _ignore,
) -> Mapping[str, ClaimEvidence]:
    """Measure what is missing and return the evidence of each claim by its id: what figures are drawn from."""
    raise NotImplementedError
