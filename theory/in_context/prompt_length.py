r"""Prompts longer than those seen in training: a network that counts, and one whose count is frozen.

Demonstrations are independent draws from one of M laws over a finite alphabet. The posterior after n of them
and its tempered variant with scale T are

.. math:: \pi_n(z) \propto \pi_z \exp\Big(\sum_{i \le n} \ell_i[z]\Big), \qquad
    \pi_n^T(z) \propto \pi_z \exp\Big(\frac Tn\sum_{i \le n} \ell_i[z]\Big),

equal at n = T. The first concentrates on the truth, the second does not. All functions are about the
**error**, :math:`E[1 - \pi_n(z^*)]` or :math:`E[1 - \pi_n^T(z^*)]` under the truth :math:`z^*`.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from tightbound.theory._validation import Array, as_floats, as_indices, as_integer, as_laws


def counting_error_bound(prior: ArrayLike, laws: ArrayLike, truth: int, demonstrations: ArrayLike) -> Array:
    r"""Return a bound on the error of the posterior, which falls exponentially at every length.

    .. math:: E[1 - \pi_n(z^*)] \le \frac12\sum_{z \ne z^*} \sqrt{\pi_z/\pi_{z^*}}\;\rho_z^n, \qquad
        \rho_z = \sum_a \sqrt{p_{z^*}(a)\,p_z(a)}

    *Proof.* With :math:`R_z = \pi_n(z)/\pi_n(z^*)` and :math:`x/(1+x) \le \sqrt x/2`, the error is at most
    :math:`\frac12 E\sqrt{\sum_z R_z} \le \frac12\sum_z E\sqrt{R_z}`, and :math:`E\sqrt{R_z}` is
    :math:`\sqrt{\pi_z/\pi_{z^*}}` times the n-th power of :math:`E\sqrt{p_z/p_{z^*}} = \rho_z`.

    Parameters
    ----------
    prior : array_like, shape (M,)
        Law of the task, every entry positive.
    laws : array_like, shape (M, A)
        Law of a demonstration under each task, every entry positive.
    truth : int
        The true task.
    demonstrations : array_like of int
        n, at least 1.

    Returns
    -------
    ndarray
        Shape of ``demonstrations``.

    Raises
    ------
    TypeError, ValueError, IndexError
        For what is no law or has a zero, a truth that is no task, or n below 1.

    Examples
    --------
    >>> counting_error_bound([0.5, 0.5], [[0.9, 0.1], [0.1, 0.9]], 0, [1, 10]).round(4).tolist()
    [0.3, 0.003]
    """
    believed, table, true, others = _tasks(prior, laws, truth)
    n = _lengths(demonstrations)
    affinity = np.sqrt(table[others] * table[true]).sum(axis=-1)
    ratio = np.sqrt(believed[others] / believed[true])
    return np.asarray(0.5 * (ratio * affinity ** n[..., None]).sum(axis=-1))


def frozen_error_floor(
    prior: ArrayLike, laws: ArrayLike, truth: int, scale: int, demonstrations: ArrayLike
) -> Array:
    r"""Return a lower bound on the error of the tempered posterior, which does not vanish with n.

    .. math:: E[1 - \pi_n^T(z^*)] \ge \max_{z \ne z^*}
        \frac{\exp(-T s_z/\sqrt n)}{1 + (\pi_{z^*}/\pi_z)\, e^{T\,KL_z}}

    with :math:`KL_z` the divergence of the law of z from that of the truth and :math:`s_z` the standard
    deviation of :math:`\log p_{z^*}/p_z` under the truth. As n grows it tends to a constant: the error of
    T demonstrations that are all typical.

    *Proof.* Leaving all competitors but one out lowers the error, so it is at least
    :math:`E[1/(1 + e^X)]` with :math:`X = \log(\pi_{z^*}/\pi_z) + T \hat D_n` and :math:`\hat D_n` the mean
    of n log ratios. By Jensen's inequality this is at least :math:`\exp(-E\log(1 + e^X))`. As
    :math:`x \mapsto \log(1 + e^x)` is 1-Lipschitz, :math:`E\log(1 + e^X) \le \log(1 + e^{EX}) + E|X - EX|`,
    where :math:`EX = \log(\pi_{z^*}/\pi_z) + T\,KL_z` and :math:`E|X - EX| \le T s_z/\sqrt n`.

    Parameters
    ----------
    prior, laws, truth, demonstrations
        As for `counting_error_bound`.
    scale : int
        T, at least 1.

    Returns
    -------
    ndarray
        Shape of ``demonstrations``.

    Raises
    ------
    TypeError, ValueError, IndexError
        As `counting_error_bound`, and for a scale below 1.

    Examples
    --------
    >>> floor = frozen_error_floor([0.5, 0.5], [[0.6, 0.4], [0.4, 0.6]], 0, 8, [8, 10**8])
    >>> floor.round(4).tolist()
    [0.1116, 0.3432]
    """
    believed, table, true, others = _tasks(prior, laws, truth)
    n, frozen = _lengths(demonstrations), as_integer("scale", scale, least=1)
    ratio = np.log(table[true] / table[others])
    mean = ratio @ table[true]
    spread = np.sqrt(np.maximum((ratio - mean[:, None]) ** 2 @ table[true], 0.0))
    center = np.log(believed[true] / believed[others]) + frozen * mean
    logs = -frozen * spread / np.sqrt(n[..., None]) - np.logaddexp(0.0, center)
    return np.asarray(np.exp(logs.max(axis=-1)))


def frozen_error_ceiling(
    prior: ArrayLike, laws: ArrayLike, truth: int, scale: int, demonstrations: ArrayLike
) -> Array:
    r"""Return an upper bound on the error of the tempered posterior.

    .. math:: E[1 - \pi_n^T(z^*)] \le \sum_{z \ne z^*} \frac{\pi_z}{\pi_{z^*}}
        \exp\Big(-T\,KL_z + \frac{T^2 R_z^2}{8n}\Big)

    with :math:`R_z` the range of :math:`\log p_{z^*}/p_z`. Beside `frozen_error_floor` it says that the error
    at :math:`n \gg T^2` is of the size of :math:`e^{-T\,KL}`.

    *Proof.* The error is at most :math:`\sum_z E\,\pi_n^T(z)/\pi_n^T(z^*) = \sum_z (\pi_z/\pi_{z^*})\,
    E\,e^{-T\hat D_n}`, and Hoeffding's lemma bounds the moment generating function of each of the n terms
    of :math:`-T\hat D_n`, of mean :math:`-T\,KL_z/n` and range :math:`T R_z/n`.

    Parameters
    ----------
    prior, laws, truth, scale, demonstrations
        As for `frozen_error_floor`.

    Returns
    -------
    ndarray
        Shape of ``demonstrations``.

    Raises
    ------
    TypeError, ValueError, IndexError
        As `frozen_error_floor`.

    Examples
    --------
    >>> frozen_error_ceiling([0.5, 0.5], [[0.6, 0.4], [0.4, 0.6]], 0, 8, [8, 10**8]).round(4).tolist()
    [1.0089, 0.5227]
    """
    believed, table, true, others = _tasks(prior, laws, truth)
    n, frozen = _lengths(demonstrations), as_integer("scale", scale, least=1)
    ratio = np.log(table[true] / table[others])
    mean, width = ratio @ table[true], ratio.max(axis=-1) - ratio.min(axis=-1)
    logs = np.log(believed[others] / believed[true]) - frozen * mean
    return np.asarray(np.exp(logs + (frozen * width) ** 2 / (8.0 * n[..., None])).sum(axis=-1))


def _tasks(prior: ArrayLike, laws: ArrayLike, truth: int) -> tuple[Array, Array, int, np.ndarray]:
    believed, table = as_laws("prior", prior), as_laws("laws", laws)
    if believed.ndim != 1 or table.ndim != 2 or len(table) != believed.size or believed.size < 2:
        raise ValueError(
            f"prior has shape {believed.shape} and laws {table.shape}: give (M,) and (M, A) with M at least 2"
        )
    if np.any(believed == 0.0) or np.any(table == 0.0):
        raise ValueError(
            "prior or laws has an entry 0: give positive probabilities, so that logarithms exist"
        )
    true = int(as_indices("truth", truth, believed.size))
    return believed, table, true, np.delete(np.arange(believed.size), true)


def _lengths(demonstrations: ArrayLike) -> Array:
    n = as_floats("demonstrations", demonstrations)
    if np.any(n < 1.0) or np.any(n != np.round(n)):
        raise ValueError(f"demonstrations is {demonstrations!r}: give integers of at least 1")
    return n
