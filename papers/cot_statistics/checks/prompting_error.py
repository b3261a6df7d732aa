"""COT-3: the prompting error decays exponentially in the number of demonstrations, with constants."""

from __future__ import annotations

import warnings

import numpy as np
from scipy.special import logsumexp

from tightbound.papers.cot_statistics.checks._chains import (
    DECAY,
    EXACT,
    PAPER,
    SHUFFLED,
    Arrays,
    instances,
    marginals,
    one,
    sizes,
)
from tightbound.papers.cot_statistics.checks.prompting_rates import PROMPTING_RATES
from tightbound.theory.chain_of_thought.discrete_chain import DiscreteChain
from tightbound.theory.chain_of_thought.exponents import (
    kl_divergence,
    log_affinity,
)
from tightbound.theory.chain_of_thought.misspecification import misspecified_floor
from tightbound.theory.chain_of_thought.prompt_losses import PromptLosses, prompt_losses
from tightbound.theory.chain_of_thought.prompting_bounds import (
    doubt_bound,
    high_probability_bound,
    power_ratio,
    surprise_bound,
)
from tightbound.theory.chain_of_thought.prompting_error import exact_prompting_error, prompt_types
from tightbound.theory.in_context.errors import UnsupportedTaskWarning
from tightbound.theory.method_of_types import count_vectors, log_likelihood, log_multinomial
from tightbound.verification.claim import Claim, NegativeControl
from tightbound.verification.grid import Cell, Grid
from tightbound.verification.statistics import BoundHolds, Equality, HighProbability

DELTA = 0.1

_SMALL = [
    sizes(2, 2, 2, lengths=(0, 1, 2, 4, 6), instances=10),
    sizes(4, 2, 2, lengths=(0, 1, 2, 4, 6), instances=10),
    sizes(8, 3, 3, lengths=(0, 1, 2), instances=5),
]
_LARGER = [
    sizes(2, 2, 2, lengths=(0, 1, 2, 4, 6, 8), instances=100),
    sizes(4, 2, 2, lengths=(0, 1, 2, 4, 6, 8), instances=100),
    sizes(8, 3, 3, lengths=(0, 1, 2, 3), instances=20),
]


def _shuffled_types(chain: DiscreteChain, n: int, truth: int) -> tuple[np.ndarray, np.ndarray]:
    """Types of prompts whose states are drawn independently from the truth's marginals."""
    law: np.ndarray = np.ones(1)
    for marginal in marginals(chain, truth):
        law = (law[:, None] * marginal).ravel()
    with np.errstate(divide="ignore"):
        logs = np.log(chain.trajectory_law())
    counts = count_vectors(n, law.size)
    return log_multinomial(counts) + counts @ np.log(law), log_likelihood(counts, logs)


def _losses(chain: DiscreteChain, truth: int, n: int, *, shuffled: bool) -> tuple[np.ndarray, PromptLosses]:
    """Return log-chances of count vectors and the losses there."""
    chance, likelihoods = (_shuffled_types if shuffled else prompt_types)(chain, n, truth)
    return chance, prompt_losses(chain, truth, likelihoods)


# --- COT-3a: the identity behind the bounds -----------------------------------------------------------------


def _root_ratio(cell: Cell, rng: np.random.Generator, *, wrong: bool) -> Arrays:
    value, reference = [], []
    for chain, truth in instances(cell, rng):
        for n in cell["lengths"]:
            chance, likelihoods = prompt_types(chain, n, truth)
            ratio = chain.log_prior - chain.log_prior[truth] + likelihoods - likelihoods[:, [truth]]
            value.append(np.exp(logsumexp(chance[:, None] + 0.5 * ratio, axis=0)))
            if wrong:
                rho = np.exp(log_affinity(chain, truth, 0.5))
                reference.append(np.sqrt(chain.prior / chain.prior[truth]) * (1.0 - 2.0 * (1.0 - rho)) ** n)
            else:
                reference.append(np.exp(power_ratio(chain, truth, n, 0.5)))
    return {"value": np.array(value), "reference": np.array(reference)}


