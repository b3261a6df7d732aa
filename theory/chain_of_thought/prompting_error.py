"""The mean losses of a prompt, exactly, by enumerating prompts up to order."""

from __future__ import annotations

from scipy.special import logsumexp

from tightbound.theory._log_space import safe_log
from tightbound.theory._validation import Array, as_integer
from tightbound.theory.chain_of_thought.discrete_chain import DiscreteChain
from tightbound.theory.chain_of_thought.equivalence import as_truth
from tightbound.theory.chain_of_thought.prompt_losses import PromptLosses, prompt_losses
from tightbound.theory.method_of_types import count_vectors, log_likelihood, log_multinomial


def exact_prompting_error(
    chain: DiscreteChain, truth: int, n: int, *, allow_misspecified: bool = False
) -> PromptLosses:
    r"""Return the expected losses of a prompt of n demonstrations of the true task.

    .. math:: E_S[g(S)] = \sum_{c} \frac{n!}{\prod_a c_a!} \prod_a p_{\theta^*}(a)^{c_a} g(c)

    A prompt matters only through how often each trajectory a occurs in it, so the sum over count vectors c is
    exact. It refuses more than 5e6 of them.

    Parameters
    ----------
    chain : DiscreteChain
        Tasks and prior.
    truth : int
        The task that is demonstrated and asked.
    n : int
        Number of demonstrations, at least 0.
    allow_misspecified : bool
        Whether the truth may have prior probability zero; the error then need not vanish.

    Returns
    -------
    PromptLosses
        Logarithms of the three expectations, floats.

    Raises
    ------
    InconsistentEvidenceError
        Where a misspecified truth produces what the prior excludes.
    TypeError, ValueError, IndexError
        For arguments out of range, and where there are too many count vectors.

    Examples
    --------
    >>> import numpy as np
    >>> chain = DiscreteChain([0.5, 0.5], [[[[0.9, 0.1], [0.1, 0.9]]], [[[0.5, 0.5], [0.5, 0.5]]]])
    >>> [round(float(np.exp(exact_prompting_error(chain, 0, n).log_doubt)), 4) for n in (0, 1, 8)]
    [0.5, 0.4048, 0.1295]
    """
    true = as_truth(chain, truth, allow_misspecified=allow_misspecified)
    log_chance, log_likelihoods = prompt_types(chain, n, true)
    losses = prompt_losses(chain, true, log_likelihoods, allow_misspecified=allow_misspecified)
    return PromptLosses(*(float(logsumexp(log_chance + one)) for one in losses))


def prompt_types(chain: DiscreteChain, n: int, truth: int) -> tuple[Array, Array]:
    """Return the log-probability of every count vector under the truth, and its log-likelihoods.

    Parameters
    ----------
    chain : DiscreteChain
        The tasks.
    n : int
        Number of demonstrations, at least 0.
    truth : int
        The task that is demonstrated; trajectories that it excludes are left out.

    Returns
    -------
    log_chance : ndarray, shape (K,)
        They sum to one.
    log_likelihoods : ndarray, shape (K, M)
        Of any one order of the demonstrations.

    Raises
    ------
    TypeError, ValueError
        For arguments out of range, and where there are too many count vectors.

    Examples
    --------
    >>> chain = DiscreteChain([0.5, 0.5], [[[[0.9, 0.1], [0.1, 0.9]]], [[[0.5, 0.5], [0.5, 0.5]]]])
    >>> import math
    >>> log_chance, log_likelihoods = prompt_types(chain, 2, 0)
    >>> log_likelihoods.shape, round(sum(map(math.exp, log_chance)), 12)
    ((10, 2), 1.0)
    """
    count = as_integer("n", n, least=0)
    laws = chain.trajectory_law()
    logs = safe_log(laws[:, laws[truth] > 0.0])
    counts = count_vectors(count, logs.shape[1])
    likelihoods = log_likelihood(counts, logs)
    return log_multinomial(counts) + likelihoods[:, truth], likelihoods
