"""Sampling of tasks with linear steps, and of their demonstrations."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from tightbound.theory._validation import Array, as_indices, as_integer
from tightbound.theory.chain_of_thought.linear_steps import LinearSteps


def random_linear_steps(
    tasks: int, steps: int, dim: int, noise: float, *, rng: int | np.random.Generator | None = None
) -> LinearSteps:
    """Draw tasks whose steps are random orthogonal matrices, with a uniform prior.

    Orthogonal steps keep the size of a state, so residuals are of one size at every step.

    Parameters
    ----------
    tasks, steps, dim : int
        M, H and d, at least 1.
    noise : float
        Standard deviation of each coordinate of a step, above 0.
    rng : None, int or Generator
        Source of randomness.

    Returns
    -------
    LinearSteps

    Raises
    ------
    TypeError, ValueError
        For an argument outside its range.

    Examples
    --------
    >>> problem = random_linear_steps(3, 2, 2, 1.0, rng=0)
    >>> bool(np.allclose(problem.matrices @ problem.matrices.mT, np.eye(2)))
    True
    """
    shape = tuple(
        as_integer(name, value, least=1) for name, value in (("tasks", tasks), ("steps", steps), ("dim", dim))
    )
    normal = np.random.default_rng(rng).standard_normal((*shape[:2], shape[2], shape[2]))
    q, r = np.linalg.qr(normal)
    # signs that make the law uniform over orthogonal matrices
    signs = np.sign(np.diagonal(r, axis1=-2, axis2=-1))
    return LinearSteps(np.full(shape[0], 1.0 / shape[0]), q * signs[..., None, :], noise)


def sample_linear_demonstrations(
    problem: LinearSteps,
    truth: ArrayLike,
    n: int,
    replications: int,
    *,
    rng: int | np.random.Generator | None = None,
) -> Array:
    """Draw prompts of n independent trajectories of one task each; queries are uniform on [-1, 1]^d.

    Parameters
    ----------
    problem : LinearSteps
        The tasks.
    truth : array_like of int, shape () or (B,)
        The task that is demonstrated, one for all prompts or one for each.
    n, replications : int
        Demonstrations per prompt, n >= 0, and number B >= 1 of prompts.
    rng : None, int or Generator
        Source of randomness.

    Returns
    -------
    ndarray, shape (B, n, H+1, d)

    Raises
    ------
    TypeError, ValueError, IndexError
        For sizes below their least value, or a truth that is no task.

    Examples
    --------
    >>> problem = LinearSteps([1.0], [[[[2.0]], [[0.5]]]], noise=1e-9)
    >>> z = sample_linear_demonstrations(problem, 0, 2, 1, rng=0)
    >>> z.shape, bool(np.allclose(z[..., 0, :], z[..., 2, :]))
    ((1, 2, 3, 1), True)
    """
    count = as_integer("n", n, least=0)
    prompts = as_integer("replications", replications, least=1)
    tasks = as_indices("truth", truth, problem.tasks)
    if tasks.shape not in ((), (prompts,)):
        raise ValueError(
            f"truth has shape {tasks.shape}: give one task, or one for each of {prompts} prompts"
        )
    source = np.random.default_rng(rng)
    maps = problem.matrices[np.broadcast_to(tasks, (prompts,))]
    found = np.empty((prompts, count, problem.steps + 1, problem.dim))
    found[:, :, 0] = source.uniform(-1.0, 1.0, size=(prompts, count, problem.dim))
    for h in range(problem.steps):
        moved = np.einsum("bij,bnj->bni", maps[:, h], found[:, :, h])
        found[:, :, h + 1] = moved + problem.noise * source.standard_normal(moved.shape)
    return found
