"""GMFG-4: what one step of MonoMD guarantees, the rates that follow, and what the printed rate measures."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tightbound.theory.graphon_games import (
    GraphonGame,
    best_response,
    erdos_renyi,
    exponential,
    flow,
    mirror_step_certificate,
    random_linear,
    rotation,
    uniform_attachment,
)
from tightbound.verification.claim import Claim, NegativeControl
from tightbound.verification.grid import Cell, Grid, cells
from tightbound.verification.statistics import BoundHolds, Slope

PAPER = "gmfg_monotone"

Arrays = dict[str, Any]

_ROUNDING = 1e-12


# --- GMFG-4a: the one-step inequality
# --------------------------------------------------------------------------


def _random_logs(game: GraphonGame, rng: np.random.Generator) -> np.ndarray:
    shape = game.uniform_policy().shape
    policy = 0.99 * rng.dirichlet(np.full(shape[-1], 0.5), size=shape[:-1]) + 0.01 / shape[-1]
    return np.asarray(np.log(policy))


def _steps(game: GraphonGame, cell: Cell, rng: np.random.Generator) -> list[tuple[float, float]]:
    """Return both sides of the inequality along a run and at random policies, for random references."""
    lam, theta = cell["lam"], cell["theta"]
    sides = []
    for _ in range(cell["starts"]):
        logs, star = _random_logs(game, rng), _random_logs(game, rng)
        for _ in range(cell["steps"]):
            found = mirror_step_certificate(game, logs, star, theta=theta, lam=lam)
            sides.append((found.after, found.bound))
            logs = found.log_policy
    return sides


def _collected(cell: Cell, rng: np.random.Generator, mix: float) -> Arrays:
    sides: list[tuple[float, float]] = []
    for _ in range(cell["instances"]):
        graphon = {"er": erdos_renyi(1.0), "exp": exponential(), "unif-att": uniform_attachment()}
        game = random_linear(
            rng=rng, graphon=graphon[cell["graphon"]], coupling=cell["coupling"], mix=mix, blocks=4
        )
        sides += _steps(game, cell, rng)
    after, bound = np.array(sides).T
    return {"value": after, "bound": bound}


def one_step(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Divergence after a mirror step and the inequality's right-hand side; the kernel is free of z."""
    return _collected(cell, rng, 0.0)


def one_step_with_herding(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the same where agents land where the crowd is."""
    return _collected(cell, rng, 0.6)


GMFG_4A = Claim(
    id="GMFG-4a",
    paper=PAPER,
    title="One MonoMD step contracts the divergence up to the gap and a second-order term",
    statement=r"phi(pi') <= (1-theta) phi(pi) + (theta/lam) gap + (theta^2/8) \int sum_h E_{mu*} osc(G_h)^2 "
    r"with G = Q/lam - log pi, for every policy and every reference, monotone or not, if P is free of z",
    source="One-step analysis; proof in `mirror_step_certificate`",
    provenance="derived",
    statistic=BoundHolds(slack=_ROUNDING),
    grid=Grid(
        quick=[
            {
                "theta": theta,
                "lam": lam,
                "coupling": coupling,
                "graphon": graphon,
                "instances": 2,
                "starts": 3,
                "steps": 5,
            }
            for theta in (0.001, 0.1, 1.0)
            for lam, coupling, graphon in ((1.0, -1.0, "unif-att"), (0.1, 10.0, "exp"))
        ],
        standard=cells(
            theta=[0.001, 0.01, 0.1, 0.5, 1.0],
            lam=[1.0, 0.1],
            coupling=[-1.0, 10.0],
            graphon=["er", "exp", "unif-att"],
            instances=[3],
            starts=[5],
            steps=[10],
        ),
    ),
    measure=one_step,
    control=NegativeControl(
        measure=one_step_with_herding,
        grid=Grid(
            quick=cells(
                theta=[0.001],
                lam=[0.1],
                coupling=[10.0],
                graphon=["er"],
                instances=[4],
                starts=[10],
                steps=[1],
            )
        ),
        because="when the kernel follows the crowd, the reference is not where it would be among its own "
        "crowd; the error is of order theta and shows at small steps",
    ),
    seconds={"quick": 0.4, "standard": 10.0},
)


# --- GMFG-4b, c: what follows for a whole run
# ------------------------------------------------------------------


def _run(
    game: GraphonGame, logs: np.ndarray, star: np.ndarray, lam: float, thetas: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return phi_0, ..., phi_T and the running maximum of the spreads C_t."""
    phi, spread = [], []
    for theta in thetas:
        found = mirror_step_certificate(game, logs, star, theta=float(theta), lam=lam)
        phi.append(found.before)
        spread.append(found.spread)
        logs = found.log_policy
    return np.array([*phi, found.after]), np.maximum.accumulate(spread)


def _equilibrium(game: GraphonGame, lam: float) -> np.ndarray:
    """Return the log-policy of an equilibrium that mirror descent settles in."""
    from tightbound.simulators.graphon_games import MonoMD, solve

    found = solve(game, MonoMD(eta=0.3 / lam, lam=lam), max_iter=300)
    # One exact answer makes the policy a best response also in states that are never visited.
    return best_response(game, flow(game, found.policy), lam).log_policy


def _constant_bound(phi: np.ndarray, spread: np.ndarray, thetas: np.ndarray) -> np.ndarray:
    number = np.arange(1, len(thetas) + 1)
    return np.asarray((1.0 - thetas) ** number * phi[0] + thetas * spread / 8.0)


def _shrinking_bound(phi: np.ndarray, spread: np.ndarray, thetas: np.ndarray) -> np.ndarray:
    return np.asarray(spread / (2.0 * (np.arange(1, len(thetas) + 1) + 1)))


def _judged(
    games: list[tuple[GraphonGame, np.ndarray, np.ndarray]],
    lam: float,
    thetas: np.ndarray,
    bound: Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray],
) -> Arrays:
    value, limit = [], []
    for game, logs, star in games:
        phi, spread = _run(game, logs, star, lam, thetas)
        value.append(phi[1:])
        limit.append(bound(phi, spread, thetas))
    return {"value": np.array(value), "bound": np.array(limit)}


