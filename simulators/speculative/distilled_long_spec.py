r"""LongSpec drafts that learn the target's own law of the next token, from few texts read many times.

A text of T tokens tells a draft little through T next tokens, and more through the T laws that the target
gives. With p the target's law after row t and q the draft's, the loss is the cross-entropy

.. math:: -\frac{1}{T} \sum_t \sum_v p_t(v) \log q_t(v),

least at :math:`q = p`. What a frozen target says about a text does not change: it is computed when a text is
read for the first time, kept on disk, and read from there ever after.

Both laws are over a part of the vocabulary: all words of a list, and every s-th of the others with s times
its mass, which stands for its neighbours.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tightbound.simulators.language_models.checkpoint import CheckpointError, load, save
from tightbound.simulators.language_models.llama import Llama
from tightbound.simulators.language_models.trainable import Parameters
from tightbound.simulators.language_models.trainable_llama import offset_positions, rms_norm
from tightbound.simulators.speculative.long_spec_block import fingerprint_of
from tightbound.simulators.speculative.trainable_long_spec import (
    TrainableLongSpec,
    cross_attention,
    forward,
    gated,
    self_attention,
)
from tightbound.theory._validation import Integers, as_indices, as_integer

Rows = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class TargetMemory:
    """What a target's last layer makes of texts, in float16, one file for each text.

    Parameters
    ----------
    target : Llama
        The model.
    folder : Path
        Where the files are; it is made when the first one is written.
    """

    target: Llama
    folder: Path

    def __call__(self, tokens: ArrayLike, positions: ArrayLike) -> tuple[Rows, Rows, Rows]:
        """Return keys and values (B, T, Hk, D) of the last layer, and its output (B, T, width).

        Parameters
        ----------
        tokens, positions : array_like of int, shape (B, T)
            Texts, and the places of their tokens.
        """
        pairs = zip(np.asarray(tokens), np.asarray(positions), strict=True)
        found = [self._one(text, places) for text, places in pairs]
        keys, values, states = (np.stack(parts).astype(np.float32) for parts in zip(*found, strict=True))
        return keys, values, states

    def _one(self, text: Integers, places: Integers) -> tuple[NDArray[np.float16], ...]:
        content = np.stack([text, places]).astype(np.int64).tobytes()
        asked = f"target={fingerprint_of(self.target)}\ntext={hashlib.sha256(content).hexdigest()}"
        path = self.folder / f"{hashlib.sha256(asked.encode()).hexdigest()[:24]}.npz"
        try:
            stored = load(path, asked)
        except (FileNotFoundError, CheckpointError):
            stored = self._computed(text, places)
            self.folder.mkdir(parents=True, exist_ok=True)
            save(path, stored, asked)
        return stored["keys"], stored["values"], stored["states"]

    def _computed(self, text: Integers, places: Integers) -> dict[str, NDArray[np.float16]]:
        last, length = self.target.layers, len(text)
        seen: list[Rows] = []

        def observe(layer: int, queries: Any, states: Rows) -> None:
            if layer == last:
                seen.append(states[0])

        cache = self.target.start(1, length)
        nothing = np.zeros((1, 0), dtype=np.int64)
        self.target.forward(
            cache, text[np.newaxis], positions=places[np.newaxis], read=nothing, observe=observe
        )
        keys, values = cache.rows(last - 1)
        found = {"keys": keys[0, :length], "values": values[0, :length], "states": seen[0]}
        return {name: np.asarray(array, dtype=np.float16) for name, array in found.items()}


@dataclass(frozen=True, eq=False)
class DistilledLongSpec:
    """The block of a target, to be trained on the target's laws.

    Parameters
    ----------
    draft : TrainableLongSpec
        The block.
    folder : Path
        Where what the target says about texts is kept.
    words : array_like of int
        Words that the laws tell apart, each once.
    stride : int
        s: every s-th of the other words stands for s of them.

    Raises
    ------
    ValueError
        For words that are no tokens of the target, or occur twice.
    """

    draft: TrainableLongSpec
    folder: Path
    words: ArrayLike
    stride: int = 32

    def __post_init__(self) -> None:
        words = as_indices("words", self.words, self.draft.target.vocabulary)
        if words.ndim != 1 or np.unique(words).size != words.size:
            raise ValueError(f"words has shape {words.shape}: give a list of tokens, each once")
        object.__setattr__(self, "words", np.sort(words))
        object.__setattr__(self, "stride", as_integer("stride", self.stride, least=1))

    def __repr__(self) -> str:
        digest = hashlib.sha256(np.asarray(self.words, np.int64).tobytes()).hexdigest()[:16]
        return f"DistilledLongSpec({self.draft!r}, words={digest}, stride={self.stride})"

    @property
    def vocabulary(self) -> int:
        """Numbers that a sequence may hold: tokens, offsets and lags."""
        return self.draft.vocabulary

    @property
    def context(self) -> int:
        """Longest sequence, its two numbers included."""
        return self.draft.context

    @property
    def dtype(self) -> str:
        """Of weights and activations."""
        return self.draft.dtype

    @property
    def length(self) -> int:
        """Tokens T of a text."""
        return self.draft.length

    @property
    def frozen(self) -> tuple[str, ...]:
        """Parameters that training leaves as they are: none."""
        return self.draft.frozen

    def init(self, key: int) -> Parameters:
        """Return random weights, see `TrainableLongSpec.init`."""
        return self.draft.init(key)

    @cached_property
    def memory(self) -> TargetMemory:
        """What the target says about texts."""
        return TargetMemory(self.draft.target, self.folder)

    @cached_property
    def columns(self) -> tuple[Integers, Rows]:
        """Words of the two laws, and the logarithm of how many words each stands for."""
        others = np.setdiff1d(np.arange(self.draft.target.vocabulary), np.asarray(self.words))
        some = others[:: self.stride]
        stands_for = np.r_[np.zeros(np.size(self.words)), np.full(some.size, np.log(self.stride))]
        return np.r_[np.asarray(self.words), some], stands_for.astype(np.float32)

    def init_by_least_squares(
        self, sequences: ArrayLike, ridge: float = 3e-4, spread: float = 30.0
    ) -> Parameters:
        r"""Return copies of layers of the target, fitted to its output.

        What comes before the last norm may be of any length, so the block is asked for s u, with u the
        target's output divided by the root of its mean square. The three matrices that add to the stream are
        fitted one after another, each to what is missing, :math:`\min \|R - X W^T\|^2 + r \|W\|^2`.

        Parameters
        ----------
        sequences : array_like of int, shape (N, 2 + T)
            Offsets, lags and texts.
        ridge : float
            r, as part of the mean square of X times the number of rows.
        spread : float
            s; about what the target has itself makes weights of about its sizes.
        """
        import jax
        import jax.numpy as jnp

        given = as_indices("sequences", sequences, self.vocabulary)
        target, draft, eps = self.draft.target, self.draft, self.draft.target.config.eps
        weights = {name: np.asarray(array) for name, array in draft.init_from_target().items()}

        def features(weights: Parameters, stage: int, text: Any, places: Any, lags: Any, rows: Any) -> Any:
            hidden = jnp.asarray(target.embedding)[text]
            mixed = self_attention(draft, weights, hidden, places)
            if stage > 0:
                hidden = hidden + mixed @ weights["output"].T
                mixed = cross_attention(draft, weights, hidden, places, lags, rows)
            if stage > 1:
                hidden = hidden + mixed @ weights["cross_output"].T
                mixed = gated(draft, weights, hidden)
            return mixed[0], hidden[0]

        compiled = jax.jit(features, static_argnums=1)
        for stage, name in enumerate(("output", "cross_output", "down")):
            inputs = weights[name].shape[1]
            square, product = np.zeros((inputs, inputs)), np.zeros((inputs, target.config.width))
            for one in given:
                text = one[np.newaxis, 2:]
                places = np.asarray(offset_positions(one[:1], text))
                keys, values, states = self.memory(text, places)
                with jax.enable_x64(True):
                    mixed, hidden = compiled(weights, stage, text, places, one[1:2], (keys, values))
                x = np.asarray(mixed, np.float64)
                square += x.T @ x
                product += x.T @ (spread * np.asarray(rms_norm(states[0], 1.0, eps)) - np.asarray(hidden))
            square[np.diag_indices(inputs)] += ridge * np.trace(square) / inputs
            weights[name] = np.linalg.solve(square, product).T.astype(np.float32)
        return weights

    def loss(self, parameters: Parameters, tokens: Any, mask: Any) -> Any:
        """Return the mean cross-entropy, in nats, after tokens where ``mask`` is True.

        Parameters
        ----------
        parameters : dict from name to array
        tokens : array, shape (B, 2 + T)
            Offset, lag and text.
        mask : array of bool, shape (2 + T,)
            Of the texts' tokens; a law follows each of them.
        """
        import jax
        import jax.numpy as jnp

        target, text = self.draft.target, tokens[:, 2:]
        places = offset_positions(tokens[:, 0], text)
        sizes = target.config
        heads = (*text.shape, sizes.kv_heads, sizes.head_size)
        shapes = [
            jax.ShapeDtypeStruct(shape, jnp.float32)  # type: ignore[no-untyped-call]
            for shape in (heads, heads, (*text.shape, sizes.width))
        ]
        keys, values, states = jax.pure_callback(
            self.memory, tuple(shapes), text, places, vmap_method="sequential"
        )
        words, stands_for = self.columns
        head = np.ascontiguousarray(target.head[words])
        asked = rms_norm(states, target.norm, sizes.eps) @ head.T + stands_for
        law = jax.lax.stop_gradient(jax.nn.softmax(asked))
        shared = (target.embedding, head)
        drafted = forward(self.draft, parameters, text, places, tokens[:, 1], (keys, values), shared)
        total = -(law * jax.nn.log_softmax(drafted + stands_for)).sum(axis=-1)
        shown = mask[2:]
        return jnp.where(shown, total, 0.0).sum() / (text.shape[0] * shown.sum()).astype(total.dtype)


@dataclass(frozen=True, eq=False)
class RepeatedTexts:
    """A few texts at fixed positions, drawn again and again with other lags.

    Parameters
    ----------
    texts : ndarray of int, shape (N, 1 + T)
        Offsets and texts, see `tightbound.simulators.language_models.trainable_llama.OffsetTexts`.
    lags : tuple of int
        Least and largest lag.

    Raises
    ------
    ValueError
        For no text, or lags in the wrong order.
    """

    texts: Integers
    lags: tuple[int, int]

    def __post_init__(self) -> None:
        if np.ndim(self.texts) != 2 or np.size(self.texts) == 0:
            raise ValueError(f"texts has shape {np.shape(self.texts)}: give at least one text, one per row")
        if not 0 <= self.lags[0] <= self.lags[1]:
            raise ValueError(f"lags is {self.lags}: give the least, at least 0, and the largest")

    def __call__(self, rng: np.random.Generator, count: int) -> Integers:
        """Return sequences (count, 2 + T)."""
        drawn = self.texts[rng.integers(len(self.texts), size=count)]
        lags = rng.integers(self.lags[0], self.lags[1] + 1, size=(count, 1))
        return np.concatenate([drawn[:, :1], lags, drawn[:, 1:]], axis=1)

    def each(self) -> Integers:
        """Return all texts once (N, 2 + T), with the lags in turn."""
        least, largest = self.lags
        lags = least + np.arange(len(self.texts)) % (largest - least + 1)
        return np.concatenate([self.texts[:, :1], lags[:, np.newaxis], self.texts[:, 1:]], axis=1)
