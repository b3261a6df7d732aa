"""BS-2: how many rounds a fixed arm takes."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from tightbound.theory.bandits import (
    expected_overshoot,
    expected_stopping_time,
    law_mean,
    law_variance,
    overshoot_curve,
    renewal_limits,
    stopping_time_curve,
    stopping_time_law,
    stopping_time_variance,
    truncated_geometric,
)
from tightbound.verification.claim import Assumption, Claim, NegativeControl
from tightbound.verification.grid import Cell, Grid, cells
from tightbound.verification.statistics import Equality, Law, Order

PAPER = "bandit_spec"
SYNTHETIC = "tokens per round drawn from given laws in place of a language model and its drafters"

Arrays = dict[str, Any]


ONE_OR_FOUR = (0.65, 0.0, 0.0, 0.35)


def _tgd(*parameters: tuple[float, int]) -> tuple[tuple[float, ...], ...]:
    """Return truncated geometric laws as plain tuples, for cells."""
    return tuple(tuple(truncated_geometric(p, length).tolist()) for p, length in parameters)


def _budgets(tokens: int) -> np.ndarray:
    """All small budgets and a geometric ladder of large ones."""
    ladder = np.geomspace(64, tokens, 100).astype(np.int64)
    return np.unique(np.concatenate((np.arange(1, 65), ladder)))


def wald(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Mean tokens of the rounds played against budget plus overshoot, from two separate recursions."""
    at = _budgets(cell["tokens"])
    law, tokens = cell["law"], cell["tokens"]
    rounds, over = stopping_time_curve(law, tokens)[at], overshoot_curve(law, tokens)[at]
    return {"value": float(law_mean(law)) * rounds, "reference": at + over, "budgets": at}


