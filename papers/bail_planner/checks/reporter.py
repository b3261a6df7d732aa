"""PLN-15: a Reporter that errs is harmless up to a sharp threshold, and beyond it regret is linear."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from tightbound.theory.planning.bounds import (
    contraction_bound,
    derived_epsilon,
    reporter_contraction,
    reporter_inflation,
    sampled_mass,
)
from tightbound.theory.planning.closed_forms import noisy_try_drift, noisy_try_threshold
from tightbound.theory.planning.evaluation import distinguishability, leaf_law
from tightbound.theory.planning.hmdp import HMDP
from tightbound.theory.planning.instances.noisy_try import noisy_try
from tightbound.theory.planning.lattice import Lattice
from tightbound.theory.planning.reported_trial import (
    UNIT,
    reported_trial,
    reported_trial_drift,
    reported_trial_threshold,
)
from tightbound.theory.planning.tree import HistoryTree
from tightbound.verification.claim import Claim, NegativeControl
from tightbound.verification.grid import Cell, Grid, cells
from tightbound.verification.statistics import BoundHolds, Equality, Order, Slope

PAPER = "bail_planner"
SUBSTITUTES = (
    "the exact Bayes posterior in place of a GPT-scale language model, two tables in place of the Reporter "
    "(the one it reports by, the one that is assumed), a product of tabular kernels in place of the Actor"
)

Arrays = dict[str, Any]

FLIP = 0.05
ALWAYS_TRY = np.array([0.0, 1.0])


# --- PLN-15a, b: the drift and where its sign changes -------------------------------------------------------


def _model(cell: Cell, error: float) -> HMDP:
    """Return the cell's instance; ``error`` is the chance that a report is wrong."""
    return noisy_try(FLIP, error) if cell["instance"] == "NOISY-TRY" else reported_trial(1.0 - error)


def _gain(model: HMDP, truth: int) -> float:
    """Mean log odds that one try adds for the truth, by enumeration of its outcomes."""
    tree = HistoryTree(model)
    logs = tree.levels[-1].log_likelihood
    return float(leaf_law(tree, ALWAYS_TRY)[truth, 0] @ (logs[truth] - logs[1 - truth]))


def _closed_form(cell: Cell, error: float) -> float:
    if cell["instance"] == "NOISY-TRY":
        return noisy_try_drift(FLIP, error, truth=cell["truth"])
    return reported_trial_drift(1.0 - error)


def _threshold(cell: Cell) -> float:
    """Chance of a wrong report at which the drift is 0."""
    if cell["instance"] == "NOISY-TRY":
        return noisy_try_threshold(FLIP, truth=cell["truth"])
    return 1.0 - reported_trial_threshold()


