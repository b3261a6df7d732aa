"""ICL-10: a network that counts goes on learning beyond its training length; a frozen one does not."""

from __future__ import annotations

from typing import Any

import numpy as np

from tightbound.verification.claim import Claim, NegativeControl
from tightbound.verification.grid import Cell, Grid, cells
from tightbound.verification.statistics import BoundHolds, Order

PAPER = "icl_bma"
WRITTEN = "weights written down stand in for a pretrained transformer, two-letter demonstrations for text"
SOURCE = "derived; Assumption 6.1 leaves prompts longer than those of pretraining out"

Arrays = dict[str, Any]


def _problem(cell: Cell) -> tuple[np.ndarray, np.ndarray]:
    heads = np.array(cell["heads"])
    return np.array(cell["prior"]), np.stack([heads, 1.0 - heads], axis=-1)


def _lengths(cell: Cell) -> list[int]:
    return [cell["trained"] * times for times in cell["times"]]


def _error(cell: Cell, n: int, **how: Any) -> float:
    """Return E[1 - weight of task 0] exactly: the network is run on one prompt of each type."""
    from tightbound.theory.in_context.networks.finite_posterior import finite_posterior_network
    from tightbound.theory.method_of_types import count_vectors, log_multinomial

    prior, laws = _problem(cell)
    counts = count_vectors(n, 2)
    chance = np.exp(log_multinomial(counts) + counts @ np.log(laws[0]))
    prompts = (np.arange(n) >= counts[:, :1]).astype(np.int64)
    weights = finite_posterior_network(np.log(laws), prior, **how)(prompts)
    # the weights of the wrong tasks, never 1 minus that of the right one
    return float(chance @ weights[:, 1:].sum(axis=-1))


def _errors(cell: Cell, **how: Any) -> np.ndarray:
    return np.array([_error(cell, n, **how) for n in _lengths(cell)])


def _beside(cell: Cell, value: np.ndarray, bound: np.ndarray) -> Arrays:
    return {"value": value[None], "bound": bound[None], "lengths": np.array([_lengths(cell)])}


# --- ICL-10a: the network that counts -----------------------------------------------------------------------


def _below_the_posterior_bound(cell: Cell, **how: Any) -> Arrays:
    from tightbound.theory.in_context.prompt_length import counting_error_bound

    bound = counting_error_bound(*_problem(cell), 0, _lengths(cell))
    return _beside(cell, _errors(cell, **how), bound)


