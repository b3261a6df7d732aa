"""COT-2: the error of the answer splits into a prompting and a pretraining part, and both can be bounded."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from tightbound.papers.cot_statistics.checks._chains import EXACT, PAPER, Arrays, chain_of, sizes
from tightbound.theory.chain_of_thought.answer_law import answer_law, log_posterior
from tightbound.theory.chain_of_thought.decomposition import decompose, pretraining_bound, step_distances
from tightbound.theory.chain_of_thought.discrete_chain import DiscreteChain
from tightbound.theory.chain_of_thought.equivalence import equivalence_class
from tightbound.theory.chain_of_thought.stepwise_law import answer_of_steps, path_law, step_laws
from tightbound.verification.claim import Claim, NegativeControl
from tightbound.verification.grid import Cell, Grid, cells
from tightbound.verification.statistics import BoundHolds, Equality, Order

SOURCE = "abstract: the statistical error splits into a prompting error and that of the pretrained model"
MODEL = EXACT + "; random errors of every step law stand for those of pretraining"


class Case(NamedTuple):
    """One prompt, one query, and a model whose step laws are off by random amounts."""

    true: np.ndarray
    averaged: np.ndarray
    before: np.ndarray
    estimate: np.ndarray
    steps: list[np.ndarray]
    estimates: list[np.ndarray]
    class_weight: float


def _case(cell: Cell, rng: np.random.Generator) -> Case:
    from tightbound.simulators.chain_of_thought.sampling import sample_demonstrations

    chain = chain_of(cell, rng)
    truth = int(rng.integers(chain.tasks))
    if cell.get("rare"):
        prior = np.full(chain.tasks, (1.0 - cell["rare"]) / (chain.tasks - 1))
        prior[truth] = cell["rare"]
        chain = DiscreteChain(prior, chain.kernels, chain.query)
    prompt = sample_demonstrations(chain, truth, cell["n"], 1, rng=rng)[0]
    query = int(rng.integers(chain.states))
    weights = log_posterior(chain, prompt, query)
    steps = step_laws(chain, weights, query)
    share = rng.uniform(0.0, cell["error"])
    estimates = [
        (1.0 - share) * step + share * rng.dirichlet(np.ones(chain.states), step.shape[:-1]) for step in steps
    ]
    return Case(
        chain.answer_table()[truth, query],
        answer_law(chain, weights, query),
        answer_law(chain, log_posterior(chain, prompt[:0], query), query),
        answer_of_steps(estimates),
        steps,
        estimates,
        float(np.exp(weights)[equivalence_class(chain, truth)].sum()),
    )


def _cases(cell: Cell, rng: np.random.Generator) -> list[Case]:
    return [_case(cell, rng) for _ in range(cell["instances"])]


def _distance(first: Any, second: Any) -> float:
    return float(0.5 * np.abs(np.asarray(first) - np.asarray(second)).sum())


# --- COT-2a, b: the identity, and the sign of its second part -----------------------------------------------


def _split(cell: Cell, rng: np.random.Generator, *, forgetful: bool) -> Arrays:
    found = []
    for case in _cases(cell, rng):
        parts = decompose(case.true, case.averaged, case.estimate)
        prompting = (
            decompose(case.true, case.before, case.estimate).prompting if forgetful else parts.prompting
        )
        found.append((float(parts.total), float(prompting + parts.pretraining), float(parts.pretraining)))
    total, both, pretraining = np.array(found).T
    return {"value": both, "reference": total, "pretraining": pretraining}


def split(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Total error, and the sum of its parts."""
    return _split(cell, rng, forgetful=False)


