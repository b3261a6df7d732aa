r"""How often single agents in an endless crowd were where and did what: a sufficient statistic of episodes.

Counts of many episodes are drawn step by step from multinomial laws, at a cost that does not depend on the
number of episodes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tightbound.simulators.graphon_games.agents import Random, Trajectories, agent_policy, felt_by
from tightbound.theory.graphon_games.game import GraphonGame

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class CrowdCounts:
    """Counts over E episodes of N single agents in an endless crowd.

    Attributes
    ----------
    moves : ndarray, shape (N, H - 1, S, A, S)
        How often (s, a) was followed by s'.
    pairs : ndarray, shape (N, H, S, A)
        How often (s, a) occurred.
    rewards : ndarray, shape (N, H, S, A)
        Mean reward of (s, a); 0 where it did not occur.
    positions : ndarray, shape (N,)
    episodes : int
    """

    moves: Floats
    pairs: Floats
    rewards: Floats
    positions: Floats
    episodes: int

    @property
    def laws(self) -> Floats:
        """Empirical state laws, shape (N, H, S)."""
        return np.asarray(self.pairs.sum(axis=-1) / self.episodes)

    def __add__(self, other: CrowdCounts) -> CrowdCounts:
        """Return the counts of both sets of episodes."""
        if self.pairs.shape != other.pairs.shape or not np.array_equal(self.positions, other.positions):
            raise ValueError("counts are of different agents: add counts of one game at the same positions")
        pairs = self.pairs + other.pairs
        sums = self.pairs * self.rewards + other.pairs * other.rewards
        rewards = np.divide(sums, pairs, out=np.zeros_like(sums), where=pairs > 0.0)
        episodes = self.episodes + other.episodes
        return CrowdCounts(self.moves + other.moves, pairs, rewards, self.positions, episodes)


def simulate_counts(
    game: GraphonGame,
    policy: ArrayLike,
    positions: ArrayLike,
    episodes: int,
    *,
    repeats: int = 1,
    rng: Random = None,
) -> list[CrowdCounts]:
    r"""Draw the counts of E episodes of single agents among the crowd of the policy's own flow.

    .. math:: n_1 \sim \mathrm{Mult}(E, \mu_1), \quad n_h(s, \cdot) \sim \mathrm{Mult}(n_h(s), \pi_h(s)),
              \quad n_h(s, a, \cdot) \sim \mathrm{Mult}(n_h(s, a), P_h(s, a, z_h))

    Parameters
    ----------
    game : GraphonGame
    policy : array_like, shape (M, H, S, A)
    positions : array_like, shape (N,)
    episodes : int
        E, at least 1.
    repeats : int
        How many independent sets of E episodes to draw.
    rng : None, int or Generator

    Returns
    -------
    list of CrowdCounts
        One per set, with the law of ``tally(simulate_representatives(...))``: episodes are independent and
        every step depends on the present state only.

    Raises
    ------
    ValueError
        For E < 1, no repeats, fewer than two positions, or a policy of the wrong shape.

    Examples
    --------
    >>> from tightbound.theory.graphon_games import sis
    >>> game = sis(blocks=4, horizon=3)
    >>> [found] = simulate_counts(game, game.uniform_policy(), [0.2, 0.8], 10**6, rng=0)
    >>> found.laws[0, 0].round(2)
    array([0.5, 0.5])
    """
    for name, value in (("episodes", episodes), ("repeats", repeats)):
        if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < 1:
            raise ValueError(f"{name} is {value!r}: give an integer of at least 1")
    generator = np.random.default_rng(rng)
    points = np.asarray(positions, dtype=np.float64)
    z = felt_by(game, policy, points)
    pi, first = agent_policy(game, policy, points)
    shape = (int(repeats), points.size, game.horizon, game.states, game.actions)
    moves, pairs = np.zeros((*shape, game.states)), np.zeros(shape)
    rewards = np.zeros(shape)
    here = generator.multinomial(int(episodes), first, size=shape[:2])
    for h in range(game.horizon):
        acted = generator.multinomial(here, pi[:, h])
        kernel = np.asarray(game.transition_at(h, z[:, h]), dtype=np.float64)
        moved = generator.multinomial(acted, kernel)
        pairs[:, :, h], moves[:, :, h] = acted, moved
        reward = np.asarray(game.reward_at(h, z[:, h]), dtype=np.float64)
        rewards[:, :, h] = np.where(acted > 0, reward, 0.0)
        here = moved.sum(axis=(2, 3))
    return [
        CrowdCounts(moved[:, :-1], pair, reward, points, int(episodes))
        for moved, pair, reward in zip(moves, pairs, rewards, strict=True)
    ]


def tally(trajectories: Trajectories, states: int, actions: int) -> CrowdCounts:
    """Return the counts of episodes in an endless crowd.

    Parameters
    ----------
    trajectories : Trajectories
        From ``simulate_representatives``.
    states, actions : int
        S and A.

    Returns
    -------
    CrowdCounts

    Raises
    ------
    ValueError
        For agents who play each other, whose crowd differs by episode, or states beyond S.

    Examples
    --------
    >>> from tightbound.simulators.graphon_games.agents import simulate_representatives
    >>> from tightbound.theory.graphon_games import sis
    >>> game = sis(blocks=4, horizon=3)
    >>> runs = simulate_representatives(game, game.uniform_policy(), [0.2, 0.8], 50, rng=0)
    >>> tally(runs, 2, 2).moves.sum()
    np.float64(200.0)
    """
    if not trajectories.continuum:
        raise ValueError(
            "trajectories are of agents who play each other: their crowd differs by episode and cannot be "
            "averaged; use simulate_representatives"
        )
    if trajectories.states.max() >= states or trajectories.actions.max() >= actions:
        raise ValueError(
            f"states, actions are {states}, {actions}: the trajectories reach state "
            f"{trajectories.states.max()} and action {trajectories.actions.max()}; raise them"
        )
    runs, agents, horizon = trajectories.states.shape
    pair = np.eye(states * actions)[trajectories.states * actions + trajectories.actions]
    pairs = pair.sum(axis=0)
    sums = np.einsum("enhp,enh->nhp", pair, trajectories.rewards)
    following = np.eye(states)[trajectories.states[:, :, 1:]]
    moves = np.einsum("enhp,enht->nhpt", pair[:, :, :-1], following, optimize=True)
    rewards = np.divide(sums, pairs, out=np.zeros_like(sums), where=pairs > 0.0)
    shape = (agents, horizon, states, actions)
    return CrowdCounts(
        moves.reshape(agents, horizon - 1, states, actions, states),
        pairs.reshape(shape),
        rewards.reshape(shape),
        trajectories.positions,
        runs,
    )
