"""GMFG-1: equilibria of games with a continuous reward, a game without one, and the best-response oracle."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tightbound.theory.graphon_games import (
    GraphonGame,
    action_values,
    best_response,
    convex_best_response,
    discontinuous,
    discontinuous_floor,
    erdos_renyi,
    exploitability,
    exponential,
    flow,
    mirror_step,
    policy_value,
    random_linear,
)
from tightbound.verification.claim import Claim, NegativeControl
from tightbound.verification.grid import Cell, Grid, cells
from tightbound.verification.statistics import BoundHolds, Equality

if TYPE_CHECKING:
    from tightbound.simulators.graphon_games import Solution

PAPER = "gmfg_monotone"

Arrays = dict[str, Any]

TOLERANCE = 1e-8
_STEPS = 3000


# --- GMFG-1a, b: damped mirror descent finds an equilibrium of every instance
# --------------------------------


def _settle(games: Sequence[GraphonGame], lam: float) -> list[Solution]:
    """Solve games of one form by mirror descent with steps that shrink like 1/t."""
    from tightbound.simulators.graphon_games import MonoMD, solve_batch

    damped = MonoMD(eta=lambda t: 0.5 / (lam * (1.0 + t / 100.0)), lam=lam)
    return solve_batch(games, damped, max_iter=_STEPS, tol=TOLERANCE / 10)


def _summary(found: Sequence[Solution], game: GraphonGame) -> Arrays:
    return {
        "value": np.array([one.value for one in found]),
        "iterations": np.array([one.num_iter for one in found]),
        "unregularised": np.array([one.value_unregularised for one in found]),
        "ceiling": game.horizon * np.log(game.actions),
    }


def equilibria_of_random_games(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Exploitability where mirror descent ends on random games, kernel and reward following the crowd."""
    games = [
        random_linear(
            rng=rng,
            graphon=exponential(),
            coupling=cell["coupling"],
            mix=float(rng.uniform(0.1, 0.6)),
            root_level=float(rng.uniform(0.05, 0.3)),
        )
        for _ in range(cell["instances"])
    ]
    return _summary(_settle(games, cell["lam"]), games[0])


