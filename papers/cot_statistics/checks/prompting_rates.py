"""COT-3, continued: the exponents of the prompting error are three, and each is met."""

from __future__ import annotations

from typing import Any

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
from tightbound.theory.chain_of_thought.discrete_chain import DiscreteChain
from tightbound.theory.chain_of_thought.exponents import (
    chernoff_point,
    exponents,
    kl_divergence,
    log_affinity,
)
from tightbound.theory.chain_of_thought.prompt_losses import prompt_losses
from tightbound.theory.chain_of_thought.prompting_bounds import doubt_bound
from tightbound.theory.chain_of_thought.prompting_error import exact_prompting_error
from tightbound.verification.claim import Claim, NegativeControl
from tightbound.verification.grid import Cell, Grid
from tightbound.verification.statistics import BoundHolds, Equality

# --- COT-3e, f: the rates themselves ------------------------------------------------------------------------


def _mean_rate(cell: Cell, rng: np.random.Generator, method: Any) -> Arrays:
    """Rate of the mean doubt between n and 2n, the factor n^{-1/2} taken out, in units of Chernoff's."""
    from tightbound.simulators.chain_of_thought.prompting_error import prompting_error

    n, found = cell["n"], []
    for chain, truth in instances(cell, rng):
        target = exponents(chain, truth).chernoff
        rates = []
        for _ in range(cell["runs"]):
            logs = [
                prompting_error(
                    chain, truth, length, method=method, samples=cell["samples"], rng=rng
                ).doubt.log_value
                for length in (n, 2 * n)
            ]
            rates.append((logs[0] - logs[1] - 0.5 * np.log(2.0)) / (n * target))
        found.append(rates)
    return {"value": np.array(found).T, "reference": np.ones((1, cell["instances"]))}


