r"""What softmax attention over many keys tends to, and how it differs from the posterior mean.

Keys :math:`k_t` are independent with law mu on the unit sphere, values are unit vectors with
:math:`E[v|k] = m(k)`, and :math:`w(k,q) = e^{\kappa\langle k,q\rangle}`.

*The printed statement* (Proposition 4.3 of arXiv:2305.19420, kappa = 1): for an absolute constant C > 0 and
every unit q, :math:`\lim \mathrm{attn}^\dagger(q) = C \lim \mathrm{attn}(q)` with the Gaussian kernel.
Nothing is asked of mu or m.

*It is false.* By the law of large numbers, for numerator and denominator,

.. math:: \lim_T \mathrm{attn}(q) = (Pm)(q) := \frac{E[m(k) w(k,q)]}{E[w(k,q)]} .

For attn-dagger let :math:`\Sigma`, :math:`\hat\Sigma` be the covariance operators of mu and of the T keys in
the space H of the Gaussian kernel, let :math:`m = \Sigma g` and values be free of noise, and let the ridge be
:math:`\lambda`. Then
:math:`\mathrm{attn}^\dagger - m = -\frac\lambda T(\hat\Sigma + \frac\lambda T)^{-1}\Sigma g`, and with
:math:`\Sigma = \hat\Sigma + (\Sigma - \hat\Sigma)`,

.. math:: \sup_q |\mathrm{attn}^\dagger(q) - m(q)| \le \|\mathrm{attn}^\dagger - m\|_H
    \le \Big(\frac\lambda T + \|\Sigma - \hat\Sigma\|\Big) \|g\|_H \to 0

where :math:`\lambda/T \to 0`, because the kernel is at most 1 and :math:`\hat\Sigma \to \Sigma`. So the
statement says m = C Pm: *m is an eigenfunction of P*, all coordinates with one eigenvalue. Take keys uniform
on the circle and :math:`v = (\cos a, \sin a, \cos 2a, \sin 2a)/\sqrt2`. Each coordinate is :math:`\Sigma g`
for a multiple g of itself, and by the Funk-Hecke formula the first two need :math:`C = I_0/I_1`, the others
:math:`C = I_0/I_2`. There is no such C.

*P as an operator.* In :math:`L^2(\pi)` with :math:`\pi(dq) \propto \mu(dq) E[w(k,q)]`, P is self-adjoint,
since :math:`\langle f, Pg\rangle_\pi \propto \iint f(q) w(k,q) g(k)\,\mu(dk)\mu(dq)`; it is positive
semidefinite, since w is a positive definite kernel; and it averages. Its spectrum lies in [0, 1], hence C >=
1 wherever there is one. (The proof printed for the proposition gives a constant below 1, the mean length
:math:`I_{d_v/2}/I_{d_v/2-1}` of a smoothed value.)

*What is true.* (i) **One eigenfunction.** Uniform keys and harmonic m of one degree l: :math:`C = 1/C_l`, see
:func:`~tightbound.theory.in_context.sphere_harmonics.softmax_limit_constant`.

(ii) **Vanishing temperature.** With :math:`\kappa_T = T^{2/(d+3)}` and uniform keys, attn(q) tends to m(q)
for every m that is twice continuously differentiable, with C = 1 and a root mean square error of order
:math:`T^{-2/(d+3)}`; see :func:`softmax_mean_square_bound`.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from tightbound.theory._validation import Array, as_floats, as_integer
from tightbound.theory.in_context.sphere_harmonics import rbf_eigenvalue, softmax_limit_constant


def ridge_shrink_factor(dim: int, kappa: ArrayLike, degree: int, ridge_per_key: ArrayLike) -> Array:
    r"""Return by how much kernel ridge attention over many uniform keys shrinks a harmonic.

    .. math:: \frac{\mu_l}{\mu_l + \lambda/T}

    with the eigenvalue :math:`\mu_l` of the Gaussian kernel. It is exact for T keys at equal angles on the
    circle if :math:`\mu_l` is replaced by the sum of :math:`\mu_{|j|}` over all integers j = l modulo T,
    which for large T is the same to rounding.

    Parameters
    ----------
    dim : int
        d, at least 2.
    kappa : array_like
        Inverse squared bandwidth, positive.
    degree : int
        l, at least 0.
    ridge_per_key : array_like
        Ridge / T, positive. A ridge of T^(3/4) leaves T^(-1/4), so that the factor tends to 1 very slowly.

    Returns
    -------
    ndarray
        In [0, 1); broadcast over ``kappa`` and ``ridge_per_key``.

    Raises
    ------
    TypeError, ValueError
        For an argument outside its range.

    Examples
    --------
    >>> ridge_shrink_factor(2, 1.0, 1, [3200**-0.25, 1e-9]).round(3).tolist()
    [0.61, 1.0]
    """
    share = as_floats("ridge_per_key", ridge_per_key)
    if np.any(share <= 0.0):
        raise ValueError(f"ridge_per_key is {share.min()}: a ridge is positive; give ridge / T > 0")
    eigenvalue = rbf_eigenvalue(dim, kappa, degree)
    return np.asarray(eigenvalue / (eigenvalue + share))


def vanishing_temperature(dim: int, keys: ArrayLike) -> Array:
    r"""Return :math:`T^{2/(d+3)}`, at which bias and noise of softmax attention are of one order.

    Parameters
    ----------
    dim : int
        d, the dimension of the space that holds the sphere; at least 2.
    keys : array_like
        T, at least 1.

    Returns
    -------
    ndarray
        Shape of ``keys``.

    Raises
    ------
    ValueError
        For fewer than 1 key, or a dimension below 2.

    Examples
    --------
    >>> float(vanishing_temperature(2, 100_000).round(9))
    100.0
    """
    return np.asarray(_keys(keys) ** (2.0 / (_dimension(dim) + 3.0)))


def softmax_bias_and_spread(
    dim: int, kappa: ArrayLike, degree: int, *, signal: float = 1.0
) -> tuple[Array, Array]:
    r"""Return bias and asymptotic variance of softmax attention as an estimate of one harmonic.

    Values are :math:`v = \varsigma Y(k)` with the unit vector Y of all harmonics of degree l, uniform k, and
    a sign :math:`\varsigma` of mean s, so that :math:`m = sY` and |v| = 1. Then

    .. math:: \|Pm - m\| = s(1 - C_l(\kappa)), \qquad T\,E\|\mathrm{attn}(q) - Pm(q)\|^2 \to
        \varrho\,\big(1 - 2 s^2 C_l(2\kappa) C_l(\kappa) + s^2 C_l(\kappa)^2\big)

    with :math:`\varrho = E[w^2]/E[w]^2 = \mu_0(2\kappa)/\mu_0(\kappa)^2`: out of T keys only
    :math:`T/\varrho` count.

    Parameters
    ----------
    dim : int
        d, at least 2.
    kappa : array_like
        Inverse temperature, at least 0.
    degree : int
        l, at least 0.
    signal : float, default 1.0
        s in [0, 1]; 1 leaves no noise in the values.

    Returns
    -------
    bias, spread : ndarrays
        Shape of ``kappa``.

    Raises
    ------
    TypeError, ValueError
        For an argument outside its range.

    Notes
    -----
    *Proof.* The bias is the Funk-Hecke formula. By the delta method for a ratio of means the variance is
    :math:`E[w^2\|v - Pm(q)\|^2]/E[w]^2`. Expand the square: :math:`|v| = 1`,
    :math:`Pm(q) = sC_l(\kappa)Y(q)`, and :math:`E[w^2 v] = s\,E[w^2]\,C_l(2\kappa)\,Y(q)`, since
    :math:`w^2` is the weight at :math:`2\kappa`.

    Examples
    --------
    >>> bias, spread = softmax_bias_and_spread(2, 0.0, 1)
    >>> float(bias), float(spread)
    (1.0, 1.0)
    """
    s = float(as_floats("signal", signal))
    if not 0.0 <= s <= 1.0:
        raise ValueError(f"signal is {s}: the mean of a sign that keeps values at length 1 lies in [0, 1]")
    shrunk = softmax_limit_constant(dim, kappa, degree)
    double = 2.0 * as_floats("kappa", kappa)
    lost = 1.0 - softmax_limit_constant(dim, double, degree)
    noise = 1.0 - s**2 + s**2 * ((1.0 - shrunk) ** 2 + 2.0 * shrunk * lost)
    return np.asarray(s * (1.0 - shrunk)), np.asarray(_crowding(dim, kappa) * noise)


def softmax_mean_square_bound(
    dim: int, kappa: ArrayLike, degree: int, keys: ArrayLike, *, signal: float = 1.0
) -> Array:
    r"""Bound the mean square error of softmax attention over T uniform keys, at every T.

    In the model of :func:`softmax_bias_and_spread`, with its bias b, variance V and :math:`\varrho`, for
    every 0 < a < 1

    .. math:: E\|\mathrm{attn}(q) - m(q)\|^2 \le (b + r)^2, \qquad
        r^2 = \frac{V}{(1-a)^2 T} + (1 + sC_l)^2 e^{-a^2 T/(2\varrho)} .

    The function returns the least value over a grid of a, and never more than :math:`(1+s)^2`.

    Parameters
    ----------
    dim : int
        d, at least 2.
    kappa : array_like
        Inverse temperature, at least 0.
    degree : int
        l, at least 0.
    keys : array_like
        T, at least 1.
    signal : float, default 1.0
        s in [0, 1].

    Returns
    -------
    ndarray
        Broadcast over ``kappa`` and ``keys``.

    Raises
    ------
    TypeError, ValueError
        For an argument outside its range.

    Notes
    -----
    *Proof.* Let N and D be the means of wv and of w over the T keys. Then
    :math:`\mathrm{attn} - Pm = (N - D\,Pm)/D`, and N - D Pm is a mean of T independent vectors of mean 0, so
    :math:`E\|N - D\,Pm\|^2 = E[w]^2 V/T`. Where :math:`D \ge (1-a)E[w]` this gives the first term. Elsewhere
    :math:`\|\mathrm{attn} - Pm\| \le 1 + sC_l`, and the probability of that is at most
    :math:`e^{-a^2T/(2\varrho)}`: for w >= 0 and x >= 0, :math:`e^{-xw} \le 1 - xw + x^2w^2/2`, so
    :math:`E e^{-x(w - E[w])} \le e^{x^2E[w^2]/2}`, and Chernoff's bound at
    :math:`x = aE[w]/E[w^2]` finishes. Minkowski's inequality adds the bias.

    *Rate.* :math:`\varrho` is of order :math:`\kappa^{(d-1)/2}`, and :math:`1 - C_l` of order
    :math:`1/\kappa` (for l = 1, Amos 1974 gives :math:`1 - C_1 \le (d-1)/(2\kappa) + (d+1)^2/(8\kappa^2)`),
    so that at :math:`\kappa = T^{2/(d+3)}` both terms of the root are of order :math:`T^{-2/(d+3)}`. For any
    m whose second derivative along great circles is at most H, the bias is at most
    :math:`\frac H2 E_\kappa[\theta^2]`, where theta is the angle between k and q under the weighted law: the
    term of first order cancels between k and its mirror image. With
    :math:`\theta^2 \le \frac{\pi^2}2(1 - \cos\theta)` this is at most
    :math:`\frac{\pi^2}4 H (1 - C_1(\kappa))`, of the same order; the rest of the proof stands.

    References
    ----------
    Amos, "Computation of modified Bessel functions and their ratios", Math. Comp. 28, 1974, inequality (16).

    Examples
    --------
    >>> keys = np.array([1e4, 1e8])
    >>> softmax_mean_square_bound(2, vanishing_temperature(2, keys), 1, keys, signal=0.8).round(8).tolist()
    [0.00120017, 5.8e-07]
    """
    bias, spread = softmax_bias_and_spread(dim, kappa, degree, signal=signal)
    count = _keys(keys)
    reach = 1.0 + float(signal) * softmax_limit_constant(dim, kappa, degree)
    crowding = _crowding(dim, kappa)
    a = np.linspace(0.001, 0.999, 999).reshape(-1, *[1] * np.broadcast(bias, count).ndim)
    square = spread / ((1.0 - a) ** 2 * count) + reach**2 * np.exp(-(a**2) * count / (2.0 * crowding))
    return np.asarray(np.minimum((bias + np.sqrt(square.min(axis=0))) ** 2, (1.0 + float(signal)) ** 2))


def _crowding(dim: int, kappa: ArrayLike) -> Array:
    """Return E[w^2] / E[w]^2."""
    x = as_floats("kappa", kappa)
    return np.asarray(rbf_eigenvalue(dim, 2.0 * x, 0) / rbf_eigenvalue(dim, x, 0) ** 2)


def _dimension(dim: int) -> float:
    return float(as_integer("dim", dim, least=2))


def _keys(keys: ArrayLike) -> Array:
    count = as_floats("keys", keys)
    if np.any(count < 1.0):
        raise ValueError(f"keys is {count.min()}: attention needs at least 1 key")
    return count
