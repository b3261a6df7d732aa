"""ICL-13: every response in a prompt is rewritten, and what covariates have to do with it."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from tightbound.theory.in_context.label_corruption import mean_error_exponent, posterior_error_bound
from tightbound.theory.in_context.wrong_mappings import (
    CodewordTasks,
    largest_divergence,
    printed_condition,
    printed_identification_term,
)
from tightbound.verification.claim import Assumption, Claim, NegativeControl
from tightbound.verification.grid import Cell, Grid, cells
from tightbound.verification.statistics import BoundHolds, ExponentialRate, Order

PAPER = "icl_bma"
PERFECT = "the exact posterior over finitely many tasks stands for the language model"
SOURCE = "Proposition 6.3 (formal G.4, displays lost in the copy read); the bound is derived"

Arrays = dict[str, Any]

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
    source=SOURCE,
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
    source=SOURCE,
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

WRONG_MAPPINGS = (ICL_13A, ICL_13B, ICL_13C, ICL_13D, ICL_13E, ICL_13F)
