"""COT-6: a vote over sampled chains of thought errs exponentially rarely, down to what the prompt allows."""

from __future__ import annotations

import numpy as np

from tightbound.papers.cot_statistics.checks._chains import EXACT, PAPER, Arrays, chain_of, sizes
from tightbound.papers.cot_statistics.checks._variants import TURN, over, prompts, turning
from tightbound.theory.chain_of_thought.answer_law import answer_law, log_posterior
from tightbound.theory.chain_of_thought.discrete_chain import DiscreteChain
from tightbound.theory.chain_of_thought.prompted_bounds import prompted_self_consistency_bound, told_chain
from tightbound.theory.chain_of_thought.prompting_bounds import doubt_bound
from tightbound.theory.chain_of_thought.self_consistency import (
    gap_bound,
    self_consistency_bound,
    self_consistency_error,
    self_consistency_exponent,
    success_bound,
    vote,
)
from tightbound.verification.claim import Claim, NegativeControl
from tightbound.verification.grid import Cell, Grid, cells
from tightbound.verification.statistics import BoundHolds, Equality, Law

SOURCE = "abstract: the framework covers self-consistency; derived bounds and constants"
VOTERS = (1, 2, 5, 10, 25, 60, 125)
EXAMPLE = (0.5, 0.3, 0.2)
QUERY, TRUTH = 0, 0
TURNING = EXACT + "; " + TURN


def one(cell: Cell) -> float:
    """Return the bound in units of itself."""
    return 1.0


def _laws(cell: Cell, rng: np.random.Generator) -> np.ndarray:
    """Return answer laws (R, Y): the cell's, or random ones kept away from zero."""
    if "law" in cell:
        return np.array([cell["law"]])
    drawn = rng.dirichlet(np.ones(cell["answers"]), size=cell["instances"])
    return np.asarray(0.95 * drawn + 0.05 / cell["answers"])


# --- COT-6a: the bounds -------------------------------------------------------------------------------------


def _votes(cell: Cell, rng: np.random.Generator, *, copied: bool) -> Arrays:
    laws = _laws(cell, rng)
    ranked = np.sort(laws, axis=1)[:, ::-1]
    gap = ranked[:, 0] - ranked[:, 1]
    alone = ranked[:, 1:].sum(axis=1)
    voters = cell["samples"]
    error = [alone if copied else self_consistency_error(laws, k) for k in voters]
    sharp = [self_consistency_bound(laws, k) for k in voters]
    simple = [gap_bound(gap, laws.shape[1], k) for k in voters]
    measured = over(
        np.array([*error, *error]).T,
        np.array([*sharp, *simple]).T,
    )
    return measured | {"samples": np.array([voters]), "error": np.array(error).T, "sharp": np.array(sharp).T}


