"""Small claims for tests of the runner; importable by worker processes.

Every call of a measure leaves a file in ``TOY_FOLDER``, so that tests can count them.
"""

from __future__ import annotations

import os
import signal
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tightbound.verification.claim import Assumption, Claim, NegativeControl, PositiveControl
from tightbound.verification.grid import Grid, cells
from tightbound.verification.statistics import BoundHolds, CellEvidence, Judgement


def _folder() -> Path:
    return Path(os.environ["TOY_FOLDER"])


def _called(name: str) -> None:
    (_folder() / f"{name}-{os.getpid()}-{uuid.uuid4().hex}").touch()


def calls(name: str = "*") -> int:
    return len(list(_folder().glob(f"{name}-*")))


def first_time(name: str) -> bool:
    try:
        (_folder() / f"once.{name}").touch(exist_ok=False)
    except FileExistsError:
        return False
    return True


def steady(cell, rng):
    _called("steady")
    return {"value": rng.normal(cell["mean"], 1.0, 50)}


def slow(cell, rng):
    _called("slow")
    time.sleep(0.1)
    return {"value": rng.normal(cell["mean"], 1.0, 50)}


def shifted(cell, rng):
    _called("shifted")
    return {"value": rng.normal(cell["mean"] + 5.0, 1.0, 50)}


def heavy(cell, rng):
    _called("heavy")
    return {"value": rng.normal(cell["mean"], 1.0, 50), "ballast": rng.normal(size=100_000)}


def broken(cell, rng):
    _called("broken")
    raise ZeroDivisionError("nothing to divide by")


def killed_once(cell, rng):
    _called("killed_once")
    if first_time("killed"):
        os.kill(os.getpid(), signal.SIGKILL)
    return steady(cell, rng)


def killed_always(cell, rng):
    _called("killed_always")
    os.kill(os.getpid(), signal.SIGKILL)


def interrupted_once(cell, rng):
    if first_time("interrupted"):
        raise KeyboardInterrupt
    return steady(cell, rng)


def broken_once(cell, rng):
    if first_time("broken"):
        raise RuntimeError("only the first time")
    return steady(cell, rng)


def ceiling(cell):
    return cell["mean"] + 1.0


def floor_above(cell):
    return cell["mean"] - 5.0


def below_two(cell):
    return cell["mean"] < 2.0


def never(cell):
    return False


def claim(number: int, /, **changes: Any) -> Claim:
    """A claim that passes, but for ``changes``."""
    given = {
        "id": f"TOY-{number}",
        "paper": "toy",
        "title": f"Toy {number}",
        "statement": "mean <= ceiling",
        "source": "Lemma 1",
        "provenance": "derived",
        "statistic": BoundHolds(method="t"),
        "grid": Grid(cells(mean=[0.0, 1.0])),
        "measure": steady,
        "bound": ceiling,
        "control": NegativeControl("its mean is above the ceiling", measure=shifted),
    }
    return Claim(**(given | changes))


PLAIN = (claim(1), claim(2, grid=Grid(cells(mean=[0.0]), replicates=3)), claim(3))
SLOW = tuple(claim(number, measure=slow, grid=Grid(cells(mean=[0.0, 1.0, 2.0]))) for number in (11, 12, 13))
FALSE = claim(
    21,
    measure=shifted,
    control=PositiveControl("small means stay below", measure=steady),
    expected="fail",
    corrected_by="TOY-1",
    counterexample={"mean": 0.0},
)
ASSUMING = claim(
    31,
    grid=Grid(cells(mean=[0.0, 3.0])),
    assumptions=(Assumption("small", "the mean is below 2", below_two),),
)


@dataclass(frozen=True)
class Scripted:
    """A statistic whose p-value is the measurement."""

    stochastic: bool = True

    def judge(self, evidence: Sequence[CellEvidence], *, level: float) -> Judgement:
        p_value = min(float(cell.data["p_value"].min()) for cell in evidence)
        return Judgement(
            "fail" if p_value <= level else "pass", p_value, p_value, p_value, float("inf"), p_value
        )


def p_of_cell(cell, rng):
    return {"p_value": cell["p"]}


def p_zero(cell, rng):
    return {"p_value": 0.0}


def scripted(number: int, p_value: float) -> Claim:
    return claim(
        number,
        statistic=Scripted(),
        measure=p_of_cell,
        bound=None,
        grid=Grid(cells(p=[p_value])),
        control=NegativeControl("p is 0", measure=p_zero),
    )
