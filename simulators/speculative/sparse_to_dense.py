"""Sparse-to-Dense: the target drafts for itself with few of the keys of a long document."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from tightbound.kernels.topk_select import attention_mass, topk_select
from tightbound.simulators.language_models.language_model import KeySelection, Observer
from tightbound.simulators.speculative.drafter import Job, Session
from tightbound.simulators.speculative.growth import Shape, as_shape
from tightbound.simulators.speculative.layer_skip import layers_of
from tightbound.simulators.speculative.model_session import SelfSession
from tightbound.theory._validation import Integers, as_integer

Mass = Callable[[], NDArray[Any]]
"""Returns the attention (Hk, C) that the text pays to each candidate, summed over the heads of a group."""


class Selection(Protocol):
    """Which keys of a document a sparse pass keeps."""

    @property
    def attentive(self) -> bool:
        """Whether it asks for the attention of the text."""
        ...

    def keep(self, mass: Mass, shape: tuple[int, int], count: int, address: tuple[int, ...]) -> Integers:
        """Return ascending keys (Hk, K) out of C for each key head; ``shape`` is (Hk, C), ``count`` K."""
        ...


@dataclass(frozen=True)
class TextGuided:
    """The keys that the text attends to most, by key head: the selection of Sparse-to-Dense.

    Of equal keys the first are kept.
    """

    attentive = True

    def keep(self, mass: Mass, shape: tuple[int, int], count: int, address: tuple[int, ...]) -> Integers:
        """Return the keys of largest mass; see :class:`Selection`."""
        return np.asarray(topk_select(mass(), count, backend="numpy"), dtype=np.int64)


@dataclass(frozen=True)
class Streaming:
    """The first keys, on which attention sinks, and the latest ones.

    Parameters
    ----------
    sinks : int
        First keys that are kept, at least 0.

    References
    ----------
    Xiao et al., "Efficient Streaming Language Models with Attention Sinks", ICLR 2024.
    """

    sinks: int = 4
    attentive = False

    def __post_init__(self) -> None:
        as_integer("sinks", self.sinks, least=0)

    def keep(self, mass: Mass, shape: tuple[int, int], count: int, address: tuple[int, ...]) -> Integers:
        """Return sinks and latest keys; see :class:`Selection`."""
        first = min(self.sinks, count)
        keys = np.concatenate([np.arange(first), np.arange(shape[1] - count + first, shape[1])])
        return np.tile(keys, (shape[0], 1))


@dataclass(frozen=True)
class Recent:
    """The latest keys."""

    attentive = False

    def keep(self, mass: Mass, shape: tuple[int, int], count: int, address: tuple[int, ...]) -> Integers:
        """Return the latest keys; see :class:`Selection`."""
        return np.tile(np.arange(shape[1] - count, shape[1]), (shape[0], 1))


@dataclass(frozen=True)
class Random:
    """Keys drawn without replacement, for each layer and key head anew: what any selection has to beat."""

    attentive = False

    def keep(self, mass: Mass, shape: tuple[int, int], count: int, address: tuple[int, ...]) -> Integers:
        """Return drawn keys; see :class:`Selection`."""
        rows = [
            np.sort(np.random.default_rng([*address, head]).choice(shape[1], count, replace=False))
            for head in range(shape[0])
        ]
        return np.stack(rows)


@dataclass(frozen=True)
class SparseToDense:
    r"""Draft with K keys of the document, all keys of the text after it and of what has been written.

    A prompt is a document and, after it, a text of m tokens. Once, when the prompt has been read, each layer
    and key head keeps the K document keys n of largest

    .. math:: s_n = \frac1m \sum_{x \in \text{text}} \sum_{h \in \text{group}} A_h(x, n),

    the attention of the text, summed over the query heads that share the key head. The full pass that
    verifies a draft reads all keys, and its keys and values are the ones that stay.

    Parameters
    ----------
    keys : int
        K, at least 1. A document of at most K tokens is read whole.
    text : int
        m, at least 1: how many tokens at the end of each prompt are text; of a shorter prompt all.
    shape : int, Branching or Beam
        Shape of the drafts; a number is the length of a chain of drawn tokens.
    selection : Selection
        :class:`TextGuided`, or :class:`Streaming`, :class:`Recent`, :class:`Random` to compare with.

    References
    ----------
    Zhang et al., "Sparse-to-Dense: A Free Lunch for Lossless Acceleration of Video Understanding in LLMs",
    ACL 2025 (there K + m = 1024 and chains of 9).

    Examples
    --------
    >>> SparseToDense(keys=64, selection=Streaming(sinks=2)).selection
    Streaming(sinks=2)
    """

    keys: int
    text: int = 64
    shape: Shape | int = 9
    selection: Selection = TextGuided()

    def __post_init__(self) -> None:
        as_integer("keys", self.keys, least=1)
        as_integer("text", self.text, least=1)
        object.__setattr__(self, "shape", as_shape(self.shape))

    @property
    def max_draft(self) -> int:
        """Longest path, in tokens."""
        return as_shape(self.shape).depth

    def open(self, job: Job) -> Session:
        """Return a session.

        Raises
        ------
        TypeError
            For a target without layers.
        ValueError
            Where some documents are cut to K keys and a prompt beside them has no K tokens before its last.
        """
        layers = layers_of(job.target, "SparseToDense")
        sizes = np.array([prompt.size for prompt in job.prompts])
        documents = np.maximum(sizes - self.text, 0)
        if documents.max() > self.keys >= sizes.min():
            raise ValueError(
                f"prompts have {sizes.min()} to {sizes.max()} tokens and keys is {self.keys}: a batch in "
                f"which documents are cut needs prompts of more than {self.keys} tokens; decode short ones "
                "apart"
            )
        return _Session(job, as_shape(self.shape), self, layers, documents)


class _Session(SelfSession):
    """Sparse passes of the target.

    Parameters
    ----------
    job : Job
        The batch.
    shape : Branching or Beam
        Shape of the drafts.
    rule : SparseToDense
        What to keep.
    layers : int
        Layers of the target.
    documents : ndarray of int, shape (B,)
        Tokens of each document.
    """

    def __init__(self, job: Job, shape: Shape, rule: SparseToDense, layers: int, documents: Integers) -> None:
        super().__init__(job, shape)
        self.rule, self.layers, self.documents = rule, layers, documents
        self.sizes = np.array([prompt.size for prompt in job.prompts])
        self.kept: KeySelection | None = None
        self.seen: dict[tuple[int, int], list[NDArray[Any]]] = {}

    @property
    def dense(self) -> bool:
        """Whether all documents are read whole."""
        return bool(self.documents.max() <= self.rule.keys)

    def observer(self, cache: Any) -> Observer | None:
        """Return what keeps the queries of each text but for its last token."""
        return self._watch(cache, self.sizes - 1)

    def _watch(self, cache: Any, ends: Integers) -> Observer | None:
        if self.dense or not self.rule.selection.attentive:
            return None

        def observe(layer: int, queries: NDArray[Any], hidden: NDArray[Any]) -> None:
            if layer >= self.layers:
                return
            starts = cache.lengths
            for b, start in enumerate(starts):
                first = max(int(self.documents[b] - start), 0)
                last = int(ends[b] - start)
                if first < min(last, queries.shape[1]):
                    self.seen.setdefault((layer, b), []).append(queries[b, first:last].copy())

        return observe

    def begin(self, cache: Any) -> None:
        """Choose the keys of each layer and key head, once."""
        if self.dense:
            return
        watch = self._watch(cache, self.sizes)
        if watch is not None:  # the last token of a prompt is text too, and has not been read yet
            roots = np.array([[prompt[-1]] for prompt in self.job.prompts])
            nothing = np.zeros((len(roots), 0), dtype=np.int64)
            self.job.target.forward(cache, roots, read=nothing, observe=watch)  # type: ignore[call-arg]
        try:
            chosen = [
                [self._keep(cache, layer, b) for b in range(self.sizes.size)] for layer in range(self.layers)
            ]
        finally:
            cache.discard()
            self.seen = {}
        self.kept = KeySelection(np.array(chosen), np.maximum(self.documents, self.rule.keys))

    def _keep(self, cache: Any, layer: int, b: int) -> Integers:
        keys = cache.rows(layer)[0][b : b + 1]
        heads, candidates, count = int(keys.shape[2]), int(self.documents[b]), self.rule.keys
        if candidates <= count:  # read whole: the tail begins at K
            return np.tile(np.arange(count), (heads, 1))

        def mass() -> NDArray[Any]:
            queries = np.concatenate(self.seen[layer, b])[np.newaxis]
            length = np.array([self.sizes[b]])
            found = attention_mass(queries, keys, length, num_candidates=candidates, backend=self.job.backend)
            return np.asarray(found[0])

        address = (self.job.seed, self.job.requests[b], layer)
        return self.rule.selection.keep(mass, (heads, candidates), count, address)

    def cheaper(self) -> dict[str, Any]:
        """Return which keys to read."""
        return {} if self.kept is None else {"attend": self.kept}

    def select(self, kept: Integers) -> None:
        """Go on with these sequences."""
        if self.kept is not None:
            self.kept = KeySelection(self.kept.keys[:, kept], self.kept.tail_start[kept])
