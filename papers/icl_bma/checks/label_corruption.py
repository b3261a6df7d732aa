"""ICL-9: a share of the responses in a prompt is wrong."""

from __future__ import annotations

from typing import Any

import numpy as np

from tightbound.papers.icl_bma.checks.wrong_mappings import WRONG_MAPPINGS
from tightbound.theory.in_context.label_corruption import (
    drift,
    expected_posterior_error,
    mean_error_exponent,
    posterior_error_bound,
)
from tightbound.verification.claim import Claim, NegativeControl
from tightbound.verification.grid import Cell, Grid, cells
from tightbound.verification.statistics import BoundHolds, Equality, Order

PAPER = "icl_bma"
PERFECT = "the exact posterior over finitely many tasks stands for the language model"
SOURCE = "derived; companion of Proposition 6.3"

Arrays = dict[str, Any]

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
    source=SOURCE,
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
    source=SOURCE,
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
    source=SOURCE,
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
    source=SOURCE,
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

LABEL_CORRUPTION = (ICL_9A, ICL_9B, ICL_9C, ICL_9D, *WRONG_MAPPINGS)
