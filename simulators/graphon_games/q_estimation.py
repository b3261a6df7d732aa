r"""Action values estimated from episodes of a few representative agents, beside the exact ones.

Every representative plays K episodes among a frozen crowd; backward regression, which in a tabular game is
the mean over the visits of a cell, gives its Q. All other blocks take the Q of the nearest representative.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tightbound.simulators.graphon_games._form import Form, split
from tightbound.theory._validation import as_integer
from tightbound.theory.graphon_games._validation import as_probabilities, as_regularisation
from tightbound.theory.graphon_games.flow import aggregate, flow
from tightbound.theory.graphon_games.game import GraphonGame

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

# Episodes kept in memory at once, over all replications that are drawn side by side.
_EPISODES_AT_ONCE = 200_000


@dataclass(frozen=True, eq=False)
class QEstimate:
    """Estimated action values of the representatives.

    Attributes
    ----------
    value : ndarray, shape (R, N, H, S, A)
        Q per replication and representative; 0 in cells that were never visited.
    visits : ndarray, shape (R, N, H, S, A)
        How often a cell was visited.
    agents : ndarray of int, shape (N,)
        Blocks of the representatives.
    nearest : ndarray of int, shape (M,)
        Index of the representative nearest to each block.
    """

    value: Floats
    visits: Floats
    agents: Integers
    nearest: Integers

    @property
    def by_block(self) -> Floats:
        """Q of every block, taken from its nearest representative, shape (R, M, H, S, A)."""
        return np.asarray(self.value[:, self.nearest])


def representative_blocks(blocks: int, agents: int) -> tuple[Integers, Integers]:
    """Return the blocks of N evenly spread representatives, and the one nearest to each block.

    Parameters
    ----------
    blocks : int
        M, at least 1.
    agents : int
        N, at least 2; more than M gives some blocks several representatives.

    Returns
    -------
    tuple of ndarray of int
        Shapes (N,) and (M,).

    Raises
    ------
    ValueError
        For M < 1 or N < 2.

    Examples
    --------
    >>> representative_blocks(6, 2)
    (array([1, 4]), array([0, 0, 0, 1, 1, 1]))
    """
    from tightbound.simulators.graphon_games._sampling import representatives

    count = _agents(agents)
    chosen, nearest = representatives(as_integer("blocks", blocks, least=1), count)
    return chosen, nearest


def estimate_action_values(
    game: GraphonGame,
    policy: ArrayLike,
    *,
    agents: int,
    episodes: int,
    lam: float,
    behaviour: ArrayLike | None = None,
    key: int = 0,
    replications: int = 1,
) -> QEstimate:
    r"""Estimate the action values of a policy at its own flow from sampled episodes.

    .. math:: \hat Q_h(s,a) = \frac{1}{n_h(s,a)} \sum_{k:\, (s_h,a_h) = (s,a)}
              \big[r_h + \hat V_{h+1}(s_{h+1})\big], \qquad
              \hat V_h(s) = \sum_a \pi_h(a|s) [\hat Q_h(s,a) - \lambda\log\pi_h(a|s)]

    Parameters
    ----------
    game : GraphonGame
    policy : array_like, shape (M, H, S, A)
        The policy whose Q is wanted; its flow is the crowd.
    agents : int
        N, number of representatives, at least 2.
    episodes : int
        K, episodes of each, at least 1.
    lam : float
        Entropy weight, at least 0.
    behaviour : array_like, shape (M, H, S, A), optional
        The policy that the representatives play; uniform where left out. Actions that it never plays keep
        the estimate 0.
    key : int
        Seed. Replication i draws from its own stream.
    replications : int
        R, independent repetitions, drawn side by side.

    Returns
    -------
    QEstimate

    Raises
    ------
    ValueError
        For N < 2, K < 1, R < 1, a negative ``lam`` or policies of the wrong shape.

    Notes
    -----
    Given the visits, :math:`\hat Q_h` is unbiased up to the error of :math:`\hat V_{h+1}`, and its variance
    falls as one over the visits, so the error is of order :math:`K^{-1/2}` in cells that the behaviour
    covers. A block at distance :math:`1/(2N)` from its representative is off by the variation of Q over that
    distance, of order :math:`N^{-1}` for a Lipschitz graphon.

    References
    ----------
    Zhang, Tan, Wang, Yang, NeurIPS 2023, arXiv:2310.08089.

    Examples
    --------
    >>> from tightbound.theory.graphon_games import random_linear
    >>> game = random_linear(rng=0, blocks=4)
    >>> found = estimate_action_values(game, game.uniform_policy(), agents=2, episodes=50, lam=1.0)
    >>> found.value.shape, int(found.visits[0, 0, 0].sum()), found.by_block.shape
    ((1, 2, 4, 4, 3), 50, (1, 4, 4, 4, 3))
    """
    count, length = _agents(agents), _at_least_one("episodes", episodes, "each representative needs one")
    number = _at_least_one("replications", replications, "give how often to repeat")
    shape = (game.blocks, game.horizon, game.states, game.actions)
    pi = as_probabilities("policy", policy, shape)
    played = game.uniform_policy() if behaviour is None else as_probabilities("behaviour", behaviour, shape)
    z = aggregate(game, flow(game, pi))
    chosen, nearest = representative_blocks(game.blocks, count)
    import jax

    form, arrays = split(game)
    chunk = max(1, min(number, _EPISODES_AT_ONCE // (count * length)))
    with jax.enable_x64(True):
        keys = jax.random.split(jax.random.PRNGKey(key), number)
        value, visits = _program(form, count, length, chunk)(
            arrays, _logs(pi), np.swapaxes(z, 0, 1), as_regularisation(lam), keys, _logs(played)
        )
    # (R, H, N, S, A) with the horizon before the agents
    return QEstimate(
        np.swapaxes(np.asarray(value), 1, 2), np.swapaxes(np.asarray(visits), 1, 2), chosen, nearest
    )


@lru_cache(maxsize=64)
def _program(form: Form, agents: int, episodes: int, chunk: int) -> Any:
    """Return the compiled estimate over keys (R,), in chunks of replications."""
    import jax

    from tightbound.simulators.graphon_games._sampling import sampled_action_values

    def estimate(arrays: Any, logs: Any, z: Any, lam: Any, keys: Any, log_behaviour: Any) -> Any:
        def one(key: Any) -> Any:
            return sampled_action_values(
                form,
                arrays,
                logs,
                z,
                lam,
                key,
                agents=agents,
                episodes=episodes,
                log_behaviour=log_behaviour,
            )

        return jax.lax.map(one, keys, batch_size=chunk)

    return jax.jit(estimate)


def _logs(policy: Floats) -> Floats:
    """Return log-policies with the horizon first."""
    logs = np.log(policy, out=np.full(policy.shape, -np.inf), where=policy > 0.0)
    return np.ascontiguousarray(np.swapaxes(logs, 0, 1))


def _agents(agents: int) -> int:
    if agents < 2:
        raise ValueError(
            f"agents is {agents}: give at least 2 representatives, of which a block takes the nearest"
        )
    return as_integer("agents", agents, least=2)


def _at_least_one(name: str, value: int, remedy: str) -> int:
    if value < 1:
        raise ValueError(f"{name} is {value}: {remedy}; give at least 1")
    return as_integer(name, value, least=1)
