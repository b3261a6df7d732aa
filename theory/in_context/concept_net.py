r"""A continuous concept replaced by a finite net of points, as a discretised prior would.

For a net :math:`z_1, \dots, z_N` with uniform weights the average is

.. math:: \log P_{net}(v_1, \dots, v_T) = \log \frac1N \sum_i e^{L_i},
    \qquad L_i = \sum_t \log N(v_t; z_i \varphi_t, \sigma^2 I)

Its regret against the best *net point* is at most log N on every sequence, but a truth between the points
costs a fixed amount per demonstration.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from tightbound.theory._log_space import log_sum
from tightbound.theory._validation import Array, as_floats, as_integer
from tightbound.theory.in_context.gaussian_linear import GaussianLinear


@dataclass(frozen=True, eq=False)
class NetAverage:
    """Log likelihoods of growing sequences, in nats.

    Parameters
    ----------
    average : ndarray, shape (..., T)
        Of the uniform average over the net.
    best : ndarray, shape (..., T)
        Of the best net point in hindsight.
    """

    average: Array
    best: Array


def cube_net(dim: int, radius: float, spacing: float) -> Array:
    """Return the points of a cubic lattice in a cube, as concepts with one output.

    Parameters
    ----------
    dim : int
        d_phi, at least 1.
    radius : float
        Half the side of the cube, at least 0.
    spacing : float
        Distance of neighbours, delta > 0. The lattice contains the origin.

    Returns
    -------
    ndarray, shape (N, 1, d_phi)
        The points, N = (2 floor(radius / spacing) + 1)^d_phi.

    Raises
    ------
    TypeError, ValueError
        For arguments out of range, or more than a million points.

    Examples
    --------
    >>> cube_net(1, 1.0, 0.5).ravel().tolist()
    [-1.0, -0.5, 0.0, 0.5, 1.0]
    """
    axes = as_integer("dim", dim, least=1)
    reach, step = as_floats("radius", radius), as_floats("spacing", spacing)
    if reach.ndim or step.ndim or reach < 0.0 or step <= 0.0:
        raise ValueError(
            f"radius is {radius!r} and spacing {spacing!r}: give one radius of at least 0 and one spacing "
            "above 0"
        )
    half = int(np.floor(reach / step + 1e-9))
    if (2 * half + 1) ** axes > 1_000_000:
        raise ValueError(f"spacing is {spacing!r}: the net has {(2 * half + 1) ** axes} points; widen it")
    ticks = step * np.arange(-half, half + 1)
    return np.stack(np.meshgrid(*[ticks] * axes, indexing="ij"), axis=-1).reshape(-1, 1, axes)


def net_average(
    problem: GaussianLinear, features: ArrayLike, values: ArrayLike, net: ArrayLike
) -> NetAverage:
    r"""Return the average over a net, and its best point, along sequences.

    Parameters
    ----------
    problem : GaussianLinear
        Gives the noise; its prior is replaced by the net.
    features, values : array_like, shapes (..., T, d_phi) and (..., T, d_v)
        The sequences.
    net : array_like, shape (N, d_v, d_phi)
        The points, of weight 1/N each.

    Returns
    -------
    NetAverage
        ``best - average`` is the cumulative regret against the net: at least 0 and at most log N, by the
        proof of `regret_bound`, which needs nothing of the likelihoods.

    Raises
    ------
    ValueError
        For shapes that do not fit, entries that are not finite, or an empty net.

    Examples
    --------
    >>> found = net_average(GaussianLinear(1), [[1.0]] * 50, [[1.0]] * 50, cube_net(1, 1.0, 1.0))
    >>> (found.best - found.average)[[0, -1]].round(4).tolist()
    [0.5437, 1.0986]
    """
    points = as_floats("net", net)
    if points.ndim != 3 or not len(points):
        raise ValueError(
            f"net has shape {points.shape}: give at least one point, (N, value_dim, feature_dim)"
        )
    totals = np.stack(
        [np.cumsum(problem.log_likelihood(features, values, z), axis=-1) for z in points], axis=-1
    )
    return NetAverage(log_sum(totals) - np.log(len(points)), totals.max(axis=-1))


def net_floor(problem: GaussianLinear, features: ArrayLike, distance: float) -> Array:
    r"""Return what a net costs at least, cumulatively, where the truth is at least h away from its points.

    .. math:: E[L_{z^*} - \log P_{net}] \ge \frac{1}{2\sigma^2}
        \Big(h^2 A_T - 2 h \sigma \sqrt{2 A_T/\pi} - \sigma^2 e^{-h^2 A_T/(2\sigma^2)}\Big),
        \qquad A_T = \sum_{t \le T} \varphi_t^2

    for one feature and one output, whatever the net's weights. It grows linearly: the floor of the average
    regret is :math:`h^2 \overline{\varphi^2}/(2\sigma^2)`.

    Parameters
    ----------
    problem : GaussianLinear
        One feature, one output.
    features : array_like, shape (..., T, 1)
        The features.
    distance : float
        h >= 0; half the spacing for a truth halfway between two points.

    Returns
    -------
    ndarray, shape (..., T)
        In nats.

    Raises
    ------
    TypeError, ValueError
        For more than one feature or output, or a negative distance.

    Notes
    -----
    *Proof.* An average is at most its largest term, so :math:`L_* - \log P_{net} \ge \min_i (L_* - L_i)`.
    With :math:`v_t = z^*\varphi_t + \xi_t`, :math:`u = z_i - z^*` and :math:`G = \sum_t \xi_t\varphi_t`,
    :math:`2\sigma^2(L_* - L_i) = u^2 A - 2uG \ge u^2 A - 2|u||G|`. Over :math:`|u| \ge h` this parabola is
    smallest at :math:`|u| = \max(h, |G|/A)`, where it is
    :math:`h^2 A - 2h|G| - (|G| - hA)_+^2/A`. Since :math:`G \sim N(0, \sigma^2 A)`, the mean of :math:`|G|`
    is :math:`\sigma\sqrt{2A/\pi}`, and with g standard normal and :math:`a = h\sqrt A/\sigma` the last term
    has mean :math:`\sigma^2 E(|g| - a)_+^2 = 2\sigma^2((1 + a^2)Q(a) - a\phi(a)) \le 2\sigma^2 Q(a)
    \le \sigma^2 e^{-a^2/2}`, by :math:`aQ(a) \le \phi(a)` and :math:`Q(a) \le \frac12 e^{-a^2/2}`.

    In return the net costs no more than :math:`\log N + h^2 A_T/(2\sigma^2)`, the regret against its nearest
    point plus the mean loss of that point. With N of order 1/h, this is smallest at :math:`h^2` of order
    :math:`\sigma^2/A_T`, where it is :math:`\frac12\log T` up to a constant: no net does better than the
    continuous prior's rate.

    Examples
    --------
    >>> net_floor(GaussianLinear(1), [[1.0]] * 1000, 0.5)[[0, -1]].round(3).tolist()
    [-0.715, 112.384]
    """
    if (problem.feature_dim, problem.value_dim) != (1, 1):
        raise ValueError(
            f"problem has {problem.feature_dim} features and {problem.value_dim} outputs: the floor is for "
            "one of each"
        )
    h = as_floats("distance", distance)
    if h.ndim or h < 0.0:
        raise ValueError(f"distance is {distance!r}: give one number of at least 0")
    phi = as_floats("features", features)
    if phi.ndim < 2 or phi.shape[-1] != 1:
        raise ValueError(f"features has shape {phi.shape}: give one feature per step, shape (..., T, 1)")
    sigma = np.sqrt(problem.noise_variance)
    size = np.cumsum(phi[..., 0] ** 2, axis=-1)
    lost = h**2 * size - 2.0 * h * sigma * np.sqrt(2.0 * size / np.pi)
    return np.asarray((lost - sigma**2 * np.exp(-(h**2) * size / (2.0 * sigma**2))) / (2.0 * sigma**2))
