r"""Graphons, the grids they are read on, and which of them are positive semidefinite.

A graphon is a symmetric function :math:`W : [0,1]^2 \to [0,1]`; agent :math:`\alpha` feels
:math:`z^\alpha = \int W(\alpha, \beta)\, \mu^\beta\, d\beta`.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from tightbound.theory._validation import as_floats, as_integer
from tightbound.theory.graphon_games._validation import Array, as_number

GridKind = Literal["midpoint", "endpoint"]

_SYMMETRY_TOLERANCE = 1e-12


@dataclass(frozen=True)
class Graphon:
    r"""A symmetric interaction kernel :math:`W(x, y) = W(y, x)`.

    Parameters
    ----------
    function : callable
        ``function(x, y)`` for arrays x, y in [0, 1] that broadcast against each other.
    name : str
        Name shown in reports.
    positive_semidefinite : bool or None
        Whether :math:`\iint g(x) W(x,y) g(y) \ge 0` for every g, where a proof is known; None where not.
    unbounded : bool
        True for kernels that are meant to exceed 1 (weights, not edge probabilities): values above 1 then
        raise a warning where others raise an error.

    Raises
    ------
    TypeError
        If ``function`` is not callable.

    References
    ----------
    Lovász, Large Networks and Graph Limits, AMS 2012, Chapter 7.

    Examples
    --------
    >>> Graphon(lambda x, y: (x + y) / 2, "average").matrix([0.0, 1.0])
    array([[0. , 0.5],
           [0.5, 1. ]])
    """

    function: Callable[[Array, Array], ArrayLike]
    name: str
    positive_semidefinite: bool | None = None
    unbounded: bool = False

    def __post_init__(self) -> None:
        if not callable(self.function):
            raise TypeError(
                f"function is {self.function!r}: give a callable W(x, y), or a matrix to step_graphon"
            )

    def matrix(self, positions: ArrayLike) -> Array:
        """Return W at all pairs of positions.

        Parameters
        ----------
        positions : array_like, shape (M,)
            Points of [0, 1].

        Returns
        -------
        ndarray, shape (M, M)

        Raises
        ------
        ValueError
            For positions outside [0, 1], or values that are asymmetric, NaN or outside [0, 1].

        Warns
        -----
        UserWarning
            Where an unbounded graphon exceeds 1.
        """
        points = as_floats("positions", positions)
        if points.ndim != 1 or points.size == 0 or points.min() < 0.0 or points.max() > 1.0:
            raise ValueError(f"positions is {positions!r}: give a non-empty list of points of [0, 1]")
        values = np.asarray(self.function(points[:, None], points[None, :]), dtype=np.float64)
        values = np.array(np.broadcast_to(values, (points.size, points.size)))
        if not np.all(np.isfinite(values)):
            raise ValueError(
                f"graphon {self.name} is NaN or infinite at some positions: use grid kind 'midpoint', which "
                "avoids 0 and 1, or a cutoff"
            )
        if np.abs(values - values.T).max() > _SYMMETRY_TOLERANCE * max(1.0, float(np.abs(values).max())):
            raise ValueError(f"graphon {self.name} is not symmetric: use (W(x, y) + W(y, x)) / 2")
        if values.min() < 0.0 or (values.max() > 1.0 + _SYMMETRY_TOLERANCE and not self.unbounded):
            raise ValueError(
                f"graphon {self.name} takes values in [{values.min():g}, {values.max():g}]: "
                "they must lie in [0, 1]; rescale it, or set unbounded=True for weights above 1"
            )
        if values.max() > 1.0 + _SYMMETRY_TOLERANCE:
            warnings.warn(
                f"graphon {self.name} reaches {values.max():.3g} > 1: it weighs neighbours but is no edge "
                "probability, and aggregates may exceed mass 1",
                UserWarning,
                stacklevel=2,
            )
        return (values + values.T) / 2


def grid(blocks: int, kind: GridKind = "midpoint") -> Array:
    r"""Return M positions in [0, 1]: midpoints :math:`(m - 1/2)/M`, or equispaced points with both ends.

    Parameters
    ----------
    blocks : int
        Number of positions M; at least 2 for "endpoint".
    kind : {"midpoint", "endpoint"}
        "midpoint" integrates smooth functions with error of order :math:`M^{-2}` under a plain mean;
        "endpoint" is ``linspace(0, 1, M)``, whose plain mean errs by order :math:`M^{-1}`.

    Returns
    -------
    ndarray, shape (M,)

    Raises
    ------
    ValueError, TypeError
        For too few blocks or an unknown kind.

    References
    ----------
    Cui and Koeppl, ICLR 2022, use 101 points of the kind "endpoint".

    Examples
    --------
    >>> grid(4)
    array([0.125, 0.375, 0.625, 0.875])
    >>> grid(3, "endpoint")
    array([0. , 0.5, 1. ])
    """
    if kind == "midpoint":
        count = as_integer("blocks", blocks, least=1)
        return np.asarray((np.arange(count) + 0.5) / count)
    if kind == "endpoint":
        return np.linspace(0.0, 1.0, as_integer("blocks", blocks, least=2))
    raise ValueError(f"kind is {kind!r}: choose 'midpoint' or 'endpoint'")


def erdos_renyi(p: float = 0.5) -> Graphon:
    r"""Return :math:`W(x, y) = p`; positive semidefinite, being p times the square of the constant 1.

    Parameters
    ----------
    p : float
        Edge probability in [0, 1].

    Examples
    --------
    >>> erdos_renyi(0.3).matrix([0.1, 0.9])
    array([[0.3, 0.3],
           [0.3, 0.3]])
    """
    level = as_number("p", p, least=0.0, most=1.0)
    return Graphon(partial(_constant, p=level), f"er({level:g})", positive_semidefinite=True)


def uniform_attachment() -> Graphon:
    r"""Return :math:`W(x, y) = 1 - \max(x, y)`.

    Positive semidefinite: :math:`\min(1-x, 1-y)` is the covariance of a Brownian motion run from 1 down.

    Examples
    --------
    >>> uniform_attachment().matrix([0.25, 0.5])
    array([[0.75, 0.5 ],
           [0.5 , 0.5 ]])
    """
    return Graphon(_uniform_attachment, "unif-att", positive_semidefinite=True)


def ranked_attachment() -> Graphon:
    r"""Return :math:`W(x, y) = 1 - x y`.

    Indefinite: for g orthogonal to the constants the form is :math:`-(\int x g)^2`, negative unless g is
    orthogonal to x as well.

    Examples
    --------
    >>> ranked_attachment().matrix([0.5, 1.0])
    array([[0.75, 0.5 ],
           [0.5 , 0.  ]])
    """
    return Graphon(_ranked_attachment, "rank-att", positive_semidefinite=False)


def exponential(theta: float = 3.0) -> Graphon:
    r"""Return :math:`W(x, y) = 2 e^{\theta xy} / (1 + e^{\theta xy}) - 1 = \tanh(\theta x y / 2)`.

    Indefinite for every :math:`\theta > 0`. The series of tanh has alternating signs, so take g supported on
    :math:`[0, \delta]` with :math:`\int g x = 0 \ne \int g x^3`: the form is :math:`-\frac{\theta^3}{24}
    (\int g x^3)^2` up to a relative error of order :math:`\delta^4`, from the next power, fifth.

    Parameters
    ----------
    theta : float
        At least 0; at 0 the graphon vanishes.

    Examples
    --------
    >>> exponential(3.0).matrix([0.0, 1.0]).round(4)
    array([[0.    , 0.    ],
           [0.    , 0.9051]])
    """
    rate = as_number("theta", theta, least=0.0)
    return Graphon(partial(_exponential, theta=rate), f"exp({rate:g})", positive_semidefinite=rate == 0.0)


def stochastic_block(a: float = 0.9, b: float = 0.3, c: float = 0.9, k: float = 0.7) -> Graphon:
    r"""Return two communities: a on :math:`[0,k)^2`, c on :math:`[k,1]^2`, b between them.

    Positive semidefinite exactly if :math:`ac \ge b^2`: the form is that of the matrix [[a, b], [b, c]] at
    the vector of the integrals of g over the two communities, which is arbitrary.

    Parameters
    ----------
    a, b, c : float
        Levels in [0, 1].
    k : float
        Boundary, strictly between 0 and 1.

    Raises
    ------
    ValueError
        For a level outside [0, 1] or a boundary at or beyond an end.

    Examples
    --------
    >>> stochastic_block().matrix([0.1, 0.7])
    array([[0.9, 0.3],
           [0.3, 0.9]])
    """
    first, between, second = (
        as_number(name, level, least=0.0, most=1.0) for name, level in (("a", a), ("b", b), ("c", c))
    )
    boundary = as_number("k", k, above=0.0, most=1.0)
    if boundary == 1.0:
        raise ValueError("k is 1.0: it must be below 1, or there is one community only; use erdos_renyi(a)")
    return Graphon(
        partial(_stochastic_block, a=first, b=between, c=second, k=boundary),
        f"sbm({first:g},{between:g},{second:g},{boundary:g})",
        positive_semidefinite=first * second >= between**2,
    )


def power_law(q: float = 0.5, cutoff: float | None = 0.1) -> Graphon:
    r"""Return :math:`W(x, y) = f(x) f(y)` with f a power of exponent -q and :math:`\int f = 1`.

    Without cutoff :math:`f(x) = (1-q) x^{-q}`; with cutoff c, :math:`f(x) = \frac{1-q}{1 - q c^{1-q}}
    \max(x, c)^{-q}`. Positive semidefinite (rank one), and above 1 near the origin: it weighs neighbours
    and is no edge probability, of which :meth:`Graphon.matrix` warns.

    Parameters
    ----------
    q : float
        Exponent in [0, 1).
    cutoff : float or None
        Point c in (0, 1] below which f is flat.

    Examples
    --------
    >>> import warnings
    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("ignore")
    ...     power_law(0.5).matrix([0.05, 1.0]).round(4)
    array([[3.5272, 1.1154],
           [1.1154, 0.3527]])
    """
    exponent = as_number("q", q, least=0.0, most=1.0)
    if exponent == 1.0:
        raise ValueError("q is 1.0: it must be below 1, or the degree is infinite; give q in [0, 1)")
    if cutoff is None:
        function = partial(_power_law, q=exponent, c=0.0)
        return Graphon(function, f"power({exponent:g})", positive_semidefinite=True, unbounded=True)
    point = as_number("cutoff", cutoff, above=0.0, most=1.0)
    function = partial(_power_law, q=exponent, c=point)
    return Graphon(function, f"power({exponent:g},{point:g})", positive_semidefinite=True, unbounded=True)


def step_graphon(matrix: ArrayLike, name: str = "step") -> Graphon:
    r"""Return the graphon that is constant on the squares of an even partition: :math:`W = A_{ij}`.

    Parameters
    ----------
    matrix : array_like, shape (n, n)
        Symmetric, entries in [0, 1]. Square (i, j) is :math:`[i/n, (i+1)/n) \times [j/n, (j+1)/n)`.
    name : str
        Name shown in reports.

    Raises
    ------
    ValueError
        For a matrix that is not square, not symmetric or leaves [0, 1].

    Notes
    -----
    The form of g is that of the matrix at the vector of g's integrals over the n intervals, so W is positive
    semidefinite exactly if the matrix is (decided up to round-off by its smallest eigenvalue).

    Examples
    --------
    >>> step_graphon([[1.0, 0.0], [0.0, 1.0]]).positive_semidefinite
    True
    """
    values = as_floats("matrix", matrix)
    if values.ndim != 2 or values.shape[0] != values.shape[1] or values.size == 0:
        raise ValueError(f"matrix has shape {values.shape}: give a square matrix, one row per community")
    if np.abs(values - values.T).max() > _SYMMETRY_TOLERANCE:
        raise ValueError("matrix is not symmetric: use (A + A.T) / 2")
    if values.min() < 0.0 or values.max() > 1.0:
        raise ValueError(f"matrix has entries in [{values.min():g}, {values.max():g}]: rescale to [0, 1]")
    frozen = values.copy()
    frozen.setflags(write=False)
    return Graphon(partial(_step, matrix=frozen), name, positive_semidefinite=_is_psd(values))


def smallest_eigenvalue(graphon: Graphon, blocks: int, kind: GridKind = "midpoint") -> float:
    r"""Return the least eigenvalue of the integral operator on a grid, that is of :math:`W / M`.

    Parameters
    ----------
    graphon : Graphon
    blocks : int
        Number of positions M.
    kind : {"midpoint", "endpoint"}

    Examples
    --------
    >>> round(smallest_eigenvalue(ranked_attachment(), 200), 5)
    -0.10762
    """
    points = grid(blocks, kind)
    return float(np.linalg.eigvalsh(graphon.matrix(points) / points.size)[0])


def is_positive_semidefinite(graphon: Graphon, blocks: int = 200) -> bool:
    r"""Return whether :math:`\iint g W g \ge 0` for all g: by proof where known, else on a grid.

    Parameters
    ----------
    graphon : Graphon
    blocks : int
        Midpoints used where no proof is attached to the graphon.

    Returns
    -------
    bool
        Where no proof is attached: whether the smallest eigenvalue on the grid exceeds minus round-off. A
        negative one refutes semidefiniteness of a continuous W, a non-negative one does not prove it.

    Examples
    --------
    >>> [is_positive_semidefinite(g) for g in (erdos_renyi(), uniform_attachment(), exponential())]
    [True, True, False]
    """
    if graphon.positive_semidefinite is not None:
        return graphon.positive_semidefinite
    return _is_psd(graphon.matrix(grid(blocks)))


def _is_psd(matrix: Array) -> bool:
    """Return whether the smallest eigenvalue is non-negative up to round-off."""
    eigenvalues = np.linalg.eigvalsh(matrix)
    return bool(eigenvalues[0] >= -1e-13 * len(matrix) * max(float(np.abs(eigenvalues).max()), 1e-300))


def _constant(x: Array, y: Array, p: float) -> Array:
    return p + 0.0 * (x + y)


def _uniform_attachment(x: Array, y: Array) -> Array:
    return 1.0 - np.maximum(x, y)


def _ranked_attachment(x: Array, y: Array) -> Array:
    return 1.0 - x * y


def _exponential(x: Array, y: Array, theta: float) -> Array:
    return np.tanh(0.5 * theta * x * y)


def _stochastic_block(x: Array, y: Array, a: float, b: float, c: float, k: float) -> Array:
    return np.where((x < k) & (y < k), a, np.where((x >= k) & (y >= k), c, b))


def _power_law(x: Array, y: Array, q: float, c: float) -> Array:
    scale = (1.0 - q) / (1.0 - q * c ** (1.0 - q))
    with np.errstate(divide="ignore"):
        return np.asarray(scale**2 * (np.maximum(x, c) * np.maximum(y, c)) ** -q)


def _step(x: Array, y: Array, matrix: Array) -> Array:
    n = len(matrix)
    row, column = (np.minimum((p * n).astype(np.int64), n - 1) for p in (x, y))
    return np.asarray(matrix[row, column])
