"""COT-8: a network that infers a task of many real-valued steps, with an error exponential in depth."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from tightbound.verification.claim import Claim, NegativeControl
from tightbound.verification.grid import Cell, Grid, cells
from tightbound.verification.statistics import BoundHolds, ExponentialRate

PAPER = "cot_statistics"
WRITTEN = (
    "weights written down stand in for a pretrained transformer, and linear steps with Gaussian noise for "
    "steps of reasoning"
)
SOURCE = (
    "abstract: the approximation error decays exponentially in the number of transformer blocks (body not "
    "available); network and constants are derived"
)
WIDER = "one layer of W ReLUs interpolates the square with an error of order W^-2, whatever its weights"

Arrays = dict[str, Any]


def _prompts(cell: Cell, rng: np.random.Generator) -> tuple[Any, np.ndarray]:
    """Draw tasks with orthogonal steps, and prompts (R, n, H+1, d) of demonstrations."""
    from tightbound.simulators.chain_of_thought.linear_steps import (
        random_linear_steps,
        sample_linear_demonstrations,
    )

    problem = random_linear_steps(cell["tasks"], cell["steps"], cell["dim"], cell["noise"], rng=rng)
    truth = rng.integers(problem.tasks, size=cell["prompts"])
    prompts = sample_linear_demonstrations(problem, truth, cell["demonstrations"], cell["prompts"], rng=rng)
    return problem, prompts


def _scale(cell: Cell) -> float:
    """Return A: a residual has mean below 3 and standard deviation at most 2 sigma sqrt(H), so 10 of them."""
    return 24.0 * float(cell["noise"]) * math.sqrt(cell["steps"])


def _network(problem: Any, cell: Cell, levels: int, wide: bool = False) -> Any:
    """Write the network with ``levels`` levels, or with one layer that has as many ReLUs."""
    from tightbound.theory.in_context.networks.relu_posterior import relu_posterior_network
    from tightbound.theory.in_context.networks.relu_square import interpolated_square, relu_square

    square = relu_square(levels)
    return relu_posterior_network(
        problem.residual_maps(),
        problem.prior,
        interpolated_square(max(1, square.relus)) if wide else square,
        scale=_scale(cell),
        noise=problem.noise,
    )


def _weights(network: Any, prompts: np.ndarray) -> np.ndarray:
    """Run the network on trajectories written as rows."""
    return np.asarray(network(prompts.reshape(*prompts.shape[:2], -1)))


def _distances(cell: Cell, rng: np.random.Generator, wide: bool) -> tuple[np.ndarray, np.ndarray]:
    """Return total variation to the posterior (R, levels), and the bound for the deep network."""
    problem, prompts = _prompts(cell, rng)
    exact = problem.posterior(prompts)
    found = [_weights(_network(problem, cell, level, wide), prompts) for level in cell["levels"]]
    bound = [_network(problem, cell, level).bound(cell["demonstrations"]) for level in cell["levels"]]
    return 0.5 * np.abs(np.stack(found, axis=1) - exact[:, None]).sum(axis=-1), np.array(bound)


def one(cell: Cell) -> float:
    """Return the largest total variation."""
    return 1.0


# --- COT-8a: the bound --------------------------------------------------------------------------------------


def _against_bound(cell: Cell, rng: np.random.Generator, wide: bool) -> Arrays:
    value, bound = _distances(cell, rng, wide)
    return {"value": value, "bound": bound[None], "levels": np.array([cell["levels"]])}


def deep_posterior(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Total variation to the posterior over tasks for every number of levels, beside tanh(eta/4)."""
    return _against_bound(cell, rng, False)


