"""GMFG-3: which graphons make crowd avoidance weakly monotone, and which pairs of policies tell."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tightbound.theory.graphon_games import (
    Graphon,
    GraphonGame,
    aligned_pair,
    beach_bar,
    best_response,
    erdos_renyi,
    exponential,
    flow,
    grid,
    monotonicity_gap,
    power_law,
    random_linear,
    ranked_attachment,
    search_violation,
    stochastic_block,
    uniform_attachment,
)
from tightbound.verification.claim import Claim, NegativeControl
from tightbound.verification.grid import Cell, Grid, cells
from tightbound.verification.statistics import BoundHolds, HighProbability

PAPER = "gmfg_monotone"

Arrays = dict[str, Any]

SEMIDEFINITE = ("er", "unif-att", "sbm", "power")
INDEFINITE = ("rank-att", "exp", "sbm, ac < b^2")

_ROUNDING = 1e-12


def named_graphon(name: str) -> Graphon:
    """Return the graphon called ``name`` with its usual numbers; the power law stays below 1."""
    if name == "power":
        return Graphon(_bounded_power_law, "power", positive_semidefinite=True)
    makers: dict[str, Callable[[], Graphon]] = {
        "er": erdos_renyi,
        "unif-att": uniform_attachment,
        "rank-att": ranked_attachment,
        "exp": exponential,
        "sbm": stochastic_block,
        "sbm, ac < b^2": lambda: stochastic_block(0.3, 0.9, 0.3, 0.5),
    }
    return makers[name]()


def _bounded_power_law(x: Any, y: Any) -> Any:
    """Return the cut-off power law divided by its largest value, 1/q at the cutoff."""
    law = power_law(0.5, 0.1).function
    return np.asarray(law(x, y)) / float(np.asarray(law(np.zeros(1), np.zeros(1)))[0])


def _game(cell: Cell, rng: np.random.Generator) -> GraphonGame:
    graphon = named_graphon(cell["graphon"])
    if cell["game"] == "beach bar":
        return beach_bar(graphon=graphon, horizon=cell["horizon"], blocks=20)
    return random_linear(rng=rng, graphon=graphon, horizon=cell["horizon"], blocks=20)


def _random_pair(game: GraphonGame, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    shape = game.uniform_policy().shape
    first, second = rng.dirichlet(np.full(shape[-1], 0.3), size=(2, *shape[:-1]))
    return first, second


def largest_functional(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Largest monotonicity functional over pairs aligned with eigenvectors, and over random pairs."""
    aligned, random = [], []
    for _ in range(cell["instances"]):
        game = _game(cell, rng)
        aligned.append(search_violation(game).gap)
        random.append(max(monotonicity_gap(game, *_random_pair(game, rng)) for _ in range(cell["pairs"])))
    return {"value": np.stack([aligned, random], axis=1)}


def _zero(cell: Cell) -> float:
    return 0.0


_BOTH = ("random", "beach bar")

GMFG_3A = Claim(
    id="GMFG-3a",
    paper=PAPER,
    title="Avoiding crowds is weakly monotone on positive semidefinite graphons",
    statement=r"\int [J(p, Psi p) + J(q, Psi q) - J(q, Psi p) - J(p, Psi q)] <= 0 for random pairs and for "
    "pairs aligned with eigenvectors of W, for r = r0 + c z(s), c < 0, and a kernel free of z",
    source="Weak monotonicity; closed form in `monotonicity_gap`",
    provenance="derived",
    statistic=BoundHolds(slack=_ROUNDING),
    grid=Grid(
        quick=cells(graphon=SEMIDEFINITE, game=_BOTH, horizon=[5], instances=[2], pairs=[6]),
        standard=cells(graphon=SEMIDEFINITE, game=_BOTH, horizon=[10], instances=[10], pairs=[20]),
    ),
    measure=largest_functional,
    bound=_zero,
    control=NegativeControl(
        grid=Grid(
            quick=cells(graphon=INDEFINITE, game=_BOTH, horizon=[5], instances=[2], pairs=[6]),
        ),
        because="these graphons have negative eigenvalues, and aligned pairs reach their eigenvectors",
    ),
    seconds={"quick": 1.0, "standard": 12.0},
)


