"""LS-8, LS-9b: what Anchor-Offset positions and flash noisy training do for drafts that were trained."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from scipy.special import softmax

from tightbound.papers.longspec.checks.tree_attention import PAPER, Arrays
from tightbound.papers.longspec.texts import texts, topics
from tightbound.simulators.language_models.byte_llama import encode
from tightbound.simulators.speculative.byte_pair import load
from tightbound.simulators.speculative.long_spec_block import LongSpecBlock
from tightbound.simulators.speculative.trainable_long_spec import TrainableLongSpec
from tightbound.theory.speculative.anchor_offset import anchor_offset_positions
from tightbound.verification.claim import Claim, NegativeControl
from tightbound.verification.grid import Cell, Grid, cells
from tightbound.verification.statistics import Order

FOLDER = Path(__file__).parents[1] / "data"
LATE = 4
"""Lags from here on are those of the last drafted tokens."""
READ = 32
"""Tokens of a piece that are read before acceptance counts."""


@cache
def draft(name: str) -> LongSpecBlock:
    """Return the shipped draft, or one that was trained without one of its parts."""
    return load().block if name == "shipped" else LongSpecBlock.load(FOLDER / f"byte_draft_{name}.npz")


def pieces(cell: Cell, rng: np.random.Generator) -> np.ndarray:
    """Return disjoint pieces (n, T) of held-out texts, in random order."""
    held_out = (texts() if cell["texts"] == "docstrings" else topics()).held_out
    tokens, length = encode("\n\n".join(held_out)), cell["length"]
    shift = int(rng.integers(length))
    whole = tokens[shift : shift + (tokens.size - shift) // length * length].reshape(-1, length)
    return whole[rng.permutation(len(whole))[: cell["pieces"]]]


@cache
def model(length: int) -> TrainableLongSpec:
    """Return the forward pass of the drafts, which differ in weights alone; it is compiled once."""
    pair = load()
    return TrainableLongSpec(pair.target, pair.block.window, pair.block.inner, length, pair.target.context)


def acceptance(names: Sequence[str], tokens: np.ndarray, lags: Sequence[int], offset: int) -> np.ndarray:
    """Return sum min(p, q) for drafts, pieces and lags (drafts, n, lags), the mean over places in a piece.

    Parameters
    ----------
    names : sequence of str
        Drafts.
    tokens : ndarray of int, shape (n, T)
        Pieces.
    lags : sequence of int
        How many tokens ago the target's keys end; l for the l-th drafted token of a round.
    offset : int
        Shift of all tokens but the anchors.
    """
    target, passes = load().target, model(tokens.shape[1])
    places = np.broadcast_to(anchor_offset_positions(tokens.shape[1], offset), tokens.shape)
    cached = target.start(len(tokens), tokens.shape[1])
    p = softmax(target.forward(cached, tokens, positions=places)[:, READ:], axis=-1)
    rows = [np.ascontiguousarray(part[:, : tokens.shape[1]]) for part in cached.rows(target.layers - 1)]
    found = np.empty((len(names), len(tokens), len(lags)))
    for i, name in enumerate(names):
        for j, lag in enumerate(lags):
            logits = passes.logits_after(dict(draft(name).weights), tokens, places, lag, tuple(rows))
            q = softmax(np.asarray(logits)[:, READ:], axis=-1)
            found[i, :, j] = np.minimum(p, q).sum(axis=-1).mean(axis=1)
    return found


def _compared(cell: Cell, rng: np.random.Generator, greater: str, smaller: str) -> Arrays:
    found = acceptance([greater, smaller], pieces(cell, rng), cell["lags"], cell["offset"])
    late = [lag >= LATE for lag in cell["lags"]] if max(cell["lags"]) >= LATE else slice(None)
    names = {"greater": found[0][:, late], "smaller": found[1][:, late]}
    return {**names, "by_lag": found.mean(axis=1)[np.newaxis]}


def noisy_and_shifted(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Compare the shipped draft and one that was trained with the lag 1 alone."""
    return _compared(cell, rng, "shipped", "shift")


def ahead_and_shifted(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the same for one that was trained without any lag in the place of the shipped draft."""
    return _compared(cell, rng, "ahead", "shift")


def offset_and_plain(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Compare the shipped draft and one that was trained at positions from 0 on."""
    return _compared(cell, rng, "shipped", "plain")


TRAINED = (
    "drafts of a Llama of 0.8 million weights over bytes, 300 steps each, one training of each kind; "
    "replications are held-out pieces of text"
)
LAGS = (1, 2, 3, 4, 5)
PIECES: dict[str, list[Any]] = {"length": [128], "pieces": [64], "texts": ["topics"]}
MORE: dict[str, list[Any]] = {"length": [128], "pieces": [400], "texts": ["docstrings"]}

LS_9B = Claim(
    id="LS-9b",
    paper=PAPER,
    title="A draft that was trained with lags is accepted more often where the target's keys are old",
    statement="E sum_x min(p, q) at lags 4 and 5: trained with lags 1 to 4 > trained with lag 1",
    source="arXiv 2502.17421, Section 4 (flash noisy training: +14.7 % accepted, most at the last tokens)",
    provenance="text",
    statistic=Order(method="t"),
    grid=Grid(
        quick=cells(lags=[LAGS], offset=[0], **PIECES), standard=cells(lags=[LAGS], offset=[0], **MORE)
    ),
    measure=noisy_and_shifted,
    control=NegativeControl(
        measure=ahead_and_shifted,
        because="a draft that always saw the target's state of the last token is lost without it",
    ),
    substitutes=TRAINED,
    seconds={"quick": 2.5, "standard": 30.0},
)

LS_8 = Claim(
    id="LS-8",
    paper=PAPER,
    title="A draft that was trained at Anchor-Offset positions is accepted more often at far positions",
    statement="E sum_x min(p, q) at positions beyond those of the training: with offsets > without",
    source="arXiv 2502.17421, Section 4 (Anchor-Offset indices)",
    provenance="text",
    statistic=Order(method="t"),
    grid=Grid(
        quick=cells(lags=[(1,)], offset=[1000, 8000], **PIECES),
        standard=cells(lags=[(1,)], offset=[1000, 4000, 8000], **MORE),
    ),
    measure=offset_and_plain,
    control=NegativeControl(
        grid=Grid(
            quick=cells(lags=[(1,)], offset=[0], **PIECES), standard=cells(lags=[(1,)], offset=[0], **MORE)
        ),
        because="at the positions that both were trained at, offsets are a harder training and no help",
    ),
    substitutes=TRAINED,
    expected="skipped",
    skip="nothing to judge: two drafts of the byte model, one of each kind, differ by -0.0004 at offset 1000 "
    "and 0.0011 at 8000, standard errors 0.001; ten pairs of drafts of SmolLM2-135M, 140 steps each, differ "
    "by 0.010 nats at positions 7680 to 8191, plain positions ahead, standard error 0.029, see the figure of "
    "the offsets' curves",
    seconds={"quick": 2.5, "standard": 20.0},
)

TRAINED_DRAFTS = (LS_8, LS_9B)
