r"""What a finite set of positions costs: errors of plain means against integrals over [0, 1]."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import ArrayLike

from tightbound.theory._validation import as_floats, as_integer
from tightbound.theory.graphon_games._validation import Array, as_number
from tightbound.theory.graphon_games.graphons import Graphon

_PANELS, _NODES = 64, 20


def right_grid(blocks: int) -> Array:
    """Return the positions m / M for m = 1, ..., M, the labels of M agents counted from 1.

    Parameters
    ----------
    blocks : int

    Returns
    -------
    ndarray, shape (M,)

    Examples
    --------
    >>> right_grid(4)
    array([0.25, 0.5 , 0.75, 1.  ])
    """
    count = as_integer("blocks", blocks, least=1)
    return np.asarray(np.arange(1, count + 1) / count)


def integral(function: Callable[[Array], ArrayLike], breaks: Sequence[float] = ()) -> float:
    """Return the integral over [0, 1] by composite Gauss-Legendre quadrature.

    Parameters
    ----------
    function : callable
        Vectorised, smooth between the breaks.
    breaks : sequence of float
        Points of [0, 1] where the function has kinks or jumps.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        For breaks outside [0, 1], or a function that is not finite.

    Examples
    --------
    >>> round(integral(lambda x: np.abs(x - 0.3), breaks=[0.3]), 12)
    0.29
    """
    inner = as_floats("breaks", list(breaks))
    if np.any((inner < 0.0) | (inner > 1.0)):
        raise ValueError(f"breaks is {list(breaks)}: they must lie in [0, 1]; leave out the others")
    nodes, weights = np.polynomial.legendre.leggauss(_NODES)
    edges = np.unique(np.concatenate([np.linspace(0.0, 1.0, _PANELS + 1), inner]))
    half = np.diff(edges)[:, None] / 2.0
    values = as_floats("function", function(edges[:-1, None] + half * (nodes + 1.0)))
    return float((half * weights * values).sum())


def aggregate_error(
    graphon: Graphon,
    density: Callable[[Array], ArrayLike],
    positions: ArrayLike,
    at: float,
    *,
    breaks: Sequence[float] = (),
) -> float:
    r"""Return the error of an aggregate, :math:`\frac1M\sum_m W(x, x_m) f(x_m) - \int W(x, y) f(y)\, dy`.

    Parameters
    ----------
    graphon : Graphon
    density : callable
        f, for instance the mass of one state as a function of the position; vectorised.
    positions : array_like, shape (M,)
    at : float
        x in [0, 1].
    breaks : sequence of float
        Kinks or jumps of :math:`y \mapsto W(x, y) f(y)`; x itself is always one.

    Returns
    -------
    float

    Notes
    -----
    Let :math:`g(y) = W(x, y) f(y)`.

    *Midpoints.* If g is twice differentiable the error is at most :math:`\max|g''| / (24 M^2)`: on each cell
    the linear term of g integrates to 0 about the midpoint, and the rest to at most
    :math:`\frac{\max|g''|}{2} \int_{-1/2M}^{1/2M} u^2 du`. A kink with jump J of the slope adds at most
    :math:`J/(8M^2)`, since it is in one cell only.

    *Right ends.* The error is :math:`(g(1) - g(0))/(2M) + O(M^{-2})`, the first Euler-Maclaurin term.

    *Both ends* (``linspace(0, 1, M)``). The plain mean is the trapezoidal rule over M - 1 cells times (M -
    1)/M, plus :math:`(g(0) + g(1))/(2M)`, so the error is :math:`\frac1M\big(\frac{g(0)+g(1)}{2} - \int
    g\big) + O(M^{-2})`.

    Examples
    --------
    >>> from tightbound.theory.graphon_games.graphons import exponential, grid
    >>> errors = [aggregate_error(exponential(), np.cos, grid(m), 0.5) for m in (20, 40)]
    >>> round(errors[0] / errors[1], 2)
    4.0
    """
    x = as_number("at", at, least=0.0, most=1.0)
    points = as_floats("positions", positions)
    row = graphon.matrix(np.concatenate([[x], points]))[0, 1:]
    mean = float(np.mean(row * np.asarray(density(points))))

    def integrand(y: Array) -> Array:
        return np.asarray(np.multiply(graphon.function(np.full_like(y, x), y), density(y)))

    return mean - integral(integrand, [x, *breaks])


def midpoint_bound(curvature: float, blocks: int, *, kink: float = 0.0) -> float:
    r"""Return :math:`B/(24 M^2) + J/(8 M^2)`, the bound on the midpoint rule of :func:`aggregate_error`.

    Parameters
    ----------
    curvature : float
        B, a bound on the second derivative away from kinks.
    blocks : int
        M.
    kink : float
        J, the sum over kinks of the jump of the first derivative.

    Examples
    --------
    >>> midpoint_bound(24.0, 10)
    0.01
    """
    count = as_integer("blocks", blocks, least=1)
    smooth = as_number("curvature", curvature, least=0.0) / 24.0
    return (smooth + as_number("kink", kink, least=0.0) / 8.0) / count**2


def worst_lipschitz_error(positions: ArrayLike) -> float:
    r"""Return the largest error of the plain mean over the positions, over all 1-Lipschitz functions.

    .. math:: \sup_{|g|_{\mathrm{Lip}} \le 1} \Big|\frac1M\sum_m g(x_m) - \int g\Big|
              = \int_0^1 |F_M^{-1}(u) - u|\, du

    Parameters
    ----------
    positions : array_like, shape (M,)
        Points of [0, 1].

    Returns
    -------
    float
        :math:`1/(4M)` for midpoints, :math:`1/(2M)` for right ends, :math:`(2M-1)/(6M(M-1))` for both ends.

    Notes
    -----
    By duality the supremum is the transport distance between the empirical law and the uniform law, and on
    the line the monotone coupling is optimal: the m-th smallest point serves :math:`[(m-1)/M, m/M]`. For
    both ends the m-th point lies in its own cell, at distance t = (m-1)/(M(M-1)) from the left edge, and
    contributes :math:`(t^2 + (1/M - t)^2)/2`.

    References
    ----------
    Kantorovich and Rubinstein 1958; Villani, Topics in Optimal Transportation, AMS 2003, Section 2.2.

    Examples
    --------
    >>> worst_lipschitz_error([0.125, 0.375, 0.625, 0.875])
    0.0625
    """
    points = np.sort(as_floats("positions", positions))
    if points.ndim != 1 or points.size == 0 or points[0] < 0.0 or points[-1] > 1.0:
        raise ValueError(f"positions is {positions!r}: give a non-empty list of points of [0, 1]")
    edges = np.arange(points.size + 1) / points.size
    right, left = edges[1:] - points, edges[:-1] - points
    return float((right * np.abs(right) - left * np.abs(left)).sum() / 2.0)
