r"""What a decoder asks of a language model: rows in, logits out, and a cache that forgets what was rejected.

A model reads *rows*, one token each. A row sees all committed rows of its sequence and those pending rows
that a mask shows; its logits are for the token that follows it on that path,

.. math:: \mathrm{logits}_i = \log p(\cdot \mid x_{\text{committed}}, x_{\text{path}(i)}) + \text{constant}.

Rows stay pending until `Cache.commit` keeps some of them or `Cache.discard` drops them all. So a chain of
drafts, a tree of drafts and plain decoding differ in their masks alone, and what a cheap pass wrote never
stays: its rows are discarded, and the pass that verifies them writes its own.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tightbound.theory._validation import Integers, as_indices, as_integer

Logits = NDArray[Any]
"""float32, or float64 from models that are exact."""


class ContextOverflowError(ValueError):
    """More rows than a cache has room for or a model can place."""


class Cache(Protocol):
    """Rows of a batch of sequences: committed ones, and pending ones that came after.

    A cache belongs to the model that started it.
    """

    @property
    def lengths(self) -> Integers:
        """Committed rows of each sequence, shape (B,)."""
        ...

    @property
    def pending(self) -> int:
        """Pending rows of every sequence."""
        ...

    @property
    def capacity(self) -> int:
        """Most committed rows that a sequence can have."""
        ...

    def commit(self, rows: ArrayLike, counts: ArrayLike) -> None:
        """Keep pending rows ``rows[b, : counts[b]]`` of each sequence b and drop all others.

        Parameters
        ----------
        rows : array_like of int, shape (B, R)
            Pending rows on one path, strictly ascending up to ``counts[b]``; what comes after is not read.
        counts : array_like of int, shape (B,)
            Rows to keep, 0 to R.

        Raises
        ------
        ContextOverflowError
            If a sequence would have more than ``capacity`` committed rows; nothing has changed then.
        ValueError, IndexError
            For shapes that do not fit, rows that are not pending or do not ascend.
        """
        ...

    def discard(self) -> None:
        """Drop all pending rows."""
        ...

    def select(self, sequences: ArrayLike) -> None:
        """Keep only these sequences of the batch, strictly ascending; e.g. those that are not finished.

        Parameters
        ----------
        sequences : array_like of int, shape (B',)

        Raises
        ------
        ValueError, IndexError
            If they do not ascend or are not in the batch.
        """
        ...


class LanguageModel(Protocol):
    """A law of the next token, evaluated for many rows at once."""

    @property
    def vocabulary(self) -> int:
        """Number of different tokens."""
        ...

    @property
    def context(self) -> int:
        """Largest number of rows on one path, the row itself included."""
        ...

    def start(self, batch: int, capacity: int | None = None) -> Any:
        """Return an empty `Cache`.

        Parameters
        ----------
        batch : int
            Sequences, at least 1.
        capacity : int, optional
            Most committed rows of a sequence, ``context`` where None.
        """
        ...

    def forward(
        self,
        cache: Any,
        tokens: ArrayLike,
        *,
        mask: ArrayLike | None = None,
        positions: ArrayLike | None = None,
        read: ArrayLike | None = None,
    ) -> Logits:
        """Append M rows to the pending ones and return logits of the tokens after them.

        Parameters
        ----------
        cache : Cache
            From `start` of this model. Its P pending rows become P + M.
        tokens : array_like of int, shape (B, M)
            One token per row, M >= 1.
        mask : array_like of bool, shape (B, M, P + M), optional
            Which pending rows a row sees, those of earlier calls first; itself always. Where None, a row
            sees all pending rows before it. It sees all committed rows in any case.
        positions : array_like of int, shape (B, M), optional
            Places in the text. Where None, ``lengths + P + (0, ..., M - 1)``, which suits a chain; the
            nodes of a tree have ``lengths`` + depth.
        read : array_like of int, shape (B, R), optional
            Rows, 0 to M - 1, whose logits are wanted; all where None. R may be 0.

        Returns
        -------
        array, shape (B, R, vocabulary)
            float32, or float64 from models that are exact; -inf where a token is impossible.

        Raises
        ------
        ContextOverflowError
            If a position is ``context`` or more, or there are too many pending rows for the cache.
        ValueError, TypeError, IndexError
            For shapes that do not fit, a row that does not see itself, tokens out of range. The cache is
            as it was before.
        """
        ...


@dataclass(frozen=True, eq=False)
class KeySelection:
    """Committed keys that a pass with sparse attention reads, for each layer and key head.

    Parameters
    ----------
    keys : ndarray of int32, shape (layers, B, Hk, K)
        Kept keys below ``tail_start``, strictly ascending; one set for all query heads of a key head.
    tail_start : ndarray of int, shape (B,)
        Committed rows from here on are all kept, as are the pending rows that a mask shows.

    Raises
    ------
    ValueError
        For shapes that do not fit, keys that do not ascend or do not lie below ``tail_start``.
    """

    keys: NDArray[np.int32]
    tail_start: Integers

    def __post_init__(self) -> None:
        keys = np.asarray(self.keys)
        if keys.ndim != 4 or keys.dtype.kind not in "iu":
            raise ValueError(
                f"keys has shape {keys.shape} and dtype {keys.dtype}: give integers (layers, B, Hk, K)"
            )
        tail = np.asarray(self.tail_start)
        if tail.shape != keys.shape[1:2] or tail.dtype.kind not in "iu":
            raise ValueError(
                f"tail_start has shape {tail.shape} and dtype {tail.dtype}: give one integer per sequence, "
                f"shape ({keys.shape[1]},)"
            )
        if keys.shape[3] and (
            np.any(np.diff(keys, axis=3) <= 0)
            or keys.min() < 0
            or np.any(keys[:, :, :, -1] >= tail[:, np.newaxis])
        ):
            raise ValueError(
                "keys must ascend strictly and lie in 0, ..., tail_start - 1: sort them, each key once"
            )
        object.__setattr__(self, "keys", keys.astype(np.int32))
        object.__setattr__(self, "tail_start", tail.astype(np.int64))


Observer = Callable[[int, NDArray[Any], NDArray[Any]], None]
"""Called as ``observe(layer, queries, hidden)`` once a layer has stored the keys of its rows.

``queries`` (B, M, H, D) are those that attention uses (rotated); ``hidden`` (B, M, width) is what enters the
layer, and after the last one, with ``layer`` equal to their number and no queries, what enters the read-out.
"""


class AttentionCache(Cache, Protocol):
    """A cache of keys and values, which can be looked into."""

    def rows(self, layer: int) -> tuple[NDArray[Any], NDArray[Any]]:
        """Return keys and values (B, N, Hk, D) of a layer, without a copy.

        Row n of sequence b is a committed one for n < ``lengths[b]``, then come the pending ones; later
        rows do not count. Keys are rotated. Kernels take such views together with ``kv_len``.
        """
        ...

    def append(self, keys: ArrayLike, values: ArrayLike) -> None:
        """Commit n rows (layers, B, n, Hk, D) that come from elsewhere, e.g. a bias of each key head."""
        ...


class AttentionModel(LanguageModel, Protocol):
    """A transformer: its passes can be made cheaper, and its layers looked into."""

    @property
    def layers(self) -> int:
        """Number of layers."""
        ...

    def start(self, batch: int, capacity: int | None = None) -> Any:
        """Return an empty `AttentionCache`; as `LanguageModel.start`."""
        ...

    def forward(
        self,
        cache: Any,
        tokens: ArrayLike,
        *,
        mask: ArrayLike | None = None,
        positions: ArrayLike | None = None,
        read: ArrayLike | None = None,
        attend: KeySelection | None = None,
        run: Sequence[int] | None = None,
        observe: Observer | None = None,
    ) -> Logits:
        """Do as `LanguageModel.forward` says, possibly with fewer keys or layers.

        Parameters
        ----------
        cache, tokens, mask, positions, read
            See `LanguageModel.forward`.
        attend : KeySelection, optional
            Committed keys to read; all where None. Rows of such a pass, and of one with ``run``, are
            cheaper and not those of the model: discard them.
        run : sequence of int, optional
            Layers to run, ascending; all where None. Other layers pass their input on and store nothing
            that counts, so pending rows of passes that ran different layers must not be mixed.
        observe : callable, optional
            See `Observer`.
        """
        ...

    def embed(self, tokens: ArrayLike) -> NDArray[Any]:
        """Return the embeddings (..., width) of tokens."""
        ...

    def read_out(self, hidden: ArrayLike, *, normalise: bool = True) -> Logits:
        """Return logits (..., vocabulary) of hidden states, first brought through the final norm."""
        ...


def prefill(model: LanguageModel, cache: Any, prompts: Sequence[ArrayLike], *, chunk: int = 256) -> Logits:
    """Commit one prompt per sequence, chunk by chunk, and return the logits after each.

    Prompts may differ in length. Longer chunks read the weights less often; shorter ones need less memory.

    Parameters
    ----------
    model : LanguageModel
    cache : Cache
        From ``model.start(len(prompts))``, without pending rows. What it has committed comes before.
    prompts : sequence of array_like of int
        Tokens of each sequence, at least one.
    chunk : int
        Rows per pass, at least 1.

    Returns
    -------
    array, shape (B, vocabulary)
        Logits of the token that follows each prompt.

    Raises
    ------
    ContextOverflowError
        If a prompt is longer than the room in the cache; nothing was read then.
    ValueError
        For an empty prompt, or a number of prompts that is not that of the sequences.

    Examples
    --------
    >>> from tightbound.simulators.language_models.table_model import TableModel
    >>> model = TableModel([[0.5, 0.5], [0.25, 0.75], [0.5, 0.5]], context=8)
    >>> cache = model.start(2)
    >>> np.exp(prefill(model, cache, [[0, 0, 1], [0]], chunk=2))
    array([[0.25, 0.75],
           [0.5 , 0.5 ]])
    >>> cache.lengths
    array([3, 1])
    """
    step = as_integer("chunk", chunk, least=1)
    texts = [
        as_indices(f"prompts[{b}]", prompt, model.vocabulary).ravel() for b, prompt in enumerate(prompts)
    ]
    counts = np.array([text.size for text in texts], dtype=np.int64)
    if counts.size != cache.lengths.size:
        raise ValueError(f"prompts has {counts.size} entries: give one per sequence, {cache.lengths.size}")
    if cache.pending:
        raise ValueError(f"cache has {cache.pending} pending rows: commit or discard them first")
    if counts.min() == 0:
        raise ValueError(
            f"prompts[{int(counts.argmin())}] is empty: give at least one token, e.g. one that begins a text"
        )
    room = cache.capacity - cache.lengths
    if np.any(counts > room):
        worst = int(np.argmax(counts - room))
        raise ContextOverflowError(
            f"prompts[{worst}] has {counts[worst]} tokens and there is room for {room[worst]}: shorten it, "
            f"or start a cache with a larger capacity (at most the model's context, {model.context})"
        )
    padded = np.zeros((counts.size, int(counts.max())), dtype=np.int64)
    for row, text in zip(padded, texts, strict=True):
        row[: text.size] = text
    found: Logits | None = None
    for first in range(0, padded.shape[1], step):
        tokens = padded[:, first : first + step]
        last = counts - 1 - first
        here = (last >= 0) & (last < tokens.shape[1])
        ends = np.clip(last, 0, tokens.shape[1] - 1)[:, np.newaxis]
        logits = model.forward(cache, tokens, read=ends if here.any() else ends[:, :0])
        if here.any():
            if found is None:
                found = np.empty((counts.size, model.vocabulary), dtype=logits.dtype)
            found[here] = logits[here, 0]
        keep = np.clip(counts - first, 0, tokens.shape[1])
        cache.commit(np.broadcast_to(np.arange(tokens.shape[1]), tokens.shape), keep)
    assert found is not None  # every prompt ends somewhere
    return found
