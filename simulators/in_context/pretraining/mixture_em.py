r"""Maximum likelihood for documents with a hidden concept each: a mixture of Markov chains, by EM.

.. math:: z^n \sim \pi, \quad x^n_1 \sim \mu_{z^n}, \quad x^n_{t+1} \sim P_{z^n}(x^n_t, \cdot), \qquad
    \hat\theta = \arg\max_\theta \sum_n \log \sum_z \pi_z \mu_z(x^n_1) \prod_t P_z(x^n_t, x^n_{t+1})

By the chain rule the log likelihood of a document is the sum of log predictive probabilities of its tokens,
so the maximiser minimises the cross entropy of next tokens over all models that average chains. The network
that computes posteriors exactly, with its table of log likelihoods and its prior as the only trained weights,
has the same predictions and the same loss: its minimiser is this one, and it is not written a second time.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from tightbound.theory._log_space import log_sum
from tightbound.theory._validation import Array, Integers, as_floats, as_indices, as_integer, as_laws
from tightbound.theory.in_context.markov_tasks import MarkovTasks

_IMPOSSIBLE = -1e6  # stands for log 0 in products with counts: 0 times it is 0, and its exponential is 0


@dataclass(frozen=True, eq=False)
class MixtureFit:
    """Fitted mixtures, one for each set of documents.

    Parameters
    ----------
    prior : ndarray, shape (R, M)
        Fitted law of the concept.
    initial : ndarray, shape (R, M, m)
        Fitted laws of the first token.
    transition : ndarray, shape (R, M, m, m)
        Fitted chains.
    log_likelihood : ndarray, shape (R,)
        Mean over documents, in nats, before the last update.
    converged : ndarray of bool, shape (R,)
        Whether the last update raised it by no more than the tolerance.
    iterations : int
        Updates made.
    """

    prior: Array
    initial: Array
    transition: Array
    log_likelihood: Array
    converged: np.ndarray
    iterations: int


def document_counts(tokens: ArrayLike, states: int) -> tuple[Integers, Array]:
    """Return what the likelihood of a document depends on.

    Parameters
    ----------
    tokens : array_like of int, shape (R, N, T)
        Documents of T >= 1 tokens.
    states : int
        m, number of different tokens.

    Returns
    -------
    first : ndarray of int, shape (R, N)
        First tokens.
    counts : ndarray, shape (R, N, m, m)
        How often y followed x in each document.

    Raises
    ------
    IndexError, TypeError, ValueError
        For tokens out of range or of another shape.

    Examples
    --------
    >>> first, counts = document_counts([[[0, 1, 1]]], 2)
    >>> first.tolist(), counts.tolist()
    ([[0]], [[[[0.0, 1.0], [0.0, 1.0]]]])
    """
    m = as_integer("states", states, least=1)
    seen = as_indices("tokens", tokens, m)
    if seen.ndim != 3 or seen.shape[2] == 0:
        raise ValueError(f"tokens has shape {seen.shape}: give sets of documents, (R, N, T) with T >= 1")
    runs, n, _ = seen.shape
    which = np.arange(runs * n).reshape(runs, n, 1) * m * m
    code = which + seen[..., :-1] * m + seen[..., 1:]
    counts = np.bincount(code.reshape(-1), minlength=runs * n * m * m).astype(np.float64)
    return seen[..., 0], counts.reshape(runs, n, m, m)


def fit_mixture(
    tokens: ArrayLike, start: MarkovTasks, *, tolerance: float = 1e-9, most_iterations: int = 1000
) -> MixtureFit:
    """Run EM on many sets of documents at once.

    Parameters
    ----------
    tokens : array_like of int, shape (R, N, T)
        R sets of N documents of T tokens.
    start : MarkovTasks
        Where EM starts. Started from the truth it finds the *local* maximiser next to it, which is what rates
        are about; that a random start would find it too is not claimed.
    tolerance : float, default 1e-9
        EM of a set ends when an update raises the mean log likelihood of a document by no more than this.
    most_iterations : int, default 1000
        Updates after which EM ends in any case; ``converged`` says which sets were done.

    Returns
    -------
    MixtureFit

    Raises
    ------
    IndexError, TypeError, ValueError
        For tokens out of range or of another shape, or a tolerance or number of iterations out of range.

    References
    ----------
    Dempster, Laird, Rubin, "Maximum likelihood from incomplete data via the EM algorithm", JRSS B 39, 1977.

    Examples
    --------
    >>> truth = MarkovTasks([0.5, 0.5], [0.5, 0.5], [[[0.9, 0.1], [0.9, 0.1]], [[0.1, 0.9], [0.1, 0.9]]])
    >>> fit = fit_mixture([[[0, 0, 0, 0], [0, 0, 0, 0], [1, 1, 1, 1], [1, 0, 1, 1]]], truth)
    >>> bool(fit.converged[0]), fit.prior[0].round(1).tolist()
    (True, [0.5, 0.5])
    """
    first, counts = document_counts(tokens, start.tokens)
    limit = float(as_floats("tolerance", tolerance))
    if limit <= 0.0:
        raise ValueError(f"tolerance is {tolerance!r}: give a positive gain in log likelihood, e.g. 1e-9")
    rounds = as_integer("most_iterations", most_iterations, least=1)
    runs, n, m, _ = counts.shape
    begun = np.eye(m)[first]
    flat = counts.reshape(runs, n, m * m)
    prior = np.tile(start.prior, (runs, 1))
    initial = np.tile(start.initial, (runs, 1, 1))
    transition = np.tile(start.transition, (runs, 1, 1, 1))
    value = np.full(runs, -np.inf)
    done = np.zeros(runs, dtype=bool)
    made = 0
    while made < rounds and not done.all():
        made += 1
        live = np.flatnonzero(~done)
        logs = (
            _logs(prior[live])[:, None]
            + begun[live] @ _logs(initial[live]).mT
            + flat[live] @ _logs(transition[live]).reshape(len(live), -1, m * m).mT
        )
        evidence = log_sum(logs)
        weight = np.exp(logs - evidence[..., None])
        now = evidence.mean(axis=1)
        done[live] = now - value[live] <= limit
        value[live] = now
        total = weight.sum(axis=1)
        prior[live] = total / n
        initial[live] = _rows(weight.mT @ begun[live])
        transition[live] = _rows((weight.mT @ flat[live]).reshape(len(live), -1, m, m))
    return MixtureFit(prior, initial, transition, value, done, made)


def mixture_error(fit: MixtureFit, tokens: ArrayLike, laws: ArrayLike) -> Array:
    r"""Return the distance of fitted mixtures from the true average, at every position.

    .. math:: TV\big(P_{\hat\theta}(x_t = \cdot \mid x_1, \dots, x_{t-1}),
        P(x_t = \cdot \mid x_1, \dots, x_{t-1})\big), \qquad \text{mean over documents}

    Parameters
    ----------
    fit : MixtureFit
        R mixtures.
    tokens : array_like of int, shape (R, B, T)
        Fresh documents, B for each mixture; at least one token long.
    laws : array_like, shape (R, B, T, m)
        What the truth predicts there: ``MarkovTasks.predictive`` of the same documents.

    Returns
    -------
    ndarray, shape (R, T)
        Entry 0 is the error at the empty prompt.

    Raises
    ------
    IndexError, TypeError, ValueError
        For tokens out of range or of another shape.
    """
    runs, _, m = fit.initial.shape
    seen, right = as_indices("tokens", tokens, m), as_laws("laws", laws)
    if seen.ndim != 3 or len(seen) != runs or 0 in seen.shape or right.shape != (*seen.shape, m):
        raise ValueError(
            f"tokens has shape {seen.shape}, laws {right.shape}: give documents for each of {runs} mixtures, "
            f"(R, B, T), and a law for each token, (R, B, T, {m})"
        )
    size = seen.shape[2]
    found = np.empty((runs, size))
    for run in range(runs):
        prior, initial, transition = fit.prior[run], fit.initial[run], fit.transition[run]
        before, after = seen[run, :, :-1], seen[run, :, 1:]
        # weights after t = 1, ..., T - 1 tokens, up to a factor
        steps = _logs(transition)[:, before, after][..., :-1]
        opening = _logs(prior)[:, None, None] + _logs(initial)[:, seen[run, :, :1]]
        logs = np.concatenate([opening, opening + np.cumsum(steps, axis=-1)], axis=-1)
        weight = np.exp(logs - logs.max(axis=0))
        weight /= weight.sum(axis=0)
        guess = (weight[..., None] * transition[:, before]).sum(axis=0)
        found[run, 1:] = 0.5 * np.abs(guess - right[run, :, 1:]).sum(axis=-1).mean(axis=0)
        found[run, 0] = 0.5 * np.abs(prior @ initial - right[run, 0, 0]).sum()
    return found


def _logs(probabilities: Array) -> Array:
    with np.errstate(divide="ignore"):
        return np.asarray(np.maximum(np.log(probabilities), _IMPOSSIBLE))


def _rows(counts: Array) -> Array:
    """Return rows of frequencies, uniform where there is nothing to count."""
    total = counts.sum(axis=-1, keepdims=True)
    uniform = np.full(counts.shape, 1.0 / counts.shape[-1])
    return np.asarray(np.divide(counts, total, out=uniform, where=total > 0.0))
