"""The mean losses of a prompt: exactly, by plain sampling, or by sampling where the losses come from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.special import logsumexp

from tightbound.simulators.chain_of_thought.sampling import draw_log_likelihoods
from tightbound.theory._validation import Array, Integers, as_integer
from tightbound.theory.chain_of_thought.discrete_chain import DiscreteChain
from tightbound.theory.chain_of_thought.equivalence import as_truth
from tightbound.theory.chain_of_thought.exponents import chernoff_point, log_affinity
from tightbound.theory.chain_of_thought.prompt_losses import prompt_losses
from tightbound.theory.chain_of_thought.prompting_error import exact_prompting_error

Method = Literal["exact", "importance", "monte_carlo"]
METHODS = ("exact", "importance", "monte_carlo")
EVEN_SHARE = 0.1


@dataclass(frozen=True)
class Estimate:
    """A mean that may be too small for a float, with its relative standard error.

    Parameters
    ----------
    log_value : float
        Logarithm of the estimate; -inf for 0.
    relative_error : float
        Standard error / estimate; 0 where it is exact.
    """

    log_value: float
    relative_error: float

    @property
    def value(self) -> float:
        """The estimate."""
        return float(np.exp(self.log_value))

    @property
    def standard_error(self) -> float:
        """Its standard error."""
        return self.value * self.relative_error


@dataclass(frozen=True)
class PromptingError:
    """Mean losses of a prompt.

    Parameters
    ----------
    doubt : Estimate
        E[1 - pi_n(truth)].
    surprise : Estimate
        E[-log pi_n(class of the truth)], in nats, the query seen.
    answer_kl : Estimate
        E[KL of the averaged answer law], in nats: the prompting error.
    """

    doubt: Estimate
    surprise: Estimate
    answer_kl: Estimate


def prompting_error(
    chain: DiscreteChain,
    truth: int,
    n: int,
    *,
    method: Method = "importance",
    samples: int = 100_000,
    allow_misspecified: bool = False,
    rng: int | np.random.Generator | None = None,
) -> PromptingError:
    r"""Return the mean losses of a prompt of n demonstrations of the true task.

    Parameters
    ----------
    chain : DiscreteChain
        Tasks and prior.
    truth : int
        The task that is demonstrated and asked.
    n : int
        Number of demonstrations, at least 0.
    method : {"exact", "importance", "monte_carlo"}
        ``exact`` enumerates count vectors and refuses more than 5e6. ``importance`` draws prompts from laws
        between the truth and each competitor and weighs them; its relative error grows like n^{1/4} and no
        faster (about 1 % at n = 640 with the default number of samples). ``monte_carlo`` draws prompts of
        the truth; it sees nothing of a loss below 1 / samples.
    samples : int
        Number of prompts, at least 2; not read by ``exact``.
    allow_misspecified : bool
        Whether the truth may have prior probability zero. ``importance`` then has no competitors to tilt to
        and is refused.
    rng : None, int or Generator
        Source of randomness.

    Returns
    -------
    PromptingError
        Three estimates.

    Raises
    ------
    InconsistentEvidenceError
        Where a misspecified truth produces what the prior excludes.
    TypeError, ValueError, IndexError
        For arguments out of range.

    Notes
    -----
    The proposal for competitor theta is q ∝ p_*^{1-s} p_theta^s with s where its share of the bound on the
    loss is least (``chernoff_point`` with the prior ratio), the law under which both explain the prompt
    equally well. Competitors are drawn in proportion to their shares of the bound, a tenth evenly, and every
    prompt is weighed by its density under the mixture of all (balance heuristic), which needs
    log-likelihoods only:

    .. math:: w^{-1} = \sum_\theta \alpha_\theta \exp\big(s_\theta(\ell_\theta - \ell_*) - n
        f_\theta(s_\theta)\big)

    References
    ----------
    Siegmund, "Importance sampling in the Monte Carlo study of sequential tests", Annals of Statistics 4,
    1976; Veach and Guibas, "Optimally combining sampling techniques for Monte Carlo rendering", SIGGRAPH
    1995.

    Examples
    --------
    >>> chain = DiscreteChain([0.5, 0.5], [[[[0.9, 0.1], [0.1, 0.9]]], [[[0.5, 0.5], [0.5, 0.5]]]])
    >>> found = prompting_error(chain, 0, 640, rng=0).doubt
    >>> round(found.log_value), found.relative_error < 0.05
    (-75, True)
    """
    count, drawn = as_integer("n", n, least=0), as_integer("samples", samples, least=2)
    true = as_truth(chain, truth, allow_misspecified=allow_misspecified)
    if method not in METHODS:
        raise ValueError(f"method is {method!r}: choose one of {', '.join(METHODS)}")
    if method == "exact" or count == 0:
        losses = exact_prompting_error(chain, true, count, allow_misspecified=allow_misspecified)
        return PromptingError(*(Estimate(float(one), 0.0) for one in losses))
    if method == "importance" and chain.prior[true] == 0.0:
        raise ValueError(
            f"truth is task {true}, which has prior probability 0: its error does not vanish, so "
            "method='monte_carlo' sees it"
        )
    source = np.random.default_rng(rng)
    itself = chain.query[true], chain.kernels[true]
    proposals = None if method == "monte_carlo" else _proposals(chain, true, count)
    if proposals is None:
        likelihoods, log_weight = draw_log_likelihoods(chain, *itself, count, drawn, source), np.zeros(drawn)
    else:
        likelihoods, log_weight = _tilted(chain, true, count, drawn, source, *proposals)
    losses = prompt_losses(chain, true, likelihoods, allow_misspecified=allow_misspecified)
    return PromptingError(*(_mean(np.asarray(one) + log_weight) for one in losses))


def _proposals(chain: DiscreteChain, true: int, n: int) -> tuple[Integers, Array, Array] | None:
    """Return competitors, their tilts and their shares; None where one demonstration excludes them all."""
    reachable = np.isfinite(log_affinity(chain, true, 0.5)) & (chain.prior > 0.0)
    reachable[true] = False
    others = np.flatnonzero(reachable)
    if others.size == 0:
        return None
    ratio = np.where(chain.prior > 0.0, chain.log_prior - chain.log_prior[true], 0.0)
    point = chernoff_point(chain, true, tilt=ratio, n=n)
    log_bound = -point.value[others]
    share = np.exp(log_bound - logsumexp(log_bound))
    return others, point.s[others], (1.0 - EVEN_SHARE) * share + EVEN_SHARE / others.size


def _tilted(
    chain: DiscreteChain,
    true: int,
    n: int,
    samples: int,
    rng: np.random.Generator,
    others: Integers,
    tilt: Array,
    share: Array,
) -> tuple[Array, Array]:
    """Return log-likelihoods of prompts from the tilted laws, and log weights."""
    sizes = np.maximum(1, np.round(share * samples).astype(int))
    parts = [
        draw_log_likelihoods(chain, *_tilted_law(chain, true, int(other), float(s)), n, int(size), rng)
        for other, s, size in zip(others, tilt, sizes, strict=True)
    ]
    full = np.zeros(chain.tasks)
    full[others] = tilt
    log_total = log_affinity(chain, true, full)[others]
    likelihoods = np.concatenate(parts)
    excess = likelihoods[:, others] - likelihoods[:, [true]]
    with np.errstate(invalid="ignore"):
        density = np.where(np.isneginf(excess), -np.inf, tilt * excess - n * log_total)
    return likelihoods, -logsumexp(density + np.log(sizes / sizes.sum()), axis=1)


def _tilted_law(chain: DiscreteChain, true: int, other: int, s: float) -> tuple[Array, Array]:
    """Return queries and kernels of the law proportional to p_true^{1-s} p_other^s, again a Markov chain."""

    def mixed(first: Array, second: Array) -> Array:
        both = (first > 0.0) & (second > 0.0)
        logs = (np.log(np.where(both, one, 1.0)) for one in (first, second))
        return np.asarray(np.where(both, np.exp((1.0 - s) * next(logs) + s * next(logs)), 0.0))

    ahead: Array = np.ones(chain.states)
    kernels = np.empty((chain.steps, chain.states, chain.states))
    for h in range(chain.steps - 1, -1, -1):
        step = mixed(chain.kernels[true, h], chain.kernels[other, h]) * ahead
        ahead = step.sum(axis=1)
        # rows without a continuation are never reached
        kernels[h] = np.divide(
            step,
            ahead[:, None],
            out=np.eye(1, chain.states).repeat(chain.states, 0),
            where=ahead[:, None] > 0.0,
        )
    first = mixed(chain.query[true], chain.query[other]) * ahead
    return first / first.sum(), kernels


def _mean(log_terms: Array) -> Estimate:
    """Mean of exp(log_terms) and its relative error, with strata taken for one sample (conservative)."""
    size = log_terms.size
    total = float(logsumexp(log_terms))
    if not np.isfinite(total):
        return Estimate(total, 0.0)
    scaled = np.exp(log_terms - log_terms.max())
    return Estimate(total - float(np.log(size)), float(scaled.std(ddof=1) / scaled.mean() / np.sqrt(size)))
