"""Random tasks."""

from __future__ import annotations

import numpy as np

from tightbound.theory._validation import as_floats, as_integer
from tightbound.theory.chain_of_thought.discrete_chain import DiscreteChain


def random_chain(
    tasks: int,
    steps: int,
    states: int,
    *,
    concentration: float = 1.0,
    mix: float = 0.05,
    informative_query: bool = False,
    rng: int | np.random.Generator | None = None,
) -> DiscreteChain:
    r"""Draw tasks whose steps are independent random kernels, kept away from zero.

    .. math:: K_{\theta, h}(i, \cdot) = (1 - \epsilon)\, \mathrm{Dirichlet}(c, \dots, c) + \epsilon / m

    Parameters
    ----------
    tasks, steps, states : int
        M, H and m, each at least 1; the prior is uniform.
    concentration : float
        c > 0; small values make steps all but deterministic.
    mix : float
        epsilon in [0, 1].
    informative_query : bool
        Whether the law of z_0 is drawn likewise for each task; else it is uniform for all.
    rng : None, int or Generator
        Source of randomness.

    Returns
    -------
    DiscreteChain
        The tasks.

    Raises
    ------
    TypeError, ValueError
        For sizes or parameters out of range.

    Examples
    --------
    >>> random_chain(3, 2, 4, rng=0).kernels.shape
    (3, 2, 4, 4)
    """
    m, h, size = (
        as_integer(name, value, least=1)
        for name, value in (("tasks", tasks), ("steps", steps), ("states", states))
    )
    spread, share = float(as_floats("concentration", concentration)), float(as_floats("mix", mix))
    if spread <= 0.0:
        raise ValueError(f"concentration is {concentration!r}: give a positive number")
    if not 0.0 <= share <= 1.0:
        raise ValueError(f"mix is {mix!r}: give the weight of the uniform law, from 0 to 1")
    source = np.random.default_rng(rng)
    kernels = source.dirichlet(np.full(size, spread), (m, h, size))
    query = np.full((m, size), 1.0 / size)
    if informative_query:
        query = (1.0 - share) * source.dirichlet(np.full(size, spread), m) + share / size
    return DiscreteChain(np.full(m, 1.0 / m), (1.0 - share) * kernels + share / size, query)
