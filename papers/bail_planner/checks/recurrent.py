"""PLN-20c: a language model with trained weights, instead of a table, comes near the exact mixture."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from tightbound.theory.planning.expert import expert
from tightbound.theory.planning.reported_trial import reported_trial
from tightbound.theory.planning.tree import HistoryTree
from tightbound.verification.claim import Claim, NegativeControl
from tightbound.verification.grid import Cell, Grid
from tightbound.verification.statistics import BoundHolds

PAPER = "bail_planner"
SUBSTITUTES = (
    "a gated recurrent unit with a few hundred weights in place of a GPT-scale language model, a table in "
    "place of the Reporter, a product of tabular kernels in place of the Actor"
)

Arrays = dict[str, Any]


def _errors(cell: Cell, rng: np.random.Generator, *, shuffled: bool) -> Arrays:
    from tightbound.simulators.planning.language_models.pretraining import write_documents
    from tightbound.simulators.planning.language_models.sequence_model import SequenceModel

    tree = HistoryTree(reported_trial())
    best, length = expert(tree), cell["length"]
    fresh = write_documents(tree, best, 400, length, rng=rng)
    weights = np.exp(fresh.log_weights)
    # With one decision and no observation before it, the exact mixture is the posterior itself.
    answers = weights / weights.sum(axis=-1, keepdims=True)
    floor = float(np.abs(answers - answers.mean(axis=(0, 1)))[..., 0].mean())
    curve = np.empty((cell["runs"], len(cell["documents"])))
    for run, place in np.ndindex(curve.shape):
        drawn = write_documents(tree, best, cell["documents"][place], length, rng=rng)
        if shuffled:
            drawn = replace(drawn, label=rng.permutation(drawn.label, axis=0))
        model = SequenceModel(cell["hidden"], max_iter=cell["iterations"]).fit(tree, drawn, key=run)
        curve[run, place] = model.error(tree, best, fresh)
    return {
        "value": curve[:, -1],
        "bound": np.array([0.5 * floor]),
        "curve": curve,
        "documents": np.array([cell["documents"]]),
        "floor": np.array([floor]),
    }


def recurrent_error(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the total variation of trained models from the exact mixture, beside half the floor."""
    return _errors(cell, rng, shuffled=False)


def error_on_shuffled_labels(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the same for labels dealt out among the documents at random."""
    return _errors({**cell, "documents": cell["documents"][-1:]}, rng, shuffled=True)


SMALL = {"length": 4, "hidden": 4, "iterations": 30}

PLN_20C = Claim(
    id="PLN-20c",
    paper=PAPER,
    title="A recurrent model trained on documents comes near the exact mixture of experts",
    statement="E TV(trained model, exact mixture) on fresh prompts is below half the floor of a model that "
    "ignores the prompt",
    source="derived; cf. He et al. 2024, pretraining of the language model",
    provenance="derived",
    statistic=BoundHolds(method="t"),
    grid=Grid(
        quick=[{**SMALL, "documents": (16, 256), "runs": 16}],
        standard=[{"length": 4, "hidden": 6, "iterations": 80, "documents": (16, 128, 1024), "runs": 16}],
        full=[
            {"length": 8, "hidden": 8, "iterations": 300, "documents": (16, 64, 256, 1024, 4096), "runs": 20}
        ],
    ),
    measure=recurrent_error,
    control=NegativeControl(
        measure=error_on_shuffled_labels,
        because="labels that do not belong to their documents say nothing about the posterior",
    ),
    substitutes=SUBSTITUTES,
    seconds={"quick": 5.0, "standard": 25.0, "full": 600.0},
)

RECURRENT = (PLN_20C,)
