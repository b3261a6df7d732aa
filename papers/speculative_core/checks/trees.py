"""CORE-9, CORE-13: verifying a tree against the target alone, and the best shape of a tree."""

from __future__ import annotations

from typing import Any

import numpy as np

from tightbound.papers.speculative_core.checks._instances import (
    PAPER,
    TABLES,
    Arrays,
    over_pairs,
    texts,
)
from tightbound.theory.speculative.round_law import RoundLaw
from tightbound.theory.speculative.tables import PrefixTables
from tightbound.theory.speculative.tree_law import children_as_if_sampled, expected_accepted, tree_law
from tightbound.theory.speculative.tree_shapes import (
    accepted_by_rank,
    best_tree,
    breadth_first_tree,
    values_of_all_trees,
)
from tightbound.theory.speculative.trees import DraftTree, beam_tree
from tightbound.verification.claim import Claim, NegativeControl
from tightbound.verification.grid import Cell, Grid, cells
from tightbound.verification.statistics import Equality, Law

WIDTHS = ((1,), (3,), (2, 3), (2, 4, 3))
WIDER = (*WIDTHS, (4, 4), (3, 6, 6), (2, 4, 4, 4))


def _trees(
    widths: tuple[tuple[int, ...], ...], vocabularies: list[int], instances: int
) -> list[dict[str, Any]]:
    return [
        {"vocabulary": size, "gamma": len(width), "widths": width, "keep": keep, "instances": instances}
        for size in vocabularies
        for width in widths
        for keep in (1.0, 0.6)
    ]


GRID = Grid(
    quick=_trees(WIDTHS, [3, 4], 3), standard=_trees(WIDER, [3, 4], 20), full=_trees(WIDER, [3, 4, 5], 100)
)


def tree_text(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Law of the text when a round over the drafter's likeliest paths begins it, verified by p alone."""

    def law(target: PrefixTables, draft: PrefixTables) -> RoundLaw:
        return tree_law(beam_tree(draft, cell["widths"]), target)

    return texts(cell, rng, law)


def tree_text_as_if_sampled(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the same where the children are tried as if they had been drawn from q."""

    def law(target: PrefixTables, draft: PrefixTables) -> RoundLaw:
        tree = beam_tree(draft, cell["widths"])
        return tree_law(tree, target, rule=children_as_if_sampled, draft=draft)

    return texts(cell, rng, law)


CORE_9A = Claim(
    id="CORE-9a",
    paper=PAPER,
    title="A tree of chosen drafts, verified against the target alone, leaves the text unchanged",
    statement="draw each token from p and go to the child that carries it: the law of plain decoding",
    source="derived; proved in tree_law",
    provenance="derived",
    statistic=Law(method="exact", atol=1e-12),
    grid=GRID,
    measure=tree_text,
    control=NegativeControl(
        measure=tree_text_as_if_sampled,
        because="the likeliest tokens of q were not drawn from q, so min(1, p/q) accepts them too often",
    ),
    substitutes=TABLES,
    seconds={"quick": 0.3, "standard": 3.0},
)


def _accepted(cell: Cell, rng: np.random.Generator, believed: bool) -> Arrays:
    def trees(target: PrefixTables, draft: PrefixTables) -> tuple[float, float]:
        tree = beam_tree(draft, cell["widths"])
        sums = expected_accepted(tree, draft if believed else target)
        return tree_law(tree, target).expected_tokens - 1.0, sums

    (found,) = over_pairs(cell, rng, trees)
    return {"value": found[:, 0], "reference": found[:, 1]}


def accepted_nodes(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Count accepted drafts by the law of the round, beside the sum of the target's path probabilities."""
    return _accepted(cell, rng, believed=False)


def accepted_nodes_as_believed(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the same beside the drafter's path probabilities."""
    return _accepted(cell, rng, believed=True)


CORE_9B = Claim(
    id="CORE-9b",
    paper=PAPER,
    title="Accepted drafts of a tree are the sum of the target's path probabilities",
    statement=r"E[accepted] = \sum_{v \ne root} \prod_{u \le v} p(u)",
    source="derived; proved in expected_accepted",
    provenance="derived",
    statistic=Equality(atol=1e-12),
    grid=GRID,
    measure=accepted_nodes,
    control=NegativeControl(
        measure=accepted_nodes_as_believed,
        because="the drafter's own probabilities overrate what it chose for being likely",
    ),
    substitutes=TABLES,
    seconds={"quick": 0.2, "standard": 2.0},
)


def _shapes(cell: Cell, rng: np.random.Generator, heap: bool) -> Arrays:
    found, best = [], []
    for _ in range(cell["instances"]):
        rates = np.sort(rng.random(cell["branching"]))[::-1]
        for nodes in range(1, cell["most"] + 1):
            tree: DraftTree = best_tree(rates, nodes) if heap else breadth_first_tree(rates.size, nodes)
            found.append(accepted_by_rank(tree, rates))
            best.append(values_of_all_trees(rates, nodes).max())
    return {"value": np.array(found), "reference": np.array(best)}


def heap_trees(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Mean of accepted nodes of the best-first tree, beside the most over all trees."""
    return _shapes(cell, rng, heap=True)


def breadth_first_trees(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the same for trees that fill level by level."""
    return _shapes(cell, rng, heap=False)


CORE_13 = Claim(
    id="CORE-13",
    paper=PAPER,
    title="Taking the likeliest nodes first gives the best tree of every size",
    statement=r"the n nodes of largest \prod a_{rank} form a tree, and no tree of n nodes accepts more",
    source="derived; proved in best_tree",
    provenance="derived",
    statistic=Equality(atol=1e-12),
    grid=Grid(
        quick=cells(branching=[2, 3], most=[6], instances=[3]),
        standard=cells(branching=[2, 3, 4], most=[7], instances=[10]),
        full=cells(branching=[2, 3, 4], most=[8], instances=[20]),
    ),
    measure=heap_trees,
    control=NegativeControl(
        measure=breadth_first_trees, because="a level filled with unlikely siblings wastes nodes"
    ),
    substitutes="acceptance by rank, random, in place of a drafter",
    seconds={"quick": 0.1, "standard": 0.8},
)

TREES = (CORE_9A, CORE_9B, CORE_13)
