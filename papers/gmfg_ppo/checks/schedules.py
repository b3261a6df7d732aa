r"""GMFG-6e to 6h: which exponent of T GMFG-PPO shows, and what it owes to the schedule of its steps.

By GMFG-6c and 6d the averaged error is of order :math:`1/(\alpha T)` once the policy follows its best
response. So :math:`\alpha = T^{-a}` shows the exponent :math:`-(1-a)`: the :math:`T^{-1/3}` of
:math:`\alpha = T^{-2/3}` is the schedule's, and with exact action values larger steps do better. Errors of
estimated action values are absent here; what they ask of the schedule is not tested.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tightbound.papers.gmfg_ppo.checks.ppo_rate import (
    CONTRACTION,
    COUPLINGS,
    EXPONENTS,
    PAPER,
    SUBSTITUTES,
    constants_of,
    equilibria,
    instances,
    run,
    weight,
)
from tightbound.theory.graphon_games import (
    GraphonGame,
    beach_bar,
    certified_constants,
    investment,
    ppo_average_bound,
    sis,
)
from tightbound.verification.claim import Assumption, Claim, NegativeControl
from tightbound.verification.grid import Cell, Grid, cells
from tightbound.verification.statistics import BoundHolds, Slope

Arrays = dict[str, Any]

QUICK_T, STANDARD_T = (127, 255, 511, 1023, 2047), (255, 511, 1023, 2047, 4095)


# --- GMFG-6e: the exponent of the published schedule --------------------------------------------------------


def averaged_error(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Averaged error, one run per T; its mean bound and the course of the longest run for figures."""
    return _averaged_error(cell, rng, cell["schedule"])


