"""What claims cost, from what they state and what earlier runs took, and the sizes that a budget allows."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from tightbound.verification.claim import Claim
from tightbound.verification.grid import SIZES, Size

Basis = Literal["measured", "stated", "unknown"]

SHARE = 0.9
"""Part of a budget that is planned in advance; the rest makes up for costs that are only rough."""


@dataclass(frozen=True)
class Costs:
    """Seconds that claims take on one core.

    Parameters
    ----------
    measured : mapping from (claim id, size) to float
        What earlier runs took.
    pace : float
        Seconds measured for each second stated, over all claims of which both are known: how much slower
        than stated this machine is.
    """

    measured: Mapping[tuple[str, str], float] = field(default_factory=dict)
    pace: float = 1.0

    @classmethod
    def of(cls, claims: Iterable[Claim], records: Iterable[Mapping[str, Any]]) -> Costs:
        """Return the costs that the records of a ledger teach about ``claims``; the last of each counts."""
        measured = {
            (record["claim"], record["size"]): float(record["run"]["wall_s"])
            for record in records
            if record["status"] not in ("skipped", "error") and "wall_s" in record["run"]
        }
        both = [
            (measured[claim.id, size], stated)
            for claim in claims
            for size, stated in claim.seconds.items()
            if (claim.id, size) in measured
        ]
        took, stated = (sum(column) for column in zip(*both, strict=True)) if both else (0.0, 0.0)
        return cls(measured, took / stated if took > 0.0 and stated > 0.0 else 1.0)

    def basis(self, claim: Claim, size: Size) -> Basis:
        """Return where the cost of ``claim`` is known from."""
        if (claim.id, size) in self.measured:
            return "measured"
        return "stated" if size in claim.seconds else "unknown"

    def seconds(self, claim: Claim, size: Size) -> float | None:
        """Return the cost of ``claim``: measured, else stated times the pace; None where nobody knows.

        Examples
        --------
        >>> from tightbound.verification import registry
        >>> (claim,) = registry.claims(["BS-4a"])
        >>> Costs({("BS-4a", "quick"): 2.0}, pace=1.5).seconds(claim, "quick")
        2.0
        """
        if (claim.id, size) in self.measured:
            return self.measured[claim.id, size]
        return claim.seconds[size] * self.pace if size in claim.seconds else None


def choose(prices: Sequence[Mapping[Size, float]], seconds: float) -> list[Size]:
    """Return a size for each claim: all at the smallest, then raised one by one, the cheapest step first.

    Parameters
    ----------
    prices : sequence of mappings from size to float
        For each claim what its sizes cost, from the smallest up; a size that is left out is not offered.
    seconds : float
        What all of them together may cost.

    Examples
    --------
    >>> choose([{"quick": 1.0, "standard": 9.0}, {"quick": 1.0, "standard": 3.0}], seconds=6.0)
    ['quick', 'standard']
    """
    ladders = [[size for size in SIZES if size in price] for price in prices]
    steps = [0] * len(prices)
    left = seconds - sum(price[ladder[0]] for price, ladder in zip(prices, ladders, strict=True))
    waiting: list[tuple[float, int]] = []

    def offer(index: int) -> None:
        ladder, step = ladders[index], steps[index]
        if step + 1 < len(ladder):
            heapq.heappush(waiting, (prices[index][ladder[step + 1]] - prices[index][ladder[step]], index))

    for index in range(len(prices)):
        offer(index)
    while waiting:
        more, index = heapq.heappop(waiting)
        if more > max(left, 0.0):
            break  # and every other step costs more
        left -= more
        steps[index] += 1
        offer(index)
    return [ladder[step] for ladder, step in zip(ladders, steps, strict=True)]


def explained(
    chosen: Sequence[tuple[Claim, Size, float]], costs: Costs, *, budget: float, workers: int
) -> str:
    """Return one line that says what is planned and what the plan rests on.

    Parameters
    ----------
    chosen : sequence of (Claim, size, seconds)
        What is still to be spent on each claim, on one core.
    costs : Costs
        Where that is known from.
    budget : float
        In seconds.
    workers : int
        Among which the work is shared.
    """
    sizes = [size for _, size, _ in chosen]
    bases = [costs.basis(claim, size) for claim, size, _ in chosen]
    parts = ", ".join(f"{sizes.count(size)} at {size}" for size in reversed(SIZES) if size in sizes)
    expected = sum(price for _, _, price in chosen) / workers
    pace = f" times {costs.pace:.2g}" if costs.pace != 1.0 else ""
    words: dict[Basis, str] = {"measured": "measured", "stated": f"stated{pace}", "unknown": "unknown"}
    known = ", ".join(f"{bases.count(basis)} {word}" for basis, word in words.items() if basis in bases)
    over = "; claims that do not fit are skipped" if expected > budget else ""
    plural = "worker" if workers == 1 else "workers"
    return (
        f"budget of {budget:g} s on {workers} {plural}: {parts}, about {expected:.0f} s expected{over} "
        f"(costs: {known})"
    )
