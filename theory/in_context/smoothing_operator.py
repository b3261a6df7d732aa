r"""The Markov operator that softmax attention over infinitely many keys applies to the mean value.

.. math:: (Pm)(q) = \frac{\int m(k)\,e^{\kappa\langle k,q\rangle}\mu(dk)}
    {\int e^{\kappa\langle k,q\rangle}\mu(dk)}

It is self-adjoint and positive semidefinite for the law proportional to
:math:`\mu(dq) E[e^{\kappa\langle k,q\rangle}]`, with spectrum in [0, 1]; the proof stands in
:mod:`tightbound.theory.in_context.softmax_limit`. A finite set of keys with
weights is a law mu of its own, for which everything here is exact; a quadrature rule makes it an
approximation of a smooth law, exact to rounding with a few hundred nodes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import roots_chebyt, roots_gegenbauer

from tightbound.theory._validation import Array, as_floats, as_integer, as_laws
from tightbound.theory.in_context.sphere_harmonics import rbf_eigenvalue, unit_vectors


@dataclass(frozen=True, eq=False)
class SmoothingOperator:
    r"""The operator P on functions of N points.

    .. math:: P_{ij} = \frac{\mathcal K_{ij}\,\mu_j}{\sum_l \mathcal K_{il}\,\mu_l}

    Built by :func:`smoothing_operator`, :func:`circle_smoothing_operator` and
    :func:`zonal_smoothing_operator`.

    Parameters
    ----------
    points : ndarray, shape (N, d)
        Where functions are known.
    law : ndarray, shape (N,)
        Probability mu of each point.
    gram : ndarray, shape (N, N)
        Symmetric weights of attention, up to a common factor.
    """

    points: Array
    law: Array
    gram: Array

    @property
    def matrix(self) -> Array:
        """P itself, shape (N, N): rows are laws."""
        weights = self.gram * self.law
        return np.asarray(weights / weights.sum(axis=1, keepdims=True))

    @property
    def stationary(self) -> Array:
        """The law for which P is self-adjoint, shape (N,)."""
        unscaled = self.law * (self.gram @ self.law)
        return np.asarray(unscaled / unscaled.sum())

    def apply(self, function: ArrayLike) -> Array:
        """Return P m for a function given at the points, shape (N,) or (N, D)."""
        m = as_floats("function", function)
        if m.ndim not in (1, 2) or len(m) != len(self.law):
            raise ValueError(
                f"function has shape {m.shape}: give its value at each of {len(self.law)} points"
            )
        return np.asarray(self.matrix @ m)

    def eigenvalues(self) -> Array:
        """Return the spectrum of P, largest first, from its symmetric form; shape (N,)."""
        total = self.gram @ self.law
        half = np.sqrt(self.law / total)
        return np.asarray(np.linalg.eigvalsh(half[:, None] * self.gram * half)[::-1], dtype=np.float64)

    def best_constant(self, function: ArrayLike) -> tuple[float, float]:
        r"""Return the constant C for which C Pm is nearest to m, and what is left.

        .. math:: C = \frac{\langle m, Pm\rangle}{\|Pm\|^2}, \qquad
            \text{residual} = \frac{\|m - C\,Pm\|}{\|m\|}

        in :math:`L^2(\mu)`, all coordinates of m together.

        Parameters
        ----------
        function : array_like, shape (N,) or (N, D)
            m at the points.

        Returns
        -------
        constant, residual : float
            The residual is between 0, where m is an eigenfunction, and 1.

        Raises
        ------
        ValueError
            For another shape, or a function that attention averages to zero everywhere.

        Examples
        --------
        >>> operator = circle_smoothing_operator(256, 1.0)
        >>> constant, residual = operator.best_constant(operator.points)
        >>> round(constant, 6), residual < 1e-12
        (2.240194, True)
        """
        m = as_floats("function", function)
        smooth = self.apply(m).reshape(len(m), -1)
        flat = m.reshape(len(m), -1)
        size = float(self.law @ (smooth**2).sum(1))
        if size == 0.0:
            raise ValueError("function is averaged to zero everywhere: no multiple of attention resembles it")
        constant = float(self.law @ (flat * smooth).sum(1)) / size
        left = flat - constant * smooth
        return constant, float(np.sqrt(self.law @ (left**2).sum(1) / (self.law @ (flat**2).sum(1))))


def smoothing_operator(keys: ArrayLike, kappa: float, law: ArrayLike | None = None) -> SmoothingOperator:
    r"""Return the operator of a law on finitely many keys.

    Parameters
    ----------
    keys : array_like, shape (N, d)
        Unit vectors, d >= 2.
    kappa : float
        Inverse temperature, at least 0.
    law : array_like, shape (N,), optional
        Positive probabilities; uniform where left out.

    Returns
    -------
    SmoothingOperator
        Exact for this law.

    Raises
    ------
    ValueError
        For keys that are not of length 1, a negative kappa, or a probability that is not positive.

    Examples
    --------
    >>> smoothing_operator([[1.0, 0.0], [0.0, 1.0]], np.log(3.0)).matrix.round(6).tolist()
    [[0.75, 0.25], [0.25, 0.75]]
    """
    k = unit_vectors("keys", keys)
    if k.ndim != 2 or len(k) == 0:
        raise ValueError(f"keys has shape {k.shape}: give one row per key, shape (N, d) with N >= 1")
    mass = np.full(len(k), 1.0 / len(k)) if law is None else as_laws("law", law)
    return SmoothingOperator(
        k, _positive("law", mass, len(k)), np.exp(_inverse_temperature(kappa) * (k @ k.T - 1.0))
    )


def circle_smoothing_operator(
    nodes: int, kappa: float, density: Callable[[Array], ArrayLike] | None = None
) -> SmoothingOperator:
    r"""Return the operator of a law on the circle, by the trapezoidal rule.

    Parameters
    ----------
    nodes : int
        Number of equal angles, at least 1. The rule is exact for trigonometric polynomials of lower degree.
    kappa : float
        Inverse temperature, at least 0.
    density : callable, optional
        From angles, shape (N,), to a positive density that need not be normalised; uniform where left out.

    Returns
    -------
    SmoothingOperator
        Its points are unit vectors, shape (N, 2).

    Raises
    ------
    ValueError
        For an argument outside its range, or a density that is not positive.

    Examples
    --------
    >>> circle_smoothing_operator(64, 1.0).eigenvalues()[:3].round(6).tolist()
    [1.0, 0.44639, 0.44639]
    """
    angles = 2.0 * np.pi * np.arange(as_integer("nodes", nodes, least=1)) / nodes
    points = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    mass = np.ones(angles.size) if density is None else _positive("density", density(angles), angles.size)
    gram = np.exp(_inverse_temperature(kappa) * (np.cos(angles[:, None] - angles[None, :]) - 1.0))
    return SmoothingOperator(points, mass / mass.sum(), gram)


def zonal_smoothing_operator(
    dim: int, nodes: int, kappa: float, density: Callable[[Array], ArrayLike] | None = None
) -> SmoothingOperator:
    r"""Return the operator on functions of the cosine between a key and a pole, by Gegenbauer quadrature.

    For a law that does not change under rotations about the pole, P keeps functions of the cosine x. The
    weight between cosines x and y is the mean over rotations,

    .. math:: \mathcal K(x, y) = e^{\kappa xy} A_{d-1}\big(\kappa\sqrt{(1-x^2)(1-y^2)}\big), \qquad
        A_n(r) = {}_0F_1(; n/2; r^2/4),

    where :math:`A_n(r)` is the mean of :math:`e^{r\langle u, e\rangle}` over the sphere of R^n.

    Parameters
    ----------
    dim : int
        d, at least 2. On the circle these are the functions that are even in the angle.
    nodes : int
        Number of nodes, at least 1.
    kappa : float
        Inverse temperature, at least 0.
    density : callable, optional
        From cosines, shape (N,), to a positive density relative to the uniform law of keys; 1 where left out.

    Returns
    -------
    SmoothingOperator
        Its points are cosines, shape (N, 1).

    Raises
    ------
    ValueError
        For an argument outside its range, or a density that is not positive.

    Examples
    --------
    >>> zonal_smoothing_operator(4, 40, 1.0).eigenvalues()[:2].round(6).tolist()
    [1.0, 0.240194]
    """
    d, count = as_integer("dim", dim, least=2), as_integer("nodes", nodes, least=1)
    x = _inverse_temperature(kappa)
    cosines, mass = roots_chebyt(count) if d == 2 else roots_gegenbauer(count, 0.5 * d - 1.0)
    if density is not None:
        mass = mass * _positive("density", density(cosines), count)
    sines = np.sqrt(1.0 - cosines**2)
    cross = sines[:, None] * sines[None, :]
    # e^{-r} A_{d-1}(r), so that nothing overflows
    scaled = 0.5 * (1.0 + np.exp(-2.0 * x * cross)) if d == 2 else rbf_eigenvalue(d - 1, x * cross, 0)
    gram = np.exp(x * (np.multiply.outer(cosines, cosines) + cross - 1.0)) * scaled
    return SmoothingOperator(cosines[:, None], mass / mass.sum(), gram)


def _inverse_temperature(kappa: float) -> float:
    x = float(as_floats("kappa", kappa))
    if x < 0.0:
        raise ValueError(f"kappa is {x}: an inverse temperature is at least 0 (0 averages all keys)")
    return x


def _positive(name: str, value: ArrayLike, size: int) -> Array:
    mass = as_floats(name, value)
    if mass.shape != (size,) or np.any(mass <= 0.0):
        raise ValueError(
            f"{name} has shape {mass.shape} and least entry {mass.min() if mass.size else None}: give one "
            f"positive number per point, shape ({size},); leave out points without mass"
        )
    return mass
