"""LS-5, LS-6: what the paper's own tables say about each other; arithmetic, no measurement."""

from __future__ import annotations

from typing import Any

import numpy as np

from tightbound.papers.longspec import published
from tightbound.verification.claim import Claim, NegativeControl
from tightbound.verification.grid import Cell, Grid, cells
from tightbound.verification.statistics import Equality

PAPER = "longspec"
READ = "arXiv 2502.17421"
PRINTED = "numbers printed in the paper; nothing was run"

Arrays = dict[str, Any]


def _speed(milliseconds: np.ndarray, tokens: np.ndarray) -> Arrays:
    return {
        "value": (1e3 * tokens / milliseconds)[None],
        "reference": published.SPEED_BY_PREFILL[None],
        "milliseconds": np.stack([published.DRAFT_MS, published.TARGET_MS, published.VERIFY_MS])[None],
    }


def speed_of_draft_and_target(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Tokens per round over the time of draft and target, beside the printed tokens per second."""
    return _speed(published.DRAFT_MS + published.TARGET_MS, published.TOKENS_BY_PREFILL)


def speed_with_verification_apart(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the same where the printed time of verification is added to the round."""
    total = published.DRAFT_MS + published.TARGET_MS + published.VERIFY_MS
    return _speed(total, published.TOKENS_BY_PREFILL)


LS_5A = Claim(
    id="LS-5a",
    paper=PAPER,
    title="Printed speed is tokens per round over the time of draft and target, in all six columns",
    statement=r"tokens/s = \tau / (t_{draft} + t_{target}) within 5 %",
    source=f"{READ}, Table 5; the relation is read off the numbers",
    provenance="text",
    statistic=Equality(rtol=0.05),
    grid=Grid(quick=cells(table=["Table 5"])),
    measure=speed_of_draft_and_target,
    control=NegativeControl(
        measure=speed_with_verification_apart,
        because="the printed time of verification is part of that of the target: added once more it makes "
        "every column 13 to 18 % too slow",
    ),
    substitutes=PRINTED,
    seconds={"quick": 0.01},
)


def speed_of_accepted_drafts(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the same if what is printed as tokens per round left out the token after the drafts."""
    return _speed(published.DRAFT_MS + published.TARGET_MS, published.TOKENS_BY_PREFILL + 1.0)


LS_5B = Claim(
    id="LS-5b",
    paper=PAPER,
    title="Printed acceptance lengths include the token that follows the accepted drafts",
    statement=r"tokens/s (t_{draft} + t_{target}) = \tau, not \tau + 1, within 5 %",
    source=f"{READ}, Table 5; the relation is read off the numbers",
    provenance="text",
    statistic=Equality(rtol=0.05),
    grid=Grid(quick=cells(table=["Table 5"])),
    measure=speed_of_draft_and_target,
    control=NegativeControl(
        measure=speed_of_accepted_drafts,
        because="a round emits the accepted drafts and one token more; were tau the drafts alone, speed "
        "would be a quarter higher than printed",
    ),
    substitutes=PRINTED,
    seconds={"quick": 0.01},
)


def speedup_over_flash(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Ratios of printed tokens per second, to plain decoding with flash attention, beside printed ones."""
    return {
        "value": published.TOKENS_PER_SECOND / published.VANILLA_FLASH,
        "reference": published.SPEEDUP,
        "tokens": published.TOKENS_PER_ROUND,
    }


def speedup_over_hf(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the same to plain decoding with the attention of transformers."""
    return {
        "value": published.TOKENS_PER_SECOND / published.VANILLA_HF,
        "reference": published.SPEEDUP,
        "tokens": published.TOKENS_PER_ROUND,
    }


LS_6A = Claim(
    id="LS-6a",
    paper=PAPER,
    title="Every printed speed-up of Table 1 is over plain decoding with flash attention",
    statement="speed-up = (tokens/s of LongSpec) / (tokens/s of Vanilla FA) within 0.006, 25 entries",
    source=f"{READ}, Table 1",
    provenance="text",
    statistic=Equality(atol=0.006),
    grid=Grid(quick=cells(table=["Table 1"])),
    measure=speedup_over_flash,
    control=NegativeControl(
        measure=speedup_over_hf,
        because="the caption names Vanilla HF, over which the ratios would be 1.4 to 3.7 larger",
    ),
    substitutes=PRINTED,
    seconds={"quick": 0.01},
)


MIDDLE = np.array([[2.335, 2.335]])


def reasoning_speedup(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Mean of the four ratios of Table 3, and ratio of the sums."""
    ratios = published.REASONING_SPEED / published.REASONING_VANILLA
    pooled = published.REASONING_SPEED.sum() / published.REASONING_VANILLA.sum()
    return {
        "value": np.array([[ratios.mean(), pooled]]),
        "reference": MIDDLE,
        "ratios": ratios,
    }


def reasoning_tokens_per_round(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Tokens per round in place of the ratios."""
    mean = published.REASONING_TOKENS_PER_ROUND.mean()
    return {
        "value": np.array([[mean, mean]]),
        "reference": MIDDLE,
        "ratios": published.REASONING_TOKENS_PER_ROUND,
    }


LS_6B = Claim(
    id="LS-6b",
    paper=PAPER,
    title="The four ratios of Table 3 average 2.33 to 2.34",
    statement="2.33 <= mean of ratios, ratio of sums <= 2.34",
    source=f"{READ}, Table 3",
    provenance="text",
    statistic=Equality(atol=0.005),
    grid=Grid(quick=cells(table=["Table 3"])),
    measure=reasoning_speedup,
    control=NegativeControl(
        measure=reasoning_tokens_per_round,
        because="tokens per round are no speed-up: a round costs more than a step of plain decoding",
    ),
    substitutes=PRINTED,
    seconds={"quick": 0.01},
)

PUBLISHED_SPEED = (LS_5A, LS_5B, LS_6A, LS_6B)
