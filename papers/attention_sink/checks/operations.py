"""SINK-T2: without a normaliser no token has both a large raw score and a value that is drained."""

from __future__ import annotations

import math

import numpy as np

from tightbound.papers.attention_sink.checks._training import (
    PAPER,
    SUBSTITUTES,
    Arrays,
    sizes,
    trained,
)
from tightbound.verification.claim import Claim, NegativeControl
from tightbound.verification.grid import Cell
from tightbound.verification.statistics import BoundHolds

UNNORMALISED = (
    {"operation": "sigmoid", "normaliser": "none"},
    {"operation": "sigmoid", "normaliser": "none", "logit_bias": -math.log(32.0)},
    {"operation": "relu", "normaliser": "none"},
    {"operation": "elu1", "normaliser": "none"},
)
NORMALISED = (
    {"operation": "softmax", "normaliser": "sum"},
    {"operation": "sigmoid", "normaliser": "sum"},
    {"operation": "elu1", "normaliser": "sum"},
)


def first_as_sink(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return how far token 1 is a sink at the end, one entry per run: above 1 where both signs are there.

    ``raw``: its mean raw score over the mean of all columns; ``value_drain``: the length of its value over
    the mean of the others'; ``value``: the smaller of the first and one half over the second. Beside them,
    of column 1: ``mass``, the raw score itself; ``proxy``, the same after dividing each row by its sum;
    ``sink`` and ``proxy_sink``, the shares of sequences above 0.3; ``contribution`` to the head's output.
    """
    nets = trained(cell)
    column = nets.fixed_column
    mass = nets.watched("mass")[:, -1]
    raw, drain = mass[:, column] / mass.mean(axis=1), nets.value_drain()[:, -1]
    names = {
        "mass": "mass",
        "proxy": "proxy_mass",
        "sink": "sink",
        "proxy_sink": "proxy_sink",
        "contribution": "contribution",
    }
    return {
        "value": np.minimum(raw, DRAINED / drain),
        "raw": raw,
        "typical_mass": mass.mean(axis=1),
        "value_drain": drain,
        "excess_loss": nets.excess_loss()[:, -1],
        **{own: nets.watched(name)[:, -1, column] for own, name in names.items()},
    }


DRAINED = 0.5


def one(cell: Cell) -> float:
    """Return 1: a typical raw score, or a value half as long as the others, whichever is there."""
    return 1.0


SINK_T2 = Claim(
    id="SINK-T2",
    paper=PAPER,
    title="Without a normaliser the first token is no sink: no large raw score on a drained value",
    statement=r"min(mean_i A_{i1} / mean_k mean_{i \ge k} A_{ik}, mean_j ||v_j|| / (2 ||v_1||)) \le 1 for "
    "sigmoid, ReLU and elu + 1 attention with Z = 1, at the end of training, in every run",
    source="derived; cf. Gu et al. 2025, abstract: no sink under sigmoid attention without normalisation",
    provenance="derived",
    statistic=BoundHolds(),
    grid=sizes(*UNNORMALISED),
    measure=first_as_sink,
    bound=one,
    control=NegativeControl(
        because="rows that sum to one have to put their weight somewhere, whatever the operation",
        grid=sizes(*NORMALISED),
    ),
    substitutes=SUBSTITUTES,
    seconds={"quick": 17.0, "standard": 120.0, "full": 370.0},
)

OPERATIONS = (SINK_T2,)
