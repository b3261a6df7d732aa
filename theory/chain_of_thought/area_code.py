r"""From country to code to number: a toy in which the step in between can be looked up.

.. math:: z_0 = \text{country}, \qquad z_1 = \mathrm{code}(z_0), \qquad y = z_2 = a\, z_1 \bmod p

Built after a third party's summary of the paper's Example 4.1 (an area code times an unknown factor); tables,
moduli and slips are ours.
"""

from __future__ import annotations

import itertools

import numpy as np
from numpy.typing import ArrayLike

from tightbound.theory._validation import as_integer
from tightbound.theory.chain_of_thought._lookup import as_residues, as_slip, lookup
from tightbound.theory.chain_of_thought.discrete_chain import DiscreteChain


def area_code(codes: ArrayLike, factors: ArrayLike, modulus: int, *, slip: float = 0.0) -> DiscreteChain:
    """Return the tasks of all tables and all factors, equally likely a priori.

    Parameters
    ----------
    codes : array_like of int, shape (T, C)
        T tables of the codes of C countries. One table: it is shared by all tasks and known. Several: the
        task decides which of them holds, so a country that was not shown stays unpredictable.
    factors : array_like of int, shape (A,)
        The factors a.
    modulus : int
        p >= 2.
    slip : float
        Probability that a step returns a uniform residue instead.

    Returns
    -------
    DiscreteChain
        T A tasks, factors running fastest; two steps on max(C, p) states; queries uniform over countries.

    Raises
    ------
    TypeError, ValueError
        For arguments that are no integers, a slip outside [0, 1], or tables of the wrong shape.

    References
    ----------
    Hu, Zhang, Chen, Yang, arXiv:2408.14511; the example is known to us from a summary only.

    Examples
    --------
    >>> chain = area_code([[1, 2, 3]], factors=[1, 2], modulus=5)
    >>> chain.tasks, chain.steps, chain.answer_table()[1, :3].argmax(axis=1).tolist()
    (2, 2, [2, 4, 1])
    """
    size, chance = as_integer("modulus", modulus, least=2), as_slip(slip)
    tables = as_residues("codes", codes, size, (None, None))
    times = as_residues("factors", factors, size, (None,))
    states = max(tables.shape[1], size)
    kernels = [
        [
            lookup(table, size, states, chance),
            lookup(factor * np.arange(size) % size, size, states, chance),
        ]
        for table, factor in itertools.product(tables, times)
    ]
    query = np.zeros(states)
    query[: tables.shape[1]] = 1.0 / tables.shape[1]
    return DiscreteChain(np.full(len(kernels), 1.0 / len(kernels)), kernels, query)