def _monotone_games(cell: Cell, rng: np.random.Generator) -> list[tuple[GraphonGame, np.ndarray, np.ndarray]]:
    found = []
    for _ in range(cell["instances"]):
        game = random_linear(rng=rng)
        found.append((game, np.log(game.uniform_policy()), _equilibrium(game, cell["lam"])))
    return found


def _turning_game(cell: Cell) -> list[tuple[GraphonGame, np.ndarray, np.ndarray]]:
    """Return the anti-monotone rotation game from an uneven start; the uniform policy is the reference."""
    game = rotation(0.5)
    start = game.uniform_policy()
    start[:, 0] = (0.5, 0.3, 0.2)
    return [(game, np.log(start), np.log(game.uniform_policy()))]


def _constant(cell: Cell) -> np.ndarray:
    return np.full(cell["steps"], cell["theta"])


def _shrinking(cell: Cell) -> np.ndarray:
    return 2.0 / (np.arange(cell["steps"]) + 2.0)


def divergence_with_constant_steps(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Divergence from the equilibrium at every step, beside its bound for constant steps."""
    return _judged(_monotone_games(cell, rng), cell["lam"], _constant(cell), _constant_bound)


def turning_with_constant_steps(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the same in the anti-monotone rotation game."""
    return _judged(_turning_game(cell), cell["lam"], _constant(cell), _constant_bound)


GMFG_4B = Claim(
    id="GMFG-4b",
    paper=PAPER,
    title="With constant steps MonoMD's divergence falls geometrically to theta C / 8",
    statement=r"phi_T <= (1-theta)^T phi_0 + theta C / 8 in weakly monotone games, "
    "with C the largest spread met",
    source="Consequence of GMFG-4a and of gap <= 0",
    provenance="derived",
    statistic=BoundHolds(slack=_ROUNDING),
    grid=Grid(
        quick=cells(theta=[0.02, 0.3, 1.0], lam=[1.0], steps=[60], instances=[3]),
        standard=cells(theta=[0.005, 0.02, 0.1, 0.3, 1.0], lam=[1.0, 0.1], steps=[300], instances=[4]),
    ),
    measure=divergence_with_constant_steps,
    control=NegativeControl(
        measure=turning_with_constant_steps,
        grid=Grid(quick=cells(theta=[0.005], lam=[0.02], steps=[600])),
        because="in the anti-monotone rotation game the gap is positive and the policy turns away for ever; "
        "the last iterate shows it, the average would not",
    ),
    seconds={"quick": 1.0, "standard": 12.0},
)


def divergence_with_shrinking_steps(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Divergence from the equilibrium at every step, beside its bound for steps 2/(t+2)."""
    return _judged(_monotone_games(cell, rng), cell["lam"], _shrinking(cell), _shrinking_bound)


def turning_with_shrinking_steps(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the same in the anti-monotone rotation game."""
    return _judged(_turning_game(cell), cell["lam"], _shrinking(cell), _shrinking_bound)


GMFG_4C = Claim(
    id="GMFG-4c",
    paper=PAPER,
    title="With steps 2/(t+2) MonoMD's divergence is at most C/(2(T+1)) from any start",
    statement=r"theta_t = 2/(t+2) implies phi_T <= C/(2(T+1)), so the policy distance is O(T^{-1/2})",
    source="Consequence of GMFG-4a by induction; proof in `mirror_descent_bound`",
    provenance="derived",
    statistic=BoundHolds(slack=_ROUNDING),
    grid=Grid(
        quick=cells(lam=[1.0, 0.1], steps=[100], instances=[3]),
        standard=cells(lam=[1.0, 0.3, 0.1], steps=[500], instances=[8]),
    ),
    measure=divergence_with_shrinking_steps,
    control=NegativeControl(
        measure=turning_with_shrinking_steps,
        grid=Grid(quick=cells(lam=[0.05], steps=[1000])),
        because="in the anti-monotone rotation game the gap is positive and the policy does not settle",
    ),
    seconds={"quick": 1.0, "standard": 12.0},
)


# --- GMFG-4d, e: the slope of the averaged iterate
# -------------------------------------------------------------


def _average_distance(cell: Cell, rng: np.random.Generator, schedule: str) -> Arrays:
    """Return D(average policy, equilibrium) after T steps, one curve per instance."""
    from tightbound.simulators.graphon_games import MonoMD, solve_batch

    lam, horizons = cell["lam"], np.array(cell["iterations"])
    games = [random_linear(rng=rng) for _ in range(cell["instances"])]
    truth = solve_batch(games, MonoMD(eta=0.3 / lam, lam=lam), max_iter=400)
    curves = []
    for steps in horizons:
        eta = {"root": steps**-0.5, "inverse": 1.0 / steps, "constant": 0.2}[schedule] / lam
        found = solve_batch(games, MonoMD(eta=float(eta), lam=lam), max_iter=int(steps), references=truth)
        curves.append([one.history["average_policy_distance"][-1] for one in found])
    last = np.array([one.history["policy_distance"][-1] for one in found])
    return {"value": np.array(curves).T, "x": horizons, "last_iterate": last}


def average_with_root_steps(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Distance of the average policy with lam eta = T^(-1/2)."""
    return _average_distance(cell, rng, "root")


def average_with_inverse_steps(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the same with lam eta = 1/T."""
    return _average_distance(cell, rng, "inverse")


def average_with_constant_steps(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the same with lam eta = 0.2 for every T."""
    return _average_distance(cell, rng, "constant")


_LENGTHS = Grid(
    quick=[{"lam": 1.0, "instances": 12, "iterations": (100, 200, 400, 800)}],
    standard=[{"lam": 1.0, "instances": 12, "iterations": (50, 100, 200, 400, 800, 1600, 3200)}],
)

GMFG_4D = Claim(
    id="GMFG-4d",
    paper=PAPER,
    title="With steps T^(-1/2) the average policy nears the equilibrium like T^(-1/2)",
    statement=r"log-log slope of D(average policy, pi*) in T at most -1/2 + 0.05 with lam eta = T^{-1/2}; "
    r"the sum of a geometric transient predicts (T^{1/2} - 1)/T times a constant, hence slopes above -1/2",
    source="Rate O(T^{-1/2}) up to logarithms, from third-party summaries; the last iterate is far closer",
    provenance="recall",
    statistic=Slope(target=-0.5, side="upper", tolerance=0.05, axis="iterations"),
    grid=_LENGTHS,
    measure=average_with_root_steps,
    control=NegativeControl(
        measure=average_with_inverse_steps,
        because="with steps 1/T the total step is bounded and the start is never forgotten",
    ),
    seconds={"quick": 1.5, "standard": 8.0},
)

GMFG_4E = Claim(
    id="GMFG-4e",
    paper=PAPER,
    title="The rate of the average is set by the transient: constant steps give 1/T",
    statement=r"with lam eta = 0.2 the log-log slope of D(average policy, pi*) is -1, steeper than the "
    r"stated -1/2: the average remembers a transient of length 1/(lam eta), and nothing else",
    source="Sum of a geometric transient; a caution beside GMFG-4d",
    provenance="derived",
    statistic=Slope(target=-1.0, side="two-sided", tolerance=0.05, axis="iterations"),
    grid=_LENGTHS,
    measure=average_with_constant_steps,
    control=NegativeControl(
        measure=average_with_root_steps,
        because="with steps T^(-1/2) the transient is T^(1/2) long and the slope is -1/2",
    ),
    seconds={"quick": 1.5, "standard": 8.0},
)

MIRROR_DESCENT = (GMFG_4A, GMFG_4B, GMFG_4C, GMFG_4D, GMFG_4E)