def drift(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the enumerated drift beside its closed form, over chances of a wrong report."""
    errors = np.linspace(0.0, 1.0, cell["points"])
    return {
        "value": np.array([[_gain(_model(cell, float(e)), cell["truth"]) for e in errors]]),
        "reference": np.array([[_closed_form(cell, float(e)) for e in errors]]),
        "error": errors[None, :],
    }


def drift_of_swapped_filter(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the same for a planner whose filter takes each environment for the other."""
    found = drift(cell, rng)
    return {**found, "value": -found["value"]}


PLN_15A = Claim(
    id="PLN-15a",
    paper=PAPER,
    title="The posterior drifts by a difference of divergences from the misspecified report",
    statement=r"E[\log w_{t+1}(z)/w_{t+1}(z') - \log w_t(z)/w_t(z')] "
    r"= KL(\hat P \| P_{z'}) - KL(\hat P \| P_z) per exploration",
    source="derived; cf. He et al. 2024, Reporter error",
    provenance="derived",
    statistic=Equality(rtol=0.0, atol=1e-12),
    grid=Grid(
        quick=cells(instance=["NOISY-TRY", "REPORTED-TRIAL"], truth=[0], points=[11]),
        standard=cells(instance=["NOISY-TRY", "REPORTED-TRIAL"], truth=[0, 1], points=[41]),
        full=cells(instance=["NOISY-TRY", "REPORTED-TRIAL"], truth=[0, 1], points=[401]),
    ),
    measure=drift,
    control=NegativeControl(
        measure=drift_of_swapped_filter,
        because="a filter that takes each environment for the other drifts the other way",
    ),
    substitutes=SUBSTITUTES,
    seconds={"quick": 0.5, "standard": 1.0, "full": 5.0},
)


def _sign_change(cell: Cell) -> float:
    """Chance of a wrong report where the enumerated drift changes sign, by bisection."""
    low, high = 0.0, 1.0
    while high - low > 1e-10:
        middle = 0.5 * (low + high)
        low, high = (middle, high) if _gain(_model(cell, middle), cell["truth"]) > 0 else (low, middle)
    return 0.5 * (low + high)


def sign_change(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return where the drift changes sign, beside the closed form."""
    return {"value": np.array([_sign_change(cell)]), "reference": np.array([_threshold(cell)])}


def coin(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the guess that a report misleads once it is worse than a coin."""
    return {"value": np.array([0.5]), "reference": np.array([_threshold(cell)])}


PLN_15B = Claim(
    id="PLN-15b",
    paper=PAPER,
    title="The drift changes its sign at the threshold, beyond where the report is worse than a coin",
    statement=r"D(\hat q) > 0 \iff \hat q > \hat q^*",
    source="derived; cf. He et al. 2024, Reporter error",
    provenance="derived",
    statistic=Equality(rtol=0.0, atol=0.01),
    grid=Grid(
        quick=cells(instance=["NOISY-TRY", "REPORTED-TRIAL"], truth=[0]),
        standard=[
            {"instance": "NOISY-TRY", "truth": 0},
            {"instance": "REPORTED-TRIAL", "truth": 0},
            {"instance": "REPORTED-TRIAL", "truth": 1},
        ],
    ),
    measure=sign_change,
    control=NegativeControl(
        measure=coin,
        because="the payoff informs too, so a report may be worse than a coin before it misleads",
    ),
    substitutes=SUBSTITUTES,
    seconds={"quick": 0.5, "standard": 0.5},
)


# --- PLN-15c, d: regret on both sides of the threshold ------------------------------------------------------


def _eps(episodes: int) -> float:
    """Tuned chance of exploration, as if the report were as assumed."""
    eta = distinguishability(reported_trial(), ALWAYS_TRY)
    return float(derived_epsilon(episodes, eta, sampled_mass(2, 2)))


def _regret(error: float, truth: int, episodes: tuple[int, ...], *, swapped: bool = False) -> np.ndarray:
    """Exact regret of epsilon-greedy BAIL, tuned to and run for each number of episodes."""
    lattice = Lattice.of(reported_trial(1.0 - error), truth, UNIT)
    if swapped:
        lattice = replace(lattice, shift=-lattice.shift)
    found = []
    for length in episodes:
        eps = _eps(length)
        policy = (1.0 - eps) * lattice.bail() + eps * ALWAYS_TRY
        found.append(lattice.forward(policy, length).regret[-1])
    return np.array(found)


def _curve(cell: Cell, errors: tuple[float, ...], *, swapped: bool = False) -> Arrays:
    x = np.array(cell["episodes"])
    rows = [_regret(error, cell["truth"], cell["episodes"], swapped=swapped) for error in errors]
    return {
        "value": np.array(rows),
        "x": x,
        "error": np.array(errors),
        "drift": np.array([reported_trial_drift(1.0 - error) for error in errors]),
    }


def regret(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Exact regret for each chance of a wrong report; one row per chance."""
    return _curve(cell, cell["errors"])


def regret_of_swapped_filter(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the same for a planner whose filter takes each environment for the other."""
    return _curve(cell, cell["errors"], swapped=True)


SHORT, MEDIUM, LONG = (500, 1000, 2000, 4000), (1000, 3000, 10_000, 30_000), (1000, 4000, 15_000, 60_000)
HARMLESS, MISLEADING = (0.0, 0.25, 0.4), (0.7, 0.85, 1.0)

PLN_15C = Claim(
    id="PLN-15c",
    paper=PAPER,
    title="Well within the threshold a misspecified Reporter leaves the growth of regret alone",
    statement=r"log-log slope of Reg_z(T) at most 0.6 for D > 0, \epsilon = \sqrt{L/(\eta T)}",
    source="derived; cf. He et al. 2024, regret in the practical setting",
    provenance="derived",
    statistic=Slope(target=0.6, side="upper", method="exact"),
    grid=Grid(
        quick=cells(truth=[0, 1], errors=[HARMLESS], episodes=[SHORT]),
        standard=cells(truth=[0, 1], errors=[HARMLESS], episodes=[MEDIUM]),
        full=cells(truth=[0, 1], errors=[HARMLESS], episodes=[LONG]),
    ),
    measure=regret,
    control=NegativeControl(
        measure=regret_of_swapped_filter,
        because="a filter that takes each environment for the other settles on the wrong expert",
    ),
    substitutes=SUBSTITUTES,
    seconds={"quick": 3.0, "standard": 20.0, "full": 60.0},
)


def regret_as_assumed(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the same where the Reporter is as assumed."""
    return _curve(cell, (1.0 / 9.0,))


PLN_15D = Claim(
    id="PLN-15d",
    paper=PAPER,
    title="Beyond the threshold a misspecified Reporter makes regret linear",
    statement=r"log-log slope of Reg_z(T) at least 0.95 for D < 0, \epsilon = \sqrt{L/(\eta T)}",
    source="derived; cf. He et al. 2024, regret in the practical setting",
    provenance="derived",
    statistic=Slope(target=0.95, side="lower", method="exact"),
    grid=Grid(
        quick=cells(truth=[0, 1], errors=[MISLEADING], episodes=[SHORT]),
        standard=cells(truth=[0, 1], errors=[MISLEADING], episodes=[MEDIUM]),
        full=cells(truth=[0, 1], errors=[MISLEADING], episodes=[LONG]),
    ),
    measure=regret,
    control=NegativeControl(
        measure=regret_as_assumed,
        because="where the Reporter is as assumed regret grows as the square root at most",
    ),
    substitutes=SUBSTITUTES,
    seconds={"quick": 3.0, "standard": 20.0, "full": 60.0},
)


# --- PLN-15e: regret per episode over the Reporter's error --------------------------------------------------


GAP = 2.0 / 3.0 - 0.5
GATED = 0.1  # nearer to the threshold, regret after so few episodes is on its way to neither limit


def _shares(cell: Cell, *, swapped: bool) -> Arrays:
    at, beside = 1.0 - reported_trial_threshold(), np.array(cell["distance"])
    errors = np.concatenate([at - beside[::-1], at + beside]).clip(0.0, 1.0)
    lengths = cell["episodes"]
    rows = [_regret(float(e), cell["truth"], lengths, swapped=swapped) / lengths / GAP for e in errors]
    share = np.array(rows)
    last, gated = share[:, -1], beside >= GATED
    return {
        "greater": last[beside.size :][gated][None, :],
        "smaller": last[: beside.size][::-1][gated][None, :],
        "error": errors[None, :],
        "share": share.T[None],
        "episodes": np.array(lengths)[None, :],
        "threshold": np.array([at]),
    }


def share_of_gap(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Regret per episode, in units of what a wrong subgoal costs, on both sides of the threshold."""
    return _shares(cell, swapped=False)


def share_of_swapped_filter(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the same for a planner whose filter takes each environment for the other."""
    return _shares(cell, swapped=True)


DISTANCES = (0.01, 0.03, 0.06, 0.1, 0.15, 0.2, 0.3, 4.0 / 9.0)

PLN_15E = Claim(
    id="PLN-15e",
    paper=PAPER,
    title="Regret per episode jumps from nothing to the cost of a wrong subgoal at the threshold",
    statement=r"Reg(T)/T at \hat q^* - \delta exceeds that at \hat q^* + \delta by half the gap, "
    r"for \delta >= 0.1",
    source="derived; cf. He et al. 2024, regret in the practical setting",
    provenance="derived",
    statistic=Order(margin=0.5, method="exact"),
    grid=Grid(
        quick=cells(truth=[0], distance=[DISTANCES], episodes=[(500, 2000)]),
        standard=cells(truth=[0, 1], distance=[DISTANCES], episodes=[(500, 2000, 8000)]),
        full=cells(truth=[0, 1], distance=[DISTANCES], episodes=[(500, 2000, 8000, 32_000)]),
    ),
    measure=share_of_gap,
    control=NegativeControl(
        measure=share_of_swapped_filter,
        because="a filter that takes each environment for the other is misled by an honest Reporter",
    ),
    substitutes=SUBSTITUTES,
    seconds={"quick": 2.0, "standard": 16.0, "full": 60.0},
)


# --- PLN-15f: the sufficient condition ----------------------------------------------------------------------


def root_ratio(cell: Cell, rng: np.random.Generator) -> Arrays:
    """E sqrt of the odds against the truth at the start of every episode but the first, with its bound."""
    model = reported_trial(1.0 - cell["error"])
    lattice = Lattice.of(model, cell["truth"], UNIT)
    policy = (1.0 - cell["eps"]) * lattice.bail() + cell["eps"] * ALWAYS_TRY
    eta = distinguishability(reported_trial(), ALWAYS_TRY)
    inflation = reporter_inflation(model.observation, model.emission)
    length, eps = cell["episodes"], cell["eps"]
    return {
        "value": lattice.forward(policy, length).root_ratio[None, 1:],
        "bound": reporter_contraction(length, eps, eta, horizon=2, inflation=inflation)[None, 1:],
        "well_specified": contraction_bound(length, eps, eta)[None, 1:],
    }


def root_ratio_without_inflation(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the same beside the bound of a Reporter that is as assumed."""
    found = root_ratio(cell, rng)
    return {**found, "bound": found["well_specified"]}


PLN_15F = Claim(
    id="PLN-15f",
    paper=PAPER,
    title="A Reporter that inflates no report much keeps the posterior contracting",
    statement=r"E_z \sqrt{w_t(z')/w_t(z)} <= \sqrt{c_Z} [(1 - \epsilon\eta)(1 + \kappa)]^{t-1}, "
    r"\kappa = (1 + \kappa_o)^H - 1",
    source="derived; cf. He et al. 2024, Reporter error",
    provenance="derived",
    statistic=BoundHolds(method="exact"),
    grid=Grid(
        quick=cells(truth=[0, 1], error=[0.05, 0.12, 0.2], eps=[0.1, 1.0], episodes=[60]),
        standard=cells(
            truth=[0, 1], error=[0.0, 0.05, 0.12, 0.2, 0.4, 0.9], eps=[0.0, 0.1, 0.5, 1.0], episodes=[200]
        ),
    ),
    measure=root_ratio,
    control=NegativeControl(
        measure=root_ratio_without_inflation,
        grid=Grid(quick=cells(truth=[0], error=[0.2, 0.4], eps=[1.0], episodes=[60])),
        because="the contraction of a Reporter that is as assumed does not hold for one that is not",
    ),
    substitutes=SUBSTITUTES,
    seconds={"quick": 0.5, "standard": 2.0},
)

REPORTER = (PLN_15A, PLN_15B, PLN_15C, PLN_15D, PLN_15E, PLN_15F)
