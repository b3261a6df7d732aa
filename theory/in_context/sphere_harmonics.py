r"""Harmonics of the unit sphere, and what the weights of softmax attention do to each degree.

For keys uniform on the sphere of R^d the Funk-Hecke formula says that a harmonic Y of degree l only shrinks:

.. math:: E[e^{\kappa\langle k,q\rangle} Y(k)] = E[e^{\kappa\langle k,q\rangle}]\, C_l(\kappa)\, Y(q),
    \qquad C_l(\kappa) = \frac{I_{d/2-1+l}(\kappa)}{I_{d/2-1}(\kappa)}

with modified Bessel functions I.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import gammaln, hyp0f1, ive, poch

from tightbound.theory._validation import Array, as_floats, as_integer

# scipy's ive is NaN from about 2e9 on; from here on the first terms of its expansion are exact to rounding
_HANKEL = 1e9
# below this an exponentially scaled Bessel function has lost digits to underflow
_TINY = 1e-280


def softmax_limit_constant(dim: int, kappa: ArrayLike, degree: int) -> Array:
    r"""Return by how much softmax attention over infinitely many uniform keys shrinks a harmonic.

    .. math:: C_l(\kappa) = I_{d/2-1+l}(\kappa) / I_{d/2-1}(\kappa)

    Parameters
    ----------
    dim : int
        d, the dimension of the space that holds the sphere; at least 2.
    kappa : array_like
        Inverse temperature, at least 0 and finite.
    degree : int
        l, at least 0.

    Returns
    -------
    ndarray
        In [0, 1]; shape of ``kappa``. It is 1 for l = 0, increases with kappa from 0 to 1 for l > 0, and
        decreases with l.

    Raises
    ------
    TypeError, ValueError
        For an argument outside its range.

    References
    ----------
    Funk-Hecke formula: Müller, "Spherical Harmonics", 1966. The degree-1 case is the mean resultant length
    of the von Mises-Fisher law.

    Examples
    --------
    >>> softmax_limit_constant(2, [0.0, 1.0, 1e3], 1).round(6).tolist()
    [0.0, 0.44639, 0.9995]
    >>> float(softmax_limit_constant(3, 2.0, 1) - (1 / np.tanh(2.0) - 1 / 2.0)) < 1e-15
    True
    """
    order, x, degree = _order(dim), _inverse_temperature(kappa), as_integer("degree", degree, least=0)
    near = np.minimum(x, _HANKEL)
    below = ive(order, near)
    series = (below < _TINY) | (x == 0.0)
    found = np.divide(ive(order + degree, near), below, out=np.zeros_like(x), where=~series)
    if np.any(series):
        z = np.where(series, x, 0.0)
        factor = (0.5 * z) ** degree / poch(order + 1.0, degree)
        ratio = hyp0f1(order + 1.0 + degree, 0.25 * z**2) / hyp0f1(order + 1.0, 0.25 * z**2)
        found = np.where(series, factor * ratio, found)
    if np.any(x > _HANKEL):
        far = np.maximum(x, _HANKEL)
        found = np.where(x > _HANKEL, _hankel(order + degree, far) / _hankel(order, far), found)
    return np.asarray(np.clip(found, 0.0, 1.0))


def rbf_eigenvalue(dim: int, kappa: ArrayLike, degree: int) -> Array:
    r"""Return the eigenvalue of the Gaussian kernel on the uniform sphere for harmonics of one degree.

    .. math:: E\big[e^{-\kappa\|k-q\|^2/2}\,Y(k)\big] = \mu_l(\kappa) Y(q), \qquad
        \mu_l(\kappa) = e^{-\kappa}\,\Gamma(d/2)\,(2/\kappa)^{d/2-1} I_{d/2-1+l}(\kappa)

    since :math:`\|k-q\|^2/2 = 1 - \langle k,q\rangle` for unit vectors; on the circle
    :math:`\mu_l = e^{-\kappa}I_l(\kappa)`.

    Parameters
    ----------
    dim : int
        d, at least 2.
    kappa : array_like
        Inverse squared bandwidth, at least 0 and finite.
    degree : int
        l, at least 0.

    Returns
    -------
    ndarray
        In [0, 1]; shape of ``kappa``.

    Raises
    ------
    TypeError, ValueError
        For an argument outside its range.

    Examples
    --------
    >>> rbf_eigenvalue(2, [0.0, 1.0], 0).round(6).tolist()
    [1.0, 0.46576]
    """
    order, x = _order(dim), _inverse_temperature(kappa)
    shrunk = softmax_limit_constant(dim, x, degree)
    near = x <= max(1.0, order)
    z = np.where(near, x, 0.0)
    series = np.exp(-z) * hyp0f1(order + 1.0, 0.25 * z**2)
    far = np.where(near, 1.0, x)
    scaled = np.where(far > _HANKEL, _hankel(order, far), ive(order, np.minimum(far, _HANKEL)))
    with np.errstate(divide="ignore"):
        bessel = np.exp(gammaln(order + 1.0) + order * np.log(2.0 / far) + np.log(scaled))
    return np.asarray(np.where(near, series, bessel) * shrunk)


def harmonic_values(directions: ArrayLike, degree: int) -> Array:
    r"""Return all harmonics of one degree at unit vectors, scaled to a unit vector.

    Degree 0: 1. Degree 1: the direction k itself. Degree 2: the entries of
    :math:`\sqrt{d/(d-1)}\,(k k^\top - I/d)`. On the circle, any degree l: (cos l a, sin l a).

    Parameters
    ----------
    directions : array_like, shape (..., d)
        Unit vectors.
    degree : int
        0, 1 or 2; any degree of at least 0 where d = 2.

    Returns
    -------
    ndarray, shape (..., D)
        Vectors of length 1; D is 1, d, d^2 for degrees 0, 1, 2, and 2 on the circle from degree 1 on.

    Raises
    ------
    ValueError
        For vectors whose length is not 1 within 1e-10, or a degree that is not available.

    Examples
    --------
    >>> harmonic_values([[0.6, 0.8]], 2).round(3).tolist()
    [[-0.28, 0.96]]
    """
    k, degree = unit_vectors("directions", directions), as_integer("degree", degree, least=0)
    dim = k.shape[-1]
    if degree == 0:
        return np.ones((*k.shape[:-1], 1))
    if degree == 1:
        return k.copy()
    if dim == 2:
        power = (k[..., 0] + 1j * k[..., 1]) ** degree
        return np.stack([power.real, power.imag], axis=-1)
    if degree > 2:
        raise ValueError(
            f"degree is {degree} with d = {dim}: give at most 2, or directions on the circle (d = 2)"
        )
    square = k[..., :, None] * k[..., None, :] - np.eye(dim) / dim
    return np.asarray(np.sqrt(dim / (dim - 1.0)) * square.reshape(*k.shape[:-1], dim * dim))


def circle_features(directions: ArrayLike, kappa: float, degrees: int) -> Array:
    r"""Return features of the Gaussian kernel on the circle, up to a degree.

    .. math:: e^{-\kappa\|k-q\|^2/2} = \sum_{l \ge 0} \mu_l (2 - 1\{l=0\}) \cos(l(a_k - a_q))
        = \langle\varphi(k), \varphi(q)\rangle

    with :math:`\varphi = (\sqrt{\mu_0}, \sqrt{2\mu_1}\cos a, \sqrt{2\mu_1}\sin a, \dots)`. What is left
    out is at most twice the sum of the remaining :math:`\mu_l = e^{-\kappa} I_l(\kappa)`, which fall faster
    than geometrically beyond degree kappa.

    Parameters
    ----------
    directions : array_like, shape (..., 2)
        Unit vectors.
    kappa : float
        Inverse squared bandwidth, at least 0.
    degrees : int
        Highest degree, at least 0.

    Returns
    -------
    ndarray, shape (..., 2 * degrees + 1)
        The features.

    Raises
    ------
    ValueError
        For vectors that are not of length 1 in the plane, or an argument outside its range.

    Examples
    --------
    >>> phi = circle_features([[1.0, 0.0], [0.0, 1.0]], 1.0, 20)
    >>> bool(np.isclose(phi[0] @ phi[1], np.exp(-1.0), rtol=1e-14))
    True
    """
    k, last = unit_vectors("directions", directions), as_integer("degrees", degrees, least=0)
    if k.shape[-1] != 2:
        raise ValueError(f"directions has shape {k.shape}: give vectors in the plane, shape (..., 2)")
    columns = [
        np.sqrt(rbf_eigenvalue(2, kappa, degree) * min(2, 1 + degree)) * harmonic_values(k, degree)
        for degree in range(last + 1)
    ]
    return np.concatenate(columns, axis=-1)


def unit_vectors(name: str, value: ArrayLike) -> Array:
    """Return an array whose last axis holds vectors of length 1, of at least 2 coordinates."""
    array = as_floats(name, value)
    if array.ndim == 0 or array.shape[-1] < 2:
        raise ValueError(f"{name} has shape {array.shape}: its last axis must hold at least 2 coordinates")
    lengths = np.sqrt(np.einsum("...i,...i->...", array, array))
    if np.any(np.abs(lengths - 1.0) > 1e-10):
        worst = float(lengths.ravel()[np.abs(lengths - 1.0).argmax()])
        raise ValueError(f"{name} has a vector of length {worst!r}: divide each vector by its length")
    return array


def _order(dim: int) -> float:
    return 0.5 * as_integer("dim", dim, least=2) - 1.0


def _inverse_temperature(kappa: ArrayLike) -> Array:
    x = as_floats("kappa", kappa)
    if np.any(x < 0.0):
        raise ValueError(f"kappa is {x.min()}: an inverse temperature is at least 0 (0 averages all keys)")
    return x


def _hankel(order: float, x: Array) -> Array:
    """Return two terms of the expansion of e^-x I(x), enough where x exceeds 1e9."""
    m = 4.0 * order**2
    return np.asarray(
        (1.0 - (m - 1.0) / (8.0 * x) * (1.0 - (m - 9.0) / (16.0 * x))) / np.sqrt(2.0 * np.pi * x)
    )
