"""Exact regret of a team whose members see different things."""

from __future__ import annotations

import math

import numpy as np

from tightbound.theory._validation import as_floats
from tightbound.theory.planning._validation import Array, as_integer

# Log odds beyond this are certainty: e^-45 is below the spacing of numbers around 1.
CERTAIN = 45.0


def private_regret(
    episodes: int,
    actors: int,
    q: float,
    *,
    eps: float,
    q_hat: float | None = None,
    truth: int = 0,
    shared: bool = False,
) -> Array:
    r"""Return the exact regret on PRIVATE-MEET of K actors that each sample their own part of the subgoal.

    A joint probe shows actor k a sign of its own, a plus with probability q in environment 0 and 1 - q in
    environment 1. With :math:`n_k` the pluses less the minuses that it saw, its posterior is

    .. math:: w_k = \frac{1}{1 + \exp(-n_k \log(q / (1-q)))}

    and it tries with that probability, else plays safe. Won or lost tries are seen by all and identify
    the environment. The law of :math:`(n_1, \dots, n_K)` is carried through the episodes.

    Parameters
    ----------
    episodes : int
        T, at least 1.
    actors : int
        K, from 1 to 3: the law lives on a lattice of K dimensions.
    q : float
        Reliability of a sign as actors assume it, in (0, 1) and not 1/2.
    eps : float
        Probability that an episode explores by the joint probe, in [0, 1].
    q_hat : float, optional
        The true reliability, in [0, 1]; q where left out.
    truth : {0, 1}
        The true environment.
    shared : bool, default False
        Whether all actors see all signs. Then they hold one posterior, but still sample apart.

    Returns
    -------
    ndarray, shape (T,)
        Cumulative regret after 1, ..., T episodes.

    Raises
    ------
    TypeError, ValueError
        For an argument outside its range.

    See Also
    --------
    tightbound.theory.planning.instances.meet.private_meet : the tables of the instance.

    Notes
    -----
    An actor conditions on its own signs and on won or lost tries. It does not read the other actors' signs
    out of what they did.

    A joint try earns 1 in environment 0 and 0 in environment 1, joint safety 1/2, anything else 0. Log odds
    beyond 45 nats are held there, which moves no probability by more than 1e-19 per episode.

    References
    ----------
    He, Chen, Zhang, Yang, "From Words to Actions", ICML 2024, arXiv:2405.19883: several actors.

    Examples
    --------
    >>> private_regret(2, 2, 0.8, eps=0.0).tolist()  # either of four joint draws, one of which identifies
    [0.625, 1.09375]
    """
    count = as_integer("episodes", episodes, least=1)
    team = as_integer("actors", actors, least=1, most=3)
    believed, chance = _open_share("q", q), _share("eps", eps)
    actual = believed if q_hat is None else _share("q_hat", q_hat)
    wrong = as_integer("truth", truth, least=0, most=1) == 1
    plus = 1.0 - actual if wrong else actual
    unit = math.log(believed / (1.0 - believed))
    radius = math.ceil(CERTAIN / abs(unit))
    weight = 1.0 / (1.0 + np.exp(-unit * np.arange(-radius, radius + 1.0)))
    together, safe = _joint(weight, team, shared)
    loss = 0.5 * (1.0 - safe) if wrong else 1.0 - together - 0.5 * safe
    cost = 0.5 if wrong else 1.0
    law = np.zeros_like(together)
    law[(radius,) * law.ndim] = 1.0
    found = np.empty(count)
    for t in range(count):
        found[t] = chance * cost + (1.0 - chance) * float((law * loss).sum())
        stayed = (1.0 - chance) * (law * (1.0 - together))
        law = stayed + chance * _told(law, plus, team)
    return np.cumsum(found)


def _joint(weight: Array, actors: int, shared: bool) -> tuple[Array, Array]:
    """Chances that all try and that all play safe, on the lattice of what is known."""
    if shared:
        return weight**actors, (1.0 - weight) ** actors
    together = safe = np.ones((1,) * actors)
    for own in np.ix_(*[weight] * actors):
        together, safe = together * own, safe * (1.0 - own)
    return together, safe


def _told(law: Array, plus: float, actors: int) -> Array:
    """Law after a probe: each actor's sign moves its own axis, or all signs move the common one."""
    for sign in range(actors):
        axis = sign if law.ndim > 1 else 0
        law = plus * _shifted(law, axis, 1) + (1.0 - plus) * _shifted(law, axis, -1)
    return law


def _shifted(law: Array, axis: int, by: int) -> Array:
    """Move mass along an axis; what would leave stays at the end."""
    rows = np.moveaxis(law, axis, 0)
    moved = np.zeros_like(rows)
    if by > 0:
        moved[1:] = rows[:-1]
        moved[-1] += rows[-1]
    else:
        moved[:-1] = rows[1:]
        moved[0] += rows[0]
    return np.moveaxis(moved, 0, axis)


def _share(name: str, value: float) -> float:
    number = as_floats(name, value)
    if number.ndim or not 0.0 <= number <= 1.0:
        raise ValueError(f"{name} is {value!r}: give one probability in [0, 1]")
    return float(number)


def _open_share(name: str, value: float) -> float:
    number = _share(name, value)
    if number in (0.0, 0.5, 1.0):
        raise ValueError(
            f"{name} is {value!r}: give a reliability strictly between 0 and 1, and not 1/2, where a sign "
            "tells nothing"
        )
    return number