def votes(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Exact error of the vote over both bounds, for every number of samples."""
    return _votes(cell, rng, copied=False)


def copied_votes(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the same where one chain is sampled and copied K times."""
    return _votes(cell, rng, copied=True)


COT_6A = Claim(
    id="COT-6a",
    paper=PAPER,
    title="The vote of K chains of thought errs exponentially rarely in K",
    statement=r"P(vote != mode) <= sum_{y != 1} (1-(sqrt p_1 - sqrt p_y)^2)^K <= (|Y|-1) e^{-K eps^2/2}, "
    r"eps = p_1 - p_2, K >= 1, ties evenly",
    source=SOURCE,
    provenance="derived",
    statistic=BoundHolds(method="exact"),
    grid=Grid(
        quick=[
            {"law": EXAMPLE, "samples": (1, 2, 3, 5, 9, 15, 25, 40, 65, 100, 160)},
            *cells(answers=[2, 3, 5], samples=[VOTERS], instances=[10]),
            *cells(answers=[8], samples=[VOTERS], instances=[2]),
        ],
        standard=[
            {"law": EXAMPLE, "samples": (1, 2, 3, 5, 9, 15, 25, 40, 65, 100, 160, 250, 400)},
            *cells(answers=[2, 3, 5], samples=[VOTERS], instances=[100]),
            *cells(answers=[8], samples=[VOTERS], instances=[20]),
        ],
    ),
    measure=votes,
    control=NegativeControl(
        measure=copied_votes, because="K copies of one chain know no more than that chain"
    ),
    substitutes=EXACT,
    seconds={"quick": 0.7, "standard": 6.0},
)


# --- COT-6b: the rate ---------------------------------------------------------------------------------------

# K times the exponent at the smaller K: Mills' ratio then puts the local exponent within 1/(4 * 8^2) = 0.4 %
# of its limit, a rival further behind by a tenth of the exponent adds to it less than 1 %
START = 8.0


def _local_rate(cell: Cell) -> tuple[float, np.ndarray]:
    law = np.array(cell["law"])
    exponent = float(self_consistency_exponent(law))
    near = 2 * int(np.ceil(START / exponent / 2.0)) + 1
    far = 2 * near + 1
    logs = [float(np.log(self_consistency_error(law, k))) for k in (near, far)]
    return (logs[0] - logs[1] - 0.5 * np.log(far / near)) / (far - near), law


def rate_of_the_vote(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the exponent between K and 2K + 1, the factor K^{-1/2} taken out, over the one stated."""
    rate, law = _local_rate(cell)
    return {"value": np.array([rate / float(self_consistency_exponent(law))]), "reference": np.ones(1)}


def rate_by_the_gap(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the same over the exponent of the weaker bound."""
    rate, law = _local_rate(cell)
    ranked = np.sort(law)[::-1]
    return {"value": np.array([2.0 * rate / (ranked[0] - ranked[1]) ** 2]), "reference": np.ones(1)}


COT_6B = Claim(
    id="COT-6b",
    paper=PAPER,
    title="The error of the vote falls at the rate of the two likeliest answers",
    statement=r"-(1/K) log P(vote != mode) -> -log(1-(sqrt p_1 - sqrt p_2)^2); "
    r"within 2 % between K and 2K, the factor K^{-1/2} taken out, where K times the exponent is 8",
    source=SOURCE,
    provenance="derived",
    statistic=Equality(rtol=0.02),
    grid=Grid(
        quick=cells(law=[(0.7, 0.3), (0.5, 0.25, 0.25), EXAMPLE, (0.6, 0.2, 0.1, 0.1)]),
        standard=cells(
            law=[
                (0.7, 0.3),
                (0.5, 0.25, 0.25),
                EXAMPLE,
                (0.6, 0.2, 0.1, 0.1),
                (0.45, 0.3, 0.25),
                (0.53, 0.47),
                (0.4, 0.2, 0.1, 0.1, 0.1, 0.1),
            ]
        ),
    ),
    measure=rate_of_the_vote,
    control=NegativeControl(
        measure=rate_by_the_gap, because="the exponent eps^2/2 is a bound on the rate and below it"
    ),
    substitutes=EXACT,
    seconds={"quick": 0.6, "standard": 2.0},
)


# --- COT-6c, d: the prompt ----------------------------------------------------------------------------------


def _case(cell: Cell, rng: np.random.Generator) -> tuple[DiscreteChain, int]:
    """Return tasks and the truth's likeliest answer."""
    chain = turning(cell["noise"]) if "noise" in cell else chain_of(cell, rng)
    return chain, int(chain.answer_table()[TRUTH, QUERY].argmax())


def _mean_errors(
    chain: DiscreteChain,
    right: int,
    n: int,
    voters: tuple[int, ...],
    *,
    shuffled: bool = False,
) -> tuple[np.ndarray, float]:
    """Return the error for every K in the mean over prompts, and the chance of a prompt with another mode."""
    chance, weights = prompts(chain, n, TRUTH, shuffled=shuffled)
    laws = answer_law(chain, weights, QUERY)
    error = np.array([chance @ self_consistency_error(laws, k, answer=right) for k in voters])
    return error, float(chance @ (laws.argmax(axis=1) != right))


def _floors(cell: Cell, rng: np.random.Generator, *, shuffled: bool) -> Arrays:
    chain, right = _case(cell, rng)
    voters = cell["samples"]
    true = chain.answer_table()[TRUTH, QUERY]
    alone = float(np.delete(true, right).sum())
    known = [alone if k == 1 else float(self_consistency_error(true, k, answer=right)) for k in voters]
    floor = np.array(known)
    told = told_chain(chain, [QUERY])
    error = np.array([_mean_errors(chain, right, n, voters, shuffled=shuffled)[0] for n in cell["lengths"]])
    allowed = np.outer(doubt_bound(told, TRUTH, cell["lengths"]), voters)
    measured = over(np.abs(error - floor).reshape(1, -1), allowed.reshape(1, -1))
    extra = {"lengths": np.array([cell["lengths"]]), "error": error[None], "floor": floor[None]}
    return measured | extra


def floors(cell: Cell, rng: np.random.Generator) -> Arrays:
    """How far the mean error is from that under the known task, over K times the bound on the doubt."""
    return _floors(cell, rng, shuffled=False)


def floors_shuffled(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the same for prompts whose steps are shuffled across demonstrations."""
    return _floors(cell, rng, shuffled=True)


_LENGTHS = (0, 1, 2, 3, 4, 6, 9, 12, 16, 20)

COT_6C = Claim(
    id="COT-6c",
    paper=PAPER,
    title="With more demonstrations the vote's error falls exponentially to its floor, 1 - p_1 for one chain",
    statement=r"|E_S P(wrong | S, K) - P_{theta*}(wrong | K)| <= K E_S TV(p_hat, p*) <= K E[1-pi_n(theta*)] "
    r"<= K sum_theta (doubt bound); P_{theta*}(wrong | 1) = 1 - p*_1",
    source=SOURCE,
    provenance="derived",
    statistic=BoundHolds(method="exact"),
    grid=Grid(
        quick=[
            {"noise": 0.3, "lengths": _LENGTHS, "samples": (1, 5, 25, 125)},
            *[sizes(4, 2, 2, lengths=(0, 1, 2, 4, 6), samples=(1, 2, 5, 25), draw=i) for i in range(3)],
        ],
        standard=[
            {"noise": 0.3, "lengths": (*_LENGTHS, 24, 28), "samples": (1, 5, 25, 125)},
            {"noise": 0.4, "lengths": (*_LENGTHS, 24, 28), "samples": (1, 5, 25, 125)},
            *[
                sizes(4, 2, 2, lengths=(0, 1, 2, 4, 6, 8), samples=(1, 2, 5, 25, 125), draw=i)
                for i in range(10)
            ],
        ],
    ),
    measure=floors,
    control=NegativeControl(
        measure=floors_shuffled,
        because="steps shuffled across demonstrations do not tell the task, so the floor is not reached",
    ),
    substitutes=TURNING,
    seconds={"quick": 0.9, "standard": 6.0},
)


def _against_both(cell: Cell, rng: np.random.Generator, *, forgetful: bool) -> Arrays:
    chain, right = _case(cell, rng)
    voters = cell["samples"]
    ranked = np.sort(chain.answer_table()[TRUTH, QUERY])[::-1]
    error, bound = [], []
    for n in cell["lengths"]:
        error.append(_mean_errors(chain, right, n, voters)[0])
        if forgetful:
            bound.append(np.array([gap_bound(ranked[0] - ranked[1], chain.states, k) for k in voters]))
        else:
            bound.append(prompted_self_consistency_bound(chain, TRUTH, n, voters, QUERY))
    return over(np.array(error).reshape(1, -1), np.array(bound).reshape(1, -1))


def against_both(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Mean error over the bound that adds prompting and voting."""
    return _against_both(cell, rng, forgetful=False)


def against_the_vote_alone(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the same over the bound for a known task."""
    return _against_both(cell, rng, forgetful=True)


COT_6D = Claim(
    id="COT-6d",
    paper=PAPER,
    title="The vote's error is at most a prompting term, exponential in n, plus one exponential in K",
    statement=r"P(wrong) <= min_{tau < eps*/2} (1/tau) E[1-pi_n(Theta_eq)] + (|Y|-1) e^{-K(eps*-2 tau)^2/2}",
    source=SOURCE,
    provenance="derived",
    statistic=BoundHolds(method="exact"),
    grid=Grid(
        quick=[
            {"noise": 0.3, "lengths": (0, 2, 4, 8, 12, 16, 20), "samples": (1, 5, 25, 125)},
            *[sizes(4, 2, 2, lengths=(0, 1, 2, 4, 6), samples=(1, 2, 5, 25), draw=i) for i in range(3)],
        ],
        standard=[
            {"noise": 0.2, "lengths": (0, 2, 4, 8, 12, 16, 20, 24), "samples": (1, 5, 25, 125, 250)},
            {"noise": 0.3, "lengths": (0, 2, 4, 8, 12, 16, 20, 24), "samples": (1, 5, 25, 125, 250)},
            *[
                sizes(4, 2, 2, lengths=(0, 1, 2, 4, 6, 8), samples=(1, 2, 5, 25, 125), draw=i)
                for i in range(10)
            ],
        ],
    ),
    measure=against_both,
    control=NegativeControl(
        measure=against_the_vote_alone,
        because="at few demonstrations the vote may settle on the answer of another task, however many vote",
    ),
    substitutes=TURNING,
    seconds={"quick": 0.8, "standard": 8.0},
)


def _misled(cell: Cell, rng: np.random.Generator, *, known: bool) -> Arrays:
    chain, right = _case(cell, rng)
    voters = cell["samples"]
    true = chain.answer_table()[TRUTH, QUERY]
    ratio = []
    for n in cell["lengths"]:
        error, misled = _mean_errors(chain, right, n, voters)
        if known:
            error = np.array([float(self_consistency_error(true, k, answer=right)) for k in voters])
        ratio.append(error / (0.5 * misled))
    return {"value": np.array(ratio).reshape(1, -1)}


def misled(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Mean error over half the chance of a prompt whose average has another mode."""
    return _misled(cell, rng, known=False)


def never_misled(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the same where the task is known and only the votes are random."""
    return _misled(cell, rng, known=True)


COT_6E = Claim(
    id="COT-6e",
    paper=PAPER,
    title="At few demonstrations all K level out: no number of votes makes up for a prompt that misleads",
    statement=r"E_S P(wrong | S, K) >= (1/2) P_S(mode of p_hat is not y*) for every K",
    source=SOURCE,
    provenance="derived",
    statistic=BoundHolds(method="exact", side="lower"),
    grid=Grid(
        quick=[{"noise": 0.3, "lengths": (1, 2, 3, 4, 6, 8, 12), "samples": (1, 5, 25, 125)}],
        standard=[
            {"noise": noise, "lengths": (1, 2, 3, 4, 6, 8, 12, 16, 20), "samples": (1, 2, 5, 25, 125, 250)}
            for noise in (0.2, 0.3, 0.4)
        ],
    ),
    measure=misled,
    bound=one,
    control=NegativeControl(
        measure=never_misled, because="where the task is known the error vanishes with K"
    ),
    substitutes=TURNING,
    seconds={"quick": 0.2, "standard": 7.0},
)


# --- COT-6f: voting harms -----------------------------------------------------------------------------------


def _successes(cell: Cell, rng: np.random.Generator, *, rank: int) -> Arrays:
    laws = _laws(cell, rng)
    order = np.argsort(-laws, axis=1)
    found = [vote(laws, k, answer=order[:, rank]).success for k in cell["samples"]]
    bound = np.array([success_bound(laws, k, order[:, 1]) for k in cell["samples"]]).T
    return over(np.array(found).T, bound)


def success_of_the_second(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the chance that the second likeliest answer is elected, over its bound."""
    return _successes(cell, rng, rank=1)


def success_of_the_first(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the same for the likeliest answer."""
    return _successes(cell, rng, rank=0)


COT_6F = Claim(
    id="COT-6f",
    paper=PAPER,
    title="Where the right answer is not the likeliest, voting makes it exponentially rarer",
    statement=r"P(vote = a) <= (1-(sqrt p_1 - sqrt p_a)^2)^K where p_a < p_1",
    source=SOURCE,
    provenance="derived",
    statistic=BoundHolds(method="exact"),
    grid=Grid(
        quick=[*cells(answers=[2, 3, 5], samples=[VOTERS], instances=[10])],
        standard=[
            *cells(answers=[2, 3, 5], samples=[VOTERS], instances=[100]),
            *cells(answers=[8], samples=[VOTERS], instances=[20]),
        ],
    ),
    measure=success_of_the_second,
    control=NegativeControl(
        measure=success_of_the_first, because="voting helps an answer only where it is the likeliest"
    ),
    substitutes=EXACT,
    seconds={"quick": 0.6, "standard": 8.0},
)


# --- COT-6g: the sampler ------------------------------------------------------------------------------------


def _elections(cell: Cell, rng: np.random.Generator, *, voters: int) -> Arrays:
    from tightbound.simulators.chain_of_thought.sampling import sample_demonstrations
    from tightbound.simulators.chain_of_thought.self_consistency import self_consistency

    chain = chain_of(cell, rng)
    truth = int(rng.integers(chain.tasks))
    weights = log_posterior(chain, sample_demonstrations(chain, truth, cell["n"], 1, rng=rng)[0], QUERY)
    law = answer_law(chain, weights, QUERY)
    names = np.arange(chain.states)
    exact = vote(np.tile(law, (names.size, 1)), cell["samples"], answer=names).success
    found = self_consistency(
        chain, weights, QUERY, voters, answer=int(law.argmax()), replications=cell["elections"], rng=rng
    )
    counts = np.bincount(found.voted, minlength=names.size)
    return {"counts": counts, "probabilities": exact / exact.sum()}


def elections(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Votes over chains sampled step by step, counted, and the exact law of the vote."""
    return _elections(cell, rng, voters=cell["samples"])


def elections_by_one(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the same where one chain decides."""
    return _elections(cell, rng, voters=1)


COT_6G = Claim(
    id="COT-6g",
    paper=PAPER,
    title="Sampled step by step and counted, votes have the law computed exactly",
    statement=r"P(vote = y) for K chains with z_h ~ P(z_h|S,z_{<h}) is that for K draws from the answer law",
    source=SOURCE,
    provenance="derived",
    statistic=Law(method="chi2"),
    grid=Grid(
        quick=[sizes(4, 3, 3, n=2, samples=k, elections=10_000) for k in (4, 9)],
        standard=[sizes(4, 3, 3, n=2, samples=k, elections=50_000) for k in (4, 9)],
    ),
    measure=elections,
    control=NegativeControl(measure=elections_by_one, because="one chain is not as often right as a vote"),
    substitutes=EXACT,
    seconds={"quick": 0.4, "standard": 3.0},
)

SELF_CONSISTENCY = (COT_6A, COT_6B, COT_6C, COT_6D, COT_6E, COT_6F, COT_6G)
