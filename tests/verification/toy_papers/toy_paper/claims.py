"""One claim of every kind that the command line must show."""

import numpy as np

from tightbound.verification.claim import Assumption, Claim, NegativeControl, PositiveControl
from tightbound.verification.grid import Grid, cells
from tightbound.verification.statistics import BoundHolds, Equality

SIZES = Grid(quick=cells(tokens=[10, 20, 40]))


def square(cell, rng):
    return {"value": float(cell["tokens"]) ** 2}


def noisy_square(cell, rng):
    return {"value": cell["tokens"] ** 2 * rng.uniform(0.8, 1.0, size=50)}


def noisy_cube(cell, rng):
    return {"value": cell["tokens"] ** 3 * rng.uniform(0.8, 1.0, size=50)}


def is_positive(cell):
    return cell["tokens"] > 0


def three_squares(cell):
    """Return three times the square of the tokens."""
    return 3.0 * cell["tokens"] ** 2


def linear(cell):
    return 2.0 * cell["tokens"]


def sum_of_odds(cell, rng):
    n = cell["tokens"]
    return {"value": float(sum(range(1, 2 * n, 2))), "reference": float(n * n)}


def sum_of_evens(cell, rng):
    n = cell["tokens"]
    return {"value": float(sum(range(0, 2 * n, 2))), "reference": float(n * n)}


TOY_1 = Claim(
    id="TOY-1",
    paper="toy_paper",
    title="The square stays below three squares | in the mean",
    statement="E[n^2 U] <= 3 n^2",
    source="Theorem 1",
    provenance="text",
    statistic=BoundHolds(method="t"),
    grid=SIZES,
    measure=noisy_square,
    bound=three_squares,
    trivial=lambda cell: np.inf,
    assumptions=(Assumption("positive", "there is at least one token", is_positive),),
    control=NegativeControl(
        because="a cube outgrows three squares", measure=noisy_cube, grid=Grid(quick=cells(tokens=[40, 50]))
    ),
    substitutes="Tokens are integers.",
)

TOY_2A = Claim(
    id="TOY-2a",
    paper="toy_paper",
    title="The square stays below twice the number",
    statement="n^2 <= 2 n",
    source="Theorem 2, as printed",
    provenance="text",
    statistic=BoundHolds(),
    grid=SIZES,
    measure=square,
    bound=linear,
    expected="fail",
    corrected_by="TOY-1",
    counterexample={"tokens": 10, "square": 100},
    control=PositiveControl(because="two squared is twice two", grid=Grid(quick=cells(tokens=[1, 2]))),
)

TOY_2B = Claim(
    id="TOY-2b",
    paper="toy_paper",
    title="Odd numbers sum to a square",
    statement="1 + 3 + ... + (2n - 1) = n^2",
    source="Lemma 3",
    provenance="derived",
    statistic=Equality(),
    grid=SIZES,
    measure=sum_of_odds,
    control=NegativeControl(because="even numbers sum to n^2 - n", measure=sum_of_evens),
)

TOY_3 = Claim(
    id="TOY-3",
    paper="toy_paper",
    title="Needs a robot",
    statement="the robot walks",
    source="Section 5",
    provenance="abstract",
    statistic=Equality(),
    grid=SIZES,
    measure=sum_of_odds,
    control=NegativeControl(because="it would fall", measure=sum_of_evens),
    expected="skipped",
    skip="there is no robot here",
)

CLAIMS = (TOY_1, TOY_2A, TOY_2B, TOY_3)
