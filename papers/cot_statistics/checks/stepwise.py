"""COT-1: what is generated step by step has the answer law of the Bayesian average over tasks."""

from __future__ import annotations

import numpy as np

from tightbound.papers.cot_statistics.checks._chains import EXACT, PAPER, Arrays, chain_of, sizes
from tightbound.theory.chain_of_thought.answer_law import answer_law, log_posterior
from tightbound.theory.chain_of_thought.discrete_chain import DiscreteChain
from tightbound.theory.chain_of_thought.stepwise_law import answer_of_steps, path_law, step_laws
from tightbound.verification.claim import Claim, NegativeControl
from tightbound.verification.grid import Cell, Grid
from tightbound.verification.statistics import Equality, Law

SOURCE = (
    "abstract: the estimator of CoT prompting is equivalent to a Bayesian estimator; derived (chain rule)"
)


def _asked(cell: Cell, rng: np.random.Generator) -> tuple[DiscreteChain, np.ndarray, int]:
    """Draw tasks, a prompt of one of them and a query that tells about the task; return log weights."""
    from tightbound.simulators.chain_of_thought.sampling import sample_demonstrations

    chain = chain_of(cell, rng, informative_query=True)
    truth = int(rng.choice(chain.tasks, p=chain.prior))
    prompt = sample_demonstrations(chain, truth, cell["n"], 1, rng=rng)[0]
    query = int(rng.choice(chain.states, p=chain.query[truth]))
    return chain, log_posterior(chain, prompt, query), query


def _frozen_steps(chain: DiscreteChain, log_weights: np.ndarray, query: int) -> list[np.ndarray]:
    """Step laws of a posterior that does not count the generated steps."""
    average = np.einsum("k,khij->hij", np.exp(log_weights), chain.kernels)
    laws = [average[0, query]]
    for h in range(1, chain.steps):
        laws.append(np.broadcast_to(average[h], (chain.states,) * (h + 1)))
    return laws


# --- COT-1a: the identity -----------------------------------------------------------------------------------


def _answers(cell: Cell, rng: np.random.Generator, *, frozen: bool) -> Arrays:
    value, reference = [], []
    for _ in range(cell["instances"]):
        chain, weights, query = _asked(cell, rng)
        steps = _frozen_steps(chain, weights, query) if frozen else step_laws(chain, weights, query)
        value.append(answer_of_steps(steps))
        reference.append(answer_law(chain, weights, query))
    return {"value": np.array(value), "reference": np.array(reference)}


def answers_by_paths(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Answer laws summed over all paths, every step updating the posterior; and by matrix products."""
    return _answers(cell, rng, frozen=False)


def answers_of_a_frozen_posterior(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the same where the posterior is that of the prompt throughout."""
    return _answers(cell, rng, frozen=True)


COT_1A = Claim(
    id="COT-1a",
    paper=PAPER,
    title="Step by step, the answer is that of the Bayesian average over tasks",
    statement=r"sum over z_1..z_{H-1} of prod_h P(z_h|S,z_{<h}) = sum_theta pi(theta|S,z_0) "
    r"(K_{theta,1}...K_{theta,H})[z_0,y]",
    source=SOURCE,
    provenance="derived",
    statistic=Equality(atol=1e-12),
    grid=Grid(
        quick=[
            sizes(2, 2, 2, n=0, instances=20),
            sizes(4, 3, 3, n=2, instances=20),
            sizes(8, 4, 4, n=3, instances=5),
        ],
        standard=[
            sizes(2, 2, 2, n=0, instances=200),
            sizes(4, 3, 3, n=2, instances=200),
            sizes(8, 4, 4, n=3, instances=50),
            sizes(8, 6, 4, n=3, instances=10),
        ],
    ),
    measure=answers_by_paths,
    control=NegativeControl(
        measure=answers_of_a_frozen_posterior,
        because="steps are evidence about the task; a posterior that ignores them averages each step anew",
    ),
    substitutes=EXACT,
    seconds={"quick": 0.1, "standard": 1.0},
)


# --- COT-1b: the sampler ------------------------------------------------------------------------------------


def _grouped(counts: np.ndarray, law: np.ndarray) -> Arrays:
    return {"counts": counts, "probabilities": law}


def sampled_paths(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Paths drawn step by step, counted, and the exact law of paths."""
    from tightbound.simulators.chain_of_thought.stepwise import generate_steps

    chain, weights, query = _asked(cell, rng)
    law = path_law(step_laws(chain, weights, query)).ravel()
    paths = generate_steps(chain, weights, np.full(cell["paths"], query), rng=rng)
    index = np.ravel_multi_index(tuple(paths.T), (chain.states,) * chain.steps)
    return _grouped(np.bincount(index, minlength=law.size), law)


def greedy_paths(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the same where every step but the last is the likeliest one instead of a draw."""
    chain, weights, query = _asked(cell, rng)
    steps = step_laws(chain, weights, query)
    law = path_law(steps).ravel()
    greedy = []
    for step in steps[:-1]:
        greedy.append(np.eye(chain.states)[step.argmax(axis=-1)])
    drawn = path_law([*greedy, steps[-1]]).ravel()
    return _grouped(rng.multinomial(cell["paths"], drawn / drawn.sum()), law)


COT_1B = Claim(
    id="COT-1b",
    paper=PAPER,
    title="Sampled step by step, paths have the law of the Bayesian average",
    statement=r"z_h ~ P(z_h|S,z_{<h}) for all h gives P(z_1..z_H|S,z_0) = "
    r"sum_theta pi(theta|S,z_0) prod_h K_{theta,h}",
    source=SOURCE,
    provenance="derived",
    statistic=Law(method="chi2"),
    grid=Grid(
        quick=[sizes(2, 2, 2, n=1, paths=20_000), sizes(4, 3, 3, n=2, paths=20_000)],
        standard=[sizes(2, 2, 2, n=1, paths=200_000), sizes(4, 3, 3, n=2, paths=200_000)],
    ),
    measure=sampled_paths,
    control=NegativeControl(
        measure=greedy_paths,
        because="decoding greedily puts all steps in between on one path, and the answer's law with them",
    ),
    substitutes=EXACT,
    seconds={"quick": 0.1, "standard": 0.5},
)

STEPWISE = (COT_1A, COT_1B)