def equilibrium_of_jump_game(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the same for the game whose reward jumps."""
    game = discontinuous()
    return _summary(_settle([game], cell["lam"]), game)


def _close_enough(cell: Cell) -> float:
    return TOLERANCE


_RANDOM = Grid(
    quick=cells(lam=[1.0, 0.1, 0.03, 0.01], coupling=[-3.0, 3.0], instances=[12]),
    standard=cells(lam=[1.0, 0.3, 0.1, 0.03, 0.01], coupling=[-3.0, -1.0, 1.0, 3.0], instances=[48]),
)
_JUMP = Grid(quick=cells(lam=[1.0, 0.1, 0.03, 0.01]))

GMFG_1A = Claim(
    id="GMFG-1a",
    paper=PAPER,
    title="Damped mirror descent finds an equilibrium of every random game with a continuous reward",
    statement=r"Expl_lam < 1e-8 with r = r0 + c sqrt(|z(s) - k|), a kernel that follows the crowd, exp(3) "
    "and lam from 1 to 0.01, c of both signs; this illustrates existence and does not prove it",
    source="Existence of Nash equilibria (abstract); continuous, not Lipschitz, kernel and reward",
    provenance="abstract",
    statistic=BoundHolds(slack=0.0),
    grid=_RANDOM,
    measure=equilibria_of_random_games,
    bound=_close_enough,
    control=NegativeControl(
        measure=equilibrium_of_jump_game,
        grid=_JUMP,
        because="the reward jumps and the game has no equilibrium: no policy is exploitable by less than "
        "lam log cosh(1/(4 lam))",
    ),
    seconds={"quick": 2.5, "standard": 12.0},
)


def unregularised_gain(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Exploitability without entropy of the equilibria of GMFG-1a, beside lam H log A."""
    found = equilibria_of_random_games(cell, rng)
    return {"value": found["unregularised"], "bound": cell["lam"] * found["ceiling"] + TOLERANCE}


def unregularised_gain_at_jump(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the same for the game whose reward jumps."""
    found = equilibrium_of_jump_game(cell, rng)
    return {"value": found["unregularised"], "bound": cell["lam"] * found["ceiling"] + TOLERANCE}


GMFG_1B = Claim(
    id="GMFG-1b",
    paper=PAPER,
    title="Regularised equilibria become equilibria of the game without entropy as the weight falls",
    statement=r"Expl_0(pi) <= Expl_lam(pi) + lam H log|A|: J_lam exceeds J_0 by lam times an entropy in "
    r"[0, H log|A|], so Expl_0(pi) <= max_q J_lam(q) - J_lam(pi) + lam H log|A|",
    source="Existence for every lam >= 0; the step from lam > 0 to lam = 0 is derived",
    provenance="derived",
    statistic=BoundHolds(slack=0.0),
    grid=_RANDOM,
    measure=unregularised_gain,
    control=NegativeControl(
        measure=unregularised_gain_at_jump,
        grid=Grid(quick=cells(lam=[0.03, 0.01])),
        because="without an equilibrium the gain stays at 1/4 or more however small lam is",
    ),
    seconds={"quick": 2.5, "standard": 12.0},
)


# --- GMFG-1c, d: the floor of the game without equilibrium
# ---------------------------------------------------


@dataclass(frozen=True)
class SlopingReward:
    """Return r_1 = 0, r_2(0) = 1/2, r_2(1) = 1 - z(1): the jump made continuous."""

    def __call__(self, h: Any, z: Any) -> Any:
        """Return rewards (..., 2, 2) for aggregates (..., 2)."""
        xp = z.__array_namespace__()
        second = xp.asarray((0.0, 1.0))[h]
        value = second * xp.stack([xp.full_like(z[..., 0], 0.5), 1.0 - z[..., 1]], axis=-1)
        return xp.broadcast_to(value[..., None], (*z.shape, 2))


def _sloping() -> GraphonGame:
    """Return the jump game with the continuous reward, whose equilibrium is to mix evenly."""
    return GraphonGame(
        erdos_renyi(1.0), [0.5, 0.5], np.tile(np.eye(2), (2, 1, 1)), SlopingReward(), 2, blocks=4
    )


def _play(shares: np.ndarray) -> np.ndarray:
    """Return the policy that moves to state 1 with the given share per block (M,) and ends uniform."""
    policy = np.full((len(shares), 2, 2, 2), 0.5)
    policy[:, 0, :, 1] = shares[:, None]
    policy[:, 0, :, 0] = 1.0 - shares[:, None]
    return policy


def _least(game: GraphonGame, cell: Cell) -> Arrays:
    """Return the least exploitability over policies in which all blocks mix alike."""
    shares = np.linspace(0.0, 1.0, 2 * cell["points"] + 1)
    found = [exploitability(game, _play(np.full(game.blocks, p)), cell["lam"]) for p in shares]
    return {
        "value": min(found),
        "reference": discontinuous_floor(cell["lam"]),
        "at": shares[np.argmin(found)],
    }


def least_exploitability(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Least exploitability of the jump game over a fine grid of first moves."""
    return _least(discontinuous(), cell)


def least_exploitability_when_continuous(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the same where the jump is made continuous."""
    return _least(_sloping(), cell)


GMFG_1C = Claim(
    id="GMFG-1c",
    paper=PAPER,
    title="The least exploitability of the jump game is lam log cosh(1/(4 lam)), and 1/4 without entropy",
    statement=r"inf_pi Expl_lam(pi) = lam log cosh(1/(4 lam)) for lam > 0 and 1/4 for lam = 0",
    source="Proof in `discontinuous_floor`",
    provenance="derived",
    statistic=Equality(rtol=1e-12, atol=1e-14),
    grid=Grid(
        quick=cells(lam=[0.0, 0.01, 0.1, 1.0, 10.0], points=[50]),
        standard=cells(lam=[0.0, 0.001, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0], points=[500]),
    ),
    measure=least_exploitability,
    control=NegativeControl(
        measure=least_exploitability_when_continuous,
        because="with the reward made continuous the game has an equilibrium, and the least value is 0",
    ),
    seconds={"quick": 0.5, "standard": 8.0},
)


def _random_play(game: GraphonGame, cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the exploitability of random policies that differ by block and state, many near the edge."""
    value = []
    for width in np.geomspace(1e-4, 0.5, cell["policies"]):
        policy = rng.dirichlet(np.ones(2), size=(game.blocks, 2, 2))
        first = np.clip(0.5 + width * rng.uniform(-1.0, 1.0, (game.blocks, 2)), 0.0, 1.0)
        policy[:, 0] = np.stack([1.0 - first, first], axis=-1)
        if rng.uniform() < 0.5:
            policy[:, 1] = 0.5
        value.append(exploitability(game, policy, cell["lam"]))
    return {"value": np.array(value), "bound": discontinuous_floor(cell["lam"])}


def random_policies_of_jump_game(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Exploitability of random policies of the jump game."""
    return _random_play(discontinuous(), cell, rng)


def random_policies_when_continuous(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the same where the jump is made continuous."""
    return _random_play(_sloping(), cell, rng)


GMFG_1D = Claim(
    id="GMFG-1d",
    paper=PAPER,
    title="No policy of the jump game undercuts the floor, however its blocks differ",
    statement=r"Expl_lam(pi) >= lam log cosh(1/(4 lam)) for policies that differ by block and state",
    source="Proof in `discontinuous_floor`",
    provenance="derived",
    statistic=BoundHolds(side="lower", slack=1e-12),
    grid=Grid(
        quick=cells(lam=[0.0, 0.1, 1.0], policies=[200]),
        standard=cells(lam=[0.0, 0.01, 0.1, 1.0, 10.0], policies=[2000]),
    ),
    measure=random_policies_of_jump_game,
    control=NegativeControl(
        measure=random_policies_when_continuous,
        because="with a continuous reward policies near the even mixture are hardly exploitable",
    ),
    seconds={"quick": 0.7, "standard": 10.0},
)


# --- GMFG-1e: the oracle behind every exploitability
# ---------------------------------------------------------


def _certified(cell: Cell, rng: np.random.Generator, *, oracle: str) -> Arrays:
    """Return how far an oracle's value lies outside the certified interval of the convex program."""
    outside, width = [], []
    for _ in range(cell["instances"]):
        game = random_linear(rng=rng, blocks=3, mix=0.5, coupling=2.0)
        crowd = flow(game, rng.dirichlet(np.ones(game.actions), size=game.uniform_policy().shape[:3]))
        lam, block = cell["lam"], int(rng.integers(game.blocks))
        if oracle == "best response":
            value = best_response(game, crowd, lam).value[block]
        else:
            start = game.uniform_policy()
            q = action_values(game, start, crowd, lam)
            stepped = mirror_step(np.log(start), q, theta=0.5, lam=max(lam, 0.1))
            value = policy_value(game, np.exp(stepped), crowd, lam)[block]
        found = convex_best_response(game, crowd, lam, block)
        outside.append(max(found.primal - value, value - found.dual))
        width.append(found.gap)
    return {"value": np.stack([outside, width], axis=1), "bound": np.array([[1e-10, 1e-6]])}


def best_response_in_certificate(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Value of the dynamic program against primal and dual of the convex program, and their gap."""
    return _certified(cell, rng, oracle="best response")


def mirror_step_in_certificate(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the same with one more mirror-descent step in the place of a best response."""
    return _certified(cell, rng, oracle="mirror step")


GMFG_1E = Claim(
    id="GMFG-1e",
    paper=PAPER,
    title="Best responses lie between primal and dual of a convex program that shares no code with them",
    statement=r"primal - 1e-10 <= V_best <= dual + 1e-10 and dual - primal <= 1e-6, over occupancy measures "
    "(a linear program for lam = 0, an exponential-cone program for lam > 0)",
    source="Definition of exploitability; weak duality, proof in `convex_best_response`",
    provenance="derived",
    statistic=BoundHolds(slack=0.0),
    grid=Grid(
        quick=cells(lam=[0.0, 0.1, 1.0], instances=[4]),
        standard=cells(lam=[0.0, 0.03, 0.1, 0.3, 1.0], instances=[20]),
    ),
    measure=best_response_in_certificate,
    control=NegativeControl(
        measure=mirror_step_in_certificate,
        because="one more mirror-descent step is no best response: its value is below the certified optimum, "
        "and an exploitability computed from it is too small",
    ),
    seconds={"quick": 1.5, "standard": 10.0},
)

EXISTENCE = (GMFG_1A, GMFG_1B, GMFG_1C, GMFG_1D, GMFG_1E)
