"""Learning the Reporter by telling its observations from negatives: a table, and a logistic model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tightbound.theory._validation import as_floats
from tightbound.theory.planning._laws import array_of, as_fraction, law_of_states, laws_of
from tightbound.theory.planning._validation import Array, as_integer
from tightbound.theory.planning.contrastive import contrastive_optimum, translation_from_ratio

Counts = NDArray[np.int64]


@dataclass(frozen=True)
class Pairs:
    """Labelled pairs, counted.

    Parameters
    ----------
    positives : array_like of int, shape (S, O)
        How often (s, o) came with y = 1, that is, as the Reporter's own observation.
    negatives : array_like of int, shape (S, O)
        How often it came with y = 0.

    Raises
    ------
    TypeError, ValueError
        For counts that are no integers, negative, or of different shapes.
    """

    positives: Counts
    negatives: Counts

    def __post_init__(self) -> None:
        for name in ("positives", "negatives"):
            table = np.array(getattr(self, name))
            if table.ndim != 2 or table.dtype.kind not in "iu":
                raise TypeError(
                    f"{name} has shape {table.shape} and type {table.dtype}: give integer counts (S, O)"
                )
            if (table < 0).any():
                raise ValueError(f"{name} contains {table.min()}: counts are at least 0")
            table.flags.writeable = False
            object.__setattr__(self, name, table)
        if self.positives.shape != self.negatives.shape:
            raise ValueError(
                f"positives has shape {self.positives.shape}, negatives {self.negatives.shape}: give one "
                "shape (S, O) for both"
            )

    @property
    def samples(self) -> int:
        """Number of pairs."""
        return int(self.positives.sum() + self.negatives.sum())


@dataclass(frozen=True)
class LearnedReporter:
    """A fitted density ratio and the translator it implies.

    Parameters
    ----------
    ratio : ndarray, shape (S, O)
        Estimate of O(o | s) / P^-(o), corrected for the share of positives.
    product : ndarray, shape (S, O)
        ratio times P^-: an estimate of O(o | s) whose rows need not sum to 1.
    translation : ndarray, shape (S, O)
        The same, normalised.
    num_iter : int
        Iterations of the fit; 0 for a closed form.
    """

    ratio: Array
    product: Array
    translation: Array
    num_iter: int = 0


def sample_pairs(
    translation: ArrayLike,
    negatives: ArrayLike,
    samples: int,
    *,
    rng: np.random.Generator | int | None = None,
    positive_rate: float = 0.5,
    states: ArrayLike | None = None,
) -> Pairs:
    r"""Draw labelled pairs: :math:`s \sim \mu`, :math:`y \sim` Bernoulli(rho), o by the label.

    Parameters
    ----------
    translation : array_like, shape (S, O)
        The true Reporter O(o | s).
    negatives : array_like, shape (O,)
        The law of negatives, positive wherever the Reporter is.
    samples : int
        Number of pairs, at least 0.
    rng : None, int or Generator
        Source of randomness.
    positive_rate : float, default 0.5
        rho, in (0, 1).
    states : array_like, shape (S,), optional
        The law mu of states; uniform where left out.

    Returns
    -------
    Pairs
        The counts.

    Raises
    ------
    TypeError, ValueError
        For laws that do not sum to 1 or do not match, negatives that leave out an observation the Reporter
        can give, or ``samples`` below 0.

    Examples
    --------
    >>> sample_pairs([[0.5, 0.5]], [0.5, 0.5], 100, rng=0).samples
    100
    """
    contrastive_optimum(translation, negatives, positive_rate)  # checks the laws and the support
    law, noise = laws_of("translation", translation, 2), laws_of("negatives", negatives, 1)
    mass = law_of_states(states, law)
    joint = np.stack([positive_rate * mass[:, None] * law, (1.0 - positive_rate) * mass[:, None] * noise])
    drawn = np.random.default_rng(rng).multinomial(
        as_integer("samples", samples, least=0), (joint / joint.sum()).reshape(-1)
    )
    positive, negative = drawn.reshape(joint.shape)
    return Pairs(positive, negative)


@dataclass(frozen=True)
class TabularContrastive:
    r"""One free ratio per pair (s, o): the minimiser of the empirical loss in closed form.

    .. math:: \hat f(o,s) = \min\Big(\frac{1-\rho}{\rho}\,\frac{n_1(s,o)}{n_0(s,o)},\; \frac{1}{P^-(o)}\Big)

    The cap is the largest ratio that any Reporter has, since O(o|s) <= 1; the loss is unimodal in f, so
    capping minimises it over the ratios that are possible. Where a pair was seen under neither label, f = 1.

    Parameters
    ----------
    negatives : array_like, shape (O,)
        The law P^- of negatives, positive everywhere.
    positive_rate : float, default 0.5
        rho. The factor (1 - rho)/rho corrects for unbalanced labels; it cancels when rows are normalised, so
        ``translation`` needs it only for the cap.

    Raises
    ------
    ValueError
        For negatives that are no law or give some observation probability 0, or a rate outside (0, 1).

    References
    ----------
    He, Chen, Zhang, Yang, "From Words to Actions", ICML 2024, arXiv:2405.19883.

    Examples
    --------
    >>> pairs = Pairs([[30, 10]], [[20, 20]])
    >>> TabularContrastive([0.5, 0.5]).fit(pairs).translation.tolist()
    [[0.75, 0.25]]
    """

    negatives: ArrayLike
    positive_rate: float = 0.5

    def __post_init__(self) -> None:
        object.__setattr__(self, "negatives", _full_support(self.negatives))
        object.__setattr__(self, "positive_rate", as_fraction("positive_rate", self.positive_rate))

    def fit(self, pairs: Pairs) -> LearnedReporter:
        """Return the learned Reporter; ``pairs`` has one column per observation."""
        noise, one, zero = _matched(self.negatives, pairs)
        odds = (1.0 - self.positive_rate) / self.positive_rate
        cap = np.broadcast_to(1.0 / noise, one.shape)
        ratio = np.divide(odds * one, zero, out=np.where(one > 0, cap, 1.0), where=zero > 0)
        return _learned(np.minimum(ratio, cap), noise)


@dataclass(frozen=True)
class LogisticContrastive:
    r"""A log-linear ratio, :math:`\log \hat f(o,s) = \phi(s,o) \cdot \theta`, fitted by L-BFGS.

    Minimises :math:`\sum_{s,o} n_1 \log(1 + e^{-u}) + n_0 \log(1 + e^{u}) + \tfrac{\lambda}{2}|\theta|^2`
    with the logit :math:`u = \phi \cdot \theta + \log \tfrac{\rho}{1-\rho}`.

    Parameters
    ----------
    negatives : array_like, shape (O,)
        The law P^- of negatives, positive everywhere.
    features : array_like, shape (S, O, D)
        phi. One-hot features of (s, o) give the table back.
    positive_rate : float, default 0.5
        rho.
    penalty : float, default 1e-6
        lambda, above 0: without it a pair seen under one label only has no finite optimum.
    tolerance : float, default 1e-8
        On the largest entry of the gradient, per pair.
    max_iter : int, default 2000
        Limit on iterations.

    Raises
    ------
    TypeError, ValueError
        For laws, features or numbers out of range; by ``fit`` also where the tolerance is not reached.

    Examples
    --------
    >>> import numpy as np
    >>> model = LogisticContrastive([0.5, 0.5], np.eye(2).reshape(1, 2, 2))
    >>> model.fit(Pairs([[30, 10]], [[20, 20]])).translation.round(4).tolist()
    [[0.75, 0.25]]
    """

    negatives: ArrayLike
    features: ArrayLike
    positive_rate: float = 0.5
    penalty: float = 1e-6
    tolerance: float = 1e-8
    max_iter: int = 2000

    def __post_init__(self) -> None:
        object.__setattr__(self, "negatives", _full_support(self.negatives))
        object.__setattr__(self, "features", array_of("features", self.features, 3))
        object.__setattr__(self, "positive_rate", as_fraction("positive_rate", self.positive_rate))
        object.__setattr__(self, "max_iter", as_integer("max_iter", self.max_iter, least=1))
        for name in ("penalty", "tolerance"):
            number = as_floats(name, getattr(self, name))
            if number.ndim or number <= 0:
                raise ValueError(f"{name} is {getattr(self, name)!r}: give one number above 0")

    def fit(self, pairs: Pairs) -> LearnedReporter:
        """Return the learned Reporter; ``pairs`` has the shape (S, O) of the features."""
        from scipy.optimize import minimize
        from scipy.special import expit

        noise, one, zero = _matched(self.negatives, pairs)
        phi = np.asarray(self.features)
        if phi.shape[:2] != one.shape:
            raise ValueError(
                f"pairs has shape {one.shape}, features {phi.shape}: give one vector per pair (s, o)"
            )
        flat, size = phi.reshape(-1, phi.shape[2]), max(1, pairs.samples)
        positive, negative = one.reshape(-1) / size, zero.reshape(-1) / size
        prior = np.log(self.positive_rate / (1.0 - self.positive_rate))
        ridge = self.penalty / size

        def objective(theta: Any) -> tuple[float, Any]:
            u = flat @ theta + prior
            loss = positive @ np.logaddexp(0.0, -u) + negative @ np.logaddexp(0.0, u)
            slope = flat.T @ (negative * expit(u) - positive * expit(-u))
            return float(loss + 0.5 * ridge * theta @ theta), slope + ridge * theta

        found = minimize(
            objective,
            np.zeros(flat.shape[1]),
            jac=True,
            method="L-BFGS-B",
            options={"maxiter": self.max_iter, "gtol": self.tolerance, "ftol": 0.0, "maxcor": 30},
        )
        slope = float(np.abs(objective(found.x)[1]).max())
        if slope > 10.0 * self.tolerance:
            raise ValueError(
                f"the gradient is {slope:.2g} after {found.nit} iterations, tolerance {self.tolerance:.2g}: "
                "raise max_iter, penalty or tolerance"
            )
        ratio = np.exp(np.minimum((flat @ found.x).reshape(one.shape), -np.log(noise)))
        return _learned(ratio, noise, int(found.nit))


def _learned(ratio: Array, noise: Array, num_iter: int = 0) -> LearnedReporter:
    return LearnedReporter(ratio, ratio * noise, translation_from_ratio(ratio, noise), num_iter)


def _full_support(negatives: ArrayLike) -> Array:
    noise = laws_of("negatives", negatives, 1)
    if (noise == 0).any():
        raise ValueError(
            f"negatives gives probability 0 to observations {np.flatnonzero(noise == 0).tolist()}: their "
            "ratio cannot be learned; spread the negatives over every observation"
        )
    return noise


def _matched(negatives: ArrayLike, pairs: Pairs) -> tuple[Array, Array, Array]:
    """Return the law of negatives and both counts, checked against each other."""
    noise = np.asarray(negatives, dtype=np.float64)
    if pairs.positives.shape[1] != noise.size:
        raise ValueError(
            f"pairs has shape {pairs.positives.shape}, negatives {noise.shape}: give a column for each o"
        )
    return noise, pairs.positives.astype(np.float64), pairs.negatives.astype(np.float64)
