r"""Why frames attend too much to themselves, and what reducing the diagonal trades.

**Noise.** Let frames be z_n = x_n + sigma e_n with independent standard normal e_n in R^d, and logits
S_nm = <z_n, z_m> / sqrt d (queries and keys are the frames themselves). Then

.. math:: E\,S_{nm} = \frac{\langle x_n, x_m \rangle}{\sqrt d} + 1\{n = m\}\, \sigma^2 \sqrt d .

*Proof.* <z_n, z_m> = <x_n, x_m> + sigma <x_n, e_m> + sigma <e_n, x_m> + sigma^2 <e_n, e_m>; the middle terms
have mean 0 and the last has mean d for n = m, else 0. QED. Noise lifts the diagonal alone, and
a = sigma^2 sqrt d takes that off exactly in expectation.

**Motion.** What smooths flicker also blurs motion. Both are functions of beta, the weight on oneself, by the
affine path (:mod:`~tightbound.theory.video.reweighting`): :func:`scene_blur`, :func:`flicker_gain`.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import expit

from tightbound.theory._validation import Array, as_floats, as_integer
from tightbound.theory.video.motion_intensity import as_square
from tightbound.theory.video.reweighting import off_diagonal, reduce_diagonal, self_logit


def self_weight_bias(sigma: float, dimension: int) -> float:
    r"""Return what noise adds to the diagonal of the logits in expectation, sigma^2 sqrt(d).

    Parameters
    ----------
    sigma : float
        Standard deviation of the noise, at least 0.
    dimension : int
        d, at least 1.

    Returns
    -------
    float
        In units of logits; the reduction that takes it off.

    Raises
    ------
    TypeError, ValueError
        For arguments outside their range.

    References
    ----------
    The weight of a patch on itself in non-local means has the same bias: Buades, Coll, Morel, "A non-local
    algorithm for image denoising", CVPR 2005.

    Examples
    --------
    >>> self_weight_bias(0.5, 64)
    2.0
    """
    level = as_floats("sigma", sigma)
    if level.ndim != 0 or level < 0.0:
        raise ValueError(f"sigma is {sigma!r}: give one standard deviation of at least 0")
    return float(level**2 * np.sqrt(as_integer("dimension", dimension, least=1)))


def scene_blur(logits: ArrayLike, cut: int, reduction: ArrayLike = 0.0) -> Array:
    r"""Return how far attention moves every frame of a video of two still scenes.

    .. math:: |(\bar A v - v)_i| = (1 - \beta_i) \sum_{j \text{ in the other scene}} B_{ij},
              \qquad v = 1\{\text{frame} \ge \mathrm{cut}\}

    *Proof.* (A v - v)_i = sum_j A_ij (v_j - v_i), where v_j - v_i is 0 within a scene and has one sign across
    the cut, and off the diagonal the reweighted A is (1 - beta_i) B_ij. QED. It increases with the reduction,
    strictly: the price of every reduction is a blurred cut.

    Parameters
    ----------
    logits : array_like, shape (..., N, N), N >= 2
        S.
    cut : int
        First frame of the second scene, 1 to N - 1.
    reduction : array_like, shape (..., N) or broadcast to it
        a.

    Returns
    -------
    ndarray, shape (..., N)
        Distances in units of the step between the scenes.

    Raises
    ------
    TypeError, ValueError
        For logits that are not finite or not square, or a cut outside the video.

    Examples
    --------
    >>> scene_blur([[0.0] * 4] * 4, 2, [[0.0] * 4, [800.0] * 4])[:, 0].round(6).tolist()
    [0.5, 0.666667]
    """
    rows = as_square("logits", logits)
    frames = rows.shape[-1]
    first = as_integer("cut", cut, least=1)
    if first >= frames:
        raise ValueError(
            f"cut is {first} with {frames} frames: the second scene is empty; give at most {frames - 1}"
        )
    later = np.arange(frames) >= first
    away = later[:, np.newaxis] != later
    return np.asarray((reduce_diagonal(rows, reduction) * away).sum(axis=-1))


def flicker_gain(logits: ArrayLike, reduction: ArrayLike = 0.0) -> Array:
    r"""Return by what factor attention changes the variance of independent noise on the frames.

    .. math:: \sum_j \bar A_{ij}^2 = \beta_i^2 + (1 - \beta_i)^2 \sum_j B_{ij}^2

    It falls with the reduction until :func:`least_flicker_reduction` and rises after it.

    Parameters
    ----------
    logits : array_like, shape (..., N, N), N >= 2
        S, independent of the noise.
    reduction : array_like, shape (..., N) or broadcast to it
        a.

    Returns
    -------
    ndarray, shape (..., N)
        Values in (0, 1].

    Raises
    ------
    TypeError, ValueError
        As in :func:`scene_blur`.

    Examples
    --------
    >>> flicker_gain([[0.0] * 4] * 4)[0].tolist()
    0.25
    """
    odds = self_logit(logits) - as_floats("reduction", reduction)
    return np.asarray(expit(odds) ** 2 + expit(-odds) ** 2 * (off_diagonal(logits) ** 2).sum(axis=-1))


def least_flicker_reduction(logits: ArrayLike) -> Array:
    r"""Return the reduction of every frame that leaves the least noise.

    .. math:: a_i = \operatorname{logit} p_i - \log q_i, \qquad q_i = \sum_j B_{ij}^2

    *Proof.* beta^2 + (1 - beta)^2 q is a convex quadratic with minimiser beta = q / (1 + q), of logit log q.
    QED.

    Parameters
    ----------
    logits : array_like, shape (..., N, N), N >= 2
        S.

    Returns
    -------
    ndarray, shape (..., N)
        Negative where the frame already has too little weight on itself.

    Raises
    ------
    TypeError, ValueError
        As in :func:`scene_blur`.

    Examples
    --------
    >>> least_flicker_reduction([[2.0, 0.0], [0.0, 2.0]]).tolist()
    [2.0, 2.0]
    """
    return np.asarray(self_logit(logits) - np.log((off_diagonal(logits) ** 2).sum(axis=-1)))
