r"""Least squares on independent pairs: its exact risk, and the total variation that belongs to it.

.. math:: y_i = \langle w, x_i \rangle + \sigma \xi_i, \qquad x_i \sim N(0, I_d), \quad \xi_i \sim N(0, 1)
    \text{ independent}, \quad i = 1, \dots, N .
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from tightbound.theory._validation import Array, as_floats, as_integer, as_positive


def least_squares_risk(samples: int, dimension: int, noise_variance: float = 1.0) -> float:
    r"""Return the expected squared error of least squares with a Gaussian design.

    .. math:: E\|\hat w - w\|^2 = E_x E\,\langle \hat w - w, x\rangle^2 = \frac{\sigma^2 d}{N - d - 1}

    Parameters
    ----------
    samples : int
        N, at least d + 2; with fewer the mean is infinite.
    dimension : int
        d, at least 1.
    noise_variance : float, default 1.0
        :math:`\sigma^2 > 0`; squared units of y.

    Returns
    -------
    float
        The risk on fresh pairs beyond the noise.

    Raises
    ------
    TypeError, ValueError
        For a dimension below 1, too few samples, or a variance that is not positive and finite.

    Notes
    -----
    *Proof.* Given the design X (N x d), :math:`\hat w - w \sim N(0, \sigma^2 (X^\top X)^{-1})`, so the risk
    is :math:`\sigma^2 E\,\mathrm{tr}(X^\top X)^{-1}`. By symmetry that is d times the mean of one diagonal
    entry, and :math:`1/((X^\top X)^{-1})_{11}` is the squared length of the first column after projection off
    the d - 1 others: a chi-square variable with N - d + 1 degrees of freedom, whose inverse has mean
    1/(N - d - 1). ∎

    The rate is 1/N, twice the exponent of a total variation (see :func:`total_variation_of_fit`): the same
    information in another metric.

    References
    ----------
    Zhang, Zhang, Yang, Wang, AISTATS 2025, arXiv:2305.19420, Theorem F.6 bounds the risk of a network under
    the squared loss; its display is lost in the copy read, so no constant here is called its own.

    Examples
    --------
    >>> least_squares_risk(100, 9, noise_variance=2.0)
    0.2
    """
    d = as_integer("dimension", dimension, least=1)
    n = as_integer("samples", samples, least=d + 2)
    return as_positive("noise_variance", noise_variance) * d / (n - d - 1)


def total_variation_of_fit(distance: ArrayLike, noise_variance: float = 1.0) -> Array:
    r"""Return the expected total variation between the true and the fitted law of y at a fresh x.

    .. math:: E_x\,TV\big(N(\langle w, x\rangle, \sigma^2), N(\langle \hat w, x\rangle, \sigma^2)\big)
        = \frac{2}{\pi} \arctan \frac{\|\hat w - w\|}{2\sigma}

    Parameters
    ----------
    distance : array_like
        :math:`\|\hat w - w\|`, at least 0.
    noise_variance : float, default 1.0
        :math:`\sigma^2 > 0`, the same in both laws.

    Returns
    -------
    ndarray
        In [0, 1); shape of ``distance``.

    Raises
    ------
    TypeError, ValueError
        For a distance that is negative or not finite, or a variance that is not positive and finite.

    Notes
    -----
    *Proof.* Two normal laws with means apart by m and variance :math:`\sigma^2` differ by
    :math:`2\Phi(|m|/2\sigma) - 1 = P(|\xi| \le |m|/2\sigma)` with a standard normal :math:`\xi`. Here
    :math:`m = \|\hat w - w\| g` with g standard normal, so the mean is
    :math:`P(|\xi| \le a|g|)`, :math:`a = \|\hat w - w\|/2\sigma`: the share of directions in the plane within
    the angle arctan a of an axis. ∎

    Examples
    --------
    >>> total_variation_of_fit([0.0, 2.0]).tolist()
    [0.0, 0.5]
    """
    length = as_floats("distance", distance)
    if np.any(length < 0.0):
        raise ValueError(f"distance is {length.min()}: it is the length of a vector; give at least 0")
    scale = 2.0 * np.sqrt(as_positive("noise_variance", noise_variance))
    return np.asarray(2.0 / np.pi * np.arctan(length / scale))