def mean_rate(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Rate of the mean doubt by importance sampling at the Chernoff tilt."""
    return _mean_rate(cell, rng, "importance")


def mean_rate_by_plain_sampling(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the same by plain Monte Carlo."""
    return _mean_rate(cell, rng, "monte_carlo")


COT_3E = Claim(
    id="COT-3e",
    paper=PAPER,
    title="The mean doubt falls at the Chernoff rate",
    statement=r"-(1/n) log E[1-pi_n(theta*)] -> min_theta C(p_theta*, p_theta); within 1 % "
    r"between n = 1280 and 2560",
    source=DECAY,
    provenance="derived",
    statistic=Equality(rtol=0.01, method="t"),
    grid=Grid(
        quick=[
            sizes(2, 2, 2, n=1280, instances=3, runs=16, samples=2000),
            sizes(8, 3, 3, n=1280, instances=1, runs=16, samples=2000),
        ],
        standard=[
            sizes(2, 2, 2, n=1280, instances=20, runs=16, samples=4000),
            sizes(8, 3, 3, n=1280, instances=6, runs=16, samples=4000),
        ],
    ),
    measure=mean_rate,
    control=NegativeControl(
        measure=mean_rate_by_plain_sampling,
        because="plain sampling never sees the prompts that make the mean, and drifts to the typical rate",
    ),
    substitutes=EXACT,
    seconds={"quick": 2.4, "standard": 23.0},
)


def _typical_rate(cell: Cell, rng: np.random.Generator, *, kind: str) -> Arrays:
    """Rate of the doubt, prompt by prompt, in units of the exponent named."""
    from tightbound.simulators.chain_of_thought.sampling import sample_log_likelihoods

    n, found = cell["n"], []
    for chain, truth in instances(cell, rng):
        likelihoods = sample_log_likelihoods(chain, truth, n, cell["samples"], rng=rng)
        doubt = np.asarray(prompt_losses(chain, truth, likelihoods).log_doubt)
        found.append(-doubt / n / getattr(exponents(chain, truth), kind))
    return {"value": np.array(found).T, "reference": np.ones((1, cell["instances"]))}


def typical_rate(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Rate of the doubt over the Kullback-Leibler divergence of the nearest competitor."""
    return _typical_rate(cell, rng, kind="kl")


def typical_rate_by_chernoff(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the same over the Chernoff information."""
    return _typical_rate(cell, rng, kind="chernoff")


COT_3F = Claim(
    id="COT-3f",
    paper=PAPER,
    title="A typical prompt leaves doubt at the Kullback-Leibler rate, several times faster than the mean",
    statement=r"-(1/n) log(1-pi_n(theta*)) -> min_theta KL(p_theta*||p_theta) almost surely; "
    r"within 2 % at n = 20000",
    source=DECAY,
    provenance="derived",
    statistic=Equality(rtol=0.02, method="t"),
    grid=Grid(
        quick=[
            sizes(2, 2, 2, n=20_000, instances=5, samples=2000),
            sizes(8, 3, 3, n=20_000, instances=3, samples=2000),
        ],
        standard=[
            sizes(2, 2, 2, n=20_000, instances=20, samples=5000),
            sizes(8, 3, 3, n=20_000, instances=20, samples=5000),
        ],
    ),
    measure=typical_rate,
    control=NegativeControl(
        measure=typical_rate_by_chernoff,
        because="the mean is made by rare prompts; the typical prompt tells more than twice as fast",
    ),
    substitutes=EXACT,
    seconds={"quick": 0.2, "standard": 1.5},
)


# --- COT-3g: the order of the exponents ---------------------------------------------------------------------


def _ordered(cell: Cell, rng: np.random.Generator, *, partial: bool) -> Arrays:
    from tightbound.theory.chain_of_thought.comparison import answer_only

    ratio = []
    for chain, truth in instances(cell, rng):
        others = np.arange(chain.tasks) != truth
        half = -log_affinity(chain, truth, 0.5)[others]
        found = chernoff_point(chain, truth)
        best = found.value[others]
        divergence = kl_divergence(answer_only(chain) if partial else chain, truth)[others]
        ratio.append(np.stack([half / best, best / divergence, found.gap[others] / 1e-12]).max(axis=1))
    return {"value": np.array(ratio)}


def ordered(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Ratios of neighbouring exponents, and the certificate of the search over 1e-12."""
    return _ordered(cell, rng, partial=False)


def ordered_by_answers(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the same with the divergence of question-answer pairs alone."""
    return _ordered(cell, rng, partial=True)


COT_3G = Claim(
    id="COT-3g",
    paper=PAPER,
    title="Guaranteed, mean and typical exponents are three, in this order",
    statement=r"-log rho_theta <= C(p_theta*, p_theta) <= KL(p_theta*||p_theta) for every competitor",
    source="derived",
    provenance="derived",
    statistic=BoundHolds(method="exact"),
    grid=Grid(
        quick=[
            sizes(3, 1, 2, lengths=(), instances=50),
            sizes(3, 2, 2, lengths=(), instances=50),
            sizes(8, 3, 3, lengths=(), instances=20),
        ],
        standard=[
            sizes(3, 1, 2, lengths=(), instances=300),
            sizes(3, 2, 2, lengths=(), instances=300),
            sizes(8, 3, 3, lengths=(), instances=300),
        ],
    ),
    measure=ordered,
    bound=one,
    control=NegativeControl(
        measure=ordered_by_answers,
        grid=Grid(quick=[sizes(3, 2, 2, lengths=(), instances=50)]),
        because="the divergence must be that of the whole demonstration; mixing steps leave answers alike",
    ),
    substitutes=EXACT,
    seconds={"quick": 0.5, "standard": 3.0},
)


# --- COT-3h: rare prompts are sampled right -----------------------------------------------------------------


def _sampled(cell: Cell, rng: np.random.Generator, *, typical: bool) -> Arrays:
    from tightbound.simulators.chain_of_thought.prompting_error import prompting_error
    from tightbound.simulators.chain_of_thought.sampling import sample_log_likelihoods

    value, reference = [], []
    for chain, truth in instances(cell, rng):
        exact = exact_prompting_error(chain, truth, cell["n"])
        reference.append([float(np.exp(one)) for one in exact])
        runs = []
        for _ in range(cell["runs"]):
            if typical:
                drawn = sample_log_likelihoods(chain, truth, cell["n"], cell["samples"], rng=rng)
                runs.append([float(np.exp(np.mean(one))) for one in prompt_losses(chain, truth, drawn)])
            else:
                found = prompting_error(chain, truth, cell["n"], samples=cell["samples"], rng=rng)
                runs.append([one.value for one in (found.doubt, found.surprise, found.answer_kl)])
        value.append(runs)
    shape = (cell["runs"], -1)
    stacked = np.moveaxis(np.array(value), 0, 1).reshape(shape)
    expected = np.array(reference).reshape(1, -1)
    return {"value": stacked / expected, "reference": np.ones_like(expected)}


def sampled(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Tilted sampling of the three mean losses, over their exact values."""
    return _sampled(cell, rng, typical=False)


def sampled_typically(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the same for the geometric means of the losses of plain prompts."""
    return _sampled(cell, rng, typical=True)


COT_3H = Claim(
    id="COT-3h",
    paper=PAPER,
    title="Tilted sampling finds the exact means of doubt, surprise and prompting error",
    statement=r"the importance-sampled means agree with enumeration within 0.5 % at n = 6",
    source="derived",
    provenance="derived",
    statistic=Equality(rtol=0.005, method="t"),
    grid=Grid(
        quick=[
            sizes(2, 2, 2, n=6, instances=1, runs=40, samples=65_000),
        ],
        standard=[
            sizes(2, 2, 2, n=6, instances=2, runs=20, samples=200_000),
            sizes(4, 2, 2, n=6, instances=2, runs=20, samples=200_000),
        ],
    ),
    measure=sampled,
    control=NegativeControl(
        measure=sampled_typically,
        grid=Grid(quick=[sizes(2, 2, 2, n=6, instances=1, runs=20, samples=5000)]),
        because="a mean of logarithms is the typical loss, far below the mean, which rare prompts make",
    ),
    substitutes=EXACT,
    seconds={"quick": 3.5, "standard": 25.0},
)


# --- COT-3j: hundreds of demonstrations ---------------------------------------------------------------------


def two_tasks(cell: Cell) -> DiscreteChain:
    """Return two tasks of two binary steps; a step of a task keeps the state with the task's probability."""
    kernels = [[[[keep, 1.0 - keep], [1.0 - keep, keep]]] * 2 for keep in cell["keep"]]
    return DiscreteChain([0.5, 0.5], kernels)


def _curve(cell: Cell, rng: np.random.Generator, *, shuffled: bool) -> Arrays:
    from tightbound.simulators.chain_of_thought.prompting_error import prompting_error
    from tightbound.simulators.chain_of_thought.sampling import draw_log_likelihoods

    chain, lengths = two_tasks(cell), np.array(cell["lengths"])
    bounds = np.log([doubt_bound(chain, 0, lengths, s=s) for s in (0.5, None)])
    means, typical = [], []
    for n in lengths:
        kernels = chain.kernels[0]
        if shuffled:
            kernels = np.stack([np.broadcast_to(law, kernels[0].shape) for law in marginals(chain, 0)[1:]])
        drawn = draw_log_likelihoods(chain, chain.query[0], kernels, int(n), cell["samples"], rng)
        plain = np.asarray(prompt_losses(chain, 0, drawn).log_doubt)
        typical.append(np.median(plain))
        if shuffled:
            runs = logsumexp(plain.reshape(cell["runs"], -1), axis=1) - np.log(plain.size / cell["runs"])
        else:
            each = cell["samples"] // cell["runs"]
            runs = np.array(
                [
                    prompting_error(chain, 0, int(n), samples=each, rng=rng).doubt.log_value
                    for _ in range(cell["runs"])
                ]
            )
        means.append(runs)
    value = np.array(means).T
    return {
        "value": np.exp(value - bounds[1]),
        "n": lengths,
        "mean": logsumexp(value, axis=0) - np.log(cell["runs"]),
        "typical": np.array(typical),
        "log_hellinger_bound": bounds[0],
        "log_chernoff_bound": bounds[1],
        "exponents": np.array(exponents(chain, 0)),
    }


def curve(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Mean doubt by tilted sampling over its bound, and the median doubt, at up to 640 demonstrations."""
    return _curve(cell, rng, shuffled=False)


def curve_shuffled(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the same, by plain sampling, for prompts whose steps are shuffled across demonstrations."""
    return _curve(cell, rng, shuffled=True)


_LENGTHS = (5, 10, 20, 40, 80, 160, 320, 640)

COT_3J = Claim(
    id="COT-3j",
    paper=PAPER,
    title="The mean doubt keeps below its bound at hundreds of demonstrations, where it is below 1e-100",
    statement=r"E[1-pi_n(theta*)] <= sum_theta min_s s^s(1-s)^{1-s} (pi_theta/pi_theta*)^s e^{n f_theta(s)}, "
    r"n = 5, ..., 640",
    source=DECAY,
    provenance="derived",
    statistic=BoundHolds(method="t"),
    grid=Grid(
        quick=[{"keep": (0.999, 0.7), "lengths": _LENGTHS, "runs": 12, "samples": 24_000}],
        standard=[
            {"keep": keep, "lengths": _LENGTHS, "runs": 12, "samples": 60_000}
            for keep in ((0.999, 0.7), (0.9, 0.6), (0.7, 0.5))
        ],
    ),
    measure=curve,
    bound=one,
    control=NegativeControl(measure=curve_shuffled, because=SHUFFLED),
    substitutes=EXACT,
    seconds={"quick": 1.5, "standard": 8.0},
)

PROMPTING_RATES = (COT_3E, COT_3F, COT_3G, COT_3H, COT_3J)
