"""Random instances."""

from __future__ import annotations

import numpy as np

from tightbound.theory._validation import as_floats
from tightbound.theory.planning._validation import as_integer
from tightbound.theory.planning.evaluation import hellinger
from tightbound.theory.planning.hmdp import HMDP

LEAST_ETA = 1e-6
_DRAWS = 100


def random_hmdp(
    environments: int,
    states: int,
    subgoals: int,
    observations: int,
    horizon: int,
    concentration: float,
    rng: np.random.Generator,
) -> HMDP:
    r"""Draw an instance whose environments uniform exploration tells apart.

    The first state's law, the rows of the reporter (both shared by the environments) and the rows of every
    environment's kernel are symmetric Dirichlet; rewards are uniform on [0, 1]; the prior is uniform.
    Instances on which some pair has a squared Hellinger distance below 1e-6 under uniformly drawn subgoals
    are drawn again.

    Parameters
    ----------
    environments, states, subgoals, observations : int
        Sizes, at least 1.
    horizon : int
        Number of observations of an episode, at least 2.
    concentration : float
        Of the Dirichlet laws, above 0; small values give nearly deterministic rows.
    rng : numpy.random.Generator
        Source of randomness.

    Returns
    -------
    HMDP
        The instance.

    Raises
    ------
    TypeError, ValueError
        For an argument outside its range, or where a hundred instances in a row were too hard to tell apart.

    Examples
    --------
    >>> model = random_hmdp(3, 2, 2, 2, 3, 1.0, np.random.default_rng(0))
    >>> model.transition.shape
    (3, 2, 2, 2, 2)
    """
    sizes = {
        "environments": environments,
        "states": states,
        "subgoals": subgoals,
        "observations": observations,
    }
    z, s, g, o = (as_integer(name, size, least=1) for name, size in sizes.items())
    length = as_integer("horizon", horizon, least=2)
    alpha = as_floats("concentration", concentration)
    if alpha.ndim or alpha <= 0.0:
        raise ValueError(f"concentration is {concentration!r}: give one positive number, e.g. 1.0")
    if not isinstance(rng, np.random.Generator):
        raise TypeError(f"rng is a {type(rng).__name__}: give a generator, e.g. numpy.random.default_rng(0)")
    for _ in range(_DRAWS):
        model = HMDP(
            rng.dirichlet(np.full(s, alpha)),
            rng.dirichlet(np.full(s, alpha), size=(z, s, g)),
            rng.dirichlet(np.full(o, alpha), size=s),
            rng.uniform(size=(length, o)),
        )
        if z == 1 or hellinger(model, np.full(g, 1.0 / g))[np.triu_indices(z, 1)].min() >= LEAST_ETA:
            return model
    raise ValueError(
        f"{_DRAWS} instances in a row had environments that uniform exploration cannot tell apart (squared "
        f"Hellinger distance below {LEAST_ETA}): give more observations or states, or another concentration"
    )
