"""What the shipped draft of SmolLM2-135M-Instruct is worth on held-out prompts, beside plain decoding."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tightbound.papers.longspec.real_draft import SHAPES, Rereading, Written, compared, prompt, shipped
from tightbound.simulators.language_models import smollm2
from tightbound.verification.bench import Row
from tightbound.verification.threads import threads

TOKENS = 48
PROMPTS = {1024: (2, 4, 8, 9), 4096: (1, 3), 8128: (5,)}
"""Numbers of the prompts by their lengths; the longest and its continuation nearly fill the context.

The first ones, each once, without 0, 6 and 7, whose files repeat what stands in files of the training.
"""


def draft_speed() -> Sequence[Row]:
    """Return processor time per token on one thread, by the length of the prompt and the shape of the draft.

    Reading a prompt is not counted. Processor time is what other programs on the machine disturb least.
    """
    target = smollm2.load().model
    rows: list[Row] = []
    with threads(1):
        for length, numbers in PROMPTS.items():
            found = [compared(Rereading.like(target), shipped(), prompt(length, n), TOKENS) for n in numbers]
            rows += table(length, found)
    return rows


def table(length: int, found: Sequence[dict[str, Written]]) -> list[Row]:
    """Return one row for plain decoding and one for each shape."""
    rows: list[Row] = []
    plain = np.array([runs["plain decoding"].seconds_per_token for runs in found])
    for name in ("plain decoding", *SHAPES):
        seconds = np.array([runs[name].seconds_per_token for runs in found])
        rounds = sum(runs[name].decoding.completions[0].log.rounds for runs in found)
        told = f"{sum(runs[name].tokens.size for runs in found) / rounds:.2f} tokens per round"
        median, low, high = (float(q) for q in np.quantile(seconds, [0.5, 0.2, 0.8]))
        rows.append(
            {
                "what": name if name == "plain decoding" else f"{name}, {told}",
                "size": f"SmolLM2-135M, prompts of {length} tokens, one thread",
                "median": median,
                "low20": low,
                "high80": high,
                "unit": "s/token",
                "ratio_to": "plain decoding",
                "ratio": float(np.median(seconds / plain)),
            }
        )
    return rows
