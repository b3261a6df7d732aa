"""What the claims on prompts share: random pairs of prompts with one component in common."""

from __future__ import annotations

from typing import Any

import numpy as np

from tightbound.theory._validation import Array, Integers
from tightbound.theory.video.prompt_alignment import BLANK
from tightbound.theory.video.prompt_blend import BlendGate

PAPER = "tiara"
TEXT = "random embeddings stand for a text encoder"
SHARED = 2
"""The component, time, that both prompts have in common."""
ALWAYS, NEVER = BlendGate(depth=0), BlendGate()

Arrays = dict[str, Any]


def random_lengths(rng: np.random.Generator) -> Integers:
    """Two prompts with components of one to five tokens; subjects differ in length, times do not."""
    lengths = rng.integers(1, 6, size=(2, 5))
    lengths[:, SHARED] = lengths[0, SHARED]
    lengths[1, 0] = lengths[0, 0] + rng.integers(1, 4)
    return lengths


def random_texts(lengths: Integers, dim: int, rng: np.random.Generator) -> list[Array]:
    """Embeddings of tokens, those of the shared component equal."""
    texts = [rng.standard_normal((int(row.sum()), dim)) for row in lengths]
    first, second = (int(row[:SHARED].sum()) for row in lengths)
    texts[1][second : second + lengths[1, SHARED]] = texts[0][first : first + lengths[0, SHARED]]
    return texts


def laid_out(texts: list[Array], slots: Integers) -> Array:
    """Embeddings by slot; blanks are zero."""
    found = np.stack([text[row] for text, row in zip(texts, slots, strict=True)])
    return np.where((slots == BLANK)[..., None], 0.0, found)
