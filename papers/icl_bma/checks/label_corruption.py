"""ICL-9 and ICL-13: examples with wrong responses, some of them or all."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from tightbound.theory.in_context.label_corruption import (
    drift,
    expected_posterior_error,
    mean_error_exponent,
    posterior_error_bound,
)
from tightbound.theory.in_context.wrong_mappings import (
    CodewordTasks,
    largest_divergence,
    printed_condition,
    printed_identification_term,
)
from tightbound.verification.claim import Assumption, Claim, NegativeControl
from tightbound.verification.grid import Cell, Grid, cells
from tightbound.verification.statistics import BoundHolds, Equality, ExponentialRate, Order

PAPER = "icl_bma"
PERFECT = "the exact posterior over finitely many tasks stands for the language model"
SOURCE_9 = "derived; companion of Proposition 6.3"
SOURCE_13 = "Proposition 6.3 (formal G.4, displays lost in the copy read); the bound is derived"

Arrays = dict[str, Any]


# --- ICL-9: a share of the responses is wrong ---------------------------------------------------------------

# Task z prefers label z: probability 1 - noise for it, noise/2 for each of the two others.
TRUTH, DECOY = 0, 1


def _likelihood(noise: float) -> np.ndarray:
    return np.where(np.eye(3) > 0, 1.0 - noise, noise / 2.0)


def _observed(cell: Cell, share: float, kind: str = "targeted") -> np.ndarray:
    """Law of a label of which a share is replaced: by the decoy's (targeted), or by any (uniform)."""
    wrong = np.eye(3)[DECOY] if kind == "targeted" else np.full(3, 1.0 / 3.0)
    return np.asarray((1.0 - share) * _likelihood(cell["noise"])[TRUTH] + share * wrong)


def _threshold(noise: float) -> float:
    """Return the share of targeted labels at which the drift against the decoy is 0."""
    gap = 1.0 - 1.5 * noise
    return gap / (1.0 + gap)


def _error(cell: Cell, share: float, task: int) -> np.ndarray:
    logs, law = np.log(_likelihood(cell["noise"])), _observed(cell, share)
    prior = np.log(cell["prior"])
    return np.array([[expected_posterior_error(n, law, logs, prior, task) for n in cell["examples"]]])


def _bound(cell: Cell, share: float, task: int) -> np.ndarray:
    logs, prior = np.log(_likelihood(cell["noise"])), np.log(cell["prior"])
    others = [z for z in range(3) if z != task]
    ratio, odds = logs[others] - logs[task], prior[others] - prior[task]
    return posterior_error_bound(np.array(cell["examples"]), _observed(cell, share), ratio, odds)[None]