def counting_error(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Exact error of the network that counts, beside the exponential bound."""
    return _below_the_posterior_bound(cell)


def frozen_error(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the error of the network whose count is frozen, beside the same bound."""
    return _below_the_posterior_bound(cell, scale=cell["trained"])


def _grid(trained: list[int]) -> Any:
    two = cells(
        trained=trained, times=[(1, 2, 4, 8, 16)], heads=[(0.5, 0.7), (0.3, 0.55)], prior=[(0.5, 0.5)]
    )
    three = cells(
        trained=trained, times=[(1, 2, 4, 8, 16)], heads=[(0.5, 0.65, 0.3)], prior=[(0.2, 0.5, 0.3)]
    )
    return two + three


GRID = Grid(quick=_grid([16, 32]), standard=_grid([8, 16, 32, 64]))


def one(cell: Cell) -> float:
    """Return the largest value a probability can have."""
    return 1.0


def zero(cell: Cell) -> float:
    """Return the least value a probability can have."""
    return 0.0


ICL_10A = Claim(
    id="ICL-10a",
    paper=PAPER,
    title="A network that counts keeps learning beyond the training length, exponentially",
    statement=r"E[1 - pi_n(z*)] <= (1/2) sum_z sqrt(pi_z/pi_z*) rho_z^n for every n, also n > T_p",
    source=SOURCE,
    provenance="derived",
    statistic=BoundHolds(method="exact"),
    grid=GRID,
    measure=counting_error,
    trivial=one,
    control=NegativeControl(
        measure=frozen_error,
        because="with a count frozen at T_p the evidence in the logits stops growing, and the error falling",
    ),
    substitutes=WRITTEN,
    seconds={"quick": 0.5, "standard": 3.0},
)


# --- ICL-10b: the floor -------------------------------------------------------------------------------------


def _above_the_floor(cell: Cell, **how: Any) -> Arrays:
    from tightbound.theory.in_context.prompt_length import frozen_error_floor

    floor = frozen_error_floor(*_problem(cell), 0, cell["trained"], _lengths(cell))
    return _beside(cell, _errors(cell, **how), floor)


def frozen_above_floor(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Exact error of the frozen network, beside the floor."""
    return _above_the_floor(cell, scale=cell["trained"])


def counting_above_floor(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the error of the network that counts, beside the same floor."""
    return _above_the_floor(cell)


ICL_10B = Claim(
    id="ICL-10b",
    paper=PAPER,
    title="A count frozen at the training length leaves an error that no prompt removes",
    statement=r"E[1 - pi_n^T(z*)] >= max_z exp(-T s_z/sqrt n) / (1 + (pi_z*/pi_z) exp(T KL_z)), "
    r"whose limit in n is positive",
    source=SOURCE,
    provenance="derived",
    statistic=BoundHolds(method="exact", side="lower", slack=0.0),
    grid=GRID,
    measure=frozen_above_floor,
    trivial=zero,
    control=NegativeControl(
        measure=counting_above_floor,
        because="a network that counts concentrates on the truth and goes below every fixed floor",
    ),
    substitutes=WRITTEN,
    seconds={"quick": 0.5, "standard": 3.0},
)


# --- ICL-10c: the size of the floor -------------------------------------------------------------------------


def _below_the_ceiling(cell: Cell, scale: int) -> Arrays:
    from tightbound.theory.in_context.prompt_length import frozen_error_ceiling

    ceiling = frozen_error_ceiling(*_problem(cell), 0, cell["trained"], _lengths(cell))
    return _beside(cell, _errors(cell, scale=scale), ceiling)


def frozen_below_ceiling(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Exact error of the frozen network, beside its ceiling."""
    return _below_the_ceiling(cell, cell["trained"])


def mean_head_below_ceiling(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the error of a head that takes the mean of the evidence, beside the same ceiling."""
    return _below_the_ceiling(cell, 1)


ICL_10C = Claim(
    id="ICL-10c",
    paper=PAPER,
    title="The error that a frozen count leaves is of the size exp(-T_p KL)",
    statement=r"E[1 - pi_n^T(z*)] <= sum_z (pi_z/pi_z*) exp(-T KL_z + T^2 R_z^2/(8n))",
    source=SOURCE,
    provenance="derived",
    statistic=BoundHolds(method="exact"),
    grid=GRID,
    measure=frozen_below_ceiling,
    trivial=one,
    control=NegativeControl(
        measure=mean_head_below_ceiling,
        because="without any count the posterior stays near the prior: its floor is that of T = 1",
    ),
    substitutes=WRITTEN,
    seconds={"quick": 0.5, "standard": 3.0},
)


# --- ICL-10d: the gap grows ---------------------------------------------------------------------------------


def _gaps(cell: Cell, **how: Any) -> Arrays:
    """Return the log ratio to the exact error at each length but the last, and at the next one."""
    exact, found = _errors(cell), _errors(cell, **how)
    ratio = np.log(found / exact)
    return {"greater": ratio[None, 1:], "smaller": ratio[None, :-1]}


def gap_of_frozen(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Log ratio of the errors of the frozen network and of the one that counts."""
    return _gaps(cell, scale=cell["trained"])


def gap_of_first_token(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the same for a network that counts by a first token."""
    return _gaps(cell, counting="begin")


# Log ratios of equal errors differ by 1e-13 in rounding: the margin tells growth from that.
ICL_10D = Claim(
    id="ICL-10d",
    paper=PAPER,
    title="The ratio of the frozen to the exact error grows with every doubling beyond the training length",
    statement=r"E[1 - pi_n^T(z*)] / E[1 - pi_n(z*)] is 1 at n = T_p and larger at 2n than at n, n >= T_p",
    source=SOURCE,
    provenance="derived",
    statistic=Order(method="exact", margin=1e-9),
    grid=GRID,
    measure=gap_of_frozen,
    control=NegativeControl(
        measure=gap_of_first_token,
        because="a network that counts, by whatever means, has the exact error at every length",
    ),
    substitutes=WRITTEN,
    seconds={"quick": 1.0, "standard": 6.0},
)

PROMPT_LENGTH = (ICL_10A, ICL_10B, ICL_10C, ICL_10D)
