"""SINK-T2: where scores are not normalised, the first token's raw score is no larger than any other's."""

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
    {"operation": "relu", "normaliser": "none"},
    {"operation": "sigmoid", "normaliser": "none", "norm": "none"},
    {"operation": "sigmoid", "normaliser": "none", "logit_bias": -math.log(32.0)},
)
"""The last two are where the proxy misleads: no norm before attention, and logits lowered by log T."""

NORMALISED = (
    {"operation": "softmax", "normaliser": "sum"},
    {"operation": "sigmoid", "normaliser": "sum"},
    {"operation": "elu1", "normaliser": "sum"},
)


def first_beside_typical(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the mean raw score of column 1 over the mean of all columns, at the end, one entry per run.

    Beside it, of column 1: ``mass`` itself, ``proxy``, the same after dividing each row by its sum,
    ``sink`` and ``proxy_sink``, the shares of sequences above 0.3, ``contribution`` to the head's output,
    and the value drain.
    """
    nets = trained(cell)
    column = nets.fixed_column
    mass = nets.watched("mass")[:, -1]
    names = {
        "mass": "mass",
        "proxy": "proxy_mass",
        "sink": "sink",
        "proxy_sink": "proxy_sink",
        "contribution": "contribution",
    }
    return {
        "value": mass[:, column] / mass.mean(axis=1),
        "typical_mass": mass.mean(axis=1),
        "value_drain": nets.value_drain()[:, -1],
        "excess_loss": nets.excess_loss()[:, -1],
        **{own: nets.watched(name)[:, -1, column] for own, name in names.items()},
    }


def one(cell: Cell) -> float:
    """Return 1: the raw score of a typical column, in units of itself."""
    return 1.0


SINK_T2 = Claim(
    id="SINK-T2",
    paper=PAPER,
    title="Without a normaliser there is no sink: the first token's raw score is not above a typical one",
    statement=r"mean_i A_{i1} \le mean_k mean_{i \ge k} A_{ik} for sigmoid and ReLU attention with Z = 1, at "
    "the end of training, in every run",
    source="derived; cf. Gu et al. 2025, abstract: no sink under sigmoid attention without normalisation",
    provenance="derived",
    statistic=BoundHolds(),
    grid=sizes(*UNNORMALISED),
    measure=first_beside_typical,
    bound=one,
    control=NegativeControl(
        because="rows that sum to one have to put their weight somewhere, whatever the operation",
        grid=sizes(*NORMALISED),
    ),
    substitutes=SUBSTITUTES,
    seconds={"quick": 9.0, "standard": 80.0, "full": 240.0},
)

OPERATIONS = (SINK_T2,)
