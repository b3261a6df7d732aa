"""ICL-5a, ICL-5b: two attention blocks that are Bayes' rule for finitely many tasks, exactly."""

from __future__ import annotations

from typing import Any

import numpy as np

from tightbound.verification.claim import Claim, NegativeControl
from tightbound.verification.grid import Cell, Grid, cells
from tightbound.verification.statistics import Equality

PAPER = "icl_bma"
WRITTEN = "weights written down stand in for a pretrained transformer, and tables over an alphabet for text"
SOURCE = "(4.2) and section 5.1 (the transformer class); the weights are ours"

Arrays = dict[str, Any]

ACCURACY = 1e-12
"""Where weights are not yet 0 or 1, log ratios sum to less than 100: 1000 terms are rounded by 1e-13."""


def _tasks(cell: Cell, rng: np.random.Generator) -> Any:
    """Draw tasks whose laws differ from a common one by factors exp(spread N(0, 1)), and a skewed prior."""
    from tightbound.theory.in_context.finite_tasks import FiniteTasks

    shape = cell["covariates"], cell["responses"]
    logs = rng.standard_normal(shape) + cell["spread"] * rng.standard_normal((cell["tasks"], *shape))
    laws = np.exp(logs)
    prior = rng.dirichlet(np.full(cell["tasks"], 2.0))
    return FiniteTasks(prior, laws / laws.sum(axis=-1, keepdims=True))


def _network(tasks: Any, **how: Any) -> Any:
    """Write the network that reads demonstration (c, r) as letter c R + r."""
    from tightbound.theory.in_context.networks.finite_posterior import finite_posterior_network

    table = np.log(tasks.likelihood).reshape(tasks.tasks, -1)
    return finite_posterior_network(table, tasks.prior, answers=tasks.likelihood, **how)


def _both(cell: Cell, rng: np.random.Generator, predict: bool, **how: Any) -> Arrays:
    """Return what the network says beside the recursion of Bayesian model averaging in log space."""
    from tightbound.simulators.in_context.sampling import sample
    from tightbound.theory.in_context.model_averaging import posterior, predictive

    tasks = _tasks(cell, rng)
    network = _network(tasks, **how)
    _, covariates, responses = sample(tasks, cell["demonstrations"], cell["prompts"], rng=rng)
    letters = covariates * tasks.responses + responses
    if not predict:
        return {"value": network(letters), "reference": posterior(tasks, covariates, responses)[:, -1]}
    queries = range(tasks.covariates)
    exact = [predictive(tasks, covariates, responses, query) for query in queries]
    return {
        "value": np.concatenate([network.predictive(letters, query) for query in queries]),
        "reference": np.concatenate(exact),
    }


def network_posterior(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Posterior of the network and of the recursion."""
    return _both(cell, rng, False, counting=cell["counting"])


def mean_head_posterior(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the same for a head that takes the mean of the evidence for its sum."""
    return _both(cell, rng, False, scale=1)


def network_predictive(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Law of the response to every query, of the network and of the recursion."""
    return _both(cell, rng, True, counting=cell["counting"])


def mean_head_predictive(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the same for a head that takes the mean of the evidence for its sum."""
    return _both(cell, rng, True, scale=1)


def _grid(demonstrations: list[int], **more: list[int]) -> Any:
    return cells(
        counting=["position", "begin", "linear"],
        spread=[0.03, 1.0],
        demonstrations=demonstrations,
        covariates=[3],
        responses=[4],
        **more,
    )


GRID = Grid(
    quick=_grid([0, 1, 30, 1000], tasks=[8], prompts=[8]),
    standard=_grid([0, 1, 10, 100, 1000], tasks=[2, 8, 64], prompts=[20]),
)

ICL_5A = Claim(
    id="ICL-5a",
    paper=PAPER,
    title="Two attention blocks compute the posterior over finitely many tasks, at every prompt length",
    statement=r"softmax(n mean_i l_i + log pi) = P(z | S_n), however n is counted: by position, by a first "
    r"token (n = 1/u - 1), or by linear attention",
    source=SOURCE,
    provenance="derived",
    statistic=Equality(atol=ACCURACY),
    grid=GRID,
    measure=network_posterior,
    control=NegativeControl(
        measure=mean_head_posterior,
        because="attention averages: without the count the posterior is tempered by 1/n and near the prior",
    ),
    substitutes=WRITTEN,
    seconds={"quick": 1.2, "standard": 4.0},
)

ICL_5B = Claim(
    id="ICL-5b",
    paper=PAPER,
    title="The same blocks predict the response as Bayesian model averaging does",
    statement=r"sum_z softmax(n mean_i l_i + log pi)_z P(r|c, z) = P(r | c, S_n) for every query c",
    source=SOURCE,
    provenance="derived",
    statistic=Equality(atol=ACCURACY),
    grid=GRID,
    measure=network_predictive,
    control=NegativeControl(
        measure=mean_head_predictive,
        because="attention averages: without the count the tasks are mixed by weights near the prior",
    ),
    substitutes=WRITTEN,
    seconds={"quick": 2.2, "standard": 7.0},
)

NETWORKS = (ICL_5A, ICL_5B)