def split_by_the_prior(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the same with the prompting error of the prior, which has seen no demonstration."""
    return _split(cell, rng, forgetful=True)


_QUICK = [sizes(3, 2, 2, n=2, error=0.5, instances=100), sizes(6, 3, 3, n=3, error=0.5, instances=50)]
_STANDARD = [sizes(3, 2, 2, n=2, error=0.5, instances=1000), sizes(6, 3, 3, n=3, error=0.5, instances=500)]

COT_2A = Claim(
    id="COT-2a",
    paper=PAPER,
    title="The error splits into a prompting and a pretraining part",
    statement=r"KL(P*||P_hat) = KL(P*||P_BMA) + E_{P*} log(P_BMA/P_hat) for every model of full support",
    source=SOURCE,
    provenance="derived",
    statistic=Equality(atol=1e-12),
    grid=Grid(quick=_QUICK, standard=_STANDARD),
    measure=split,
    control=NegativeControl(
        measure=split_by_the_prior,
        because="the average in both parts must be the one given the whole prompt",
    ),
    substitutes=MODEL,
    seconds={"quick": 0.5, "standard": 4.0},
)


def _lowest(cell: Cell, rng: np.random.Generator) -> Arrays:
    lowest = min(float(decompose(c.true, c.averaged, c.estimate).pretraining) for c in _cases(cell, rng))
    return {"greater": np.zeros(1), "smaller": np.array([lowest])}


def lowest_pretraining_part(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the least pretraining part met, beside 0."""
    return _lowest(cell, rng)


COT_2B = Claim(
    id="COT-2b",
    paper=PAPER,
    title="The pretraining part can be negative: a wrong model may err towards the truth",
    statement=r"there are instances with E_{P*} log(P_BMA/P_hat) < 0",
    source="derived; qualifies the decomposition of the abstract, whose second part is no divergence",
    provenance="derived",
    statistic=Order(margin=1e-3, method="exact"),
    grid=Grid(quick=_QUICK, standard=_STANDARD),
    measure=lowest_pretraining_part,
    control=NegativeControl(
        grid=Grid(quick=cells(tasks=[1], steps=[2], states=[2], n=[2], error=[0.5], instances=[100])),
        because="with one task the average is the truth, and the part is a divergence",
    ),
    substitutes=MODEL,
    seconds={"quick": 0.4, "standard": 2.0},
)


# --- COT-2c: steps bound the answer -------------------------------------------------------------------------


def _hybrid(cell: Cell, rng: np.random.Generator, *, careless: bool) -> Arrays:
    ratio = []
    for case in _cases(cell, rng):
        if careless:
            bound = step_distances(case.estimates, case.steps)[1:].sum()
        else:
            bound = step_distances(case.steps, case.estimates).sum()
        paths = _distance(path_law(case.steps), path_law(case.estimates))
        ratio.append((_distance(case.averaged, case.estimate) / bound, paths / bound))
    return {"value": np.array(ratio), "bound": np.ones((1, 2))}


def hybrid(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Total variation of answers and of paths over the sum of mean distances of the steps."""
    return _hybrid(cell, rng, careless=False)


def hybrid_without_the_first_step(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the same over the sum under the model's own paths, the first step left out."""
    return _hybrid(cell, rng, careless=True)


COT_2C = Claim(
    id="COT-2c",
    paper=PAPER,
    title="The answer is off by no more than the steps are, added up",
    statement=r"TV(P_BMA(y), P_hat(y)) <= TV(paths) <= sum_h E_{z_{<h}~P_BMA} TV(step h) <= H max_h",
    source="derived (hybrid argument); cf. the dependence on H of the paper's bounds, body not available",
    provenance="derived",
    statistic=BoundHolds(method="exact"),
    grid=Grid(quick=_QUICK, standard=_STANDARD),
    measure=hybrid,
    control=NegativeControl(
        measure=hybrid_without_the_first_step,
        because="an error of the first step alone already moves the answer",
    ),
    substitutes=MODEL,
    seconds={"quick": 0.5, "standard": 4.0},
)


# --- COT-2d: a bound on the pretraining part ----------------------------------------------------------------


def _pretraining(cell: Cell, rng: np.random.Generator, *, weighed: bool) -> Arrays:
    ratio = []
    for case in _cases(cell, rng):
        part = float(decompose(case.true, case.averaged, case.estimate).pretraining)
        largest = max(0.0, float(np.log(case.averaged / case.estimate).max()))
        distance = step_distances(case.steps, case.estimates).sum()
        if not weighed:
            distance = _distance(case.averaged, case.estimate)
        bound = pretraining_bound(case.class_weight if weighed else 1.0, largest, distance)
        ratio.append(part / float(bound))
    return {"value": np.array(ratio)}


def pretraining_part(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the pretraining part over its bound by the distances of the steps."""
    return _pretraining(cell, rng, weighed=True)


def pretraining_part_without_the_weight(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the same over the bound for a divergence, which the part is not."""
    return _pretraining(cell, rng, weighed=False)


def one(cell: Cell) -> float:
    """Return the bound in units of itself."""
    return 1.0


COT_2D = Claim(
    id="COT-2d",
    paper=PAPER,
    title="The pretraining part is at most the distance of the steps over the posterior weight of the truth",
    statement=r"E_{P*} log(P_BMA/P_hat) <= (1/pi_n(Theta_eq)) b/(1-e^{-b}) sum_h E TV(step h), "
    r"b = max log(P_BMA/P_hat)",
    source="derived",
    provenance="derived",
    statistic=BoundHolds(method="exact"),
    grid=Grid(
        quick=[*_QUICK, sizes(3, 2, 2, n=0, error=0.5, rare=0.02, instances=100)],
        standard=[*_STANDARD, sizes(3, 2, 2, n=0, error=0.5, rare=0.02, instances=1000)],
    ),
    measure=pretraining_part,
    bound=one,
    control=NegativeControl(
        measure=pretraining_part_without_the_weight,
        because="where the truth is rare the model may be wrong just where the truth answers, at little cost "
        "in total variation under the average",
    ),
    substitutes=MODEL,
    seconds={"quick": 0.8, "standard": 7.0},
)

DECOMPOSITION = (COT_2A, COT_2B, COT_2C, COT_2D)
