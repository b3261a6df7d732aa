"""Greedy decoding of the real model after documents, plainly and with drafts, once per process."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tightbound.papers.sparse_to_dense.documents import prompts
from tightbound.papers.sparse_to_dense.remembered import RememberedPrompts
from tightbound.papers.sparse_to_dense.targets import (
    LastDraftTaken,
    SparseRowsKept,
    Watched,
    Wrapped,
    total_variation,
)
from tightbound.simulators.language_models import smollm2
from tightbound.simulators.speculative.decoder import SpeculativeDecoder
from tightbound.simulators.speculative.drafter import Drafter, NoDraft
from tightbound.simulators.speculative.layer_skip import LayerSkip
from tightbound.simulators.speculative.sparse_to_dense import (
    Random,
    Recent,
    Selection,
    SparseToDense,
    Streaming,
    TextGuided,
)

SELECTIONS: dict[str, Selection] = {
    "guided": TextGuided(),
    "streaming": Streaming(),
    "recent": Recent(),
    "random": Random(),
}
FAULTS: dict[str, type[Wrapped]] = {
    "": Wrapped,
    "sparse rows kept": SparseRowsKept,
    "last draft taken": LastDraftTaken,
}
TIE = 1e-5
"""Difference of the two largest logits, in float32, below which either may come out as the larger."""


@dataclass(frozen=True)
class Corpus:
    """Prompts of one length, and how much is written after each.

    Parameters
    ----------
    prompts, document, tokens : int
        Number of prompts, tokens of each document, tokens written.
    """

    prompts: int
    document: int
    tokens: int

    @classmethod
    def of(cls, cell: Mapping[str, Any]) -> Corpus:
        """Return the corpus that a cell names."""
        return cls(cell["prompts"], cell["document"], cell["tokens"])


@dataclass(frozen=True)
class Run:
    """What decoding one corpus in one way gave, all arrays with one entry per prompt.

    Parameters
    ----------
    drafted, rounds : ndarray of int, shape (P,)
        Totals over those rounds of a text that drafted gamma tokens; the end of the text cuts the last ones.
    reached : ndarray of int, shape (P, gamma)
        In how many of them at least 1, 2, ..., gamma drafts were accepted.
    mismatches, ties : ndarray of int, shape (P,)
        Whether the text leaves that of plain decoding, and whether it does so at a near-tie.
    margin : ndarray, shape (P,)
        Smallest difference of plain decoding's two largest logits along a text; at the place where the
        text leaves that of plain decoding, if it does.
    distance : ndarray, shape (P,)
        Largest total variation, along a text, to the laws of plain decoding.
    """

    drafted: NDArray[np.int64]
    rounds: NDArray[np.int64]
    reached: NDArray[np.int64]
    mismatches: NDArray[np.int64]
    ties: NDArray[np.int64]
    margin: NDArray[np.float64]
    distance: NDArray[np.float64]

    @property
    def accepted(self) -> NDArray[np.int64]:
        """Accepted drafts of each prompt, shape (P,)."""
        return np.asarray(self.reached.sum(axis=1))

    @property
    def share(self) -> float:
        """Accepted share of the drafts, a ratio of totals."""
        return float(self.accepted.sum() / self.drafted.sum())

    @property
    def first(self) -> float:
        """Share of rounds whose first draft was accepted."""
        return float(self.reached[:, 0].sum() / self.rounds.sum())

    @property
    def tokens_per_round(self) -> float:
        """Tokens per round, the one after the accepted drafts included, a ratio of totals."""
        return float(1.0 + self.accepted.sum() / self.rounds.sum())

    def interval(self, rng: np.random.Generator, level: float = 0.95) -> tuple[float, float]:
        """Return the percentile bootstrap interval of :attr:`share` over prompts."""
        draws = rng.integers(self.rounds.size, size=(4000, self.rounds.size))
        shares = self.accepted[draws].sum(axis=1) / np.maximum(self.drafted[draws].sum(axis=1), 1)
        low, high = np.quantile(shares, [(1.0 - level) / 2.0, (1.0 + level) / 2.0])
        return float(low), float(high)


@cache
def reader(corpus: Corpus) -> RememberedPrompts:
    """Return the real model, which reads the prompts of a corpus once."""
    return RememberedPrompts(smollm2.load().model, corpus.document)


def model_bytes(corpus: Corpus) -> float:
    """Return the bytes of all weights that a pass reads."""
    return float(reader(corpus).model.weight_bytes)


def key_bytes(corpus: Corpus) -> float:
    """Return the bytes of keys and values of one token over all layers, in float32."""
    sizes = reader(corpus).model.config
    return float(2 * 4 * sizes.layers * sizes.kv_heads * sizes.head_size)


@cache
def plain(corpus: Corpus) -> tuple[list[list[int]], list[NDArray[Any]]]:
    """Return texts of plain decoding and the logits along them."""
    target = Watched(reader(corpus))
    texts, _ = prompts(corpus.prompts, corpus.document)
    found = SpeculativeDecoder(target, NoDraft()).generate(texts, corpus.tokens)
    return found.tokens, target.along(found)


def drafter(method: str, keys: int, gamma: int, text: int, layers: int) -> Drafter:
    """Return a drafter: ``method`` is a selection of keys, or "layers" for every other layer."""
    if method == "layers":
        return LayerSkip(tuple(range(0, layers, 2)), shape=gamma)
    return SparseToDense(keys, text=text, shape=gamma, selection=SELECTIONS[method])


@cache
def run(corpus: Corpus, method: str, keys: int, gamma: int, fault: str = "") -> Run:
    """Decode a corpus with drafts.

    Parameters
    ----------
    corpus : Corpus
        Prompts and lengths.
    method : str
        "guided", "streaming", "recent", "random", or "layers" (which reads all keys).
    keys, gamma : int
        Keys K that a draft reads of the document, and drafts per round.
    fault : str
        A key of :data:`FAULTS`.
    """
    texts, text = prompts(corpus.prompts, corpus.document)
    inner = reader(corpus)
    target = Watched(FAULTS[fault](inner))
    found = SpeculativeDecoder(target, drafter(method, keys, gamma, text, inner.layers)).generate(
        texts, corpus.tokens
    )
    right, rows = plain(corpus)
    columns = [
        (*_counts(one.log, gamma), *_compared(one.tokens, logits, np.array(straight), wanted))
        for one, logits, straight, wanted in zip(
            found.completions, target.along(found), right, rows, strict=True
        )
    ]
    return Run(*(np.array(column) for column in zip(*columns, strict=True)))


def _counts(log: Any, gamma: int) -> tuple[int, int, NDArray[np.int64]]:
    whole = log.drafted == gamma
    reached = (log.accepted[whole][:, np.newaxis] > np.arange(gamma)).sum(axis=0)
    return int(gamma * whole.sum()), int(whole.sum()), reached


def _compared(
    tokens: NDArray[Any], logits: NDArray[Any], plain: NDArray[Any], wanted: NDArray[Any]
) -> tuple[int, int, float, float]:
    """Compare a text and the logits along it with those of plain decoding."""
    best = np.sort(wanted, axis=-1)[:, -2:].astype(np.float64)
    margins = best[:, 1] - best[:, 0]
    same = int(np.cumprod(tokens == plain).sum())
    left = same < plain.size
    margin = float(margins[same] if left else margins.min())
    distance = total_variation(logits, wanted)[: same + 1].max()
    return int(left), int(left and margin < TIE), margin, float(distance)
