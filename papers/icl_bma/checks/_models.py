"""Random models, and what the claims on averaging share."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tightbound.theory.in_context.finite_tasks import FiniteTasks
from tightbound.theory.in_context.hmm_concept import HMMConcept

PAPER = "icl_bma"
PERFECT = "exact averaging over known tasks stands for a perfectly pretrained language model; tables for text"

Arrays = dict[str, Any]
Array = NDArray[np.float64]
Integers = NDArray[np.int64]
HIDDEN = 2


def prior_of(kind: str, tasks: int) -> Array:
    """Return a uniform prior, or one whose weights fall like 1/k^2."""
    weights = np.ones(tasks) if kind == "uniform" else np.arange(1.0, tasks + 1.0) ** -2.0
    return np.asarray(weights / weights.sum(), dtype=np.float64)


def random_model(cell: Any, rng: np.random.Generator) -> FiniteTasks | HMMConcept:
    """Draw a model with all laws from Dirichlet(1), with covariates as the cell says.

    "outside": without a law; "same": one law for all tasks; "informative": a law for each task.
    """
    m, c, r = (cell[name] for name in ("tasks", "covariates", "responses"))
    law = {
        "outside": None,
        "same": rng.dirichlet(np.ones(c)),
        "informative": rng.dirichlet(np.ones(c), size=m),
    }[cell["asked"]]
    prior = prior_of(cell["prior"], m)
    if cell["model"] == "independent":
        return FiniteTasks(prior, rng.dirichlet(np.ones(r), size=(m, c)), law)
    return HMMConcept(
        prior,
        rng.dirichlet(np.ones(HIDDEN), size=m),
        rng.dirichlet(np.ones(HIDDEN), size=(m, HIDDEN)),
        rng.dirichlet(np.ones(r), size=(m, HIDDEN, c)),
        law,
    )


def shape(
    model: str, tasks: int, *, asked: str = "outside", covariates: int = 2, responses: int = 3, **more: Any
) -> dict[str, Any]:
    """Return a cell for `random_model`."""
    sizes = {"model": model, "tasks": tasks, "asked": asked, "covariates": covariates, "responses": responses}
    return {**sizes, "prior": "uniform", **more}