def error_below_threshold(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Exact posterior error with a share of wrong labels, and its bound."""
    share = cell["of_threshold"] * _threshold(cell["noise"])
    return {
        "value": _error(cell, share, TRUTH),
        "bound": _bound(cell, share, TRUTH),
        "trivial": 1.0,
        "x": np.array(cell["examples"], dtype=np.float64),
        "share": share,
    }


def error_against_clean_bound(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the same error beside the bound for clean labels."""
    return error_below_threshold(cell, rng) | {"bound": _bound(cell, 0.0, TRUTH)}


def distance_from_the_wrong_task(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Exact posterior weight missing from the task to which the wrong labels point, and its bound."""
    share = cell["of_threshold"] * _threshold(cell["noise"])
    return {
        "value": _error(cell, share, DECOY),
        "bound": _bound(cell, share, DECOY),
        "trivial": 1.0,
        "share": share,
    }


def distance_with_clean_labels(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the weight missing from the same task where no label is wrong."""
    return distance_from_the_wrong_task(cell, rng) | {"value": _error(cell, 0.0, DECOY)}


def rate_of_the_mean(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Rate of the exact posterior error between two numbers of examples, beside its exponent."""
    share, logs = cell["of_threshold"] * _threshold(cell["noise"]), np.log(_likelihood(cell["noise"]))
    first, second = cell["examples"]
    fall = -np.diff(np.log(_error(cell, share, TRUTH)[0]) + 0.5 * np.log(cell["examples"]))
    exponents = mean_error_exponent(_observed(cell, share), logs[1:] - logs[TRUTH])
    return {"value": fall / (second - first), "reference": exponents.min()}


def rate_against_drift(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the same rate beside the drift, the rate of a typical prompt."""
    share, logs = cell["of_threshold"] * _threshold(cell["noise"]), np.log(_likelihood(cell["noise"]))
    typical = drift(_observed(cell, share), logs[1:] - logs[TRUTH]).min()
    return rate_of_the_mean(cell, rng) | {"reference": typical}


def _ordered(cell: Cell, kind: str) -> Arrays:
    logs = np.log(_likelihood(cell["noise"]))
    falls = drift(_observed(cell, cell["share"], kind), logs[1:] - logs[TRUTH]).min() > 0.0
    error = _error(cell, cell["share"], TRUTH)
    few, many = error[:, 0], error[:, -1]
    return {
        "greater": few if falls else many,
        "smaller": many if falls else few,
        "error": error,
        "x": np.array(cell["examples"], dtype=np.float64),
        "threshold": _threshold(cell["noise"]),
    }


def sign_of_the_drift(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Exact errors at few and at many examples, ordered as the drift says."""
    return _ordered(cell, "targeted")


def sign_for_uniform_labels(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the same errors, ordered as the same share of labels drawn at random would have it."""
    return _ordered(cell, "uniform")


UNIFORM, SKEWED = (1 / 3, 1 / 3, 1 / 3), (0.1, 0.6, 0.3)
EXAMPLES = (10, 40, 160)

ICL_9A = Claim(
    id="ICL-9a",
    paper=PAPER,
    title="In-context learning survives wrong labels below the share at which the drift changes sign",
    statement=r"E_Q[1 - \pi_n(z*)] <= \sum_z \min_{0<=s<=1} (\pi_z/\pi_{z*})^s E_Q[(p_z/p_{z*})^s]^n, which "
    "decays wherever E_Q log(p_{z*}/p_z) > 0",
    source=SOURCE_9,
    provenance="derived",
    statistic=BoundHolds(method="exact", slack=0.0),
    grid=Grid(
        quick=cells(
            noise=[0.2, 0.4],
            prior=[UNIFORM, SKEWED],
            of_threshold=[0.0, 0.25, 0.5, 0.75, 0.95],
            examples=[EXAMPLES],
        ),
        standard=cells(
            noise=[0.1, 0.2, 0.4, 0.6],
            prior=[UNIFORM, SKEWED],
            of_threshold=[0.0, 0.25, 0.5, 0.75, 0.95],
            examples=[(*EXAMPLES, 320)],
        ),
    ),
    measure=error_below_threshold,
    control=NegativeControl(
        measure=error_against_clean_bound,
        because="the bound for clean labels ignores that wrong ones slow the posterior down",
    ),
    substitutes=PERFECT,
    seconds={"quick": 0.7, "standard": 6.0},
)

ICL_9B = Claim(
    id="ICL-9b",
    paper=PAPER,
    title="Beyond that share the posterior settles on the wrong task, exponentially fast",
    statement=r"E_Q[1 - \pi_n(z')] <= \sum_z \min_{0<=s<=1} (\pi_z/\pi_{z'})^s E_Q[(p_z/p_{z'})^s]^n for the "
    "task z' to which the wrong labels point",
    source=SOURCE_9,
    provenance="derived",
    statistic=BoundHolds(method="exact", slack=0.0),
    grid=Grid(
        quick=cells(
            noise=[0.2, 0.4], prior=[UNIFORM, SKEWED], of_threshold=[1.2, 1.5, 2.0], examples=[EXAMPLES]
        ),
        standard=cells(
            noise=[0.1, 0.2, 0.4, 0.6],
            prior=[UNIFORM, SKEWED],
            of_threshold=[1.1, 1.2, 1.5, 2.0],
            examples=[(*EXAMPLES, 320)],
        ),
    ),
    measure=distance_from_the_wrong_task,
    control=NegativeControl(
        measure=distance_with_clean_labels,
        because="with clean labels the posterior settles on the truth, not on the task named here",
    ),
    substitutes=PERFECT,
    seconds={"quick": 0.5, "standard": 6.0},
)

ICL_9C = Claim(
    id="ICL-9c",
    paper=PAPER,
    title="The mean error falls at Cramér's exponent of the corrupted examples",
    statement=r"-d(log E_Q[1 - \pi_n(z*)] + (1/2) log n)/dn -> \min_z -\min_{0<=s<=1} "
    "log E_Q[(p_z/p_{z*})^s], within 3 % where the error has fallen by e^3",
    source=SOURCE_9,
    provenance="derived",
    statistic=Equality(rtol=0.03),
    grid=Grid(
        quick=cells(noise=[0.2, 0.4], prior=[UNIFORM], of_threshold=[0.0, 0.25], examples=[(160, 320)]),
        standard=cells(
            noise=[0.2, 0.4], prior=[UNIFORM, SKEWED], of_threshold=[0.0, 0.25], examples=[(320, 640)]
        ),
    ),
    measure=rate_of_the_mean,
    control=NegativeControl(
        measure=rate_against_drift,
        because="the drift is the rate of typical prompts; the mean is carried by untypical ones and slower",
    ),
    substitutes=PERFECT,
    seconds={"quick": 0.4, "standard": 4.0},
)

ICL_9D = Claim(
    id="ICL-9d",
    paper=PAPER,
    title="Whether more examples help is decided by the sign of the drift",
    statement=r"E_Q[1 - \pi_n(z*)] falls from n = 10 to 160 iff \min_z E_Q log(p_{z*}/p_z) > 0, for "
    "shares of wrong labels from 0 to 0.6",
    source=SOURCE_9,
    provenance="derived",
    statistic=Order(method="exact"),
    grid=Grid(
        quick=cells(
            noise=[0.2],
            prior=[UNIFORM],
            share=[0.0, 0.1, 0.2, 0.3, 0.35, 0.4, 0.42, 0.45, 0.5, 0.6],
            examples=[EXAMPLES],
        ),
        standard=cells(
            noise=[0.1, 0.2, 0.4],
            prior=[UNIFORM],
            share=[0.0, 0.1, 0.2, 0.25, 0.3, 0.35, 0.4, 0.42, 0.45, 0.5, 0.6],
            examples=[(*EXAMPLES, 320)],
        ),
    ),
    measure=sign_of_the_drift,
    control=NegativeControl(
        measure=sign_for_uniform_labels,
        because="it is not the share that decides: as many labels drawn at random would not turn the drift",
    ),
    substitutes=PERFECT,
    seconds={"quick": 0.2, "standard": 5.0},
)


# --- ICL-13: every response is wrong ------------------------------------------------------------------------

# The truth is the first task and the others have the other label, so one rewriting hurts against all of them.
CODEBOOKS = {
    "two far": ((0, 0, 0, 0), (1, 1, 1, 1)),
    "three": ((0, 0, 0, 0), (1, 1, 1, 1), (0, 0, 1, 1)),
    "two near": ((0, 0), (1, 1)),
    "one token": ((0,), (1,)),
    "no token": ((0,), (0,)),
    "five of eight": ((0,) * 8, (1, 1, 1, 1, 1, 0, 0, 0)),
}


def _tasks(cell: Cell, book: str) -> CodewordTasks:
    words = CODEBOOKS[book]
    labels = [0] + [1] * (len(words) - 1)
    first = cell.get("first", 1.0 / len(words))
    prior = [first] + [(1.0 - first) / (len(words) - 1)] * (len(words) - 1)
    return CodewordTasks(words, labels, cell["floor"], prior)


def _rewritten_bound(tasks: CodewordTasks, examples: np.ndarray) -> np.ndarray:
    laws, prior = np.log(tasks.covariate_laws()), np.log(tasks.prior)
    tampering = -math.log(tasks.floor)
    return posterior_error_bound(
        examples, np.exp(laws[0]), laws[1:] - laws[0], prior[1:] - prior[0], log_tampering=tampering
    )


def _rewritten(cell: Cell, data: str, bound: str) -> Arrays:
    examples, tasks = np.array(cell["examples"]), _tasks(cell, data)
    return {
        "x": examples.astype(np.float64),
        "value": np.array([[tasks.error(int(t), 0, rewritten=True) for t in examples]]),
        "bound": _rewritten_bound(_tasks(cell, bound), examples)[None],
        "trivial": 1.0,
    }


def all_responses_rewritten(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Exact posterior error where every response is the one that the truth finds least likely."""
    return _rewritten(cell, cell["book"], cell["book"])


def rewritten_without_covariates(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the same error where covariates do not depend on the task, beside the bound where they do."""
    return _rewritten(cell, "no token", cell["book"])


def _exponent(tasks: CodewordTasks) -> float:
    """Return the exponent of the bound: the least over wrong tasks."""
    laws = np.log(tasks.covariate_laws())
    shifted = laws[1:] - laws[0] - math.log(tasks.floor)
    return float(mean_error_exponent(np.exp(laws[0]), shifted).min())


def decay_in_units_of_the_exponent(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Exact posterior error with rewritten responses, against examples times the guaranteed exponent."""
    found = all_responses_rewritten(cell, rng)
    return found | {"x": found["x"] * _exponent(_tasks(cell, cell["book"]))}


def one_token_in_the_same_units(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the error where one token tells the tasks apart, in the same units."""
    found = _rewritten(cell, "one token", "one token")
    return found | {"x": found["x"] * _exponent(_tasks(cell, cell["book"]))}


def covariates_identify(cell: Cell) -> bool:
    """Whether covariates diverge by more than one rewritten response can hide."""
    return bool(_tasks(cell, cell["book"]).covariate_divergence(0)[1:].min() > -math.log(cell["floor"]))


IDENTIFY = Assumption(
    name="covariates identify the task",
    sentence="KL(P(c|z*) || P(c|z)) > log(1/c_0) for every other task",
    holds=covariates_identify,
)
LENGTHS = (1, 2, 4, 8, 16, 32)
IDENTIFIED = [
    *cells(book=["two far", "three"], floor=[0.01, 0.05, 0.1], examples=[LENGTHS]),
    *cells(book=["two far", "three"], floor=[0.05], first=[0.02], examples=[LENGTHS]),
    *cells(book=["two near"], floor=[0.05, 0.1, 0.15], examples=[LENGTHS]),
]
MORE_IDENTIFIED = [
    *IDENTIFIED,
    *cells(book=["two far", "two near", "three"], floor=[0.02, 0.15, 0.2], examples=[(*LENGTHS, 64, 128)]),
    *cells(book=["five of eight"], floor=[0.05, 0.1], examples=[(*LENGTHS, 64)]),
]

ICL_13A = Claim(
    id="ICL-13a",
    paper=PAPER,
    title="With all responses rewritten, covariates that identify the task still find it",
    statement=r"E[1 - \pi_t(z*)] <= \sum_z \min_{0<=s<=1} (\pi_z/\pi_{z*})^s (c_0^{-s} M_z(s))^t, "
    r"M_z(s) = E_{z*}[(P(c|z)/P(c|z*))^s]",
    source=SOURCE_13,
    provenance="derived",
    statistic=BoundHolds(method="exact", slack=0.0),
    grid=Grid(quick=IDENTIFIED, standard=MORE_IDENTIFIED),
    measure=all_responses_rewritten,
    assumptions=(IDENTIFY,),
    control=NegativeControl(
        measure=rewritten_without_covariates,
        because="where covariates do not depend on the task, rewritten responses carry the posterior away",
    ),
    substitutes=PERFECT,
    seconds={"quick": 0.2, "standard": 0.5},
)

ICL_13B = Claim(
    id="ICL-13b",
    paper=PAPER,
    title="Then the error decays exponentially in the number of examples, not in its root",
    statement=r"d log E[1 - \pi_t(z*)] / dt <= -\min_z \max_{0<=s<=1} -log(c_0^{-s} M_z(s)) < 0",
    source=SOURCE_13,
    provenance="derived",
    statistic=ExponentialRate(target=-1.0, side="upper", method="exact", floor=1e-290),
    grid=Grid(
        quick=cells(book=["two far", "three", "two near"], floor=[0.05, 0.1], examples=[(8, 16, 24, 32)]),
        standard=cells(
            book=["two far", "three", "two near"], floor=[0.05, 0.1], examples=[(8, 16, 32, 64, 128)]
        ),
    ),
    measure=decay_in_units_of_the_exponent,
    assumptions=(IDENTIFY,),
    control=NegativeControl(
        measure=one_token_in_the_same_units,
        because="one token says less about the task than a rewritten response hides: the error rises to 1",
    ),
    substitutes=PERFECT,
    seconds={"quick": 0.1, "standard": 0.2},
)


def harm_or_none(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Exact error with all responses rewritten, on the side of 1/2 that covariates say."""
    return _sides(cell, rewritten=True)


def honest_responses(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the same for honest responses."""
    return _sides(cell, rewritten=False)


def _sides(cell: Cell, *, rewritten: bool) -> Arrays:
    width, told = 4, cell["telling"]
    words = np.zeros((2, width))
    words[1, :told] = 1.0
    tasks = CodewordTasks(words, [0, 1], cell["floor"])
    harmless = tasks.covariate_divergence(0)[1] > tasks.rewriting_gain(0)[1]
    error = tasks.error(cell["examples"], 0, rewritten=rewritten)
    return {"greater": 0.5 if harmless else error, "smaller": error if harmless else 0.5, "error": error}


ICL_13C = Claim(
    id="ICL-13c",
    paper=PAPER,
    title="Wrong input-output mappings are harmless only where covariates identify the task",
    statement=r"with every response rewritten to the symbol least likely under z*, E[1 - \pi_t(z*)] < 1/2 if "
    r"KL(P(c|z*) || P(c|z)) > max_r log(P(r|z)/P(r|z*)), and > 1/2 if it is smaller",
    source="derived: the converse that Proposition 6.3 leaves out",
    provenance="derived",
    statistic=Order(method="exact"),
    grid=Grid(
        quick=cells(telling=[0, 1, 2, 3, 4], floor=[0.05, 0.1, 0.2], examples=[32]),
        standard=cells(telling=[0, 1, 2, 3, 4], floor=[0.01, 0.02, 0.05, 0.1, 0.15, 0.2], examples=[32, 256]),
    ),
    measure=harm_or_none,
    control=NegativeControl(
        measure=honest_responses,
        because="honest responses identify the task by themselves, so nothing goes wrong without covariates",
    ),
    substitutes=PERFECT,
    seconds={"quick": 0.1, "standard": 0.2},
)


def divergences_of_laws(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Divergences of random laws bounded below, of laws near vertices, and of two vertices."""
    m, least = cell["symbols"], cell["floor"]
    raw = rng.dirichlet(np.full(m, cell["concentration"]), size=(cell["pairs"], 2))
    raw[0] = np.eye(m)[:2]
    p, q = np.moveaxis(least + (1.0 - m * least) * raw, 1, 0)
    return {"value": (p * np.log(p / q)).sum(axis=1), "trivial": -math.log(least)}


def largest(cell: Cell) -> float:
    """Return the largest divergence by formula."""
    return largest_divergence(cell["symbols"], cell["floor"])


def divergences_without_floor(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return divergences of laws whose entries may be ten times smaller."""
    return divergences_of_laws({**cell, "floor": 0.1 * cell["floor"]}, rng) | {
        "trivial": -math.log(cell["floor"])
    }


ICL_13D = Claim(
    id="ICL-13d",
    paper=PAPER,
    title="One token carries less than log(1/c_0) of divergence when probabilities are at least c_0",
    statement=r"KL(p||q) <= (a - c_0) log(a/c_0) < log(1/c_0), a = 1 - (m-1)c_0, attained at two vertices",
    source="derived from Assumption 5.2",
    provenance="derived",
    statistic=BoundHolds(method="exact"),
    grid=Grid(
        quick=[
            *cells(symbols=[2], floor=[0.01, 0.1, 0.3], concentration=[0.1, 1.0], pairs=[5000]),
            *cells(symbols=[5], floor=[0.01, 0.1], concentration=[0.1, 1.0], pairs=[5000]),
        ],
        standard=[
            *cells(symbols=[2, 3], floor=[0.001, 0.01, 0.1, 0.3], concentration=[0.1, 1.0], pairs=[100_000]),
            *cells(symbols=[5, 9], floor=[0.001, 0.01, 0.1], concentration=[0.1, 1.0], pairs=[100_000]),
        ],
    ),
    measure=divergences_of_laws,
    bound=largest,
    control=NegativeControl(
        measure=divergences_without_floor,
        because="smaller probabilities than c_0, which Assumption 5.2 excludes, allow larger divergences",
    ),
    seconds={"quick": 0.1, "standard": 3.0},
)


def share_of_what_is_required(cell: Cell, rng: np.random.Generator) -> Arrays:
    r"""Return KL_pair over 2 log(1/c_0), the largest that tasks with this many telling tokens allow."""
    least = cell["floor"]
    one = largest_divergence(cell["symbols"], least)
    total = (cell["telling"] + 1) * one
    needed = total - float(printed_condition(total, least))
    return {"value": total / needed, "margin": printed_condition(total, least)}


def one(cell: Cell) -> float:
    """Return 1: all that is required."""
    return 1.0


ICL_13E = Claim(
    id="ICL-13e",
    paper=PAPER,
    title="Vacuous as printed where covariates do not depend on the task: its condition cannot hold",
    statement=r"under Assumption 5.2, \max KL_{pair} < 2 log(1/c_0), so G.3 is impossible, unless at least "
    "two tokens of the covariate depend on the task",
    source="Assumptions 5.2 and G.3 of Proposition 6.3; the maximum is derived",
    provenance="derived",
    statistic=BoundHolds(method="exact", slack=0.0),
    grid=Grid(
        quick=cells(telling=[0, 1], symbols=[2, 3, 10], floor=[1e-6, 1e-3, 0.01, 0.1]),
        standard=cells(telling=[0, 1], symbols=[2, 3, 5, 10], floor=[1e-12, 1e-9, 1e-6, 1e-3, 0.01, 0.1]),
    ),
    measure=share_of_what_is_required,
    bound=one,
    control=NegativeControl(
        grid=Grid(quick=cells(telling=[2, 4], symbols=[2], floor=[1e-6, 0.01])),
        because="two tokens that depend on the task can diverge enough: the condition is about covariates",
    ),
    seconds={"quick": 0.1, "standard": 0.1},
)


def _least_pair_divergence(cell: Cell) -> float:
    tasks = _tasks(cell, cell["book"])
    return float((tasks.covariate_divergence(0) + tasks.response_divergence(0))[1:].min())


def printed_condition_holds(cell: Cell) -> bool:
    """Whether the pair's divergence exceeds 2 log(1/c_0)."""
    return bool(printed_condition(_least_pair_divergence(cell), cell["floor"]) > 0.0)


def _printed_term(cell: Cell) -> np.ndarray:
    tasks = _tasks(cell, cell["book"])
    kl, length = _least_pair_divergence(cell), tasks.codewords.shape[1]
    examples = np.array(cell["examples"])
    return printed_identification_term(examples, tasks.tasks, kl, length, cell["floor"])[None]


def sharper_bound(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Bound of ICL-13a, beside the chance of failure in the printed proof."""
    found = all_responses_rewritten(cell, rng)
    return {"x": found["x"], "value": found["bound"], "bound": _printed_term(cell), "error": found["value"]}


def error_without_covariates(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the exact error where covariates do not depend on the task, beside the printed term."""
    found = rewritten_without_covariates(cell, rng)
    return {"x": found["x"], "value": found["value"], "bound": _printed_term(cell)}


ICL_13F = Claim(
    id="ICL-13f",
    paper=PAPER,
    title="Wherever the printed condition holds, the exponential bound is below the printed term in the root",
    statement=r"the bound of ICL-13a is at most |Z| exp(-a \sqrt t / (2b)), a = \min KL_{pair} - "
    "2 log(1/c_0), b = (1 + l) log(1/c_0), on the instances checked",
    source="Proposition 6.3 (formal G.4): a, b and delta as in its proof",
    provenance="text",
    statistic=BoundHolds(method="exact", slack=0.0),
    grid=Grid(
        quick=[
            *cells(book=["two far", "three"], floor=[0.01, 0.05, 0.1], examples=[LENGTHS]),
            *cells(book=["two near"], floor=[0.01, 0.05], examples=[LENGTHS]),
        ],
        standard=[
            *cells(book=["two far", "three"], floor=[0.001, 0.01, 0.05, 0.1], examples=[(*LENGTHS, 128)]),
            *cells(book=["two near"], floor=[0.001, 0.01, 0.05], examples=[(*LENGTHS, 128)]),
            *cells(book=["five of eight"], floor=[0.01, 0.05, 0.1], examples=[(*LENGTHS, 64)]),
        ],
    ),
    measure=sharper_bound,
    assumptions=(
        Assumption(
            name="printed condition",
            sentence="KL_pair(P(.|z*) || P(.|z)) > 2 log(1/c_0) for every other task",
            holds=printed_condition_holds,
        ),
    ),
    control=NegativeControl(
        measure=error_without_covariates,
        because="without covariates that depend on the task the condition fails and the error rises to 1",
    ),
    substitutes=PERFECT,
    seconds={"quick": 0.2, "standard": 0.3},
)

LABEL_CORRUPTION = (
    ICL_9A,
    ICL_9B,
    ICL_9C,
    ICL_9D,
    ICL_13A,
    ICL_13B,
    ICL_13C,
    ICL_13D,
    ICL_13E,
    ICL_13F,
)
