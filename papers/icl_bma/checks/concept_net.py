"""ICL-3g, h: a net in place of a continuous concept: log N against its points, a floor against the truth."""

from __future__ import annotations

import math

import numpy as np

from tightbound.papers.icl_bma.checks._models import PAPER, Array, Arrays
from tightbound.simulators.in_context.gaussian_linear import sample_features, sample_sequences, sample_values
from tightbound.theory.in_context.concept_net import cube_net, net_average, net_floor
from tightbound.theory.in_context.gaussian_linear import GaussianLinear
from tightbound.verification.claim import Claim, NegativeControl
from tightbound.verification.grid import Cell, Grid, cells
from tightbound.verification.statistics import BoundHolds

NET = "exact averaging over a net of concepts stands for a perfectly pretrained language model"


# --- ICL-3g: against the net --------------------------------------------------------------------------------


def _demonstrations(cell: Cell, rng: np.random.Generator) -> tuple[GaussianLinear, Array, Array]:
    problem = GaussianLinear(cell["d"])
    drawn = sample_sequences(problem, cell["length"], batch=cell["sequences"], rng=rng)
    if cell["source"] == "outliers":
        return problem, drawn.features, 10.0 * rng.standard_normal(drawn.values.shape)
    return problem, drawn.features, drawn.values


def against_net(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Largest cumulative regret over T against the best net point, for each sequence."""
    problem, phi, v = _demonstrations(cell, rng)
    net = cube_net(cell["d"], 3.0, cell["spacing"])
    found = net_average(problem, phi, v, net)
    return {
        "value": (found.best - found.average).max(axis=-1),
        "bound": np.full(len(phi), math.log(len(net))),
    }


def against_all(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Cumulative regret at the last T against the best concept of all, which least squares finds."""
    problem, phi, v = _demonstrations(cell, rng)
    net = cube_net(cell["d"], 3.0, cell["spacing"])
    best = np.linalg.solve(phi.mT @ phi, phi.mT @ v).mT
    average = net_average(problem, phi, v, net).average[:, -1]
    total = problem.log_likelihood(phi, v, best).sum(axis=-1) - average
    return {"value": total, "bound": np.full(len(phi), math.log(len(net)))}


ICL_3G = Claim(
    id="ICL-3g",
    paper=PAPER,
    title="Averaging over a net of N concepts costs at most log N against the best, on every sequence",
    statement=r"\max_i L_i - \log \frac1N \sum_i e^{L_i} <= \log N at every T",
    source="derived (Corollary 4.2 for densities); Appendix D uses nets of (C/delta)^d points",
    provenance="derived",
    statistic=BoundHolds(),
    grid=Grid(
        quick=[
            {"d": d, "spacing": spacing, "source": source, "sequences": 20, "length": 512}
            for d, spacing in ((1, 0.25), (1, 1.0), (2, 1.0))
            for source in ("concept", "outliers")
        ],
        standard=[
            {"d": d, "spacing": spacing, "source": source, "sequences": 50, "length": 2048}
            for d, spacing in ((1, 0.25), (1, 1.0), (2, 0.5), (2, 1.0))
            for source in ("concept", "outliers")
        ],
    ),
    measure=against_net,
    control=NegativeControl(
        measure=against_all,
        grid=Grid(quick=cells(d=[1, 2], spacing=[1.0], source=["concept"], sequences=[100], length=[1024])),
        because="concepts between the points are a fixed amount per demonstration better",
    ),
    substitutes=NET,
    seconds={"quick": 0.8, "standard": 7.0},
)


# --- ICL-3h: against the truth ------------------------------------------------------------------------------


def _against_truth(cell: Cell, rng: np.random.Generator, truth: float) -> Arrays:
    """Average regret against a truth, and the floor for one halfway between two points.

    The regret nearly is a function of the noise along the features, G; adding h(|G| - E|G|)/sigma^2, of mean
    zero, removes most of its variance.
    """
    problem = GaussianLinear(1, noise_variance=cell["noise"])
    phi = sample_features(problem, cell["length"], rng=rng)
    phi = np.broadcast_to(phi, (cell["sequences"], *phi.shape[1:]))
    v = sample_values(problem, phi, [[truth]], rng=rng)
    found = net_average(problem, phi, v, cube_net(1, 2.0, cell["spacing"])).average
    at = np.array([cell["length"] // 4, cell["length"]])
    total = np.cumsum(problem.log_likelihood(phi, v, [[truth]]), axis=-1) - found
    h = 0.5 * cell["spacing"]
    along = np.abs(np.cumsum((v - truth * phi) * phi, axis=1)[:, at - 1, 0])
    mean = np.sqrt(2.0 * cell["noise"] / np.pi * np.cumsum(phi[0, :, 0] ** 2)[at - 1])
    total = total[:, at - 1] + h * (along - mean) / cell["noise"]
    floor = net_floor(problem, phi[0], h)
    return {"value": total / at, "bound": (floor[at - 1] / at)[None], "x": at}


def between_points(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the average regret against a truth halfway between two points."""
    return _against_truth(cell, rng, 0.5 * cell["spacing"])


def on_a_point(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the average regret against a truth on a point."""
    return _against_truth(cell, rng, 0.0)


def nothing(cell: Cell) -> float:
    """Return what the mean regret against the truth is at least for any predictor."""
    return 0.0


ICL_3H = Claim(
    id="ICL-3h",
    paper=PAPER,
    title="At a fixed spacing a net's average regret against the truth has a floor, however long the prompt",
    statement=r"E[regret_T versus truth] >= \frac{1}{2 \sigma^2 T} (h^2 A_T - 2 h \sigma \sqrt{2 A_T/\pi} - "
    r"\sigma^2 e^{-h^2 A_T/(2 \sigma^2)}), A_T = \sum_t \varphi_t^2, truth h = \delta/2 away from the points",
    source="derived; Appendix D compares with the best net point only",
    provenance="derived",
    statistic=BoundHolds(method="t", side="lower"),
    grid=Grid(
        quick=cells(spacing=[0.5, 1.0], noise=[0.25, 1.0], length=[1024], sequences=[100]),
        standard=cells(spacing=[0.25, 0.5, 1.0], noise=[0.25, 1.0], length=[4096], sequences=[100]),
    ),
    measure=between_points,
    trivial=nothing,
    control=NegativeControl(
        measure=on_a_point,
        because="a truth on a point of the net costs at most log N in all, so the average regret vanishes",
    ),
    substitutes=NET,
    seconds={"quick": 0.7, "standard": 7.0},
)

CONCEPT_NET = (ICL_3G, ICL_3H)
