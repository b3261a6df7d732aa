"""COT-7a to 7f: a search over chains of thought fails exponentially rarely if its beam is wide enough."""

from __future__ import annotations

import numpy as np

from tightbound.papers.cot_statistics.checks._chains import EXACT, PAPER, Arrays, chain_of, sizes
from tightbound.papers.cot_statistics.checks._variants import TURN, over, prompts, turning
from tightbound.theory.chain_of_thought.answer_law import log_posterior
from tightbound.theory.chain_of_thought.beam_search import beam_search_law
from tightbound.theory.chain_of_thought.discrete_chain import DiscreteChain
from tightbound.theory.chain_of_thought.prompted_bounds import prompted_tree_of_thought_bound
from tightbound.theory.chain_of_thought.tree_of_thought import (
    garden_path,
    greedy_path,
    steps_along,
    tree_of_thought_bound,
    tree_of_thought_failure,
)
from tightbound.verification.claim import Claim, NegativeControl
from tightbound.verification.grid import Cell, Grid
from tightbound.verification.statistics import BoundHolds, Law

SOURCE = "abstract: the framework covers tree of thought; derived bounds and constants"
QUERY, TRUTH = 0, 0
PROPOSALS = (1, 2, 4, 8, 16, 32)


def _tasks(cell: Cell, rng: np.random.Generator) -> DiscreteChain:
    return turning(cell["noise"]) if "noise" in cell else chain_of(cell, rng)


def _missed(chain: DiscreteChain, path: np.ndarray, proposals: tuple[int, ...]) -> np.ndarray:
    """Return the sum over steps of (1 - p*_h)^k under the known task, for every k."""
    before = np.concatenate([[QUERY], path[:-1]])
    right = chain.kernels[TRUTH, np.arange(chain.steps), before, path]
    return np.array([((1.0 - right) ** k).sum() for k in proposals])


# --- COT-7a: prompt by prompt -------------------------------------------------------------------------------


def _failures(cell: Cell, rng: np.random.Generator, *, known: bool) -> Arrays:
    chain = _tasks(cell, rng)
    path = greedy_path(chain, TRUTH, QUERY)
    failed, bound = [], []
    for n in cell["lengths"]:
        chance, weights = prompts(chain, n, TRUTH)
        for k in PROPOSALS:
            each = tree_of_thought_failure(chain, weights, QUERY, path, k)
            limit = tree_of_thought_bound(chain, weights, QUERY, path, k)
            if known:
                limit = np.full(each.size, _missed(chain, path, (k,))[0])
            worst = int((each / limit).argmax())
            failed += [chance @ each, each[worst]]
            bound += [chance @ limit, limit[worst]]
    return over(np.array([failed]), np.array([bound]))


