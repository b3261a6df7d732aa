"""Generation step by step, as a law over all paths, for instances small enough to list them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from tightbound.theory._validation import Array, as_indices, as_laws
from tightbound.theory.chain_of_thought.discrete_chain import DiscreteChain

LARGEST_PATHS = 100_000


def step_laws(chain: DiscreteChain, log_weights: ArrayLike, query: int) -> list[Array]:
    r"""Return the averaged law of every step given the steps generated before it.

    .. math:: P(z_h | S, z_0, \dots, z_{h-1}) = \sum_\theta \pi(\theta | S, z_0, \dots, z_{h-1})
        K_{\theta, h}(z_{h-1}, z_h)

    The posterior counts the generated steps as evidence, as any model of the joint law does.

    Parameters
    ----------
    chain : DiscreteChain
        The tasks; their prior is not read.
    log_weights : array_like, shape (M,)
        Logarithm of the posterior given the prompt and the query.
    query : int
        z_0.

    Returns
    -------
    list of H ndarrays, entry h of shape (m,) * h
        ``laws[h-1][z_1, ..., z_h]``; a law along the last axis. After a path of probability zero it is
        uniform: nothing follows from it.

    Raises
    ------
    ValueError
        Where there are more than 1e5 paths, or the weights do not fit.

    Examples
    --------
    >>> chain = DiscreteChain([0.5, 0.5], [[[[1.0, 0.0], [0.0, 1.0]]] * 2, [[[0.0, 1.0], [1.0, 0.0]]] * 2])
    >>> [law.tolist() for law in step_laws(chain, chain.log_prior, 0)]
    [[0.5, 0.5], [[1.0, 0.0], [1.0, 0.0]]]
    """
    weights = np.asarray(log_weights, dtype=np.float64)
    if weights.shape != (chain.tasks,):
        raise ValueError(f"log_weights has shape {weights.shape}: give one per task, ({chain.tasks},)")
    if chain.states**chain.steps > LARGEST_PATHS:
        raise ValueError(
            f"there are {chain.states**chain.steps} paths, more than {LARGEST_PATHS}: use answer_law, which "
            "needs none, or sample"
        )
    start = int(as_indices("query", query, chain.states))
    joint = np.exp(weights)[:, None]
    last = np.array([start])
    found = []
    for h in range(chain.steps):
        # joint[task, path]: weight of the task times the chance of the path under it
        joint = joint[:, :, None] * chain.kernels[:, h][:, last]
        mass = joint.sum(axis=0)
        total = mass.sum(axis=-1, keepdims=True)
        law = np.divide(mass, total, out=np.full_like(mass, 1.0 / chain.states), where=total > 0.0)
        found.append(law.reshape((chain.states,) * (h + 1)))
        joint = joint.reshape(chain.tasks, -1)
        last = np.tile(np.arange(chain.states), last.size)
    return found


def noisy_answer_law(chain: DiscreteChain, log_weights: ArrayLike, query: int, noise: float) -> Array:
    r"""Return the answer law of a model whose every step is uniform with a small probability.

    .. math:: \hat P(z_h | S, z_0, \dots, z_{h-1}) = (1 - \epsilon) P(z_h | S, z_0, \dots, z_{h-1}) +
        \epsilon / m

    A stand-in for what pretraining got wrong, the same at every step; errors are taken for evidence by later
    steps like anything else, and after a step that no task allows the next is uniform.

    Parameters
    ----------
    chain : DiscreteChain
        The tasks.
    log_weights : array_like, shape (K, M)
        Logarithm of the posterior of K prompts, given the query.
    query : int
        z_0.
    noise : float
        epsilon in [0, 1]; 0 gives ``answer_law``.

    Returns
    -------
    ndarray, shape (K, m)
        One answer law per prompt.

    Raises
    ------
    ValueError
        Where there are more than 1e5 paths, or for arguments out of range.

    Examples
    --------
    >>> chain = DiscreteChain([1.0], [[[[1.0, 0.0], [0.0, 1.0]]] * 2])
    >>> noisy_answer_law(chain, [[0.0]], 0, 0.1).round(4).tolist()
    [[0.9275, 0.0725]]
    """
    weights = np.asarray(log_weights, dtype=np.float64)
    if weights.ndim != 2 or weights.shape[1] != chain.tasks:
        raise ValueError(
            f"log_weights has shape {weights.shape}: give (K, {chain.tasks}), one row per prompt"
        )
    if not 0.0 <= noise <= 1.0:
        raise ValueError(f"noise is {noise!r}: give a probability, from 0 to 1")
    if chain.states**chain.steps > LARGEST_PATHS:
        raise ValueError(
            f"there are {chain.states**chain.steps} paths, more than {LARGEST_PATHS}: sample instead"
        )
    last = as_indices("query", query, chain.states).reshape(1)
    joint = np.exp(weights)[:, :, None]
    chance = np.ones((weights.shape[0], 1))
    for h in range(chain.steps):
        joint = joint[..., None] * chain.kernels[:, h][:, last]
        mass = joint.sum(axis=1)
        total = mass.sum(axis=-1, keepdims=True)
        law = np.divide(mass, total, out=np.full_like(mass, 1.0 / chain.states), where=total > 0.0)
        law = (1.0 - noise) * law + noise / chain.states
        chance = (chance[..., None] * law).reshape(weights.shape[0], -1)
        joint = joint.reshape(*weights.shape, -1)
        last = np.tile(np.arange(chain.states), last.size)
    return np.asarray(chance.reshape(weights.shape[0], -1, chain.states).sum(axis=1))


def answer_of_steps(laws: Sequence[ArrayLike]) -> Array:
    """Return the law of the last step: the product of the step laws, summed over paths.

    Parameters
    ----------
    laws : sequence of H array_like, entry h of shape (m,) * h
        As ``step_laws`` returns; any conditional laws.

    Returns
    -------
    ndarray, shape (m,)
        Probability of each answer.

    Examples
    --------
    >>> answer_of_steps([[0.5, 0.5], [[1.0, 0.0], [1.0, 0.0]]]).tolist()
    [1.0, 0.0]
    """
    joint = path_law(laws)
    return np.asarray(joint.reshape(-1, joint.shape[-1]).sum(axis=0))


def path_law(laws: Sequence[ArrayLike]) -> Array:
    """Return the law of whole paths, shape (m,) * H, from the laws of the steps.

    Examples
    --------
    >>> path_law([[0.5, 0.5], [[1.0, 0.0], [0.25, 0.75]]]).tolist()
    [[0.5, 0.0], [0.125, 0.375]]
    """
    joint: Array = np.ones(())
    for h, law in enumerate(laws):
        step = as_laws(f"laws[{h}]", law)
        if step.shape[:-1] != joint.shape:
            raise ValueError(
                f"laws[{h}] has shape {step.shape}: give one law for each path of {h} steps, "
                f"({', '.join(map(str, joint.shape))}, m)"
            )
        joint = joint[..., None] * step
    return joint