def root_ratio(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Mean root of the posterior ratio by enumeration of prompts, and by the affinity."""
    return _root_ratio(cell, rng, wrong=False)


def root_ratio_by_the_wrong_convention(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the same with 2(1 - rho) taken for the squared Hellinger distance and one minus it for rho."""
    return _root_ratio(cell, rng, wrong=True)


COT_3A = Claim(
    id="COT-3a",
    paper=PAPER,
    title="The mean root of the posterior ratio is a power of the Bhattacharyya affinity",
    statement=r"E_{S~theta*} sqrt(pi_n(theta)/pi_n(theta*)) = sqrt(pi(theta)/pi(theta*)) rho_theta^n",
    source=DECAY,
    provenance="derived",
    statistic=Equality(rtol=1e-10),
    grid=Grid(quick=_SMALL, standard=_LARGER),
    measure=root_ratio,
    control=NegativeControl(
        measure=root_ratio_by_the_wrong_convention,
        because="two conventions of the Hellinger distance differ by a factor of 2; rho itself is free of it",
    ),
    substitutes=EXACT,
    seconds={"quick": 0.3, "standard": 10.0},
)


# --- COT-3b, c: bounds on the means -------------------------------------------------------------------------


def _against_bounds(cell: Cell, rng: np.random.Generator, *, s: float | None, shuffled: bool) -> Arrays:
    ratio = []
    for chain, truth in instances(cell, rng):
        lengths = np.array(cell["lengths"])
        bounds = doubt_bound(chain, truth, lengths, s=s), surprise_bound(chain, truth, lengths, s=s)
        for n, doubt, surprise in zip(lengths, *bounds, strict=True):
            chance, losses = _losses(chain, truth, int(n), shuffled=shuffled)
            means = [np.exp(logsumexp(chance + log)) for log in losses]
            ratio.append((means[0] / doubt, means[1] / surprise, means[2] / means[1]))
    return {"value": np.array(ratio)}


def against_the_affinity(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Exact mean doubt and surprise over their bounds at s = 1/2, and mean answer KL over mean surprise."""
    return _against_bounds(cell, rng, s=0.5, shuffled=False)


def against_the_affinity_shuffled(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the same for prompts whose steps are shuffled across demonstrations."""
    return _against_bounds(cell, rng, s=0.5, shuffled=True)


COT_3B = Claim(
    id="COT-3b",
    paper=PAPER,
    title="Doubt and prompting error stay below powers of the Bhattacharyya affinity, for every n",
    statement=r"E[1-pi_n(theta*)] <= (1/2) sum sqrt(pi_theta/pi_theta*) rho_theta^n and E KL <= E[-log "
    r"pi_n(Theta_eq)] <= c_0 sum_{theta not in Theta_eq} sqrt(pi_theta/pi_theta*) rho_theta^n, c_0 = 0.805",
    source=DECAY,
    provenance="derived",
    statistic=BoundHolds(method="exact"),
    grid=Grid(quick=_SMALL, standard=_LARGER),
    measure=against_the_affinity,
    bound=one,
    control=NegativeControl(measure=against_the_affinity_shuffled, because=SHUFFLED),
    substitutes=EXACT,
    seconds={"quick": 0.7, "standard": 20.0},
)


def against_the_best_tilt(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Exact mean doubt and surprise over their bounds at the best power for each task and n."""
    return _against_bounds(cell, rng, s=None, shuffled=False)


def against_the_typical_rate(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Exact mean doubt over what the bound would be if the mean fell at the typical rate."""
    ratio = []
    for chain, truth in instances(cell, rng):
        rate = np.delete(kl_divergence(chain, truth), truth)
        for n in cell["lengths"]:
            weight = np.delete(chain.prior / chain.prior[truth], truth)
            bound = (weight * np.exp(-n * rate)).sum()
            ratio.append(np.exp(exact_prompting_error(chain, truth, n).log_doubt) / bound)
    return {"value": np.array(ratio)}


COT_3C = Claim(
    id="COT-3c",
    paper=PAPER,
    title="With the best power for each task the bounds fall at the Chernoff rate, and hold for every n",
    statement=r"E[1-pi_n(theta*)] <= sum_theta min_s s^s(1-s)^{1-s} (pi_theta/pi_theta*)^s "
    r"(sum p_*^{1-s} p_theta^s)^n; likewise E[-log pi_n(Theta_eq)] with c_s",
    source=DECAY,
    provenance="derived",
    statistic=BoundHolds(method="exact"),
    grid=Grid(quick=_SMALL, standard=_LARGER),
    measure=against_the_best_tilt,
    bound=one,
    control=NegativeControl(
        measure=against_the_typical_rate,
        because="the mean is made by prompts that mislead, and falls more slowly than the typical doubt",
    ),
    substitutes=EXACT,
    seconds={"quick": 1.2, "standard": 25.0},
)


# --- COT-3d: with high probability --------------------------------------------------------------------------


def _exceeding(cell: Cell, rng: np.random.Generator, *, shuffled: bool) -> Arrays:
    """Whether the prompting error exceeds its bounds: at s = 1/2 and at the best s."""
    from tightbound.simulators.chain_of_thought.sampling import draw_log_likelihoods

    found = []
    for chain, truth in instances(cell, rng):
        kernels = chain.kernels[truth]
        if shuffled:
            kernels = np.stack(
                [np.broadcast_to(law, kernels[0].shape) for law in marginals(chain, truth)[1:]]
            )
        for n in cell["lengths"]:
            drawn = draw_log_likelihoods(chain, chain.query[truth], kernels, n, cell["samples"], rng)
            error = np.exp(prompt_losses(chain, truth, drawn).log_answer_kl)
            found += [error > high_probability_bound(chain, truth, n, DELTA, s=s) for s in (0.5, None)]
    return {"violated": np.array(found).T}


def exceeding(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Whether the prompting error exceeds what it may with probability 0.1."""
    return _exceeding(cell, rng, shuffled=False)


def exceeding_shuffled(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the same for prompts whose steps are shuffled across demonstrations."""
    return _exceeding(cell, rng, shuffled=True)


COT_3D = Claim(
    id="COT-3d",
    paper=PAPER,
    title="With high probability the prompting error is exponentially small, at twice the affinity's rate",
    statement=r"P(KL(P*||P_BMA) > log(1 + (sum (pi_theta/pi_theta*)^s e^{n f_theta(s)} / delta)^{1/s})) "
    r"<= delta for every s in (0,1]; s = 1/2: rate -2 log rho; s -> 0: rate KL",
    source="derived; sharper than Markov's inequality on the error, whose shape e^{-lambda n} / delta the "
    "paper's bound is remembered to have",
    provenance="derived",
    statistic=HighProbability(delta=DELTA),
    grid=Grid(
        quick=[
            sizes(2, 2, 2, lengths=(1, 10, 40, 160), instances=3, samples=4000),
            sizes(8, 3, 3, lengths=(1, 10, 40, 160), instances=2, samples=4000),
        ],
        standard=[
            sizes(2, 2, 2, lengths=(1, 10, 40, 160, 640), instances=20, samples=10_000),
            sizes(8, 3, 3, lengths=(1, 10, 40, 160, 640), instances=10, samples=10_000),
        ],
    ),
    measure=exceeding,
    control=NegativeControl(measure=exceeding_shuffled, because=SHUFFLED),
    substitutes=EXACT,
    seconds={"quick": 0.5, "standard": 8.0},
)


# --- COT-3i: a prior that excludes the truth ----------------------------------------------------------------


def _floored(cell: Cell, rng: np.random.Generator, *, excluded: bool) -> Arrays:
    value, bound = [], []
    for chain, truth in instances(cell, rng):
        prior = chain.prior.copy()
        prior[truth] = 0.0 if excluded else prior[truth]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UnsupportedTaskWarning)  # it is the point here
            model = DiscreteChain(prior / prior.sum(), chain.kernels, chain.query)
        value.append(
            [
                np.exp(exact_prompting_error(model, truth, n, allow_misspecified=True).log_answer_kl)
                for n in cell["lengths"]
            ]
        )
        bound.append(misspecified_floor(chain, truth))
    return {"value": np.array(value) / np.array(bound)[:, None]}


def excluded(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Exact prompting error over its floor, the prior giving the truth no weight."""
    return _floored(cell, rng, excluded=True)


def included(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the same for a prior that includes the truth."""
    return _floored(cell, rng, excluded=False)


COT_3I = Claim(
    id="COT-3i",
    paper=PAPER,
    title="Where the prior excludes the truth the prompting error has a floor that no prompt breaks",
    statement=r"pi(theta*) = 0: KL(P*||P_BMA(.|S)) >= min_w KL(P*||sum_theta w_theta P_theta) for every S",
    source="derived; the scope of the decay stated in the abstract",
    provenance="derived",
    statistic=BoundHolds(method="exact", side="lower"),
    grid=Grid(
        quick=[sizes(3, 2, 2, mix=0.05, lengths=(0, 1, 2, 4, 6), instances=10)],
        standard=[sizes(3, 2, 2, mix=0.05, lengths=(0, 1, 2, 4, 6, 8), instances=100)],
    ),
    measure=excluded,
    bound=one,
    control=NegativeControl(measure=included, because="with the truth in the prior the error falls to 0"),
    substitutes=EXACT,
    seconds={"quick": 0.4, "standard": 5.0},
)

PROMPTING_ERROR = (COT_3A, COT_3B, COT_3C, COT_3D, COT_3I, *PROMPTING_RATES)
