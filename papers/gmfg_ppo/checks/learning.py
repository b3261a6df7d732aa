"""What the claims on learning the graphon share: instances, behaviour, and errors over episodes."""

from __future__ import annotations

from typing import Any

import numpy as np

from tightbound.theory.graphon_games.game import GraphonGame
from tightbound.theory.graphon_games.games.sis import sis
from tightbound.theory.graphon_games.graphons import (
    Graphon,
    erdos_renyi,
    exponential,
    grid,
    stochastic_block,
)
from tightbound.verification.grid import Cell, Grid

PAPER = "gmfg_ppo"
SYNTHETIC = "simulated single agents among an endless crowd in place of a sampling oracle"
PARAMETRIC = f"{SYNTHETIC}; a parametric class in place of a class of functions with a covering number"

Arrays = dict[str, Any]

INFECTION = 0.8


def graphon_called(name: str) -> Graphon:
    """Return exp(3) or the block graphon with the numbers of the literature, or a constant."""
    return {"exp": exponential(), "sbm": stochastic_block(), "constant": erdos_renyi()}[name]


def family_called(name: str) -> Any:
    """Return the class that the graphon belongs to."""
    from tightbound.simulators.graphon_games.estimation import ExponentialFamily, StochasticBlockFamily

    return {"exp": ExponentialFamily, "sbm": StochasticBlockFamily}[name]()


def exploration(game: GraphonGame) -> np.ndarray:
    """Return action 1 with probability 0.1 + 0.8 x at position x, and 0.9 - 0.8 x in the second half.

    Communities then differ in how their states evolve, without which their levels are not identifiable.
    """
    chance = np.repeat(0.1 + 0.8 * game.positions[:, None], game.horizon, axis=1)
    chance[:, game.horizon // 2 :] = 1.0 - chance[:, game.horizon // 2 :]
    pair = np.stack([1.0 - chance, chance], axis=-1)[:, :, None]
    return np.broadcast_to(pair, (game.blocks, game.horizon, game.states, 2))


def observed(cell: Cell, graphon: Graphon) -> GraphonGame:
    """Return SIS on one block per agent, so that positions carry no quadrature error."""
    return sis(graphon=graphon, blocks=cell["agents"], horizon=cell["horizon"], infection=INFECTION)


def shuffled(agents: int, rng: np.random.Generator) -> np.ndarray:
    """Return the midpoints in random order."""
    return np.asarray(grid(agents)[rng.permutation(agents)])


def errors(cell: Cell, rng: np.random.Generator, positions: str) -> Arrays:
    """Root mean squared error of rho W among the agents, per run and number of episodes."""
    from tightbound.simulators.graphon_games.crowd_counts import simulate_counts
    from tightbound.simulators.graphon_games.estimation import InfectionChannel, estimate_graphon

    graphon, family, channel = (
        graphon_called(cell["graphon"]),
        family_called(cell["graphon"]),
        InfectionChannel(),
    )
    game = observed(cell, graphon)
    policy, truth = exploration(game), INFECTION * graphon.matrix(game.positions)
    table = np.empty((cell["runs"], len(cell["episodes"])))
    wrong = np.zeros_like(table)
    first = game.positions < 0.7
    together = first[:, None] == first
    totals: list[Any] = [None] * cell["runs"]
    for column, total in enumerate(cell["episodes"]):
        more = total - (cell["episodes"][column - 1] if column else 0)
        fresh = simulate_counts(game, policy, game.positions, more, repeats=cell["runs"], rng=rng)
        totals = fresh if column == 0 else [old + new for old, new in zip(totals, fresh, strict=True)]
        for row, counts in enumerate(totals):
            if positions == "unsorted":
                guess = family.fit(channel.read(counts), shuffled(cell["agents"], rng)).interaction
            else:
                found = estimate_graphon(counts, family, channel, positions=positions)  # type: ignore[arg-type]
                guess = found.interaction
            table[row, column] = np.sqrt(np.mean((guess - truth) ** 2))
            # agents are joined where their level exceeds the middle of the levels
            joined = guess > (guess.max() + guess.min()) / 2
            wrong[row, column] = bool((joined != together).any())
    return {"value": table, "x": np.array(cell["episodes"]), "wrong": wrong}


def known_errors(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Errors where positions are known."""
    return errors(cell, rng, "known")


def hidden_errors(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Errors where positions are hidden and found by sorting and swaps."""
    return errors(cell, rng, "hidden")


def unsorted_errors(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Errors where hidden positions are handed out at random and believed."""
    return errors(cell, rng, "unsorted")


UNSORTED = "labels handed out at random and believed: the error does not depend on the number of episodes"
EPISODES = (1600, 6400, 25600, 102_400, 409_600)
SHAPE = {"agents": 10, "horizon": 10, "episodes": EPISODES}
UNSORTED_GRID = Grid(quick=[{**SHAPE, "graphon": name, "runs": 12} for name in ("exp", "sbm")])
