"""STD-1b, 1e: sparse drafts leave the text of a real language model as it is, but for near-ties."""

from __future__ import annotations

from typing import Any

import numpy as np

from tightbound.papers._real_model import NAME, missing, weights
from tightbound.papers.sparse_to_dense.real_runs import Corpus, Run, run
from tightbound.verification.claim import Claim, NegativeControl
from tightbound.verification.grid import Cell, Grid, cells
from tightbound.verification.statistics import BoundHolds, Equality

PAPER = "sparse_to_dense"
REAL = (
    f"{NAME} and pages of Python's documentation, with a question after each, in place of a video language "
    "model, videos and questions about them"
)
SKIP = missing()
SHORT: dict[str, Any] = {"prompts": [4], "document": [256], "tokens": [8], "weights": [weights()]}
LONG: dict[str, Any] = {"prompts": [12], "document": [2048], "tokens": [32], "weights": [weights()]}

Arrays = dict[str, Any]

GRID = Grid(
    quick=cells(**SHORT, method=["guided", "random"], keys=[32], gamma=[3]),
    standard=cells(**LONG, method=["guided", "random"], keys=[32], gamma=[4]),
    full=cells(**LONG, method=["guided", "streaming", "recent", "random"], keys=[32, 128], gamma=[1, 4, 9]),
)


def _run(cell: Cell, fault: str = "") -> Run:
    return run(Corpus.of(cell), cell["method"], cell["keys"], cell["gamma"], fault)


def _texts(cell: Cell, fault: str) -> Arrays:
    found = _run(cell, fault)
    return {
        "value": (found.mismatches - found.ties).astype(float),
        "reference": np.zeros(found.ties.size),
        "ties": found.ties,
        "margin": found.margin,
    }


def texts_that_differ(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Texts, 0 or 1 each, that leave that of plain greedy decoding where it is not at a near-tie."""
    return _texts(cell, "")


def texts_with_last_draft_unverified(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the same where a round verifies gamma positions, and its last draft is the token after them."""
    return _texts(cell, "last draft taken")


STD_1B = Claim(
    id="STD-1b",
    paper=PAPER,
    title="Sparse drafts write a real model's greedy text, token for token, in float32",
    statement=r"tokens equal up to the first place where the two largest logits are within 10^{-5}",
    source="Sparse-to-Dense: lossless; in float32, where passes of different shapes round differently",
    provenance="abstract",
    statistic=Equality(),
    grid=GRID,
    measure=texts_that_differ,
    control=NegativeControl(
        measure=texts_with_last_draft_unverified,
        because="the token after gamma - 1 accepted drafts is the target's, not the last draft",
    ),
    substitutes=REAL,
    seconds={"quick": 16.0, "standard": 300.0},
    skip=SKIP,
    expected="skipped" if SKIP else "pass",
)


def distance_of_laws(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Largest total variation along a text between laws that chose its tokens with and without drafts."""
    return {"value": _run(cell).distance}


def distance_with_sparse_rows_kept(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the same where accepted tokens keep the keys and values that the sparse pass gave them."""
    return {"value": _run(cell, "sparse rows kept").distance}


def small(cell: Cell) -> float:
    """Return a thousandth: rounding of float32 stays well below it, and no draft may exceed it."""
    return 1e-3


STD_1E = Claim(
    id="STD-1e",
    paper=PAPER,
    title="After rounds of sparse drafts a real model's next token has the law that plain decoding gives it",
    statement=r"max_t TV(p_t, p_t^{dense}) <= 10^{-3}",
    source="derived: accepted tokens have the keys and values of the dense pass that verified them",
    provenance="derived",
    statistic=BoundHolds(slack=0.0),
    grid=GRID,
    measure=distance_of_laws,
    bound=small,
    control=NegativeControl(
        measure=distance_with_sparse_rows_kept,
        because="above the first layer the sparse pass computes other keys and values for the same tokens",
    ),
    substitutes=REAL,
    seconds={"quick": 3.0, "standard": 60.0},
    skip=SKIP,
    expected="skipped" if SKIP else "pass",
)

REAL_TEXT = (STD_1B, STD_1E)
