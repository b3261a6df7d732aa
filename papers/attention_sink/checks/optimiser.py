"""SINK-I8: a scaled normaliser is another learning rate of the output matrix, with SGD and with AdamW."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from tightbound.papers.attention_sink.checks._training import PAPER, Arrays
from tightbound.theory.attention.normalisers import equivalent_adamw, equivalent_sgd
from tightbound.verification.claim import Claim, NegativeControl
from tightbound.verification.grid import Cell, Grid
from tightbound.verification.statistics import Equality

if TYPE_CHECKING:
    from tightbound.simulators.language_models.schedule import OwnRate

SUBSTITUTES = (
    "a transformer of one layer with two thousand weights, trained on Bigram-Backcopy in float64, in place "
    "of a language model"
)
SETTINGS: dict[str, dict[str, float]] = {
    "sgd": {"learning_rate": 0.1, "weight_decay": 0.1, "eps": 1e-8},
    "adam": {"learning_rate": 0.001, "weight_decay": 0.1, "eps": 1e-6},
}


def _equivalent(optimiser: Literal["sgd", "adam"], scale: float) -> OwnRate:
    """Return the factors of the output matrix that undo the scale."""
    from tightbound.simulators.language_models.schedule import OwnRate

    own = SETTINGS[optimiser]
    if optimiser == "sgd":
        rate, decay = equivalent_sgd(scale, own["learning_rate"], own["weight_decay"])
        return OwnRate("mix", rate / own["learning_rate"], decay / own["weight_decay"])
    rate, eps, decay = equivalent_adamw(scale, own["learning_rate"], own["eps"], own["weight_decay"])
    return OwnRate("mix", rate / own["learning_rate"], decay / own["weight_decay"], eps / own["eps"])


def _distance(cell: Cell, rng: np.random.Generator, factors: list[OwnRate]) -> Arrays:
    """Train with scores that sum to a, and with the factors from a times the matrix; compare the matrices.

    All runs, of both kinds and all scales, are one compiled program.
    """
    from tightbound.simulators.attention.bigram_backcopy import BackcopySequences, random_bigram_backcopy
    from tightbound.simulators.attention.model import SinkTransformer
    from tightbound.simulators.language_models.schedule import OwnRate, Schedule
    from tightbound.simulators.language_models.training import train_many
    from tightbound.theory.attention.architecture import Architecture

    scales = np.array(cell["scales"])
    problem = random_bigram_backcopy(8, 16, rng=rng)
    sequences = BackcopySequences(problem)
    architecture = Architecture(problem.tokens, problem.length, width=16)
    model = SinkTransformer(architecture, dtype="float64", settings=("scale",))
    weights = model.init(int(rng.integers(2**31)))
    scaled = [weights | {"scale": np.array(a)} for a in scales]
    moved = [weights | {"mix": a * weights["mix"]} for a in scales]
    schedule: dict[str, Any] = {
        "batch": 8,
        "warmup": 10,
        "decay": "constant",
        "evaluate_every": 50,
        "keep": "last",
        "optimiser": cell["optimiser"],
        **SETTINGS[cell["optimiser"]],
    }
    key = int(rng.integers(2**31))
    results = train_many(
        model,
        [sequences] * (2 * len(scales)),
        [
            Schedule(cell["steps"], own_rate=own, **schedule)
            for own in [OwnRate("mix")] * len(scales) + factors
        ],
        validation=sequences(rng, 8),
        initial=scaled + moved,
        keys=[key] * (2 * len(scales)),
    )
    one, other = (results[: len(scales)], results[len(scales) :])
    apart = [
        np.abs(a * left.parameters["mix"] - right.parameters["mix"]).max()
        for a, left, right in zip(scales, one, other, strict=True)
    ]
    moves = [
        np.abs(right.parameters["mix"] - start["mix"]).max()
        for right, start in zip(other, moved, strict=True)
    ]
    size = [np.abs(right.parameters["mix"]).max() for right in other]
    return {"value": np.array([np.divide(apart, size)]), "moved": np.array([np.divide(moves, size)])}


def distance(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return max |a W - W'| / max |W'| after training, one column per scale."""
    return _distance(cell, rng, [_equivalent(cell["optimiser"], a) for a in cell["scales"]])


def distance_other_rate(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the same where each optimiser gets the other's rate: a for SGD, a^2 for AdamW."""
    from dataclasses import replace

    power = 1 if cell["optimiser"] == "sgd" else 2
    factors = [
        replace(_equivalent(cell["optimiser"], a), learning_rate=a**power, weight_decay=a**-power)
        for a in cell["scales"]
    ]
    return _distance(cell, rng, factors)


def nothing(cell: Cell) -> float:
    """Return 0, the distance of equal trajectories."""
    return 0.0


def _claim(optimiser: str, **own: Any) -> Claim:
    cell = {"optimiser": optimiser, "scales": (0.05, 0.2, 2.0), "steps": 200}
    return Claim(
        paper=PAPER,
        source="Appendix D.4, as read",
        provenance="text",
        # 200 steps of rounding 1e-16 relative to the matrix, which training may amplify a hundredfold
        statistic=Equality(atol=1e-12),
        grid=Grid(quick=[cell], replicates={"quick": 1, "standard": 5, "full": 50}),
        measure=distance,
        bound=nothing,
        substitutes=SUBSTITUTES,
        seconds={"quick": 3.0, "standard": 10.0, "full": 80.0},
        **own,
    )


SINK_I8A = _claim(
    "sgd",
    id="SINK-I8a",
    title="With SGD a normaliser scaled by a is the output matrix scaled by a at a learning rate times a^2",
    statement=r"W'_0 = a W_0, lr' = a^2 lr, wd' = wd / a^2 for W_O give W'_n = a W_n for all n",
    control=NegativeControl(because="a rate times a is AdamW's, not SGD's", measure=distance_other_rate),
)
SINK_I8B = _claim(
    "adam",
    id="SINK-I8b",
    title="With AdamW a normaliser scaled by a is the output matrix scaled by a at a learning rate times a",
    statement=r"W'_0 = a W_0, lr' = a lr, eps' = eps / a, wd' = wd / a for W_O give W'_n = a W_n for all n",
    control=NegativeControl(because="a rate times a^2 is SGD's, not AdamW's", measure=distance_other_rate),
)

OPTIMISER = (SINK_I8A, SINK_I8B)
