"""The error of a pretrained model's answer: what the prompt leaves open, and what pretraining got wrong."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from tightbound.theory._validation import Array, as_floats, as_laws
from tightbound.theory.chain_of_thought.stepwise_law import path_law
from tightbound.theory.in_context.perturbation import kl_by_total_variation


class Decomposition(NamedTuple):
    """Error of an answer law and its two parts, in nats.

    Attributes
    ----------
    total : ndarray
        KL of the true law from the model's.
    prompting : ndarray
        KL of the true law from the Bayesian average, at least 0.
    pretraining : ndarray
        E log(average / model) under the truth; of either sign, for a wrong model may err towards the truth.
    """

    total: Array
    prompting: Array
    pretraining: Array


def decompose(true: ArrayLike, averaged: ArrayLike, estimate: ArrayLike) -> Decomposition:
    r"""Split the error of an answer law.

    .. math:: KL(P_{\theta^*} \| \hat P) = KL(P_{\theta^*} \| P_{BMA}) +
        E_{y \sim P_{\theta^*}} \log\frac{P_{BMA}(y)}{\hat P(y)}

    Each of the three is summed by itself.

    Parameters
    ----------
    true, averaged, estimate : array_like, shape (..., m)
        Answer laws of the true task, the Bayesian average and the model; broadcast.

    Returns
    -------
    Decomposition
        Arrays of shape (...).

    Raises
    ------
    ValueError
        For laws that are none, or where the average or the model excludes an answer of the true task.

    References
    ----------
    Hu, Zhang, Chen, Yang, arXiv:2408.14511, abstract: the two components. The identity is the chain rule of
    the logarithm.

    Examples
    --------
    >>> found = decompose([0.9, 0.1], [0.8, 0.2], [0.85, 0.15])
    >>> [round(float(part), 4) for part in found]
    [0.0109, 0.0367, -0.0258]
    """
    p, q, r = np.broadcast_arrays(
        as_laws("true", true), as_laws("averaged", averaged), as_laws("estimate", estimate)
    )
    on = p > 0.0
    for name, law in (("averaged", q), ("estimate", r)):
        if np.any(law[on] == 0.0):
            raise ValueError(
                f"{name} gives probability 0 to an answer that the true task gives: its error is infinite "
                "and cannot be split; mix it with a law of full support"
            )
    log_p, log_q, log_r = (np.log(np.where(on, law, 1.0)) for law in (p, q, r))
    return Decomposition(*((p * one).sum(axis=-1) for one in (log_p - log_r, log_p - log_q, log_q - log_r)))


def step_distances(steps: Sequence[ArrayLike], estimates: Sequence[ArrayLike]) -> Array:
    r"""Return the mean total variation between two models' laws of each step.

    .. math:: E_{z_{<h} \sim P}\, TV(P(\cdot | z_{<h}), \hat P(\cdot | z_{<h})), \qquad h = 1, \dots, H .

    The sum bounds the total variation of whatever is read off the path, the answer included.

    Parameters
    ----------
    steps : sequence of H array_like, entry h of shape (m,) * h
        Step laws P of the Bayesian average, whose paths the mean is over.
    estimates : sequence of H array_like of the same shapes
        Step laws of the model.

    Returns
    -------
    ndarray, shape (H,)
        One mean distance per step.

    Notes
    -----
    Proof of TV(paths) <= sum (hybrid argument). Let Q_h be the law of a path whose first h steps are drawn
    from P and the others from the model; Q_H is P's and Q_0 the model's. Q_h and Q_{h-1} differ in the law of
    step h alone, after a prefix drawn from P and with a common continuation, so TV(Q_h, Q_{h-1}) is the mean
    over prefixes drawn from P of the distance of the step laws. Add up by the triangle inequality. The answer
    is a function of the path, and total variation does not grow under functions. The means must be over the
    paths of one of the two models, the same for all steps, and no step may be left out.

    Examples
    --------
    >>> right, wrong = [[1.0, 0.0], [0.0, 1.0]], [[1.0, 0.0], [1.0, 0.0]]
    >>> step_distances([[0.5, 0.5], right], [[0.75, 0.25], wrong]).tolist()
    [0.25, 0.5]
    """
    if len(steps) != len(estimates):
        raise ValueError(
            f"there are {len(steps)} steps and {len(estimates)} estimates: give one for each step"
        )
    found = []
    for h in range(len(steps)):
        given, model = as_laws(f"steps[{h}]", steps[h]), as_laws(f"estimates[{h}]", estimates[h])
        if given.shape != model.shape:
            raise ValueError(
                f"estimates[{h}] has shape {model.shape}, steps[{h}] {given.shape}: give the same"
            )
        prefix = path_law(steps[:h])
        found.append(float((prefix * 0.5 * np.abs(given - model).sum(axis=-1)).sum()))
    return np.asarray(found)


def pretraining_bound(class_weight: ArrayLike, largest_log_ratio: ArrayLike, distance: ArrayLike) -> Array:
    r"""Return a bound on the pretraining part of the error by a total variation.

    .. math:: E_{P_{\theta^*}} \log\frac{P_{BMA}}{\hat P} \le \frac{1}{\pi_n(\Theta_{eq} | S, z_0)}
        \frac{b}{1 - e^{-b}}\, TV(P_{BMA}, \hat P), \qquad b = \max_y \log\frac{P_{BMA}(y)}{\hat P(y)} .

    Parameters
    ----------
    class_weight : array_like
        Posterior weight of the class of the truth given prompt and query, in (0, 1].
    largest_log_ratio : array_like
        b >= 0, in nats.
    distance : array_like
        Total variation of the answer laws, or anything larger such as the sum of ``step_distances``.

    Returns
    -------
    ndarray
        The bound, in nats.

    Notes
    -----
    Proof. The mean is at most that of the positive part under P*, and P* <= P_BMA / pi_n(class), since the
    members of the class answer with P*. Under P_BMA the mean of the positive part is at most b/(1-e^{-b})
    total variations (``kl_by_total_variation``). The mean under the truth is no divergence, so the second
    step cannot be had without the first.

    Examples
    --------
    >>> pretraining_bound(0.5, 0.0, 0.1).tolist()
    0.2
    """
    weight, gap = as_floats("class_weight", class_weight), as_floats("distance", distance)
    if np.any((weight <= 0.0) | (weight > 1.0)):
        raise ValueError(f"class_weight is {class_weight!r}: give a posterior weight in (0, 1]")
    if np.any(gap < 0.0):
        raise ValueError(f"distance is {distance!r}: a total variation is not negative")
    return np.asarray(kl_by_total_variation(largest_log_ratio) * gap / weight)
