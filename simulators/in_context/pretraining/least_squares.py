"""Least squares fitted to growing prefixes of independent pairs."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Literal

import numpy as np

from tightbound.theory._validation import Array, as_integer

NoiseLaw = Literal["normal", "student"]
STUDENT_DEGREES = 1.5


def least_squares_errors(
    samples: Sequence[int],
    dimension: int,
    replications: int,
    *,
    noise: NoiseLaw = "normal",
    rng: int | np.random.Generator | None = None,
) -> Array:
    r"""Return how far least squares ends from the truth, for several sample sizes.

    .. math:: \hat w_N = \arg\min_w \sum_{i \le N} (y_i - \langle w, x_i\rangle)^2, \qquad
        y_i = \langle w, x_i\rangle + \xi_i, \quad x_i \sim N(0, I_d)

    The errors do not depend on w, which is 0 here. One replication uses one stream of pairs, of which the
    first N are seen.

    Parameters
    ----------
    samples : sequence of int
        The sizes N, increasing, each at least d.
    dimension : int
        d, at least 1.
    replications : int
        Number R of independent streams, at least 1.
    noise : {"normal", "student"}
        Standard normal, or Student's t with 1.5 degrees of freedom, which has no variance.
    rng : None, int or Generator
        Source of randomness.

    Returns
    -------
    ndarray, shape (R, len(samples))
        :math:`\|\hat w_N - w\|`.

    Raises
    ------
    TypeError, ValueError
        For a size below its least value, sizes that do not increase, or another noise law.

    Examples
    --------
    >>> errors = least_squares_errors((10, 1000), 2, 50, rng=0)
    >>> errors.shape, bool(errors[:, 1].mean() < errors[:, 0].mean())
    ((50, 2), True)
    """
    d = as_integer("dimension", dimension, least=1)
    runs = as_integer("replications", replications, least=1)
    sizes = [as_integer("samples", n, least=d) for n in samples]
    if not sizes or any(b <= a for a, b in pairwise(sizes)):
        raise ValueError(f"samples is {tuple(samples)!r}: give increasing sizes, e.g. (100, 400, 1600)")
    if noise not in ("normal", "student"):
        raise ValueError(f"noise is {noise!r}: choose 'normal' or 'student'")
    generator = np.random.default_rng(rng)
    gram, cross = np.zeros((runs, d, d)), np.zeros((runs, d, 1))
    found = np.empty((runs, len(sizes)))
    chunk = max(1, 2**20 // d)
    for place, (start, stop) in enumerate(zip([0, *sizes[:-1]], sizes, strict=True)):
        # chunks over replications keep the working set small
        step = max(1, chunk // (stop - start))
        for first in range(0, runs, step):
            part = slice(first, min(first + step, runs))
            shape = (part.stop - first, stop - start)
            x = generator.standard_normal((*shape, d))
            if noise == "normal":
                y = generator.standard_normal((*shape, 1))
            else:
                y = generator.standard_t(STUDENT_DEGREES, size=(*shape, 1))
            gram[part] += x.mT @ x
            cross[part] += x.mT @ y
        found[:, place] = np.linalg.norm(np.linalg.solve(gram, cross)[..., 0], axis=-1)
    return found
