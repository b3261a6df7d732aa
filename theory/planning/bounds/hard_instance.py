"""What naive execution must lose on the hardest instances."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from tightbound.theory._validation import as_floats
from tightbound.theory.planning._validation import Array
from tightbound.theory.planning.bounds._arguments import as_counts


def hard_instance_lower_bound(episodes: ArrayLike, environments: ArrayLike) -> Array:
    r"""Bound from below the regret of naive execution on an instance made for its number of episodes.

    .. math:: Reg_z(T) \ge \tfrac12\, T\, (1 - 1/|Z|)^T

    With :math:`|Z| = T` the bound is at least linear: T/(2e) in the limit. With |Z| fixed it vanishes, as it
    must: there naive sampling has sublinear regret (:func:`~tightbound.theory.planning.bounds.truth_floor`).

    Parameters
    ----------
    episodes : array_like
        Number T of episodes, at least 1.
    environments : array_like
        Number |Z| of candidate environments, at least 1.

    Returns
    -------
    ndarray
        Broadcast over the arguments.

    Raises
    ------
    ValueError
        For an argument below 1.

    Notes
    -----
    *Proof*, on :func:`~tightbound.theory.planning.instances.reveal.reveal` without exploration. In the truth
    only "try" is right, in every other environment only "safe", which shows nothing. Until the first try the
    posterior stays uniform, so each episode tries with probability 1/|Z| and otherwise loses 1/2; a try
    settles the matter. Hence

    .. math:: Reg(T) = \tfrac12 \sum_{t=1}^{T} (1 - 1/|Z|)^{t} \ge \tfrac12 T (1 - 1/|Z|)^T,

    as each of the T terms is at least the last. At T = 1 this is an equality. ∎

    References
    ----------
    He, Chen, Zhang, Yang, "From Words to Actions", ICML 2024, arXiv:2405.19883: the abstract states that
    naive execution can have linear regret; this form of it was remembered, the instance and the proof are
    ours.

    Examples
    --------
    >>> float(hard_instance_lower_bound(2, 2))
    0.25
    """
    count, number = as_counts(episodes), as_floats("environments", environments)
    if np.any(number < 1.0):
        raise ValueError(f"environments contains {number.min()}: give at least one environment")
    return np.asarray(0.5 * count * (1.0 - 1.0 / number) ** count)
