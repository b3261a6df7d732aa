"""CORE-11, CORE-12: the model of speed, in closed form and against simulated rounds."""

from __future__ import annotations

import numpy as np

from tightbound.papers.speculative_core.checks._instances import PAPER, Arrays
from tightbound.simulators.speculative.rounds import simulate_all_lengths, simulate_rounds
from tightbound.theory.speculative.acceptance import (
    acceptance_probability,
    expected_tokens,
    optimal_gamma,
    speedup,
)
from tightbound.verification.claim import Claim, NegativeControl
from tightbound.verification.grid import Cell, Grid, cells
from tightbound.verification.statistics import BoundHolds, Equality

SYNTHETIC = "laws over a few tokens and a price per draft step in place of two models and a clock"
LONGEST = 200


def _laws(alpha: float) -> tuple[np.ndarray, np.ndarray]:
    """Return a target and a drafter over three tokens whose acceptance is ``alpha``."""
    return np.array([alpha / 2, alpha / 2, 1.0 - alpha]), np.array([1.0 - alpha / 2, alpha / 2, 0.0])


def simulated_speed(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Speed-up of simulated runs, a ratio of totals each, beside the closed form."""
    p, q = _laws(cell["alpha"])
    found = simulate_rounds(p, q, cell["gamma"], cell["cost"], cell["rounds"], runs=cell["runs"], rng=rng)
    exact = speedup(acceptance_probability(p, q), cell["gamma"], cell["cost"])
    return {"value": found.speedup, "reference": np.full((1, 1), float(exact))}


def simulated_speed_with_hard_passages(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the same where easy and hard passages alternate, with the same acceptance on average."""
    alpha = cell["alpha"]
    spread = min(alpha, 1.0 - alpha)
    easy, hard = _laws(alpha + spread), _laws(alpha - spread)
    p, q = (np.stack(pair) for pair in zip(easy, hard, strict=True))
    found = simulate_rounds(
        p, q, cell["gamma"], cell["cost"], cell["rounds"], runs=cell["runs"], persistence=1.0, rng=rng
    )
    exact = speedup(acceptance_probability(p, q).mean(), cell["gamma"], cell["cost"])
    return {"value": found.speedup, "reference": np.full((1, 1), float(exact))}


CORE_11A = Claim(
    id="CORE-11a",
    paper=PAPER,
    title="Simulated rounds run at the speed of the closed form when acceptance is independent",
    statement=r"tokens per time = (1 - \alpha^{\gamma+1}) / ((1 - \alpha)(\gamma c + 1)) within 1 %",
    source="Leviathan et al. 2023, Section 3.3; derived in speedup",
    provenance="derived",
    statistic=Equality(method="t", rtol=0.01),
    grid=Grid(
        quick=cells(alpha=[0.5, 0.8], gamma=[3, 6], cost=[0.1], rounds=[4000], runs=[100]),
        standard=cells(alpha=[0.3, 0.6, 0.9], gamma=[1, 4, 8], cost=[0.02, 0.1], rounds=[10_000], runs=[100]),
    ),
    measure=simulated_speed,
    control=NegativeControl(
        measure=simulated_speed_with_hard_passages,
        because="accepted drafts bunch in easy passages, so tokens per round are no function of the mean "
        "acceptance",
    ),
    substitutes=SYNTHETIC,
    seconds={"quick": 1.5, "standard": 10.0},
)

ALPHAS = tuple(round(0.025 * i, 3) for i in range(40))
COSTS = (0.02, 0.05, 0.1, 0.2, 0.4, 0.8)
FINE_ALPHAS = tuple(round(0.01 * i, 2) for i in range(100))
FINE_COSTS = (0.005, *COSTS, 1.0, 1.5)


def _model(alphas: tuple[float, ...], costs: tuple[float, ...]) -> tuple[Cell, ...]:
    return cells(cost=costs, alphas=[alphas])


MODEL = Grid(quick=_model(ALPHAS, COSTS), standard=_model(FINE_ALPHAS, FINE_COSTS))


def _speeds(alphas: tuple[float, ...], cost: float, bonus: float = 1.0) -> np.ndarray:
    """Speed-up for every acceptance and gamma = 0, ..., 200; without the bonus token if ``bonus`` is 0."""
    gammas = range(LONGEST + 1)
    tokens = np.stack([expected_tokens(np.array(alphas), gamma) for gamma in gammas], axis=-1)
    return np.asarray((tokens - 1.0 + bonus) / (np.array(gammas) * cost + 1.0))


def gain_is_possible(cell: Cell, rng: np.random.Generator, bonus: float = 1.0) -> Arrays:
    """Whether some draft length gains on plain decoding, beside whether acceptance exceeds the price."""
    speeds = _speeds(cell["alphas"], cell["cost"], bonus)
    # equality of acceptance and price gives speed-up 1 up to rounding
    return {
        "value": (speeds.max(axis=-1) > 1.0 + 1e-12).astype(float),
        "reference": (np.array(cell["alphas"]) > cell["cost"] + 1e-12).astype(float),
    }


def gain_is_possible_without_bonus(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the same for rounds that emit accepted drafts only."""
    return gain_is_possible(cell, rng, bonus=0.0)


CORE_11B = Claim(
    id="CORE-11b",
    paper=PAPER,
    title="Some draft length is faster than plain decoding if and only if acceptance exceeds the price",
    statement=r"\max_\gamma S(\alpha, \gamma, c) > 1 iff \alpha > c",
    source="Leviathan et al. 2023, corollary in Section 3.3 (one direction); proved in speedup",
    provenance="derived",
    statistic=Equality(),
    grid=MODEL,
    measure=gain_is_possible,
    control=NegativeControl(
        measure=gain_is_possible_without_bonus,
        because="without the token after the accepted drafts a round has to earn that token back first",
    ),
    substitutes=SYNTHETIC,
    seconds={"quick": 0.3, "standard": 1.4},
)


def best_speed(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Speed-up at the best draft length, beside that of one draft and of none."""
    best = [float(speedup(a, optimal_gamma(a, cell["cost"]), cell["cost"])) for a in cell["alphas"]]
    return {"value": np.array(best), "bound": _least(cell)}


def speed_at_eight_drafts(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the same for eight drafts in every case."""
    return {"value": speedup(np.array(cell["alphas"]), 8, cell["cost"]), "bound": _least(cell)}


def _least(cell: Cell) -> np.ndarray:
    return np.asarray(np.maximum(1.0, (1.0 + np.array(cell["alphas"])) / (1.0 + cell["cost"])))


CORE_11C = Claim(
    id="CORE-11c",
    paper=PAPER,
    title="The best draft length gains at least the factor (1 + alpha) / (1 + c)",
    statement=r"\max_\gamma S >= (1 + \alpha)/(1 + c) where \alpha > c, and >= 1 always",
    source="Leviathan et al. 2023, corollary in Section 3.3; proved in speedup",
    provenance="derived",
    statistic=BoundHolds(method="exact", side="lower", slack=1e-12),
    grid=MODEL,
    measure=best_speed,
    control=NegativeControl(
        measure=speed_at_eight_drafts,
        because="a fixed long draft costs more than it yields at low acceptance",
    ),
    substitutes=SYNTHETIC,
    seconds={"quick": 0.1, "standard": 0.1},
)


def best_length(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Draft length by the rule, beside the best of 0, ..., 200; and the speeds for the figure."""
    speeds = _speeds(cell["alphas"], cell["cost"])
    rule = [optimal_gamma(a, cell["cost"]) for a in cell["alphas"]]
    # of draft lengths whose speeds differ by rounding alone, the smallest
    best = np.argmax(speeds >= speeds.max(axis=-1, keepdims=True) * (1.0 - 1e-14), axis=-1)
    return {
        "value": np.array(rule, dtype=float),
        "reference": best.astype(float),
        "speedup": speeds[:, : SHOWN + 1],
    }


SHOWN = 20


def best_length_without_bonus(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Best draft length when the token after the accepted drafts is forgotten, beside the best of all."""
    found = best_length(cell, rng)
    forgetful = _speeds(cell["alphas"], cell["cost"], bonus=0.0).argmax(axis=-1)
    return {"value": forgetful.astype(float), "reference": found["reference"]}


CORE_12A = Claim(
    id="CORE-12a",
    paper=PAPER,
    title="The first draft length whose successor does not gain is the best of all",
    statement=r"\gamma^* = \min\{g : \alpha^{g+1} (g c + 1) <= c \sum_{k \le g} \alpha^k\}",
    source="derived; proved in speedup and optimal_gamma",
    provenance="derived",
    statistic=Equality(),
    grid=MODEL,
    measure=best_length,
    control=NegativeControl(
        measure=best_length_without_bonus,
        because="who forgets the token after the accepted drafts drafts too long",
    ),
    substitutes=SYNTHETIC,
    seconds={"quick": 0.4, "standard": 2.0},
)


def _rises_after_falls(cell: Cell, rng: np.random.Generator, tile: int) -> Arrays:
    """Count, per instance, the draft lengths at which speed rises although it fell before.

    Acceptance is any falling sequence P(tau >= i); one pass of the target costs its number of tiles.
    """
    longest = 40
    kept = np.cumprod(rng.beta(4.0, 1.0, size=(cell["instances"], longest)), axis=1)
    gammas = np.arange(longest + 1)
    tokens = 1.0 + np.concatenate((np.zeros((cell["instances"], 1)), np.cumsum(kept, axis=1)), axis=1)
    passes = np.ceil((gammas + 1) / tile) if tile else np.ones(longest + 1)
    steps = np.diff(tokens / (gammas * cell["cost"] + passes), axis=1)
    fell = np.maximum.accumulate(steps < -1e-12, axis=1)
    return {"value": (fell[:, :-1] & (steps[:, 1:] > 1e-12)).sum(axis=1).astype(float)}


def peaks(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Count rises after falls when a pass costs the same for every draft length."""
    return _rises_after_falls(cell, rng, 0)


def peaks_of_tiles(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the same when a pass over gamma + 1 tokens costs one unit per started tile of four."""
    return _rises_after_falls(cell, rng, 4)


def none(cell: Cell) -> float:
    """Return 0."""
    return 0.0


CORE_12B = Claim(
    id="CORE-12b",
    paper=PAPER,
    title="Speed has one peak in the draft length, whatever the acceptance process",
    statement=r"E[\min(\tau, \gamma) + 1] / (\gamma c + 1) rises, then falls, for every law of \tau",
    source="derived; proved in speedup",
    provenance="derived",
    statistic=BoundHolds(method="exact", slack=0.0),
    grid=Grid(
        quick=cells(cost=[0.02, 0.1, 0.3], instances=[500]),
        standard=cells(cost=[0.005, 0.02, 0.1, 0.3, 0.7], instances=[20_000]),
    ),
    measure=peaks,
    bound=none,
    control=NegativeControl(
        measure=peaks_of_tiles, because="a pass that is paid by the tile makes a peak at the end of each tile"
    ),
    substitutes=SYNTHETIC,
    seconds={"quick": 0.1, "standard": 0.8},
)


def _advantage(cell: Cell, rng: np.random.Generator, chosen: int) -> Arrays:
    """Gain in simulated speed of every draft length over ``chosen``, from the same drafts and coins."""
    longest, cost = cell["longest"], cell["cost"]
    p, q = _laws(cell["alpha"])
    tokens = simulate_all_lengths(p, q, longest, cell["rounds"], rng=rng)
    # means of blocks of rounds, which are close to normal
    blocks = tokens.reshape(cell["rounds"] // 1000, 1000, longest + 1).mean(axis=1)
    speeds = blocks / (np.arange(longest + 1) * cost + 1.0)
    best = float(speedup(cell["alpha"], optimal_gamma(cell["alpha"], cost), cost))
    others = np.arange(longest + 1) != chosen
    gain = speeds[:, others] - speeds[:, [chosen]]
    return {"value": gain, "bound": np.full((1, longest), 0.005 * best), "speeds": speeds.mean(axis=0)}


def advantage_over_best(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Gain of every draft length over the rule's."""
    return _advantage(cell, rng, optimal_gamma(cell["alpha"], cell["cost"]))


def advantage_over_a_third(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Gain of every draft length over a third of the rule's."""
    return _advantage(cell, rng, optimal_gamma(cell["alpha"], cell["cost"]) // 3)


CORE_12C = Claim(
    id="CORE-12c",
    paper=PAPER,
    title="In simulated rounds no draft length beats the rule's by more than half a percent",
    statement=r"S_{simulated}(\gamma) - S_{simulated}(\gamma^*) <= 0.005 S(\gamma^*) for gamma = 0, ..., 16",
    source="derived",
    provenance="derived",
    statistic=BoundHolds(method="t"),
    grid=Grid(
        quick=cells(alpha=[0.5, 0.8], cost=[0.05, 0.2], longest=[16], rounds=[200_000]),
        standard=cells(alpha=[0.3, 0.5, 0.7, 0.8], cost=[0.05, 0.1, 0.2], longest=[16], rounds=[1_000_000]),
    ),
    measure=advantage_over_best,
    control=NegativeControl(
        measure=advantage_over_a_third,
        because="a draft a third as long leaves percents of speed unused",
    ),
    substitutes=SYNTHETIC,
    seconds={"quick": 1.0, "standard": 27.0},
)

WALLTIME = (CORE_11A, CORE_11B, CORE_11C, CORE_12A, CORE_12B, CORE_12C)
