r"""What one agent of N can gain by deviating when it sees everybody's state, by dynamic programming."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tightbound.simulators.graphon_games.agents import agent_policy, place_agents
from tightbound.theory.graphon_games.best_response import soft_maximum
from tightbound.theory.graphon_games.game import GraphonGame
from tightbound.theory.graphon_games.graphons import Graphon
from tightbound.theory.graphon_games.values import entropy

Floats = NDArray[np.float64]

_MOST_STATES = 1024


@dataclass(frozen=True, eq=False)
class BestDeviation:
    """Values of N agents who all follow a policy, and the best each can do alone.

    Attributes
    ----------
    value, best_value : ndarray, shape (N,)
        Of following the policy, and of the best deviation with full information on the joint state.
    """

    value: Floats
    best_value: Floats

    @property
    def gain(self) -> Floats:
        """Gain of the best deviation per agent, at least 0 up to round-off."""
        return np.asarray(self.best_value - self.value)

    @property
    def exploitability(self) -> float:
        """Largest gain, the exploitability of the game of N agents."""
        return float(self.gain.max())


def best_deviation(
    game: GraphonGame,
    policy: ArrayLike,
    agents: int,
    lam: float = 0.0,
    *,
    positions: Literal["grid"] | ArrayLike = "grid",
    weights: ArrayLike | None = None,
) -> BestDeviation:
    r"""Return the exact best deviation of each agent by backward induction on the joint state.

    .. math:: V_h(s) = \max_p \sum_a p(a) \Big[ r_h(s_i, a, z_i(s)) + \sum_{s'} P_h(s'_i \mid s_i, a, z_i(s))
              \prod_{j \ne i} P^\pi_h(s'_j \mid s_j, z_j(s))\, V_{h+1}(s') \Big] + \lambda \mathrm{H}(p)

    over joint states :math:`s \in S^N`, with :math:`z_i(s) = \sum_j w_{ij} \delta_{s_j}`.

    Parameters
    ----------
    game : GraphonGame
    policy : array_like, shape (M, H, S, A)
        Everybody follows the policy of the nearest block, on the own state only.
    agents : int
        N with S^N at most 1024: up to 10 agents of two states.
    lam : float
        Entropy weight of the values, at least 0.
    positions : "grid" or array_like, shape (N,)
    weights : array_like, shape (N, N), optional
        w; W(x_i, x_j)/N if left out. Rows must not sum to more than 1, so that z is a sub-probability.

    Returns
    -------
    BestDeviation
        An upper bound on what an agent gains who sees its own state only.

    Raises
    ------
    ValueError
        For too many joint states, N < 2, negative ``lam``, or shapes that do not fit.

    Notes
    -----
    Given the joint state and all actions the next states are independent, because each agent moves by its own
    kernel at its own aggregate; hence the product.

    Examples
    --------
    >>> from tightbound.theory.graphon_games import sis
    >>> game = sis(blocks=4, horizon=3)
    >>> best_deviation(game, game.uniform_policy(), 4).gain.round(3)
    array([0.702, 0.642, 0.63 , 0.623])
    """
    if isinstance(agents, bool) or not isinstance(agents, (int, np.integer)) or agents < 2:
        raise ValueError(f"agents is {agents!r}: a game of finitely many agents has at least 2; raise it")
    joint_states = game.states ** int(agents)
    if joint_states > _MOST_STATES:
        raise ValueError(
            f"agents is {agents}: {game.states}^{agents} = {joint_states} joint states, at most "
            f"{_MOST_STATES} are solved exactly; take fewer agents, or estimate gains with simulate_agents"
        )
    if not lam >= 0.0 or not np.isfinite(lam):
        raise ValueError(f"lam is {lam!r}: the entropy weight is a number of at least 0; raise it")
    points = place_agents(int(agents), positions, np.random.default_rng(0))
    pi, first = agent_policy(game, policy, points)
    joint = np.stack(np.unravel_index(np.arange(joint_states), (game.states,) * int(agents)), axis=1)
    z = np.einsum("ij,xjs->xis", _weights(game, points, weights), np.eye(game.states)[joint])
    ahead = np.zeros((2, int(agents), joint_states))
    for h in reversed(range(game.horizon)):
        ahead = _backward(game, h, z, joint, pi[:, h], lam, ahead)
    start = np.array([1.0])
    for law in first:
        start = np.multiply.outer(start, law).ravel()
    value, best = ahead @ start
    return BestDeviation(value, best)


def _backward(
    game: GraphonGame, h: int, z: Floats, joint: NDArray[np.int64], pi: Floats, lam: float, ahead: Floats
) -> Floats:
    """Return values (2, N, X) of the policy and of the best deviation from those of the next step."""
    number, agents = joint.shape
    every, who = np.arange(number)[:, None], np.arange(agents)[None, :]
    kernel = np.asarray(game.transition_at(h, z), dtype=np.float64)[every, who, joint]  # (X, N, A, S)
    reward = np.asarray(game.reward_at(h, z), dtype=np.float64)[every, who, joint]  # (X, N, A)
    law = pi[who, joint]  # (X, N, A)
    moved = np.einsum("xna,xnas->xns", law, kernel)
    new = np.empty_like(ahead)
    last = h + 1 == game.horizon
    for i in range(agents):
        q = np.repeat(reward[None, :, i], 2, axis=0)
        if not last:
            # contract the next joint state agent by agent, i itself last
            rest = np.moveaxis(ahead[:, i].reshape(2, *(game.states,) * agents), 1 + i, 1)
            block = np.broadcast_to(
                rest.reshape(2, 1, game.states, -1), (2, number, game.states, rest[0, 0].size)
            )
            for j in (k for k in range(agents) if k != i):
                block = block.reshape(2, number, game.states, game.states, -1)
                block = np.einsum("kxtsr,xs->kxtr", block, moved[:, j])
            q = q + np.einsum("xat,kxt->kxa", kernel[:, i], block[..., 0])
        new[0, i] = (law[:, i] * q[0]).sum(axis=-1) + lam * entropy(law[:, i])
        new[1, i] = soft_maximum(q[1], lam)[1] if lam > 0.0 else q[1].max(axis=-1)
    return new


def _weights(game: GraphonGame, points: Floats, given: ArrayLike | None) -> Floats:
    """Return the weights of the aggregates, shape (N, N)."""
    if given is None:
        if not isinstance(game.graphon, Graphon):
            raise ValueError("graphon varies over the steps: give one Graphon, or the weights of the agents")
        return np.asarray(game.graphon.matrix(points) / points.size)
    weights = np.asarray(given, dtype=np.float64)
    if weights.shape != (points.size, points.size):
        raise ValueError(f"weights has shape {weights.shape}: give {(points.size, points.size)}")
    if not np.all(weights >= 0.0) or weights.sum(axis=1).max() > 1.0 + 1e-12:
        raise ValueError("weights is negative, NaN, or has a row above 1: divide rows by N or by their sum")
    return weights


def best_deviation_exchangeable(
    game: GraphonGame, policy: ArrayLike, agents: int, lam: float = 0.0
) -> tuple[float, float]:
    r"""Return value and best value of one of N interchangeable agents of two states, for any N.

    Where W is constant and all follow one policy, the number k of others in state 1 stands for the joint
    state: everybody feels :math:`z(1) = W (k + s_i)/N` and

    .. math:: k' = \mathrm{Bin}(k, P^\pi(1 \mid 1, z)) + \mathrm{Bin}(N - 1 - k, P^\pi(1 \mid 0, z))

    Parameters
    ----------
    game : GraphonGame
        Of two states, on a constant graphon, all blocks starting alike.
    policy : array_like, shape (M, H, 2, A)
        Equal in all blocks.
    agents : int
        N, at least 2.
    lam : float
        Entropy weight of the values, at least 0.

    Returns
    -------
    value, best_value : float
        As :func:`best_deviation` gives for every agent, at a cost of order N^3 H instead of 2^(2N).

    Raises
    ------
    ValueError
        For a game or policy in which agents differ, or more than two states.

    Examples
    --------
    >>> from tightbound.theory.graphon_games import erdos_renyi, sis
    >>> game = sis(graphon=erdos_renyi(0.5), blocks=2, horizon=3)
    >>> value, best = best_deviation_exchangeable(game, game.uniform_policy(), 4)
    >>> few = best_deviation(game, game.uniform_policy(), 4)
    >>> bool(abs(value - few.value[0]) < 1e-12 and abs(best - few.best_value[0]) < 1e-12)
    True
    """
    from scipy.special import gammaln, xlog1py, xlogy

    if isinstance(agents, bool) or not isinstance(agents, (int, np.integer)) or agents < 2:
        raise ValueError(f"agents is {agents!r}: a game of finitely many agents has at least 2; raise it")
    if not lam >= 0.0 or not np.isfinite(lam):
        raise ValueError(f"lam is {lam!r}: the entropy weight is a number of at least 0; raise it")
    if game.states != 2 or np.ptp(game.weights) > 0.0 or np.ptp(game.initial, axis=0).max() > 0.0:
        raise ValueError(
            f"game is {game.name} with {game.states} states: agents are interchangeable on a constant "
            "graphon with two states and one initial law; use best_deviation"
        )
    pi, first = agent_policy(game, policy, game.positions)
    if np.ptp(pi, axis=0).max() > 1e-9:
        raise ValueError(
            "policy differs between blocks: interchangeable agents share one; use best_deviation"
        )
    rule, level, n = pi[0], float(game.weights[0, 0, 0]) * game.blocks, int(agents) - 1
    k = np.arange(n + 1)
    total = k[None, :] + np.array([[0], [1]])  # (own state, k)
    z = level / (n + 1) * np.stack([n + 1 - total, total], axis=-1)

    def binomial(size: NDArray[np.int64], chance: Floats) -> Floats:
        """Return the laws of binomial variables on 0, ..., n, shape (..., n + 1)."""
        m, p = size[..., None], chance[..., None]
        rest = np.maximum(m - k, 0)
        logs = gammaln(m + 1) - gammaln(k + 1) - gammaln(rest + 1) + xlogy(k, p) + xlog1py(rest, -p)
        return np.asarray(np.where(k <= m, np.exp(logs), 0.0))

    own = np.array([[0], [1]])
    ahead = np.zeros((2, 2, n + 1))  # (policy or best, own state, k)
    for h in reversed(range(game.horizon)):
        kernel = np.asarray(game.transition_at(h, z), dtype=np.float64)  # (own, k, s, a, s')
        reward = np.asarray(game.reward_at(h, z), dtype=np.float64)
        moved = np.einsum("oksat,sa->okst", kernel, rule[h])
        q = np.repeat(reward[own, k, own][None], 2, axis=0)
        if h + 1 < game.horizon:
            stay = binomial(np.broadcast_to(k, total.shape), moved[:, :, 1, 1])
            come = binomial(np.broadcast_to(n - k, total.shape), moved[:, :, 0, 1])
            shifted = np.zeros((2, 2, n + 1, n + 1))  # ahead at i + j, 0 beyond n, which has no mass
            for i in range(n + 1):
                shifted[:, :, i, : n + 1 - i] = ahead[:, :, i:]
            then = np.einsum("oki,okj,vtij->vokt", stay, come, shifted, optimize=True)
            q = q + np.einsum("okat,vokt->voka", kernel[own, k, own], then)
        law = rule[h][own[:, 0]][:, None]
        best = soft_maximum(q[1], lam)[1] if lam > 0.0 else q[1].max(axis=-1)
        ahead = np.stack([(law * q[0]).sum(axis=-1) + lam * entropy(law), best])
    start = first[0][:, None] * binomial(np.array([n]), first[0, 1:])
    value, best_value = (ahead * start).sum(axis=(1, 2)).tolist()
    return float(value), float(best_value)