def failures(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Exact failure of a beam of one over its bound: in the mean over prompts, and for the worst prompt."""
    return _failures(cell, rng, known=False)


def failures_of_a_known_task(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the same over the bound with the truth's probabilities and no indicator."""
    return _failures(cell, rng, known=True)


COT_7A = Claim(
    id="COT-7a",
    paper=PAPER,
    title="A beam of one fails where the right step is not proposed, or is not the average's likeliest",
    statement=r"P(fail) <= E_S sum_h [(1-p_hat_h)^k + 1{right step is not the argmax}], p_hat_h the averaged "
    r"probability of the right step after the right steps",
    source=SOURCE,
    provenance="derived",
    statistic=BoundHolds(method="exact"),
    grid=Grid(
        quick=[
            {"noise": 0.3, "lengths": (0, 2, 8, 24)},
            *[sizes(3, 2, 2, lengths=(0, 1, 2, 4), draw=i) for i in range(4)],
            *[sizes(4, 2, 3, lengths=(0, 1, 2), draw=i) for i in range(4)],
        ],
        standard=[
            {"noise": 0.3, "lengths": (0, 2, 8, 24)},
            *[sizes(3, 2, 2, lengths=(0, 1, 2, 4, 6, 8), draw=i) for i in range(20)],
            *[sizes(4, 2, 3, lengths=(0, 1, 2, 3), draw=i) for i in range(5)],
            *[sizes(4, 4, 2, lengths=(0, 1, 2), draw=i) for i in range(20)],
        ],
    ),
    measure=failures,
    control=NegativeControl(
        measure=failures_of_a_known_task,
        because="at few demonstrations the average may rank another step first, however many are proposed",
    ),
    substitutes=EXACT + "; " + TURN,
    seconds={"quick": 1.8, "standard": 14.0},
)


# --- COT-7b: in n and k -------------------------------------------------------------------------------------


def _explicit(cell: Cell, rng: np.random.Generator, *, known: bool) -> Arrays:
    chain = turning(cell["noise"])
    path = greedy_path(chain, TRUTH, QUERY)
    counts = cell["proposals"]
    failed, bound = [], []
    for n in cell["lengths"]:
        chance, weights = prompts(chain, n, TRUTH)
        failed.append([chance @ tree_of_thought_failure(chain, weights, QUERY, path, k) for k in counts])
        if known:
            bound.append(_missed(chain, path, counts))
        else:
            bound.append(
                np.array([prompted_tree_of_thought_bound(chain, TRUTH, n, k, QUERY) for k in counts])
            )
    shape = (1, len(cell["lengths"]) * len(counts))
    extra = {"failed": np.array([failed]), "limit": np.array([bound]), "proposals": np.array([counts])}
    return over(np.reshape(failed, shape), np.reshape(bound, shape)) | extra


def explicit(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Mean failure of a beam of one over a bound that is explicit in n and k."""
    return _explicit(cell, rng, known=False)


def explicit_without_the_prompt(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the same over the bound for a known task."""
    return _explicit(cell, rng, known=True)


COT_7B = Claim(
    id="COT-7b",
    paper=PAPER,
    title="A beam of one leaves the greedy path with a chance exponentially small in proposals and prompt",
    statement=r"P(fail) <= sum_h min_{tau < delta_h/2} [(1-p*_h+tau)^k + (1/tau) E[1-pi_n(theta*|z*_{<h})]]",
    source=SOURCE,
    provenance="derived",
    statistic=BoundHolds(method="exact"),
    grid=Grid(
        quick=[{"noise": 0.3, "lengths": (2, 8, 16, 24), "proposals": (1, 2, 3, 4, 6, 8, 12, 16)}],
        standard=[
            {"noise": 0.3, "lengths": (2, 4, 8, 12, 16, 20, 24, 28), "proposals": (1, 2, 3, 4, 6, 8, 12, 16)},
            {"noise": 0.2, "lengths": (2, 4, 8, 12, 16, 20, 24, 28), "proposals": (1, 2, 3, 4, 6, 8, 12, 16)},
        ],
    ),
    measure=explicit,
    control=NegativeControl(
        measure=explicit_without_the_prompt,
        because="a prompt that misleads makes the search prefer a wrong step at any number of proposals",
    ),
    substitutes=EXACT + "; " + TURN,
    seconds={"quick": 0.7, "standard": 2.5},
)


# --- COT-7c: the garden path --------------------------------------------------------------------------------

BEST = (1, 1)


def _garden(cell: Cell, *, beam: int) -> Arrays:
    counts = cell["proposals"]
    failed = np.array([[_off(beam_search_law(garden_path(), [0.0], QUERY, beam, k), BEST) for k in counts]])
    bound = np.array([[0.55**k + 0.05**k for k in counts]])
    return over(failed, bound) | {"failed": failed, "limit": bound, "proposals": np.array([counts])}


def _off(law: np.ndarray, path: tuple[int, ...]) -> float:
    """Return the mass off a path, added up rather than subtracted from one."""
    rest = law.copy()
    rest[path] = 0.0
    return float(rest.sum())


def garden_with_two(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Failure to find the likeliest path with a beam of two, over its bound."""
    return _garden(cell, beam=2)


def garden_with_one(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the same with a beam of one."""
    return _garden(cell, beam=1)


COT_7C = Claim(
    id="COT-7c",
    paper=PAPER,
    title="On a garden path a beam of two finds the likeliest path, and a beam of one is led away",
    statement=r"first step .55/.45, then .5/.5 or .95/.05: B = 2: P(fail) <= .55^k + .05^k -> 0; "
    r"B = 1: P(fail) -> 1",
    source=SOURCE,
    provenance="derived",
    statistic=BoundHolds(method="exact"),
    grid=Grid(
        quick=[{"proposals": (1, 2, 3, 4, 6, 8, 12, 16, 24, 32)}],
        standard=[{"proposals": (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64)}],
    ),
    measure=garden_with_two,
    control=NegativeControl(
        measure=garden_with_one,
        because="the likeliest first step is the wrong one, and more proposals make it surer to be found",
    ),
    substitutes="one task of two steps on two states stands for a language model that knows its task",
    seconds={"quick": 0.1, "standard": 0.1},
)


# --- COT-7d: votes ------------------------------------------------------------------------------------------


def _voted(cell: Cell, rng: np.random.Generator, *, counted: bool) -> Arrays:
    chain = _tasks(cell, rng)
    path = greedy_path(chain, TRUTH, QUERY)
    failed, bound = [], []
    for n in cell["lengths"]:
        chance, weights = prompts(chain, n, TRUTH)
        for k in cell["proposals"]:
            for votes in cell["votes"]:
                each = tree_of_thought_failure(chain, weights, QUERY, path, k, votes=votes)
                limit = tree_of_thought_bound(
                    chain, weights, QUERY, path, k, votes=votes if counted else None
                )
                worst = int((each / limit).argmax())
                failed += [chance @ each, each[worst]]
                bound += [chance @ limit, limit[worst]]
    return over(np.array([failed]), np.array([bound]))


def voted(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Exact failure of a beam of one that V votes steer, over its bound."""
    return _voted(cell, rng, counted=True)


def voted_as_if_scored(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the same over the bound for a search that compares probabilities."""
    return _voted(cell, rng, counted=False)


COT_7D = Claim(
    id="COT-7d",
    paper=PAPER,
    title="Where votes choose the step, each step adds the error of a vote",
    statement=r"P(fail) <= E_S sum_h [(1-p_hat_h)^k + sum_{z != z*_h} (1-(1-p_hat_h(z))^k) "
    r"(1-(sqrt p_hat_h - sqrt p_hat_h(z))_+^2)^V]",
    source=SOURCE,
    provenance="derived",
    statistic=BoundHolds(method="exact"),
    grid=Grid(
        quick=[
            {"noise": 0.3, "lengths": (2, 8, 24), "proposals": (2, 8, 24), "votes": (1, 5, 25, 100)},
            *[
                sizes(3, 2, 2, lengths=(1, 4), proposals=(2, 8), votes=(1, 5, 25, 100), draw=i)
                for i in range(3)
            ],
            *[sizes(3, 2, 3, lengths=(0, 1), proposals=(2, 8), votes=(1, 5, 25), draw=i) for i in range(2)],
        ],
        standard=[
            {"noise": 0.3, "lengths": (2, 8, 24), "proposals": (2, 8, 24), "votes": (1, 5, 25, 100)},
            *[
                sizes(3, 2, 2, lengths=(1, 4, 8), proposals=(2, 8, 32), votes=(1, 5, 25, 100), draw=i)
                for i in range(10)
            ],
            *[
                sizes(3, 2, 3, lengths=(0, 1, 2), proposals=(2, 8), votes=(1, 5, 25), draw=i)
                for i in range(5)
            ],
        ],
    ),
    measure=voted,
    control=NegativeControl(
        measure=voted_as_if_scored, because="one vote names a worse step about as often as its probability"
    ),
    substitutes=EXACT + "; " + TURN,
    seconds={"quick": 2.0, "standard": 19.0},
)


# --- COT-7e: wider beams ------------------------------------------------------------------------------------


def _wide(cell: Cell, rng: np.random.Generator, *, ranked: bool) -> Arrays:
    from tightbound.simulators.chain_of_thought.sampling import sample_demonstrations

    failed, bound = [], []
    for _ in range(cell["instances"]):
        chain = chain_of(cell, rng)
        prompt = sample_demonstrations(chain, TRUTH, cell["n"], 1, rng=rng)[0]
        weights = log_posterior(chain, prompt, QUERY)
        law = chain.trajectory_law()[TRUTH].reshape((chain.states,) * (chain.steps + 1))[QUERY]
        best = tuple(int(z) for z in np.unravel_index(int(law.argmax()), law.shape))
        right = steps_along(chain, weights[None], QUERY, best)[0, np.arange(chain.steps), best]
        for beam in cell["beams"]:
            for k in cell["proposals"]:
                failed.append(_off(beam_search_law(chain, weights, QUERY, beam, k), best))
                if ranked:
                    limit = tree_of_thought_bound(chain, weights[None], QUERY, best, k, beam=beam)[0]
                else:
                    limit = ((1.0 - right) ** k).sum()
                bound.append(limit)
    return over(np.array([failed]), np.array([bound]))


def wide(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Exact failure to find the truth's likeliest path with a beam of any width, over its bound."""
    return _wide(cell, rng, ranked=True)


def wide_without_ranks(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the same over the bound without the indicators."""
    return _wide(cell, rng, ranked=False)


COT_7E = Claim(
    id="COT-7e",
    paper=PAPER,
    title="A wider beam fails only where a right step is not proposed, or its prefix is not among the B best",
    statement=r"P(fail) <= sum_h [(1-p_hat_h)^k + 1{z*_{<=h} not among the B best paths of length h}], "
    r"the best one at h = H",
    source=SOURCE,
    provenance="derived",
    statistic=BoundHolds(method="exact"),
    grid=Grid(
        quick=[
            sizes(3, 3, 2, n=3, beams=(1, 2, 4), proposals=(1, 4, 16), instances=10),
            sizes(3, 2, 3, n=3, beams=(1, 2, 3), proposals=(1, 4, 16), instances=5),
        ],
        standard=[
            sizes(3, 3, 2, n=3, beams=(1, 2, 3, 4), proposals=(1, 4, 16), instances=50),
            sizes(3, 2, 3, n=3, beams=(1, 2, 3), proposals=(1, 4, 16), instances=20),
        ],
    ),
    measure=wide,
    control=NegativeControl(
        measure=wide_without_ranks,
        because="a path that the average does not rank first is not kept at the end, though it be proposed",
    ),
    substitutes=EXACT,
    seconds={"quick": 1.8, "standard": 10.0},
)


# --- COT-7f: the sampler ------------------------------------------------------------------------------------


def _searches(cell: Cell, rng: np.random.Generator, *, beam: int) -> Arrays:
    from tightbound.simulators.chain_of_thought.sampling import sample_demonstrations
    from tightbound.simulators.chain_of_thought.tree_of_thought import tree_of_thought

    chain = chain_of(cell, rng)
    prompt = sample_demonstrations(chain, TRUTH, cell["n"], 1, rng=rng)[0]
    weights = log_posterior(chain, prompt, QUERY)
    law = beam_search_law(chain, weights, QUERY, cell["beam"], cell["proposals"]).ravel()
    found = tree_of_thought(
        chain,
        weights,
        QUERY,
        beam=beam,
        proposals=cell["proposals"],
        target=greedy_path(chain, TRUTH, QUERY),
        replications=cell["searches"],
        rng=rng,
    )
    index = np.ravel_multi_index(tuple(found.paths.T), (chain.states,) * chain.steps)
    return {"counts": np.bincount(index, minlength=law.size), "probabilities": law / law.sum()}


def searches(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Paths that simulated searches end in, counted, and their exact law."""
    return _searches(cell, rng, beam=cell["beam"])


def searches_without_pruning(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the same where every path proposed is kept."""
    return _searches(cell, rng, beam=cell["states"] ** cell["steps"])


COT_7F = Claim(
    id="COT-7f",
    paper=PAPER,
    title="Simulated searches end where the exact law says",
    statement=r"law of the best path of a breadth-first search with beam B and k proposals = that of the "
    r"Markov chain of kept sets",
    source=SOURCE,
    provenance="derived",
    statistic=Law(method="chi2"),
    grid=Grid(
        quick=[
            sizes(3, 3, 2, n=2, beam=1, proposals=2, searches=10_000),
            sizes(3, 3, 3, n=2, beam=2, proposals=2, searches=10_000),
        ],
        standard=[
            sizes(3, 3, 2, n=2, beam=1, proposals=2, searches=50_000),
            sizes(3, 3, 3, n=2, beam=2, proposals=2, searches=50_000),
            sizes(3, 3, 3, n=2, beam=3, proposals=3, searches=50_000),
        ],
    ),
    measure=searches,
    control=NegativeControl(
        measure=searches_without_pruning,
        # on some tasks hardly any path is better: four of them
        grid=Grid(quick=[sizes(3, 3, 2, n=n, beam=1, proposals=2, searches=20_000) for n in (1, 2, 3, 4)]),
        because="a search that keeps everything finds better paths",
    ),
    substitutes=EXACT,
    seconds={"quick": 0.8, "standard": 13.0},
)

TREE_OF_THOUGHT = (COT_7A, COT_7B, COT_7C, COT_7D, COT_7E, COT_7F)