def wald_without_overshoot(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the same with the budget alone."""
    return {**wald(cell, rng), "reference": _budgets(cell["tokens"]).astype(float)}


_WALD_LAWS = (ONE_OR_FOUR, (0.0, 1.0), *_tgd((0.05, 4), (0.5, 1), (0.9, 4), (0.9, 16), (0.99, 8)))

BS_2A = Claim(
    id="BS-2a",
    paper=PAPER,
    title="Wald's identity ties rounds, budget and overshoot of a fixed arm",
    statement=r"\mu E[ST] = B + E[O] for every budget, with E[ST] and E[O] from separate renewal equations",
    source="Section 4, stopping time of a fixed arm; the overshoot is ours",
    provenance="derived",
    statistic=Equality(rtol=1e-9),
    grid=Grid(
        quick=cells(law=_WALD_LAWS, tokens=[100_000]),
        standard=cells(law=_WALD_LAWS, tokens=[1_000_000]),
        full=cells(law=_WALD_LAWS, tokens=[10_000_000]),
    ),
    measure=wald,
    control=NegativeControl(
        measure=wald_without_overshoot, because="the last round runs past the budget, by up to L tokens"
    ),
    substitutes=SYNTHETIC,
    seconds={"quick": 0.3, "standard": 3.0},
)


def renewal_values(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Overshoot, E[ST] - B / mu and growth of the variance at two consecutive budgets, beside the limits."""
    law, tokens, mean = cell["law"], cell["tokens"], float(law_mean(cell["law"]))
    found = []
    for budget in (tokens, tokens + 1):
        found.append(expected_overshoot(law, budget))
        found.append(expected_stopping_time(law, budget) - budget / mean)
    found.append(stopping_time_variance(law, tokens + 1) - stopping_time_variance(law, tokens))
    variance = float(law_variance(law))
    over = (variance + mean**2 - mean) / (2 * mean)
    limits = [over, over / mean, over, over / mean, variance / mean**3]
    return {"value": np.array(found), "reference": np.array(limits)}


def _lengths_share_no_divisor(cell: Cell) -> bool:
    try:
        renewal_limits(cell["law"])
    except ValueError:
        return False
    return True


_SPAN_ONE_LAWS = (ONE_OR_FOUR, *_tgd((0.1, 4), (0.5, 4), (0.9, 4), (0.5, 16), (0.8, 8)))

BS_2B = Claim(
    id="BS-2b",
    paper=PAPER,
    title="Overshoot, offset and variance reach their renewal limits",
    statement=r"o(B) -> (E Y^2 - \mu)/(2\mu), m(B) - B/\mu -> (E Y^2 - \mu)/(2\mu^2), "
    r"Var ST/B -> \sigma^2/\mu^3, within 1e-9 by B = 2000, where the possible lengths have no common divisor",
    source="Renewal theory; the divisor is that of the lengths, not of their differences",
    provenance="derived",
    statistic=Equality(atol=1e-9),
    grid=Grid(
        quick=cells(law=_SPAN_ONE_LAWS, tokens=[2000]),
        # not beyond 2000: the rounding of E[ST], about 1e-16 of its square, is then what E[ST] - B / mu shows
        standard=cells(
            law=(*_SPAN_ONE_LAWS, *_tgd((0.3, 1), (0.7, 2), (0.95, 2), (0.95, 4), (0.95, 16))), tokens=[2000]
        ),
    ),
    measure=renewal_values,
    assumptions=(
        Assumption(
            name="span one",
            sentence="the possible lengths have no common divisor",
            holds=_lengths_share_no_divisor,
        ),
    ),
    control=NegativeControl(
        grid=Grid(quick=cells(law=((0.0, 1.0), (0.0, 0.5, 0.0, 0.5)), tokens=[2000])),
        because="where all lengths are even the overshoot alternates with the budget for ever",
    ),
    substitutes=SYNTHETIC,
    seconds={"quick": 0.1, "standard": 0.3},
)


def _settled(short: Any, long: Any) -> int:
    """Return the budget L mu_1 / (mu_2 - mu_1) beyond which the arm with the larger mean is faster."""
    slow, fast = float(law_mean(short)), float(law_mean(long))
    return math.floor((len(long) - 1) * slow / (fast - slow)) + 1


def rounds_of_two_arms(cell: Cell, rng: np.random.Generator, before: bool = False) -> Arrays:
    """Return expected rounds of both arms at all budgets beyond the settling point, or up to it."""
    settled = _settled(cell["smaller_mean"], cell["larger_mean"])
    at = np.arange(1, settled) if before else np.arange(settled, settled + cell["budgets"])
    curves = [stopping_time_curve(cell[name], int(at[-1]))[at] for name in ("smaller_mean", "larger_mean")]
    return {"greater": curves[0], "smaller": curves[1], "budgets": at}


def rounds_before_settling(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the same below the settling point."""
    return rounds_of_two_arms(cell, rng, before=True)


_PAIRS = (
    {"smaller_mean": (0.0, 1.0), "larger_mean": ONE_OR_FOUR},
    {"smaller_mean": (0.0, 0.0, 1.0), "larger_mean": (0.48, 0.0, 0.0, 0.0, 0.52)},
    {"smaller_mean": (0.0, 1.0), "larger_mean": (0.49, 0.0, 0.51)},
)

BS_2C = Claim(
    id="BS-2c",
    paper=PAPER,
    title="Beyond a budget of L mu_1 / (mu_2 - mu_1) the arm with the larger mean needs fewer rounds",
    statement=r"E[ST_2] < E[ST_1] for all B > L \mu_1 / (\mu_2 - \mu_1), since \mu E[ST] - B lies in [0, L]; "
    "below, the best arm by rounds and the best arm by mean can differ",
    source="Section 4, where the best arm is defined by E[ST] and analysed by its mean",
    provenance="derived",
    statistic=Order(method="exact"),
    grid=Grid(
        quick=[{**pair, "budgets": 2000} for pair in _PAIRS],
        standard=[{**pair, "budgets": 100_000} for pair in _PAIRS],
    ),
    measure=rounds_of_two_arms,
    control=NegativeControl(
        measure=rounds_before_settling,
        because="below that budget the overshoot decides: 2 + 2 tokens make 4 surely, 1 or 4 do not",
    ),
    substitutes=SYNTHETIC,
    seconds={"quick": 0.1, "standard": 0.2},
)


def _rounds_counted(cell: Cell, rng: np.random.Generator) -> np.ndarray:
    """Count simulated stopping times of a fixed arm."""
    from tightbound.simulators.bandits import Categorical, FixedArm, simulate

    environment = Categorical([cell["law"]])
    result = simulate(environment, FixedArm(0), cell["tokens"], replications=cell["runs"], rng=rng)
    return np.bincount(result.stopping_time[:, 0], minlength=cell["tokens"] + 1)


def simulated_rounds(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return counts of simulated stopping times beside their exact law."""
    exact = stopping_time_law(cell["law"], cell["tokens"])
    return {"counts": _rounds_counted(cell, rng), "probabilities": exact}


def simulated_rounds_against_normal(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the counts beside the normal law with mean B / mu and variance sigma^2 B / mu^3."""
    from scipy.special import ndtr

    mean, variance = float(law_mean(cell["law"])), float(law_variance(cell["law"]))
    center, spread = cell["tokens"] / mean, math.sqrt(variance * cell["tokens"] / mean**3)
    edges = (np.arange(cell["tokens"] + 2) - 0.5 - center) / spread
    law = np.diff(ndtr(edges))
    return {"counts": _rounds_counted(cell, rng), "probabilities": law / law.sum()}


BS_2D = Claim(
    id="BS-2d",
    paper=PAPER,
    title="Simulated rounds of a fixed arm follow the renewal law",
    statement=r"P(ST = t) = \sum_{s < B} P(S_{t-1} = s) P(Y >= B - s)",
    source="Definition of the stopping time",
    provenance="derived",
    statistic=Law(method="chi2"),
    grid=Grid(
        quick=cells(law=_tgd((0.5, 4), (0.9, 4)), tokens=[60], runs=[20_000]),
        standard=cells(law=_tgd((0.2, 2), (0.5, 4), (0.9, 4), (0.95, 16)), tokens=[60, 300], runs=[200_000]),
    ),
    measure=simulated_rounds,
    control=NegativeControl(
        measure=simulated_rounds_against_normal,
        because="the normal limit leaves out the offset (E Y^2 - mu)/(2 mu^2), which 20 000 runs resolve",
    ),
    substitutes=SYNTHETIC,
    seconds={"quick": 0.3, "standard": 5.0},
)


STOPPING_TIME = (BS_2A, BS_2B, BS_2C, BS_2D)