def averaged_error_of_tiny_steps(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the same with alpha = 1/T."""
    return _averaged_error(cell, rng, "1/T")


def _averaged_error(cell: Cell, rng: np.random.Generator, schedule: str) -> Arrays:
    games, horizons = instances(cell, rng), cell["iterations"]
    references = equilibria(games)
    runs = [run(games, references, schedule, count) for count in horizons]
    mean_field = np.stack([r.error[:, :-1].mean(axis=1) for r in runs], axis=1)
    averages = np.stack([r.average for r in runs], axis=1)
    known = constants_of(cell)
    curve = []
    for count, found in zip(horizons, runs, strict=True):
        alpha, starts = weight(schedule, count), found.error[:, 0]
        pairs = zip(starts, found.tracking, strict=True)
        curve.append(np.mean([ppo_average_bound(known, alpha, *pair) for pair in pairs]))
    return {
        "value": mean_field if cell["error"] == "mean of errors" else averages,
        "x": np.array(horizons, dtype=float),
        "curve_bound": np.array(curve),
        "tracking": runs[-1].tracking,
        "distance": runs[-1].error[:, :-1],
    }


GMFG_6E = Claim(
    id="GMFG-6e",
    paper=PAPER,
    title="With alpha = T^-2/3 averaged errors of GMFG-PPO fall at least like T^-1/3",
    statement=r"log-log slope over T, one run per T, of mean_t d(\bar\mu_t, \mu^*) and of "
    r"d(mean \bar\mu_t, \mu^*) + D(mean \pi_t, \pi^*), at most -1/3 + 0.03",
    source="Rate in the abstract; that this schedule shows it follows from GMFG-6c",
    provenance="derived",
    statistic=Slope(target=-1 / 3, side="upper", tolerance=0.03),
    grid=Grid(
        quick=cells(
            coupling=[-0.4],
            schedule=["T^-2/3"],
            error=["mean of errors", "error of means"],
            games=[12],
            iterations=[QUICK_T],
        ),
        standard=cells(
            coupling=COUPLINGS,
            schedule=["T^-2/3"],
            error=["mean of errors", "error of means"],
            games=[16],
            iterations=[STANDARD_T],
        ),
    ),
    measure=averaged_error,
    assumptions=(CONTRACTION,),
    control=NegativeControl(
        measure=averaged_error_of_tiny_steps,
        because="with alpha = 1/T the mean field forgets no more than a fixed share of its start, at every T",
    ),
    substitutes=SUBSTITUTES,
    seconds={"quick": 5.0, "standard": 60.0},
)


# --- GMFG-6f: mixing ----------------------------------------------------------------------------------------


def last_error(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Error of the last mean field, with mixing 1/T."""
    return _last_error(cell, rng, None)


def last_error_with_constant_mixing(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the same with mixing 0.05 at every T."""
    return _last_error(cell, rng, 0.05)


def _last_error(cell: Cell, rng: np.random.Generator, mixing: float | None) -> Arrays:
    games = instances(cell, rng)
    references = equilibria(games)
    value = [
        run(games, references, cell["schedule"], count, mixing=mixing).error[:, -1]
        for count in cell["iterations"]
    ]
    return {"value": np.stack(value, axis=1), "x": np.array(cell["iterations"], dtype=float)}


GMFG_6F = Claim(
    id="GMFG-6f",
    paper=PAPER,
    title="With mixing 1/T the last iterate of GMFG-PPO falls too, and much faster than T^-1/3",
    statement=r"log-log slope over T of d(\bar\mu_{T+1}, \mu^*) at most -0.8 with alpha = T^-2/3, beta = 1/T",
    source="GMFG-6b: (1 - alpha kappa)^T is about exp(-kappa T^1/3), and the share beta leaves order 1/T",
    provenance="derived",
    statistic=Slope(target=-1.0, side="upper", tolerance=0.2),
    # Before T = 1000 the two parts of the error, of either sign, partly cancel in some games.
    grid=Grid(
        quick=cells(coupling=[-0.4], schedule=["T^-2/3"], games=[24], iterations=[(1023, 2047)]),
        standard=cells(coupling=COUPLINGS, schedule=["T^-2/3"], games=[24], iterations=[(1023, 2047, 4095)]),
    ),
    measure=last_error,
    assumptions=(CONTRACTION,),
    control=NegativeControl(
        measure=last_error_with_constant_mixing,
        because="a fixed share of the uniform policy keeps the limit away from the equilibrium",
    ),
    substitutes=SUBSTITUTES,
    seconds={"quick": 2.0, "standard": 25.0},
)


# --- GMFG-6g: the exponent belongs to the schedule ----------------------------------------------------------


def error_beside_schedule(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Averaged error times T^(1-a) for alpha = T^-a, which is flat if the schedule sets the exponent."""
    return _scaled(cell, rng, 1.0 - EXPONENTS[cell["schedule"]])


def error_beside_cube_root(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Averaged error times T^(1/3), which is flat if the algorithm sets the exponent."""
    return _scaled(cell, rng, 1 / 3)


def _scaled(cell: Cell, rng: np.random.Generator, exponent: float) -> Arrays:
    found = averaged_error({**cell, "error": "mean of errors"}, rng)
    return {**found, "value": found["value"] * found["x"] ** exponent, "error": found["value"]}


GMFG_6G = Claim(
    id="GMFG-6g",
    paper=PAPER,
    title="The exponent of the averaged error belongs to the schedule, not to GMFG-PPO",
    statement=r"mean_t d(\bar\mu_t, \mu^*) T^{1-a} has log-log slope 0 +- 0.06 for alpha = T^-1/2 and for a "
    "constant alpha: larger steps beat T^-1/3 with exact action values",
    source="GMFG-6c and GMFG-6d, the tracking error being of order 1/T",
    provenance="derived",
    statistic=Slope(target=0.0, side="two-sided", tolerance=0.06),
    grid=Grid(
        quick=cells(coupling=[-0.4], schedule=["T^-1/2", "constant"], games=[12], iterations=[QUICK_T]),
        standard=cells(
            coupling=COUPLINGS,
            schedule=["T^-1/2", "constant"],
            games=[16],
            iterations=[STANDARD_T],
        ),
    ),
    measure=error_beside_schedule,
    assumptions=(CONTRACTION,),
    control=NegativeControl(
        measure=error_beside_cube_root,
        because="were -1/3 a property of the algorithm, every schedule would show it",
    ),
    substitutes=SUBSTITUTES,
    seconds={"quick": 4.0, "standard": 90.0},
)


# --- GMFG-6h: beyond the contraction ------------------------------------------------------------------------

FULL_LENGTH: dict[str, Callable[..., GraphonGame]] = {
    "beach bar": beach_bar,
    "investment": investment,
    "SIS": sis,
}


def remaining_exploitability(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Regularised exploitability of the last policy of GMFG-PPO in units of the uniform policy's."""
    from tightbound.simulators.graphon_games import GMFGPPO

    count, lam = cell["iterations"], cell["lam"]
    return _remaining(cell, GMFGPPO(alpha=count ** (-2 / 3), eta=0.5 / lam, lam=lam, beta=0.0))


def exploitability_without_damping(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the same for best-response iteration."""
    from tightbound.simulators.graphon_games import FixedPoint

    return _remaining(cell, FixedPoint(lam=cell["lam"]))


def _remaining(cell: Cell, algorithm: Any) -> Arrays:
    from tightbound.simulators.graphon_games import solve

    found = solve(_full_length(cell), algorithm, max_iter=cell["iterations"])
    exploitability = found.history["exploitability"]
    return {"value": exploitability[-1] / exploitability[0], "curve": exploitability[None]}


def _full_length(cell: Cell) -> GraphonGame:
    return FULL_LENGTH[cell["game"]](blocks=5, horizon=50)


def certifies_nothing(cell: Cell) -> bool:
    """Whether the certified kappa of the full-length game is negative."""
    return certified_constants(_full_length(cell), cell["lam"]).kappa < 0.0


def thousandth(cell: Cell) -> float:
    """Return the share of exploitability that may remain."""
    return 1e-3


GMFG_6H = Claim(
    id="GMFG-6h",
    paper=PAPER,
    title="GMFG-PPO converges in games of 50 steps whose certified kappa is hugely negative",
    statement="exploitability falls below a thousandth of the uniform policy's with alpha = T^-2/3, on beach "
    "bar and SIS (and investment), where kappa is between -2e3 and -6e4",
    source="kappa < 0 says nothing: certified constants are upper bounds. Illustration, not a theorem",
    provenance="derived",
    statistic=BoundHolds(),
    grid=Grid(
        quick=cells(game=["beach bar"], lam=[1.0, 0.3], iterations=[511]),
        standard=cells(game=["beach bar", "SIS", "investment"], lam=[1.0, 0.3], iterations=[1023]),
    ),
    measure=remaining_exploitability,
    bound=thousandth,
    assumptions=(
        Assumption(
            name="no contraction certified",
            sentence="1 - d1 d2 - d3 < 0 with certified constants",
            holds=certifies_nothing,
        ),
    ),
    control=NegativeControl(
        measure=exploitability_without_damping,
        because="without damping (alpha = 1, best response at once) the same games cycle at small lam",
    ),
    substitutes=SUBSTITUTES,
    seconds={"quick": 2.0, "standard": 10.0},
)

SCHEDULES = (GMFG_6E, GMFG_6F, GMFG_6G, GMFG_6H)
