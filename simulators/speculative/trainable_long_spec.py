r"""Training of LongSpec drafts: the target is frozen, its keys come from the engine, once per batch.

A sequence is two numbers and a text, :math:`(o, j, x_1, \dots, x_T)`. Target and draft read the text at the
Anchor-Offset positions of offset o. Flash noisy training: row t sees the target's keys up to row t - j,
since a target's cache ends j tokens before the row that drafts the j-th token,

.. math:: O_t = \mathrm{Attention}(q_t;\; K_{\le t - j}, V_{\le t - j}), \qquad O_t = 0 \text{ for } t < j.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tightbound.simulators.language_models.llama import Llama
from tightbound.simulators.language_models.trainable import Parameters
from tightbound.simulators.language_models.trainable_llama import (
    ANCHORS,
    attend,
    mean_loss,
    offset_positions,
    rms_norm,
    rotate,
    split_heads,
    turns,
    wide,
)
from tightbound.simulators.speculative.long_spec_block import LongSpecBlock, fingerprint_of, shapes
from tightbound.theory._validation import as_indices, as_integer

Rows = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class TrainableLongSpec:
    """The block of a target, to be trained.

    Parameters
    ----------
    target : Llama
        Whose next tokens are drafted. Its weights do not change.
    window : int
        W, tokens that self-attention sees.
    inner : int
        Size of the hidden layer of the MLP.
    length : int
        Tokens T of a training text.
    longest : int
        Offsets go up to ``longest - length``; at most the context of the target.

    References
    ----------
    Yang et al., "LongSpec", arXiv 2502.17421, Algorithms 1 and 2.
    """

    target: Llama
    window: int
    inner: int
    length: int
    longest: int

    def __post_init__(self) -> None:
        for name in ("window", "inner"):
            as_integer(name, getattr(self, name), least=1)
        as_integer("length", self.length, least=ANCHORS)
        as_integer("longest", self.longest, least=self.length)
        if self.longest > self.target.context:
            raise ValueError(
                f"longest is {self.longest} and the target has {self.target.context} positions: give at most "
                "that"
            )

    def __repr__(self) -> str:
        sizes = f"window={self.window}, inner={self.inner}, length={self.length}, longest={self.longest}"
        return f"TrainableLongSpec({self.target.config}, {fingerprint_of(self.target)}, {sizes})"

    @property
    def vocabulary(self) -> int:
        """Numbers that a sequence may hold: tokens, offsets and lags."""
        return max(self.target.vocabulary, self.longest + 1)

    @property
    def context(self) -> int:
        """Longest sequence, its two numbers included."""
        return self.length + 2

    @property
    def dtype(self) -> str:
        """Of weights and activations."""
        return "float32"

    @property
    def frozen(self) -> tuple[str, ...]:
        """Parameters that training leaves as they are: none, since the target's are not among them."""
        return ()

    def init(self, key: int) -> Parameters:
        """Return random weights: normal, of variance one over the number of inputs.

        What is added to the residual stream is smaller by the root of three; the final norm is the target's.
        """
        rng = np.random.default_rng(as_integer("key", key, least=0))
        weights: Parameters = {}
        for name, shape in shapes(self.target.config, self.inner).items():
            if len(shape) == 1:
                weights[name] = np.array(self.target.norm) if name == "norm" else np.ones(shape)
            else:
                into_stream = 3**-0.5 if name in ("output", "cross_output", "down") else 1.0
                weights[name] = rng.standard_normal(shape) * into_stream * shape[1] ** -0.5
        return {name: value.astype(np.float32) for name, value in weights.items()}

    def init_from_target(self) -> Parameters:
        """Return copies of layers of the target, to start from.

        Self-attention is that of its first layer, which reads embeddings too; cross-attention and MLP are
        those of its last layer, whose keys are read and after which the read-out comes.

        Raises
        ------
        ValueError
            Where ``inner`` is not that of the target.
        """
        if self.inner != self.target.config.inner:
            raise ValueError(
                f"inner is {self.inner} and the target's {self.target.config.inner}: its MLP cannot be "
                "copied; give that size, or start from init(key)"
            )
        first, last = self.target.blocks[0], self.target.blocks[-1]
        queries = self.target.config.heads * self.target.config.head_size
        return {
            "self_norm": first.attention_norm,
            "query_key_value": first.query_key_value,
            "output": first.output,
            "cross_norm": last.attention_norm,
            "cross_query": last.query_key_value[:queries],
            "cross_output": last.output,
            "mlp_norm": last.mlp_norm,
            "gate_up": last.gate_up,
            "down": last.down,
            "norm": self.target.norm,
        }

    def block(self, parameters: Parameters) -> LongSpecBlock:
        """Return the draft with these weights, for decoding."""
        found = {name: np.asarray(array, np.float32) for name, array in parameters.items()}
        return LongSpecBlock(self.target.config, fingerprint_of(self.target), self.window, found)

    def target_rows(self, tokens: ArrayLike, positions: ArrayLike) -> tuple[Rows, Rows]:
        """Return keys and values (B, T, Hk, D) of the target's last layer for texts (B, T) at positions."""
        ids = np.asarray(tokens)
        batch, length = ids.shape
        cache = self.target.start(batch, length)
        self.target.forward(
            cache, ids, positions=np.asarray(positions), read=np.zeros((batch, 0), dtype=np.int64)
        )
        keys, values = cache.rows(self.target.layers - 1)
        return np.ascontiguousarray(keys[:, :length]), np.ascontiguousarray(values[:, :length])

    def logits(self, parameters: Parameters, tokens: ArrayLike, lag: int, offset: int = 0) -> Any:
        """Return logits (B, T, vocabulary) after each token of texts (B, T), all with one lag and offset."""
        ids = as_indices("tokens", tokens, self.target.vocabulary)
        places = offset_positions(np.full(len(ids), as_integer("offset", offset, least=0)), ids)
        return self.logits_after(parameters, ids, places, lag, self.target_rows(ids, places))

    def loss(self, parameters: Parameters, tokens: Any, mask: Any) -> Any:
        """Return the mean negative log-likelihood, in nats, of tokens where ``mask`` is True.

        Parameters
        ----------
        parameters : dict from name to array
        tokens : array, shape (B, 2 + T)
            Offset, lag and text.
        mask : array of bool, shape (2 + T,)
            Of the texts' tokens; the two numbers and the first token are not predicted.
        """
        import jax
        import jax.numpy as jnp

        text = tokens[:, 2:-1]
        places = offset_positions(tokens[:, 0], text)
        sizes = self.target.config
        sized = (*text.shape, sizes.kv_heads, sizes.head_size)
        shape = jax.ShapeDtypeStruct(sized, jnp.float32)  # type: ignore[no-untyped-call]
        rows = jax.pure_callback(self.target_rows, (shape, shape), text, places, vmap_method="sequential")
        scores = forward(self, parameters, text, places, tokens[:, 1], rows, self.shared)
        return mean_loss(scores, tokens[:, 3:], mask[3:])

    @property
    def shared(self) -> tuple[Rows, Rows]:
        """Embedding and read-out of the target."""
        return self.target.embedding, self.target.head

    def logits_after(
        self, parameters: Parameters, tokens: ArrayLike, positions: ArrayLike, lag: int, rows: Any
    ) -> Any:
        """Return logits (B, T, vocabulary) where the target's keys and values ``rows`` are at hand.

        Parameters
        ----------
        parameters : dict from name to array
        tokens, positions : array_like of int, shape (B, T)
        lag : int
            Of all texts, at least 0.
        rows : pair of array
            As `target_rows` returns them for these tokens at these positions.
        """
        import jax

        ids = as_indices("tokens", tokens, self.target.vocabulary)
        lags = np.full(len(ids), as_integer("lag", lag, least=0))
        with jax.enable_x64(True):
            return _compiled()(self, parameters, ids, np.asarray(positions), lags, rows, self.shared)


