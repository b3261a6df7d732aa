"""Random laws in place of language models, and the loop over instances that most claims share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tightbound.theory.speculative.round_law import RoundLaw
from tightbound.theory.speculative.tables import PrefixTables
from tightbound.verification.grid import Cell

PAPER = "speculative_core"
TABLES = "random tables over a few tokens in place of language models; the laws of a round are enumerated"

Arrays = dict[str, Any]
Pair = tuple[PrefixTables, PrefixTables]


def random_laws(rng: np.random.Generator, shape: tuple[int, ...], keep: float) -> np.ndarray:
    """Return Dirichlet rows in which an entry other than one stays with probability ``keep``."""
    laws = rng.dirichlet(np.ones(shape[-1]), shape[:-1])
    kept = rng.random(shape) < keep
    np.put_along_axis(kept, rng.integers(shape[-1], size=(*shape[:-1], 1)), True, axis=-1)
    laws = laws * kept
    return np.asarray(laws / laws.sum(axis=-1, keepdims=True))


def random_pair(cell: Cell, rng: np.random.Generator) -> Pair:
    """Return tables of a target and of a drafter: ``gamma`` drafts over ``vocabulary`` tokens.

    Entries are kept with probability ``keep``; with ``distance`` d below 1 the drafter's rows are 1 - d parts
    target and d parts random.
    """
    size, gamma, mixed = cell["vocabulary"], cell["gamma"], cell.get("distance", 1.0)
    target = [random_laws(rng, (size,) * (i + 1), cell["keep"]) for i in range(gamma + 1)]
    noise = [random_laws(rng, (size,) * (i + 1), cell["keep"]) for i in range(gamma)]
    draft = [(1.0 - mixed) * p + mixed * r for p, r in zip(target, noise, strict=False)]
    return PrefixTables(target), PrefixTables([q / q.sum(axis=-1, keepdims=True) for q in draft])


def over_pairs(
    cell: Cell, rng: np.random.Generator, *columns: Callable[[PrefixTables, PrefixTables], Any]
) -> Any:
    """Return one array per function of (target, draft), rows running over instances."""
    pairs = [random_pair(cell, rng) for _ in range(cell["instances"])]
    return [np.array([np.ravel(column(*pair)) for pair in pairs]) for column in columns]


def texts(
    cell: Cell, rng: np.random.Generator, law: Callable[[PrefixTables, PrefixTables], RoundLaw]
) -> Arrays:
    """Law of the text after one round under a rule, beside that of plain decoding."""
    found, plain = over_pairs(
        cell,
        rng,
        lambda target, draft: law(target, draft).text(target, draft.length + 1),
        lambda target, draft: target.joint(draft.length + 1),
    )
    return {"value": found, "reference": plain}
