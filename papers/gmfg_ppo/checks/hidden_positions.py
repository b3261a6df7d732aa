"""GMFG-8: the graphon learned from agents whose positions are hidden."""

from __future__ import annotations

import numpy as np

from tightbound.papers.gmfg_ppo.checks.learning import (
    PAPER,
    PARAMETRIC,
    SHAPE,
    UNSORTED,
    UNSORTED_GRID,
    Arrays,
    errors,
    exploration,
    family_called,
    graphon_called,
    hidden_errors,
    observed,
    shuffled,
    unsorted_errors,
)
from tightbound.verification.claim import Claim, NegativeControl
from tightbound.verification.grid import Cell, Grid, cells
from tightbound.verification.statistics import BoundHolds, Equality, HighProbability, Slope

GMFG_8A = Claim(
    id="GMFG-8a",
    paper=PAPER,
    title="With hidden positions the error still falls with the number of episodes",
    statement=r"the error of \hat\rho\hat W among the agents, positions handed out by sorting and swaps, has "
    "log-log slope at most -1/4 over L",
    source="Abstract: estimation without the positions of agents; the rate of the surrogate is not known",
    provenance="derived",
    statistic=Slope(target=-0.25, side="upper", axis="episodes", method="per_seed"),
    grid=Grid(
        quick=[{**SHAPE, "graphon": name, "runs": 56} for name in ("exp", "sbm")],
        standard=[{**SHAPE, "agents": n, "graphon": g, "runs": 60} for g in ("exp", "sbm") for n in (10, 20)],
        full=[
            {**SHAPE, "agents": n, "graphon": g, "runs": 100} for g in ("exp", "sbm") for n in (10, 20, 40)
        ],
    ),
    measure=hidden_errors,
    control=NegativeControl(measure=unsorted_errors, grid=UNSORTED_GRID, because=UNSORTED),
    substitutes=PARAMETRIC,
    seconds={"quick": 4.0, "standard": 30.0},
)


def _beside_known(cell: Cell, rng: np.random.Generator, positions: str) -> Arrays:
    one = {**cell, "episodes": (cell["episodes"],)}
    seed = int(rng.integers(2**32))
    found = errors(one, np.random.default_rng(seed), positions)
    known = errors(one, np.random.default_rng(seed), "known")
    return {"value": found["value"], "bound": 2.0 * known["value"], "known": known["value"]}


