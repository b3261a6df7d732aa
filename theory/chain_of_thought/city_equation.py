r"""From city to attributes to an equation to its result: a toy of three steps.

.. math:: z_0 = \text{city}, \quad z_1 = (u, v), \quad z_2 = (a u, v), \quad y = z_3 = a u + b v + c
    \pmod p

with the attributes (u, v) of the city in a table that all tasks share. Built after the name and the
description in a third party's summary of the paper's experiment ("CityEquation"); table, equations and slips
are ours.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from tightbound.theory._validation import as_integer
from tightbound.theory.chain_of_thought._lookup import as_residues, as_slip, lookup
from tightbound.theory.chain_of_thought.discrete_chain import DiscreteChain


def city_equation(
    attributes: ArrayLike, equations: ArrayLike, modulus: int, *, slip: float = 0.0
) -> DiscreteChain:
    """Return the tasks of all equations, equally likely a priori.

    Parameters
    ----------
    attributes : array_like of int, shape (C, 2)
        u and v of each city.
    equations : array_like of int, shape (M, 3)
        a, b and c of each task.
    modulus : int
        p >= 2.
    slip : float
        Probability that a step returns a uniform value instead.

    Returns
    -------
    DiscreteChain
        Three steps on max(C, p^2) states, pairs being numbered p u + v; queries uniform over cities.

    Raises
    ------
    TypeError, ValueError
        For arguments that are no integers, a slip outside [0, 1], or tables of the wrong shape.

    References
    ----------
    Hu, Zhang, Chen, Yang, arXiv:2408.14511; the experiment is known to us from a summary only.

    Examples
    --------
    >>> chain = city_equation([[1, 2], [2, 2]], equations=[[1, 1, 0], [2, 0, 1]], modulus=3)
    >>> chain.steps, chain.answer_table()[:, :2].argmax(axis=2).tolist()
    (3, [[0, 1], [0, 2]])
    """
    size, chance = as_integer("modulus", modulus, least=2), as_slip(slip)
    table = as_residues("attributes", attributes, size, (None, 2))
    tasks = as_residues("equations", equations, size, (None, 3))
    pairs = size * size
    states = max(table.shape[0], pairs)
    u, v = np.divmod(np.arange(pairs), size)
    known = lookup(size * table[:, 0] + table[:, 1], pairs, states, chance)
    kernels = [
        [
            known,
            lookup(size * (a * u % size) + v, pairs, states, chance),
            lookup((u + b * v + c) % size, size, states, chance),
        ]
        for a, b, c in tasks
    ]
    query = np.zeros(states)
    query[: table.shape[0]] = 1.0 / table.shape[0]
    return DiscreteChain(np.full(len(kernels), 1.0 / len(kernels)), kernels, query)
