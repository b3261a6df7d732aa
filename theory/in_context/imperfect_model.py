r"""Regret of a model that only approximates the Bayesian model average.

A pretrained model :math:`\hat P` predicts responses where the average :math:`P` would be right. It is asked
about prompts whose responses follow one task z*, and covariates a law of their own.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import ArrayLike

from tightbound.theory._log_space import safe_log
from tightbound.theory._validation import Array, Integers, as_floats, as_integer, as_laws
from tightbound.theory.in_context.finite_tasks import FiniteTasks
from tightbound.theory.in_context.model_averaging import log_posterior
from tightbound.theory.in_context.perturbation import kl_by_total_variation

LARGEST_ENUMERATION = 100_000

Predictor = Callable[[Array, Array, Integers], Array]
"""``(weights (B, T, M), laws (B, T, R), covariates (B, T)) -> laws (B, T, R)``.

What the model predicts where the posterior has these weights and the average predicts these laws.
"""


@dataclass(frozen=True, eq=False)
class ImperfectRegret:
    """Exact expectations over all prompts of up to T demonstrations.

    Parameters
    ----------
    versus_truth, versus_hindsight : ndarray, shape (T,)
        Mean average regret of the model after t = 1, ..., T demonstrations, in nats, against the task that
        wrote the prompt and against the best task in hindsight.
    total_variation : ndarray, shape (T,)
        Mean distance between the model and the average at each position, over prompts as in pretraining.
    largest_log_ratio : float
        Largest log of the average over the model, b, over prompts and responses met in pretraining; at least
        0, infinite where the model excludes what pretraining has.
    pair_domination, prompt_domination : float
        Largest density ratio of prompts-with-response, and of prompts, between the use and pretraining; at
        least 1, infinite where the use has what pretraining lacks.
    least_prediction : float
        Smallest probability that the model gives to a response of the use.
    """

    versus_truth: Array
    versus_hindsight: Array
    total_variation: Array
    largest_log_ratio: float
    pair_domination: float
    prompt_domination: float
    least_prediction: float


def imperfect_regret_bound(
    log_inverse_prior: float, domination: float, largest_log_ratio: float, total_variation: ArrayLike
) -> Array:
    r"""Bound the expected regret of an imperfect model.

    .. math:: E_{z^*} \mathrm{regret}_t(\hat P) \le \frac{\beta}{t}
        + \kappa \cdot \frac{b}{1 - e^{-b}} \cdot \frac1t \sum_{i \le t} E_D\,
        TV\big(P(\cdot|\mathrm{prompt}_i), \hat P(\cdot|\mathrm{prompt}_i)\big)

    Parameters
    ----------
    log_inverse_prior : float
        :math:`\beta \ge \log(1/\pi(z^*))`; for the regret in hindsight, at least
        :math:`\max_z \log(1/\pi(z))`.
    domination : float
        :math:`\kappa \ge 1`, with :math:`P_{use}(\mathrm{prompt}, r) \le \kappa P_D(\mathrm{prompt}, r)` at
        all positions up to t. If the use is the component z* of the pretraining mixture D,
        :math:`\kappa = 1/\pi(z^*)` does.
    largest_log_ratio : float
        b with :math:`P(r|\mathrm{prompt}) \le e^b \hat P(r|\mathrm{prompt})`; a model whose predictions are
        at least :math:`b_y` has :math:`b \le \log(1/b_y)`.
    total_variation : array_like, shape (..., T)
        Expected total variation at each position under D.

    Returns
    -------
    ndarray, shape (..., T)
        The bound after t = 1, ..., T demonstrations, in nats.

    Raises
    ------
    TypeError, ValueError
        For an argument that is negative or not finite, or a domination below 1.

    Notes
    -----
    *Proof.* The telescoping identity

    .. math:: \mathrm{regret}_t(\hat P) = \mathrm{regret}_t(P) + \frac1t \sum_{i \le t}
        \log\frac{P(r_i|\mathrm{prompt}_i)}{\hat P(r_i|\mathrm{prompt}_i)}

    holds for either comparator. The first term is at most :math:`\beta/t` on every sequence. In the second
    bound each logarithm by its positive part, a non-negative function of (prompt, response); so

    .. math:: E_{use}\Big(\log\frac P{\hat P}\Big)_+ \le \kappa\, E_D \Big(\log\frac P{\hat P}\Big)_+ .

    Under D a response given its prompt follows P itself, so the inner mean is
    :math:`E_P(\log P/\hat P)_+ \le \frac{b}{1-e^{-b}} TV(P, \hat P)`
    (:func:`tightbound.theory.in_context.perturbation.kl_by_total_variation`). ∎

    *Two gaps of the printed argument are closed by this.* (i) In use the response follows z*, not P, so
    :math:`E_{use}\log(P/\hat P)` is not a divergence and a bound on divergences does not apply to it; the
    positive part under D does the work. (ii) For that, pairs must be dominated and not only prompts. Pairs
    are dominated with :math:`1/\pi(z^*)` where D is the mixture, because
    :math:`P_D \ge \pi(z^*) P_{z^*}`; and under Assumption 5.2 domination of prompts by :math:`\kappa` gives
    domination of pairs by :math:`\kappa/c_0`, because
    :math:`P_{z^*}(r|\mathrm{prompt}) \le 1 \le P(r|\mathrm{prompt})/c_0`.

    The second term does not vanish with t: it is a floor left by pretraining.

    References
    ----------
    Zhang, Zhang, Yang, Wang, AISTATS 2025, arXiv:2305.19420, Theorem 6.2 (display lost in the copy read), of
    which this is a version with constants.

    Examples
    --------
    >>> imperfect_regret_bound(np.log(4.0), 4.0, 1.0, [0.01, 0.01]).round(4).tolist()
    [1.4496, 0.7564]
    """
    beta = _at_least("log_inverse_prior", log_inverse_prior, 0.0)
    kappa = _at_least("domination", domination, 1.0)
    factor = kl_by_total_variation(_at_least("largest_log_ratio", largest_log_ratio, 0.0))
    distance = as_floats("total_variation", total_variation)
    if distance.ndim == 0 or np.any(distance < 0.0):
        raise ValueError("total_variation must hold one distance of at least 0 per position, shape (..., T)")
    steps = np.arange(1.0, distance.shape[-1] + 1.0)
    return np.asarray((beta + kappa * factor * np.cumsum(distance, axis=-1)) / steps)


def imperfect_regret(
    tasks: FiniteTasks,
    truth: int,
    predictor: Predictor,
    length: int,
    *,
    pretraining: ArrayLike,
    use: ArrayLike | None = None,
) -> ImperfectRegret:
    r"""Return the exact expected regret of a model and all that its bound needs, by enumeration.

    Parameters
    ----------
    tasks : FiniteTasks
        Pretraining draws a task from its prior; covariates must not have a law of their own there.
    truth : int
        z*, the task of the prompts in use.
    predictor : callable
        The model, see :data:`Predictor`.
    length : int
        T, at least 1.
    pretraining, use : array_like, shape (C,)
        Law of covariates in pretraining and in use; the same where ``use`` is left out.

    Returns
    -------
    ImperfectRegret

    Raises
    ------
    InconsistentEvidenceError
        Where some sequence of responses is impossible under every task.
    TypeError, ValueError
        For a task or law that does not fit, predictions that are no laws, or more than 100 000 prompts.

    Examples
    --------
    >>> tasks = FiniteTasks([0.5, 0.5], [[[0.9, 0.1]], [[0.1, 0.9]]])
    >>> found = imperfect_regret(tasks, 0, lambda weights, laws, covariates: laws, 3, pretraining=[1.0])
    >>> found.total_variation.tolist(), bool(found.versus_truth[-1] <= np.log(2.0) / 3)
    ([0.0, 0.0, 0.0], True)
    """
    steps, z = as_integer("length", length, least=1), as_integer("truth", truth, least=0)
    if tasks.covariate is not None:
        raise ValueError("tasks has a law of covariates: leave it out, and give pretraining and use instead")
    if z >= tasks.tasks or tasks.prior[z] == 0.0:
        raise ValueError(f"truth is {z}: give a task of positive prior probability below {tasks.tasks}")
    before = _covariate_law("pretraining", pretraining, tasks)
    after = before if use is None else _covariate_law("use", use, tasks)
    c, r = _all_prompts(tasks, steps, np.flatnonzero((before > 0.0) | (after > 0.0)))
    table = tasks.log_likelihoods(c, r)
    joint = tasks.log_prior + np.concatenate(
        [np.zeros((len(c), 1, tasks.tasks)), np.cumsum(table, axis=1)], axis=1
    )
    weights = np.exp(log_posterior(tasks, c, r)[:, :-1])
    laws = np.einsum("btm,mbtr->btr", weights, tasks.likelihood[:, c])
    model = as_laws("predictor's answer", predictor(weights, laws, c))
    if model.shape != laws.shape:
        raise ValueError(f"predictor returned shape {model.shape}: give one law per prompt, {laws.shape}")

    said = np.take_along_axis(safe_log(model), r[..., None], axis=-1)[..., 0]
    right = np.take_along_axis(safe_log(laws), r[..., None], axis=-1)[..., 0]
    log_before, log_after = (np.cumsum(safe_log(law)[c], axis=1) for law in (before, after))
    trained = log_before + np.logaddexp.reduce(joint, axis=2)[:, 1:]
    chain = np.cumsum(table, axis=1)
    used = log_after + chain[..., z]

    chance, frequency = np.exp(used[:, -1]), np.exp(trained[:, -1])
    met = np.isfinite(trained)
    ours = np.isfinite(used)
    lost = np.where(ours, chain[..., z] - np.cumsum(np.where(ours, said, 0.0), axis=1), 0.0)
    ahead = np.where(ours, chain.max(axis=2, where=tasks.prior > 0.0, initial=-np.inf) - chain[..., z], 0.0)
    count = np.arange(1.0, steps + 1.0)
    likely = chance > 0.0
    with np.errstate(invalid="ignore"):
        ratio = np.where(met, right - said, 0.0)
        pairs = np.where(ours, used - trained, -np.inf)
        prompts = np.where(ours, pairs - (table[..., z] - right), -np.inf)
    return ImperfectRegret(
        versus_truth=chance[likely] @ lost[likely] / count,
        versus_hindsight=chance[likely] @ (lost + ahead)[likely] / count,
        total_variation=frequency @ (0.5 * np.abs(laws - model).sum(axis=2)),
        largest_log_ratio=max(0.0, float(ratio.max())),
        pair_domination=max(1.0, float(np.exp(pairs.max()))),
        prompt_domination=max(1.0, float(np.exp(prompts.max()))),
        least_prediction=float(np.exp(said[ours].min())),
    )


def _all_prompts(tasks: FiniteTasks, steps: int, asked: Integers) -> tuple[Integers, Integers]:
    pairs = np.array(list(product(asked.tolist(), range(tasks.responses))), dtype=np.int64)
    if len(pairs) ** steps > LARGEST_ENUMERATION:
        raise ValueError(
            f"length is {steps}: {len(pairs)} different demonstrations make {len(pairs) ** steps} prompts, "
            f"more than {LARGEST_ENUMERATION}; use a smaller length or fewer covariates"
        )
    digits = np.indices((len(pairs),) * steps).reshape(steps, -1).T
    return pairs[digits, 0], pairs[digits, 1]


def _covariate_law(name: str, law: ArrayLike, tasks: FiniteTasks) -> Array:
    found = as_laws(name, law)
    if found.shape != (tasks.covariates,):
        raise ValueError(
            f"{name} has shape {found.shape}: give one probability per covariate, ({tasks.covariates},)"
        )
    return found


def _at_least(name: str, value: float, least: float) -> float:
    number = as_floats(name, value)
    if number.ndim or number < least:
        raise ValueError(f"{name} is {value!r}: give one number of at least {least:g}")
    return float(number)
