r"""The Gaussian linear concept: values are a random linear map of features, plus noise.

.. math:: v_t = z\,\varphi_t + \xi_t, \qquad z_{ij} \sim N(0, \lambda_0), \qquad \xi_t \sim N(0, \sigma^2 I)

with z of shape (d_v, d_phi). Everything is exact here: the posterior is Gaussian, its mean is ridge
regression with ridge :math:`\sigma^2/\lambda_0`, and the regret of Bayesian model averaging is a
log-determinant.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from tightbound.theory._validation import Array, as_floats, as_integer, as_positive


@dataclass(frozen=True)
class GaussianLinear:
    r"""A linear map with a Gaussian prior, seen through Gaussian noise.

    .. math:: v_t \mid z \sim N(z\,\varphi_t, \sigma^2 I_{d_v}), \qquad z_{ij} \sim N(0, \lambda_0)
        \text{ independent}

    The methods take sequences: features of shape (..., T, d_phi) and values of shape (..., T, d_v), where the
    leading axes run over independent sequences.

    Parameters
    ----------
    feature_dim : int
        d_phi, at least 1.
    value_dim : int, default 1
        d_v, at least 1.
    prior_variance : float, default 1.0
        :math:`\lambda_0 > 0`, variance of each entry of the concept z.
    noise_variance : float, default 1.0
        :math:`\sigma^2 > 0`, variance of the noise in each coordinate of a value.

    Raises
    ------
    TypeError, ValueError
        For a dimension below 1, or a variance that is not positive and finite.

    References
    ----------
    Zhang, Zhang, Yang, Wang, "What and How does In-Context Learning Learn?", AISTATS 2025, arXiv:2305.19420,
    (4.4) to (4.8), with one letter for the prior variance and for the ridge.

    Examples
    --------
    >>> problem = GaussianLinear(feature_dim=1, prior_variance=4.0, noise_variance=2.0)
    >>> problem.ridge
    0.5
    >>> mean, covariance = problem.posterior([[1.0], [1.0]], [[3.0], [2.0]])
    >>> mean.tolist(), covariance.tolist()
    ([[2.0]], [[0.8]])
    """

    feature_dim: int
    value_dim: int = 1
    prior_variance: float = 1.0
    noise_variance: float = 1.0

    def __post_init__(self) -> None:
        for name in ("feature_dim", "value_dim"):
            object.__setattr__(self, name, as_integer(name, getattr(self, name), least=1))
        for name in ("prior_variance", "noise_variance"):
            object.__setattr__(self, name, as_positive(name, getattr(self, name)))

    @property
    def ridge(self) -> float:
        r"""The ridge :math:`\sigma^2/\lambda_0` at which ridge regression is the posterior mean."""
        return self.noise_variance / self.prior_variance

    def posterior(self, features: ArrayLike, values: ArrayLike) -> tuple[Array, Array]:
        r"""Return the posterior law of the concept after the whole sequence.

        .. math:: \bar z = V^\top \Phi (\Phi^\top\Phi + \tfrac{\sigma^2}{\lambda_0} I)^{-1}, \qquad
            \mathrm{Cov} = \sigma^2 (\Phi^\top\Phi + \tfrac{\sigma^2}{\lambda_0} I)^{-1}

        Parameters
        ----------
        features : array_like, shape (..., T, d_phi)
            The rows :math:`\varphi_t`; T may be 0.
        values : array_like, shape (..., T, d_v)
            What was seen.

        Returns
        -------
        mean : ndarray, shape (..., d_v, d_phi)
            Posterior mean of z.
        covariance : ndarray, shape (..., d_phi, d_phi)
            Posterior covariance of each row of z; rows are independent.

        Raises
        ------
        ValueError
            For shapes that do not fit, or entries that are not finite.
        """
        phi, v = self._sequences(features, values)
        # R'R is the precision; its condition number is the root of the precision's, and R is never singular
        inverse = np.linalg.inv(_triangle(phi, math.sqrt(self.ridge)))
        mean = np.asarray((inverse @ (inverse.mT @ (phi.mT @ v))).mT, dtype=np.float64)
        return mean, np.asarray(self.noise_variance * (inverse @ inverse.mT), dtype=np.float64)

    def predictive_moments(self, features: ArrayLike, values: ArrayLike) -> tuple[Array, Array]:
        r"""Return mean and variance of each value given the ones before it, by a Kalman recursion.

        The concept is a state that does not move. With mean m and covariance P = SS' of a row of it,

        .. math:: f = S^\top\varphi, \quad s = \sigma^2 + \|f\|^2, \quad
            m \leftarrow m + (v - m\varphi) \frac{(Sf)^\top}{s}, \quad
            S \leftarrow S - \frac{S f f^\top}{s + \sigma\sqrt s},

        which is :math:`P \leftarrow P - P\varphi\varphi^\top P/s` (Potter's square root), so that rounding
        leaves no negative variance.

        Parameters
        ----------
        features : array_like, shape (..., T, d_phi)
            The rows :math:`\varphi_t`.
        values : array_like, shape (..., T, d_v)
            The values; the last one enters no prediction.

        Returns
        -------
        mean : ndarray, shape (..., T, d_v)
            :math:`E[v_t \mid v_1, \dots, v_{t-1}]`.
        variance : ndarray, shape (..., T)
            Variance of each coordinate of :math:`v_t` given the same, noise included.

        Raises
        ------
        ValueError
            For shapes that do not fit, or entries that are not finite.

        Examples
        --------
        >>> mean, variance = GaussianLinear(1).predictive_moments([[1.0], [1.0]], [[3.0], [0.0]])
        >>> mean.tolist(), variance.tolist()
        ([[0.0], [1.5]], [2.0, 1.5])
        """
        phi, v = self._sequences(features, values)
        batch, steps = phi.shape[:-2], phi.shape[-2]
        m = np.zeros((*batch, self.value_dim, self.feature_dim))
        root = math.sqrt(self.prior_variance) * np.eye(self.feature_dim)
        s = np.broadcast_to(root, (*batch, *root.shape))
        mean, variance = np.empty((*batch, steps, self.value_dim)), np.empty((*batch, steps))
        for t in range(steps):
            row = phi[..., t, :]
            f = (s.mT @ row[..., None])[..., 0]
            total = self.noise_variance + (f**2).sum(-1)
            pull = (s @ f[..., None])[..., 0]
            guess = (m @ row[..., None])[..., 0]
            mean[..., t, :], variance[..., t] = guess, total
            m = m + (v[..., t, :] - guess)[..., None] * (pull / total[..., None])[..., None, :]
            step = pull / (total + np.sqrt(self.noise_variance * total))[..., None]
            s = s - step[..., None] * f[..., None, :]
        return mean, variance

    def log_predictive(self, features: ArrayLike, values: ArrayLike) -> Array:
        r"""Return :math:`\log p(v_t \mid v_1, \dots, v_{t-1})`, the log density of Bayesian model averaging.

        Parameters
        ----------
        features, values : array_like, shapes (..., T, d_phi) and (..., T, d_v)
            The sequences.

        Returns
        -------
        ndarray, shape (..., T)
            In nats. Its sum over t is :meth:`log_evidence`.

        Raises
        ------
        ValueError
            For shapes that do not fit, or entries that are not finite.
        """
        _, v = self._sequences(features, values)
        mean, variance = self.predictive_moments(features, values)
        return self._log_density(v - mean, variance)

    def log_likelihood(self, features: ArrayLike, values: ArrayLike, concept: ArrayLike) -> Array:
        r"""Return :math:`\log p(v_t \mid z)` of each value under a known concept.

        Parameters
        ----------
        features, values : array_like, shapes (..., T, d_phi) and (..., T, d_v)
            The sequences.
        concept : array_like, shape (..., d_v, d_phi)
            z, one for all sequences or one for each.

        Returns
        -------
        ndarray, shape (..., T)
            In nats.

        Raises
        ------
        ValueError
            For shapes that do not fit, or entries that are not finite.
        """
        phi, v = self._sequences(features, values)
        z = as_floats("concept", concept)
        if z.shape[-2:] != (self.value_dim, self.feature_dim) or z.ndim < 2:
            raise ValueError(
                f"concept has shape {z.shape}: its last axes must be (value_dim, feature_dim) = "
                f"{(self.value_dim, self.feature_dim)}; give z as a matrix"
            )
        return self._log_density(v - phi @ z.mT, np.float64(self.noise_variance))

    def log_evidence(self, features: ArrayLike, values: ArrayLike) -> Array:
        r"""Return the log density of the whole sequence, from its joint covariance (T x T).

        .. math:: V_{\cdot j} \sim N(0, \lambda_0 \Phi\Phi^\top + \sigma^2 I_T), \quad j = 1, \dots, d_v
            \text{ independent}

        Parameters
        ----------
        features, values : array_like, shapes (..., T, d_phi) and (..., T, d_v)
            The sequences.

        Returns
        -------
        ndarray, shape (...)
            In nats.

        Raises
        ------
        ValueError
            For shapes that do not fit, or entries that are not finite.

        Notes
        -----
        This shares no step with :meth:`log_predictive`, so that the two check each other.

        Examples
        --------
        >>> problem = GaussianLinear(1)
        >>> features, values = [[1.0], [2.0]], [[0.3], [0.1]]
        >>> bool(np.isclose(problem.log_evidence(features, values),
        ...                 problem.log_predictive(features, values).sum()))
        True
        """
        phi, v = self._sequences(features, values)
        steps = phi.shape[-2]
        root = _triangle(math.sqrt(self.prior_variance) * phi.mT, math.sqrt(self.noise_variance))
        white = np.linalg.solve(root.mT, v)
        log_root = np.log(np.abs(np.diagonal(root, axis1=-2, axis2=-1))).sum(-1)
        square = (white**2).sum((-2, -1))
        constant = 0.5 * self.value_dim * steps * math.log(2.0 * math.pi)
        return np.asarray(-0.5 * square - self.value_dim * log_root - constant)

    def information(self, features: ArrayLike) -> Array:
        r"""Return what the first t values tell about the concept, for every t.

        .. math:: I(z; v_1, \dots, v_t) = \frac{d_v}{2} \log\det\Big(I + \frac{\lambda_0}{\sigma^2}
            \sum_{s \le t} \varphi_s \varphi_s^\top\Big)

        This is also the prior average of the cumulative regret of Bayesian model averaging against the true
        concept, :math:`E \sum_{s \le t} \log p(v_s|z)/p(v_s|v_1, \dots, v_{s-1})`: by the chain rule the sum
        is :math:`\log p(v_1,\dots,v_t|z)/p(v_1,\dots,v_t)`, whose mean is the mutual information, and the
        entropies of :math:`N(0, \lambda_0\Phi\Phi^\top + \sigma^2 I)` and of the noise differ by half the log
        of :math:`\det(I + \lambda_0\Phi\Phi^\top/\sigma^2)` per coordinate of v, which by Sylvester's
        identity is the determinant above. It grows like :math:`(d_v d_\varphi/2) \log t` where the features
        have a covariance of full rank.

        Parameters
        ----------
        features : array_like, shape (..., T, d_phi)
            The rows :math:`\varphi_t`.

        Returns
        -------
        ndarray, shape (..., T)
            In nats; non-decreasing along the last axis.

        Raises
        ------
        ValueError
            For a shape that does not fit, or entries that are not finite.

        Examples
        --------
        >>> GaussianLinear(1).information([[1.0], [1.0], [0.0]]).round(4).tolist()
        [0.3466, 0.5493, 0.5493]
        """
        phi = self._features(features)
        gram = np.cumsum(phi[..., :, None] * phi[..., None, :], axis=-3)
        _, log_det = np.linalg.slogdet(np.eye(self.feature_dim) + gram / self.ridge)
        return np.asarray(0.5 * self.value_dim * log_det)

    def _features(self, features: ArrayLike) -> Array:
        phi = as_floats("features", features)
        if phi.ndim < 2 or phi.shape[-1] != self.feature_dim:
            raise ValueError(
                f"features has shape {phi.shape}: its last axes must be (T, feature_dim) with feature_dim = "
                f"{self.feature_dim}; give one row per step"
            )
        return phi

    def _sequences(self, features: ArrayLike, values: ArrayLike) -> tuple[Array, Array]:
        phi, v = self._features(features), as_floats("values", values)
        if v.shape != (*phi.shape[:-1], self.value_dim):
            raise ValueError(
                f"values has shape {v.shape}: beside features of shape {phi.shape} it must be "
                f"{(*phi.shape[:-1], self.value_dim)}; give one row of value_dim numbers per step"
            )
        return phi, v

    def _log_density(self, residual: Array, variance: Any) -> Array:
        square = (residual**2).sum(-1) / variance
        return np.asarray(-0.5 * (square + self.value_dim * np.log(2.0 * np.pi * variance)))


def _triangle(rows: Array, damping: float) -> Array:
    """Return the triangular R with R'R = rows' rows + damping^2 I, shape (..., n, n) for rows (..., m, n)."""
    size = rows.shape[-1]
    below = np.broadcast_to(damping * np.eye(size), (*rows.shape[:-2], size, size))
    return np.asarray(np.linalg.qr(np.concatenate([rows, below], axis=-2), mode="r"), dtype=np.float64)