def forward(
    model: TrainableLongSpec,
    parameters: Parameters,
    tokens: Any,
    positions: Any,
    lags: Any,
    rows: tuple[Any, Any],
    shared: tuple[Any, Any],
) -> Any:
    """Return logits (B, T, V) for texts (B, T), lags (B,) and the target's keys and values; traceable."""
    import jax.numpy as jnp

    embedding, head = shared
    hidden = jnp.asarray(embedding)[tokens]
    return states(model, parameters, hidden, positions, lags, rows) @ jnp.asarray(head).T


def states(
    model: TrainableLongSpec,
    parameters: Parameters,
    hidden: Any,
    positions: Any,
    lags: Any,
    rows: tuple[Any, Any],
) -> Any:
    """Return what the read-out is multiplied with (B, T, width), for embedded texts; traceable."""
    hidden = hidden + self_attention(model, parameters, hidden, positions) @ parameters["output"].T
    mixed = cross_attention(model, parameters, hidden, positions, lags, rows)
    hidden = hidden + mixed @ parameters["cross_output"].T
    hidden = hidden + gated(model, parameters, hidden) @ parameters["down"].T
    return rms_norm(hidden, parameters["norm"], model.target.config.eps)


def self_attention(model: TrainableLongSpec, parameters: Parameters, hidden: Any, positions: Any) -> Any:
    """Return what the last W tokens of each row mix to, (B, T, H D); traceable."""
    c = model.target.config
    turn = turns(c, positions, wide(hidden.dtype), model.target.rope_factors)
    row, column = np.arange(hidden.shape[1])[:, np.newaxis], np.arange(hidden.shape[1])
    own = ((column <= row) & (column > row - model.window))[np.newaxis]
    parts = rms_norm(hidden, parameters["self_norm"], c.eps) @ parameters["query_key_value"].T
    query, key, value = split_heads(parts, (c.heads, c.kv_heads, c.kv_heads), c.head_size)
    mixed = attend(rotate(query, turn), rotate(key, turn), value, own)
    return mixed.reshape(*hidden.shape[:2], -1)


def cross_attention(
    model: TrainableLongSpec, parameters: Parameters, hidden: Any, positions: Any, lags: Any, rows: Any
) -> Any:
    """Return what the target's rows up to the lag mix to, (B, T, H D); traceable."""
    c = model.target.config
    turn = turns(c, positions, wide(hidden.dtype), model.target.rope_factors)
    row, column = np.arange(hidden.shape[1])[:, np.newaxis], np.arange(hidden.shape[1])
    far = column <= row - lags[:, np.newaxis, np.newaxis]
    asked = rms_norm(hidden, parameters["cross_norm"], c.eps) @ parameters["cross_query"].T
    (query,) = split_heads(asked, (c.heads,), c.head_size)
    key, value = rows
    return attend(rotate(query, turn), key, value, far).reshape(*hidden.shape[:2], -1)


def gated(model: TrainableLongSpec, parameters: Parameters, hidden: Any) -> Any:
    """Return the hidden layer of the MLP, (B, T, inner); traceable."""
    import jax

    both = rms_norm(hidden, parameters["mlp_norm"], model.target.config.eps) @ parameters["gate_up"].T
    return jax.nn.silu(both[..., : model.inner]) * both[..., model.inner :]


@cache
def _compiled() -> Any:
    import jax

    return jax.jit(forward, static_argnums=0)
