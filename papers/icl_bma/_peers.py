"""The same log likelihoods of a bank of hidden Markov models in other packages, and GINC's predictor.

The code of GINC (Xie et al., "An Explanation of In-context Learning as Implicit Bayesian Inference", ICLR
2022) is a collection of scripts that cannot be installed, so it is not timed. What its predictor returns, an
average of all models with equal weights, is written out here as a control: it is no posterior average.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tightbound.theory.in_context.hmm_concept import HMMConcept

Array = NDArray[np.float64]
Integers = NDArray[np.int64]
Runner = Callable[[], Array]
Peer = Callable[[HMMConcept, Integers], Runner]


def hmmlearn_scores(bank: HMMConcept, responses: Integers) -> Runner:
    """Return a function that scores every sequence by every model, one call each, shape (B, M).

    Probabilities are scaled at each step (``implementation="scaling"``), the faster of its two ways.
    """
    from hmmlearn.hmm import CategoricalHMM

    models = []
    for z in range(bank.tasks):
        model = CategoricalHMM(n_components=bank.hidden_states, implementation="scaling")
        model.n_features = bank.responses
        model.startprob_, model.transmat_ = bank.initial[z], bank.transition[z]
        model.emissionprob_ = bank.emission[z, :, 0]
        models.append(model)
    columns = [np.ascontiguousarray(row[:, None]) for row in responses]

    def run() -> Array:
        return np.array([[model.score(column) for model in models] for column in columns])

    return run


def dynamax_filter(bank: HMMConcept, responses: Integers) -> Runner:
    """Return a function that filters all sequences by all models in one compiled call, in double precision.

    Its filter puts probabilities in (0, 1e-15) to 1e-15, and goes on from a response of probability zero with
    a finite log likelihood, so it agrees only where no state is as unlikely as that.
    """
    import jax

    with warnings.catch_warnings():  # of names in JAX that it takes from another package
        warnings.simplefilter("ignore", DeprecationWarning)
        from dynamax.hidden_markov_model import hmm_filter

    with jax.enable_x64(True):
        import jax.numpy as jnp

        with np.errstate(divide="ignore"):
            logs = jnp.asarray(np.log(bank.emission[:, :, 0]))
        laws, seen = (jnp.asarray(bank.initial), jnp.asarray(bank.transition), logs), jnp.asarray(responses)

        def one(initial: Any, transition: Any, emission: Any, sequence: Any) -> Any:
            return hmm_filter(initial, transition, emission[:, sequence].T).marginal_loglik

        program = jax.jit(jax.vmap(jax.vmap(one, (0, 0, 0, None)), (None, None, None, 0)))

    def run() -> Array:
        with jax.enable_x64(True):
            return np.asarray(program(*laws, seen))

    return run


PEERS: dict[str, tuple[str, Peer]] = {
    "hmmlearn": ("one score per sequence and model", hmmlearn_scores),
    "dynamax": ("one batch in JAX", dynamax_filter),
}
"""By module that must be importable: a label and what prepares the run."""


def equal_weight_log_predictive(bank: HMMConcept, responses: Integers) -> Array:
    r"""Return the logarithm of an average of all models' predictions with equal weights, shape (B, T).

    .. math:: \log \frac1M \sum_z P(r_t | S_{t-1}, z)
    """
    told = bank.log_likelihoods(np.zeros_like(responses), responses)
    return np.asarray(np.logaddexp.reduce(told, axis=-1) - np.log(bank.tasks))