def hidden_beside_known(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Error with hidden positions beside twice the error with known ones, from the same episodes."""
    return _beside_known(cell, rng, "hidden")


def unsorted_beside_known(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the same for positions handed out at random."""
    return _beside_known(cell, rng, "unsorted")


GMFG_8B = Claim(
    id="GMFG-8b",
    paper=PAPER,
    title="With many episodes, not knowing positions costs at most a factor of two",
    statement="mean error with hidden positions <= 2 mean error with known positions, at large L",
    source="Abstract: estimation without the positions of agents",
    provenance="derived",
    statistic=BoundHolds(method="t"),
    grid=Grid(
        quick=cells(graphon=["exp", "sbm"], agents=[10], horizon=[10], episodes=[100_000], runs=[40]),
        standard=cells(graphon=["exp", "sbm"], agents=[10, 20], horizon=[10], episodes=[400_000], runs=[40]),
    ),
    measure=hidden_beside_known,
    control=NegativeControl(measure=unsorted_beside_known, because=UNSORTED),
    substitutes=PARAMETRIC,
    seconds={"quick": 3.0, "standard": 20.0},
)


def misplaced(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Whether any two agents are taken for one community, or for two, wrongly."""
    return {"violated": hidden_errors({**cell, "episodes": (cell["episodes"],)}, rng)["wrong"][:, 0]}


def misplaced_unsorted(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the same for positions handed out at random."""
    return {"violated": unsorted_errors({**cell, "episodes": (cell["episodes"],)}, rng)["wrong"][:, 0]}


GMFG_8C = Claim(
    id="GMFG-8c",
    paper=PAPER,
    title="Hidden communities are recovered",
    statement="P(some pair of agents is wrongly joined or parted) <= 5 % at L = 6400, two blocks of 7 and 3",
    source="Pressure differs between the communities",
    provenance="derived",
    statistic=HighProbability(delta=0.05),
    grid=Grid(
        quick=cells(graphon=["sbm"], agents=[10], horizon=[10], episodes=[6400], runs=[700]),
        standard=cells(graphon=["sbm"], agents=[10, 20], horizon=[10], episodes=[6400], runs=[800]),
    ),
    measure=misplaced,
    control=NegativeControl(
        measure=misplaced_unsorted,
        because="handed out at random, communities are right by luck only",
        grid=Grid(quick=cells(graphon=["sbm"], agents=[10], horizon=[10], episodes=[6400], runs=[60])),
    ),
    substitutes=PARAMETRIC,
    seconds={"quick": 2.5, "standard": 45.0},
)


def _searched(cell: Cell, rng: np.random.Generator, search: bool) -> Arrays:
    """Risk of searched (or random) positions beside the risk of the true ones."""
    from tightbound.simulators.graphon_games.crowd_counts import simulate_counts
    from tightbound.simulators.graphon_games.estimation import (
        InfectionChannel,
        search_positions,
        sort_positions,
    )

    graphon, family = graphon_called(cell["graphon"]), family_called(cell["graphon"])
    game = observed(cell, graphon)
    value, bound, surrogate = [], [], []
    for _ in range(cell["runs"]):
        counts = simulate_counts(game, exploration(game), game.positions, cell["episodes"], rng=rng)
        data = InfectionChannel().read(counts[0])
        bound.append(family.fit(data, game.positions).risk)
        if search:
            value.append(search_positions(data, family, game.positions).fit.risk)
            surrogate.append(sort_positions(data, family, game.positions).fit.risk)
        else:
            value.append(family.fit(data, shuffled(cell["agents"], rng)).risk)
    # in units of the risk at the true positions
    scale = np.array(bound)
    found = {"value": np.array(value) / scale, "bound": np.ones(len(bound))}
    return found | ({"surrogate": np.array(surrogate) / scale} if search else {})


def searched_risk(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the risk after a search over all permutations."""
    return _searched(cell, rng, search=True)


def random_order_risk(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the risk at a random order."""
    return _searched(cell, rng, search=False)


GMFG_8D = Claim(
    id="GMFG-8d",
    paper=PAPER,
    title="Searching all permutations never explains the readings worse than the true positions do",
    statement=r"min_\sigma risk(\sigma) <= risk(true positions); the surrogate's risk is reported beside it",
    source="The true order is among those searched",
    provenance="derived",
    statistic=BoundHolds(method="exact"),
    grid=Grid(
        quick=cells(graphon=["exp", "sbm"], agents=[5], horizon=[8], episodes=[1600], runs=[10]),
        standard=cells(graphon=["exp", "sbm"], agents=[5, 6], horizon=[8], episodes=[400, 6400], runs=[8]),
    ),
    measure=searched_risk,
    control=NegativeControl(measure=random_order_risk, because="a random order explains the readings worse"),
    substitutes=PARAMETRIC,
    seconds={"quick": 2.0, "standard": 20.0},
)


def _spread(cell: Cell, rng: np.random.Generator, name: str) -> Arrays:
    """Risk of the true graphon at random orders beside its risk at the true positions."""
    from tightbound.simulators.graphon_games.crowd_counts import simulate_counts
    from tightbound.simulators.graphon_games.estimation import InfectionChannel

    graphon = graphon_called(name)
    game = observed(cell, graphon)
    counts = simulate_counts(game, exploration(game), game.positions, cell["episodes"], rng=rng)
    data = InfectionChannel().read(counts[0])
    truth = data.fit(graphon.matrix(game.positions))[1]
    orders = [shuffled(cell["agents"], rng) for _ in range(cell["orders"])]
    return {"value": np.array([data.fit(graphon.matrix(x))[1] for x in orders]), "reference": truth}


def constant_spread(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the risks where the graphon is constant."""
    return _spread(cell, rng, "constant")


def exponential_spread(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the risks where it is exp(3)."""
    return _spread(cell, rng, "exp")


GMFG_8E = Claim(
    id="GMFG-8e",
    paper=PAPER,
    title="On a constant graphon positions are not identifiable",
    statement="every order of the agents has the same risk, whatever the data",
    source="W does not depend on positions",
    provenance="derived",
    statistic=Equality(atol=1e-12),
    grid=Grid(
        quick=cells(agents=[10], horizon=[10], episodes=[1600], orders=[50]),
        standard=cells(agents=[10, 30], horizon=[10], episodes=[400, 6400], orders=[500]),
    ),
    measure=constant_spread,
    control=NegativeControl(measure=exponential_spread, because="on exp(3) the true order is the better one"),
    substitutes=PARAMETRIC,
    seconds={"quick": 0.5, "standard": 2.0},
)

HIDDEN_POSITIONS = (GMFG_8A, GMFG_8B, GMFG_8C, GMFG_8D, GMFG_8E)
