"""A trained target and its LongSpec draft over bytes, small enough for exact laws of what they write."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from tightbound.simulators.language_models import byte_llama
from tightbound.simulators.language_models.llama import Llama
from tightbound.simulators.speculative.long_spec_block import LongSpecBlock, fingerprint_of
from tightbound.theory._validation import as_indices

FILE = Path(__file__).parent / "data" / "byte_long_spec.npz"


class BytePair(NamedTuple):
    """A target and the draft that was trained for it.

    Parameters
    ----------
    target : Llama
        The model of `tightbound.simulators.language_models.byte_llama`.
    block : LongSpecBlock
        Its draft, W = 32.
    """

    target: Llama
    block: LongSpecBlock


@cache
def load() -> BytePair:
    """Return the pair that ships with the package.

    Examples
    --------
    >>> pair = load()
    >>> pair.block.check(pair.target)
    >>> pair.block.window
    32
    """
    return BytePair(byte_llama.load(), LongSpecBlock.load(FILE))


def restricted(pair: BytePair, tokens: ArrayLike) -> BytePair:
    """Return the pair over some tokens only: laws are those of the pair, conditioned on these tokens.

    Parameters
    ----------
    pair : BytePair
    tokens : array_like of int, shape (V,)
        Different tokens; they become 0, ..., V - 1.

    Examples
    --------
    >>> small = restricted(load(), [97, 98, 99])
    >>> small.target.vocabulary
    3
    """
    kept = as_indices("tokens", tokens, pair.target.vocabulary)
    if kept.ndim != 1 or kept.size == 0 or np.unique(kept).size < kept.size:
        raise ValueError(f"tokens is {np.asarray(tokens).tolist()}: give different tokens, at least one")
    config = replace(pair.target.config, vocabulary=kept.size)
    rows = [np.ascontiguousarray(matrix[kept]) for matrix in (pair.target.embedding, pair.target.head)]
    target = replace(pair.target, config=config, embedding=rows[0], head=rows[1])
    return BytePair(target, replace(pair.block, target=config, fingerprint=fingerprint_of(target)))