def aligned_functional(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the largest functional over pairs aligned with eigenvectors, and its eigenvalue."""
    found = [search_violation(_game(cell, rng)) for _ in range(cell["instances"])]
    return {
        "value": np.array([one.gap for one in found]),
        "eigenvalue": np.array([one.eigenvalue for one in found]),
    }


def _visible(cell: Cell) -> float:
    return 1e-6


GMFG_3B = Claim(
    id="GMFG-3b",
    paper=PAPER,
    title="Ranked attachment, the exponential graphon and its beach bar are not weakly monotone",
    statement=r"the functional is above 1e-6 for some pair aligned with a negative eigenvector, on "
    "1 - xy, tanh(3xy/2) and a block graphon with ac < b^2; in particular in the beach bar on exp(3)",
    source="Counterexamples; W indefinite, proofs in the docstrings of the graphons",
    provenance="derived",
    statistic=BoundHolds(side="lower"),
    grid=Grid(
        quick=cells(graphon=INDEFINITE, game=_BOTH, horizon=[5], instances=[2]),
        standard=[
            *cells(graphon=INDEFINITE, game=_BOTH, horizon=[5], instances=[10]),
            *cells(graphon=INDEFINITE, game=["beach bar"], horizon=[15, 50], instances=[1]),
        ],
    ),
    measure=aligned_functional,
    bound=_visible,
    control=NegativeControl(
        grid=Grid(quick=cells(graphon=SEMIDEFINITE, game=_BOTH, horizon=[5], instances=[2])),
        because="on positive semidefinite graphons no pair has a positive functional",
    ),
    seconds={"quick": 0.5, "standard": 5.0},
)


def random_violations(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Whether random pairs of policies of random games show a positive functional."""
    found = []
    for _ in range(cell["instances"]):
        game = _game(cell, rng)
        found += [monotonicity_gap(game, *_random_pair(game, rng)) for _ in range(cell["pairs"])]
    return {"violated": np.array(found) > 0.0, "functional": np.array(found)}


def aligned_violations(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the same for pairs aligned with the most negative eigenvector of the same games."""
    found = []
    for _ in range(cell["instances"]):
        game = _game(cell, rng)
        direction = np.linalg.eigh(game.weights[0])[1][:, 0]
        crowd = flow(game, game.uniform_policy())
        for _ in range(cell["pairs"]):
            toward, away = (best_response(_rewarded(game, rng), crowd, 0.0).policy for _ in range(2))
            found.append(monotonicity_gap(game, *aligned_pair(game, direction, toward, away)))
    return {"violated": np.array(found) > 0.0, "functional": np.array(found)}


def _rewarded(game: GraphonGame, rng: np.random.Generator) -> GraphonGame:
    """Return the game with random rewards that are the same for every block."""
    from dataclasses import replace

    return replace(game, reward=rng.random((game.horizon, game.states, game.actions)))


GMFG_3C = Claim(
    id="GMFG-3c",
    paper=PAPER,
    title="Random pairs of policies do not see that the exponential graphon breaks monotonicity",
    statement="a random pair of policies shows a positive functional on exp(3) with probability below 5 %, "
    "although the game is not weakly monotone (GMFG-3b): a test on random pairs alone would pass it",
    source="Limits of testing by random pairs",
    provenance="derived",
    statistic=HighProbability(delta=0.05),
    grid=Grid(
        quick=cells(graphon=["exp"], game=["random"], horizon=[4], instances=[20], pairs=[24]),
        standard=cells(graphon=["exp"], game=["random"], horizon=[4], instances=[100], pairs=[30]),
    ),
    measure=random_violations,
    control=NegativeControl(
        measure=aligned_violations,
        grid=Grid(quick=cells(graphon=["exp"], game=["random"], horizon=[4], instances=[20], pairs=[5])),
        because="pairs aligned with the negative eigenvector show it every time",
    ),
    seconds={"quick": 1.0, "standard": 9.0},
)


def smallest_eigenvalues(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Smallest eigenvalue of the graphon's matrix, and its whole spectrum."""
    blocks = cell["blocks"]
    matrix = named_graphon(cell["graphon"]).matrix(grid(blocks)) / blocks
    spectrum = np.linalg.eigvalsh(matrix)
    return {"value": spectrum[0], "spectrum": spectrum[None]}


GMFG_3D = Claim(
    id="GMFG-3d",
    paper=PAPER,
    title="Constant, uniform-attachment, assortative block and power-law graphons are positive semidefinite",
    statement=r"smallest eigenvalue of W(x_i, x_j)/M at least 0 for p, 1 - max(x, y), blocks with ac >= b^2 "
    "and (max(x, c) max(y, c))^(-q)",
    source="Proofs in the docstrings of the graphons",
    provenance="derived",
    statistic=BoundHolds(side="lower", slack=_ROUNDING),
    grid=Grid(
        quick=cells(graphon=SEMIDEFINITE, blocks=[100]),
        standard=cells(graphon=SEMIDEFINITE, blocks=[100, 400]),
    ),
    measure=smallest_eigenvalues,
    bound=_zero,
    control=NegativeControl(
        grid=Grid(quick=cells(graphon=INDEFINITE, blocks=[100])),
        because="1 - xy, tanh(3xy/2) and blocks with ac < b^2 have negative eigenvalues",
    ),
    seconds={"quick": 0.1, "standard": 0.5},
)

MONOTONICITY = (GMFG_3A, GMFG_3B, GMFG_3C, GMFG_3D)