def wide_posterior(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the same for a single layer that has as many ReLUs as the levels together."""
    return _against_bound(cell, rng, True)


TASKS: dict[str, list[Any]] = {"tasks": [4], "dim": [2], "noise": [1.0]}

COT_8A = Claim(
    id="COT-8a",
    paper=PAPER,
    title="The posterior over multi-step tasks is reached up to an error exponential in depth",
    statement=r"TV(network, posterior) <= tanh(eta/4), eta = n H d A^2 4^{-(L+1)}/(2 sigma^2)",
    source=SOURCE,
    provenance="derived",
    statistic=BoundHolds(method="exact", slack=1e-12),
    grid=Grid(
        quick=cells(**TASKS, steps=[1, 3], demonstrations=[2, 6], levels=[tuple(range(1, 19))], prompts=[32]),
        standard=cells(
            **TASKS, steps=[1, 2, 4, 8], demonstrations=[1, 4, 16], levels=[tuple(range(1, 19))], prompts=[64]
        ),
    ),
    measure=deep_posterior,
    trivial=one,
    control=NegativeControl(measure=wide_posterior, because=WIDER),
    substitutes=WRITTEN,
    seconds={"quick": 0.8, "standard": 5.0},
)


# --- COT-8b: the slope --------------------------------------------------------------------------------------


def _batches(cell: Cell, rng: np.random.Generator, wide: bool) -> Arrays:
    value, _ = _distances(cell, rng, wide)
    means = value.reshape(cell["batches"], -1, value.shape[-1]).mean(axis=1)
    return {"x": np.array(cell["levels"], dtype=np.float64), "value": means}


def deep_slope(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Mean error of batches of prompts against the number of levels."""
    return _batches(cell, rng, False)


def wide_slope(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the same for a single layer that has as many ReLUs as the levels together."""
    return _batches(cell, rng, True)


COT_8B = Claim(
    id="COT-8b",
    paper=PAPER,
    title="Each level divides the error by 4",
    statement=r"slope of log TV per level = -log 4 within 3 %",
    source=SOURCE,
    provenance="derived",
    statistic=ExponentialRate(
        target=-math.log(4.0),
        side="two-sided",
        tolerance=0.03 * math.log(4.0),
        floor=1e-13,
        method="per_seed",
    ),
    grid=Grid(
        quick=cells(
            **TASKS, steps=[2], demonstrations=[1], levels=[tuple(range(6, 20))], prompts=[1280], batches=[40]
        ),
        standard=cells(
            **TASKS,
            steps=[1, 2, 4],
            demonstrations=[1],
            levels=[tuple(range(6, 20))],
            prompts=[2560],
            batches=[64],
        ),
    ),
    measure=deep_slope,
    control=NegativeControl(measure=wide_slope, because=WIDER),
    substitutes=WRITTEN,
    seconds={"quick": 0.5, "standard": 3.0},
)


# --- COT-8c: the answer -------------------------------------------------------------------------------------


def _answers(cell: Cell, rng: np.random.Generator, shift: int) -> Arrays:
    """Return the distance of the laws of the first coordinate of the answer, and of the weights.

    The line is cut into cells, and laws are compared cell by cell, which gives at most their distance.
    """
    from scipy.special import ndtr

    problem, prompts = _prompts(cell, rng)
    exact = problem.posterior(prompts)
    mean, covariance = problem.answer_moments(rng.uniform(-1.0, 1.0, size=(cell["prompts"], problem.dim)))
    center, spread = mean[..., 0], np.sqrt(covariance[:, 0, 0])
    edges = np.concatenate([[-np.inf], np.linspace(-8.0 * spread.max(), 8.0 * spread.max(), 401), [np.inf]])
    laws = np.diff(ndtr((edges - center[..., None]) / spread[:, None]), axis=-1)
    read = np.roll(laws, shift, axis=1)
    found, weights = [], []
    for level in cell["levels"]:
        given = _weights(_network(problem, cell, level), prompts)
        answer = np.einsum("rm,rma->ra", given, read) - np.einsum("rm,rma->ra", exact, laws)
        found.append(0.5 * np.abs(answer).sum(axis=-1))
        weights.append(0.5 * np.abs(given - exact).sum(axis=-1))
    value, bound = np.stack(found, axis=1), np.stack(weights, axis=1)
    seen = bound > 1e-12
    return {"value": value[seen][None], "bound": bound[seen][None]}


def answer_law(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Total variation of the laws of the answer, beside that of the weights."""
    return _answers(cell, rng, 0)


def answer_of_next_task(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the same where every task's weight picks the answer of the next task."""
    return _answers(cell, rng, 1)


COT_8C = Claim(
    id="COT-8c",
    paper=PAPER,
    title="The law of the answer is at least as near as the posterior over tasks",
    statement=r"TV(sum_z w_z P_z(y|z_0), sum_z pi_z P_z(y|z_0)) <= TV(w, pi)",
    source=SOURCE,
    provenance="derived",
    statistic=BoundHolds(method="exact", slack=1e-14),
    grid=Grid(
        quick=cells(**TASKS, steps=[1, 3], demonstrations=[3], levels=[(2, 6, 10, 14)], prompts=[32]),
        standard=cells(
            **TASKS, steps=[1, 2, 4], demonstrations=[1, 3], levels=[(2, 6, 10, 14)], prompts=[64]
        ),
    ),
    measure=answer_law,
    trivial=one,
    control=NegativeControl(
        measure=answer_of_next_task,
        because="with values under the wrong registers the right weights mix the wrong laws, at every depth",
    ),
    substitutes=WRITTEN,
    seconds={"quick": 0.1, "standard": 0.3},
)


# --- COT-8d: the depth needed -------------------------------------------------------------------------------


def needed(cell: Cell) -> float:
    """Return the number of levels that the bound asks for."""
    from tightbound.theory.in_context.networks.relu_posterior import levels_needed

    return float(
        levels_needed(
            cell["accuracy"],
            cell["demonstrations"],
            per_task=cell["steps"] * cell["dim"],
            scale=_scale(cell),
            noise=cell["noise"],
        )
    )


def _first(cell: Cell, rng: np.random.Generator, wide: bool) -> Arrays:
    """Return the least number of levels that serves every prompt, looked for up to twice the bound."""
    problem, prompts = _prompts(cell, rng)
    exact = problem.posterior(prompts)
    last = 2 * int(needed(cell))
    for level in range(last):
        error = 0.5 * np.abs(_weights(_network(problem, cell, level, wide), prompts) - exact).sum(axis=-1)
        if error.max() <= cell["accuracy"]:
            return {"value": np.array([float(level)])}
    return {"value": np.array([float(last)])}


def deep_levels(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Levels needed by the deep network."""
    return _first(cell, rng, False)


def wide_levels(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Levels whose ReLUs suffice when put into one layer."""
    return _first(cell, rng, True)


COT_8D = Claim(
    id="COT-8d",
    paper=PAPER,
    title="The depth needed grows with the logarithm of demonstrations, steps and signal over noise",
    statement=r"TV <= tau for L >= log_4(n H d A^2/(8 sigma^2 artanh tau)) - 1, here for tau = 1e-6",
    source=SOURCE,
    provenance="derived",
    statistic=BoundHolds(method="exact"),
    grid=Grid(
        quick=cells(**TASKS, steps=[1, 4], demonstrations=[1, 16], accuracy=[1e-6], prompts=[16]),
        standard=cells(
            **TASKS, steps=[1, 4, 16], demonstrations=[1, 8, 64], accuracy=[1e-6, 1e-9], prompts=[16]
        ),
    ),
    measure=deep_levels,
    bound=needed,
    control=NegativeControl(measure=wide_levels, because=WIDER),
    substitutes=WRITTEN,
    seconds={"quick": 0.3, "standard": 1.5},
)

COT_DEPTH = (COT_8A, COT_8B, COT_8C, COT_8D)
