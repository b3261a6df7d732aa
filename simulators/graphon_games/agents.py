r"""Finitely many agents: episodes on a weighted or sampled graph, or of single agents in an endless crowd.

Agent i of N at position :math:`x_i` feels :math:`z_i = \frac1N \sum_j A_{ij} \delta_{s_j}`, divided by N and
never by its degree. The sum runs over all j, i included, as the discretised aggregate does.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tightbound.theory.graphon_games.flow import flow
from tightbound.theory.graphon_games.game import GraphonGame
from tightbound.theory.graphon_games.graphons import Graphon

if TYPE_CHECKING:
    import networkx as nx

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Random = int | np.random.Generator | None
Crowd = Callable[[int, Integers], Floats]
"""Aggregates at a step from the states (E, N): (E, N, S) among agents, (N, S) in an endless crowd."""

# Kernels of one batch of episodes stay below this many numbers.
_BATCH = 4_000_000


@dataclass(frozen=True, eq=False)
class Trajectories:
    """Episodes of N agents.

    Attributes
    ----------
    states, actions : ndarray of int, shape (E, N, H)
    rewards : ndarray, shape (E, N, H)
    neighbourhoods : ndarray, shape (E, N, H, S)
        The aggregate z that each agent felt; part of the simulation, not of what an estimator may see.
    positions : ndarray, shape (N,)
    adjacency : ndarray, shape (N, N) or (E, N, N), or None
        Weights, or one sampled graph per episode; None for agents in an endless crowd.
    """

    states: Integers
    actions: Integers
    rewards: Floats
    neighbourhoods: Floats
    positions: Floats
    adjacency: Floats | None

    @property
    def continuum(self) -> bool:
        """Whether the crowd was endless, so that agents do not feel each other."""
        return self.adjacency is None


def sample_graph(graphon: Graphon, positions: ArrayLike, *, rng: Random = None) -> nx.Graph:
    r"""Return a graph with edges :math:`A_{ij} \sim \mathrm{Bernoulli}(W(x_i, x_j))`, independent for i <= j.

    Parameters
    ----------
    graphon : Graphon
    positions : array_like, shape (N,)
        Points of [0, 1]; stored at the nodes as ``position``.
    rng : None, int or Generator

    Returns
    -------
    networkx.Graph
        Nodes 0, ..., N - 1, with loops where an agent counts itself.

    Raises
    ------
    ValueError
        For fewer than two positions, or a graphon above 1, whose values are no probabilities.

    References
    ----------
    Lovász, Large Networks and Graph Limits, AMS 2012, Section 10.1 (W-random graphs).

    Examples
    --------
    >>> from tightbound.theory.graphon_games import erdos_renyi
    >>> sample_graph(erdos_renyi(1.0), [0.2, 0.5, 0.8], rng=0).number_of_edges()
    6
    """
    import networkx as nx

    points = _points(positions, None)
    matrix = _edges(_probabilities(graphon, points), np.random.default_rng(rng), ())
    graph = nx.from_numpy_array(matrix.astype(bool))
    nx.set_node_attributes(graph, dict(enumerate(points.tolist())), "position")
    return graph


def simulate_agents(
    game: GraphonGame,
    policy: ArrayLike,
    agents: int,
    episodes: int,
    *,
    positions: Literal["grid", "random"] | ArrayLike = "grid",
    adjacency: Literal["weighted", "sampled"] = "weighted",
    rng: Random = None,
    uniforms: ArrayLike | None = None,
) -> Trajectories:
    r"""Play a game of N agents, each with the policy of the block nearest to it.

    .. math:: z_{i,h} = \frac1N \sum_j A_{ij}\, \delta_{s_{j,h}}, \qquad A = W(x_i, x_j) \text{ or a graph
              drawn from it for each episode}

    Parameters
    ----------
    game : GraphonGame
    policy : array_like, shape (M, H, S, A)
    agents, episodes : int
        N, at least 2, and E, at least 1.
    positions : {"grid", "random"} or array_like, shape (N,)
        Midpoints (i - 1/2)/N, independent uniform points (one draw for all episodes), or given points.
    adjacency : {"weighted", "sampled"}
    rng : None, int or Generator
        Drawn from in the order positions, graphs, uniforms.
    uniforms : array_like, shape (E, 2H, N), optional
        Common random numbers in [0, 1): row 0 draws the first states, row 2h + 1 the actions of step h, row
        2h + 2 the states after it. The same numbers under two policies couple the episodes.

    Returns
    -------
    Trajectories

    Raises
    ------
    ValueError, TypeError
        For N < 2, E < 1, a policy or numbers of the wrong shape, positions outside [0, 1], graphons per
        step, an unknown option, or a graphon above 1 from which no graph can be drawn.

    References
    ----------
    Cui and Koeppl, ICLR 2022: the game of N agents on a sampled graph.

    Examples
    --------
    >>> from tightbound.theory.graphon_games import sis
    >>> game = sis(blocks=4, horizon=3)
    >>> found = simulate_agents(game, game.uniform_policy(), 6, 5, adjacency="sampled", rng=0)
    >>> found.states.shape, found.neighbourhoods.shape, found.adjacency.shape
    ((5, 6, 3), (5, 6, 3, 2), (5, 6, 6))
    """
    count, runs = _count("agents", agents, 2), _count("episodes", episodes, 1)
    generator = np.random.default_rng(rng)
    points = place_agents(count, positions, generator)
    pi, first = agent_policy(game, policy, points)
    graphon = _single(game)
    if adjacency == "weighted":
        matrix = graphon.matrix(points)
    elif adjacency == "sampled":
        matrix = _edges(_probabilities(graphon, points), generator, (runs,))
    else:
        raise ValueError(f"adjacency is {adjacency!r}: choose 'weighted' or 'sampled'")
    numbers = _uniforms(uniforms, (runs, 2 * game.horizon, count), generator)
    identity = np.eye(game.states)
    size = max(1, _BATCH // (count * game.states**2 * game.actions))
    parts = []
    for start in range(0, runs, size):
        stop = slice(start, start + size)
        edges = (matrix[stop] if matrix.ndim == 3 else matrix) / count

        def crowd(h: int, now: Integers, edges: Floats = edges) -> Floats:
            # floats throughout: the product of boolean arrays is a logical or
            return np.asarray(edges @ identity[now])

        parts.append(_play(game, pi, first, numbers[stop], crowd))
    states, actions, rewards, felt = (np.concatenate(part) for part in zip(*parts, strict=True))
    return Trajectories(states, actions, rewards, felt, points, matrix)


def simulate_representatives(
    game: GraphonGame,
    policy: ArrayLike,
    positions: ArrayLike,
    episodes: int,
    *,
    rng: Random = None,
    uniforms: ArrayLike | None = None,
) -> Trajectories:
    r"""Play single agents at given positions among the crowd of the policy's own flow.

    Agents do not feel each other: :math:`z_{i,h} = \frac1M \sum_m W(x_i, x_m)\, \Psi(\pi)_h^m`.

    Parameters
    ----------
    game : GraphonGame
        Its blocks are the crowd.
    policy : array_like, shape (M, H, S, A)
        Agents take the policy of the block nearest to them.
    positions : array_like, shape (N,)
    episodes : int
    rng, uniforms
        As in :func:`simulate_agents`.

    Returns
    -------
    Trajectories
        Without adjacency.

    Examples
    --------
    >>> from tightbound.theory.graphon_games import sis
    >>> game = sis(blocks=4, horizon=3)
    >>> simulate_representatives(game, game.uniform_policy(), [0.1, 0.9], 5, rng=0).continuum
    True
    """
    points = _points(positions, None)
    runs = _count("episodes", episodes, 1)
    pi, first = agent_policy(game, policy, points)
    numbers = _uniforms(uniforms, (runs, 2 * game.horizon, points.size), np.random.default_rng(rng))
    felt = felt_by(game, policy, points)
    size = max(1, _BATCH // (points.size * game.states**2 * game.actions))
    starts = range(0, runs, size)
    parts = [_play(game, pi, first, numbers[k : k + size], lambda h, now: felt[:, h]) for k in starts]
    states, actions, rewards, z = (np.concatenate(part) for part in zip(*parts, strict=True))
    return Trajectories(states, actions, rewards, z, points, None)


def felt_by(game: GraphonGame, policy: ArrayLike, positions: ArrayLike) -> Floats:
    r"""Return the aggregates :math:`\frac1M \sum_m W(x_i, x_m) \Psi(\pi)_h^m`, shape (N, H, S).

    Parameters
    ----------
    game : GraphonGame
    policy : array_like, shape (M, H, S, A)
    positions : array_like, shape (N,)

    Returns
    -------
    ndarray, shape (N, H, S)

    Examples
    --------
    >>> from tightbound.theory.graphon_games import aggregate, sis
    >>> game = sis(blocks=4, horizon=3)
    >>> policy = game.uniform_policy()
    >>> bool(np.allclose(felt_by(game, policy, game.positions), aggregate(game, flow(game, policy))))
    True
    """
    points = _points(positions, None)
    together = np.concatenate([points, game.positions])
    weights = _single(game).matrix(together)[: points.size, points.size :] / game.blocks
    return np.asarray(np.einsum("nm,mhs->nhs", weights, flow(game, policy)))


def agent_laws(game: GraphonGame, policy: ArrayLike, positions: ArrayLike) -> Floats:
    r"""Return the state laws of single agents at given positions among the policy's flow.

    Parameters
    ----------
    game, policy, positions
        As in :func:`felt_by`.

    Returns
    -------
    ndarray, shape (N, H, S)

    Examples
    --------
    >>> from tightbound.theory.graphon_games import sis
    >>> game = sis(blocks=4, horizon=3)
    >>> policy = game.uniform_policy()
    >>> bool(np.allclose(agent_laws(game, policy, game.positions), flow(game, policy)))
    True
    """
    points = _points(positions, None)
    pi, first = agent_policy(game, policy, points)
    z = felt_by(game, policy, points)
    laws = np.empty((points.size, game.horizon, game.states))
    laws[:, 0] = first
    for h in range(game.horizon - 1):
        kernel = np.asarray(game.transition_at(h, z[:, h]), dtype=np.float64)
        laws[:, h + 1] = np.einsum("ns,nsa,nsat->nt", laws[:, h], pi[:, h], kernel)
    return laws


def place_agents(
    agents: int, positions: Literal["grid", "random"] | ArrayLike, rng: np.random.Generator
) -> Floats:
    """Return the positions of N agents: midpoints, uniform draws, or the given ones checked."""
    if isinstance(positions, str):
        if positions == "grid":
            return np.asarray((np.arange(agents) + 0.5) / agents)
        if positions == "random":
            return np.asarray(rng.random(agents))
        raise ValueError(f"positions is {positions!r}: choose 'grid' or 'random', or give points of [0, 1]")
    return _points(positions, agents)


def agent_policy(game: GraphonGame, policy: ArrayLike, positions: Floats) -> tuple[Floats, Floats]:
    """Return policies (N, H, S, A) and first laws (N, S) of the blocks nearest to the agents."""
    pi = np.asarray(policy, dtype=np.float64)
    shape = (game.blocks, game.horizon, game.states, game.actions)
    if pi.shape != shape:
        raise ValueError(f"policy has shape {pi.shape}: this game needs {shape}; give one policy per block")
    if not np.all(np.isfinite(pi)) or pi.min() < 0.0 or np.abs(pi.sum(axis=-1) - 1.0).max() > 1e-10:
        raise ValueError("policy has rows that are no probabilities: make them non-negative with sum 1")
    nearest = np.abs(positions[:, None] - game.positions[None, :]).argmin(axis=1)
    return pi[nearest], game.initial[nearest]


def _play(
    game: GraphonGame, pi: Floats, first: Floats, numbers: Floats, crowd_of: Crowd
) -> tuple[Integers, Integers, Floats, Floats]:
    """Return states, actions, rewards and aggregates of a batch of episodes."""
    runs, _, count = numbers.shape
    shape = (runs, count, game.horizon)
    states, actions = np.empty(shape, np.int64), np.empty(shape, np.int64)
    rewards, z = np.empty(shape), np.empty((*shape, game.states))
    row = np.arange(count)
    now = _draw(np.broadcast_to(first, (runs, count, game.states)), numbers[:, 0])
    for h in range(game.horizon):
        crowd = crowd_of(h, now)
        act = _draw(pi[row, h, now], numbers[:, 2 * h + 1])
        states[:, :, h], actions[:, :, h], z[:, :, h] = now, act, crowd
        rewards[:, :, h] = _chosen(game.reward_table, game.reward_at, h, crowd, now, act)
        if h + 1 < game.horizon:
            law = _chosen(game.transition_table, game.transition_at, h, crowd, now, act)
            if not law.min() >= 0.0 or not np.abs(law.sum(axis=-1) - 1.0).max() <= 1e-10:
                raise ValueError(f"transition({h}, z) is no kernel where the agents are: check its range")
            now = _draw(law, numbers[:, 2 * h + 2])
    if not np.all(np.isfinite(rewards)):
        raise ValueError("reward is NaN or infinite along an episode: return finite numbers for every z")
    return states, actions, rewards, z


def _chosen(
    table: Floats | None, stage: Callable[[Any, Any], Any], h: int, crowd: Any, now: Integers, act: Integers
) -> Floats:
    """Return the stage values of the states and actions (E, N) that occurred."""
    if table is not None:
        return np.asarray(table[h if len(table) > 1 else 0][now, act])
    values = np.asarray(stage(h, crowd), dtype=np.float64)
    row = np.arange(now.shape[1])
    if crowd.ndim == 2:
        return np.asarray(values[row, now, act])
    return np.asarray(values[np.arange(len(now))[:, None], row, now, act])


def _draw(law: Floats, uniform: Floats) -> Integers:
    """Return indices drawn by inversion; entries of probability 0 are never drawn."""
    if law.shape[-1] == 2:
        return np.asarray(uniform >= law[..., 0]).astype(np.int64)
    edges = np.cumsum(law[..., :-1], axis=-1)
    drawn = (uniform[..., None] >= edges).sum(axis=-1)
    # rounding may leave the last sum below 1 where the last entries are impossible
    last = law.shape[-1] - 1 - (law[..., ::-1] > 0.0).argmax(axis=-1)
    return np.asarray(np.minimum(drawn, last))


def _edges(matrix: Floats, rng: np.random.Generator, shape: tuple[int, ...]) -> Floats:
    """Return symmetric 0-1 matrices (..., N, N)."""
    n = len(matrix)
    upper = np.triu(rng.random((*shape, n, n)) < matrix)
    return np.asarray(upper | np.swapaxes(np.triu(upper, 1), -1, -2)).astype(np.float64)


def _probabilities(graphon: Graphon, points: Floats) -> Floats:
    """Return W at the positions, refusing values above 1."""
    if graphon.unbounded:
        raise ValueError(
            f"graphon {graphon.name} may exceed 1, so its values are no edge probabilities: use "
            "adjacency='weighted' or a graphon in [0, 1]"
        )
    return graphon.matrix(points)


def _single(game: GraphonGame) -> Graphon:
    """Return the one graphon of a game."""
    if not isinstance(game.graphon, Graphon):
        raise ValueError(
            "graphon varies over the steps: games of finitely many agents need one graph; give one Graphon"
        )
    return game.graphon


def _points(positions: Any, count: int | None) -> Floats:
    points = np.asarray(positions, dtype=np.float64)
    if points.ndim != 1 or points.size < 2 or (count is not None and points.size != count):
        need = "at least 2 points" if count is None else f"{count} points, one per agent"
        raise ValueError(f"positions has shape {points.shape}: give {need} of [0, 1]")
    if not np.all((points >= 0.0) & (points <= 1.0)):
        raise ValueError("positions leave [0, 1] or are NaN: rescale them to [0, 1]")
    return points


def _count(name: str, value: Any, least: int) -> int:
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)):
        raise TypeError(f"{name} is {value!r}: give an integer of at least {least}")
    if value < least:
        raise ValueError(f"{name} is {value}: give an integer of at least {least}")
    return int(value)


def _uniforms(given: ArrayLike | None, shape: tuple[int, ...], rng: np.random.Generator) -> Floats:
    if given is None:
        return np.asarray(rng.random(shape))
    numbers = np.asarray(given, dtype=np.float64)
    if numbers.shape != shape:
        raise ValueError(f"uniforms has shape {numbers.shape}: this run needs (E, 2H, N) = {shape}")
    if not np.all((numbers >= 0.0) & (numbers < 1.0)):
        raise ValueError("uniforms leaves [0, 1) or is NaN: draw it with rng.random")
    return numbers
