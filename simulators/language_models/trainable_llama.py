r"""Llama-family models whose weights are trained: the engine's forward pass, written for JAX.

A sequence is one number and a text, :math:`(o, x_1, \dots, x_T)`: the tokens stand at the positions
:math:`0, 1, 2, 3, 4 + o, \dots, T - 1 + o` of `anchor_offset_positions`, so that short texts train all
positions of a long context. Offset 0 is plain training.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tightbound.simulators.language_models.gguf_checkpoint import LlamaConfig
from tightbound.simulators.language_models.llama import Llama, LlamaLayer
from tightbound.simulators.language_models.trainable import Parameters
from tightbound.theory._validation import Integers, as_indices, as_integer
from tightbound.theory.speculative.anchor_offset import anchor_offset_positions

ANCHORS = 4
"""First tokens of a text that keep their positions."""

BLOCK = ("attention_norm", "query_key_value", "output", "mlp_norm", "gate_up", "down")
"""Names of the weights of a layer."""


@dataclass(frozen=True)
class OffsetTexts:
    """Pieces of a text at random places, each with the numbers that stand before it.

    Parameters
    ----------
    tokens : ndarray of int, shape (N,)
        The text.
    length : int
        Tokens T of a piece, at most N.
    longest : int
        Positions to be covered: offsets are uniform on 0, ..., ``longest - length``.
    lags : tuple of int, optional
        Least and largest lag; a second number, uniform on them, then follows the offset.
    """

    tokens: Integers
    length: int
    longest: int
    lags: tuple[int, int] | None = None

    def __post_init__(self) -> None:
        as_integer("length", self.length, least=ANCHORS)
        as_integer("longest", self.longest, least=self.length)
        if np.ndim(self.tokens) != 1 or np.size(self.tokens) < self.length:
            raise ValueError(
                f"tokens has shape {np.shape(self.tokens)}: give one text of at least {self.length} tokens"
            )
        if self.lags is not None and not 0 <= self.lags[0] <= self.lags[1]:
            raise ValueError(f"lags is {self.lags}: give the least, at least 0, and the largest")

    def __call__(self, rng: np.random.Generator, count: int) -> NDArray[np.int64]:
        """Return sequences (count, 1 + T), or (count, 2 + T) where there are lags."""
        starts = rng.integers(np.size(self.tokens) - self.length + 1, size=count)
        numbers = [rng.integers(self.longest - self.length + 1, size=count)]
        if self.lags is not None:
            numbers.append(rng.integers(self.lags[0], self.lags[1] + 1, size=count))
        pieces = np.asarray(self.tokens)[starts[:, np.newaxis] + np.arange(self.length)]
        return np.concatenate([np.stack(numbers, axis=1), pieces], axis=1).astype(np.int64)


@dataclass(frozen=True)
class TrainableLlama:
    """A Llama whose embedding is its read-out, to be trained.

    Parameters
    ----------
    config : LlamaConfig
        Sizes and constants.
    length : int
        Tokens T of a training sequence, at most ``config.context``.
    dtype : {"float32", "float64"}
        Of weights and activations.

    Examples
    --------
    >>> config = LlamaConfig(vocabulary=5, context=16, width=8, inner=8, layers=1, heads=2, kv_heads=1,
    ...                      head_size=4)
    >>> model = TrainableLlama(config, length=8)
    >>> weights = model.init(0)
    >>> trained = model.engine(weights)
    >>> found = trained.forward(trained.start(1), [[1, 2, 3]])
    >>> bool(np.allclose(found, model.logits(weights, [[1, 2, 3]]), atol=1e-5))
    True
    """

    config: LlamaConfig
    length: int
    dtype: str = "float32"

    def __post_init__(self) -> None:
        as_integer("length", self.length, least=ANCHORS)
        if self.length > self.config.context:
            raise ValueError(
                f"length is {self.length} and the context has {self.config.context} positions: train on "
                "shorter texts, or build the model with a larger context"
            )
        if self.dtype not in ("float32", "float64"):
            raise ValueError(f"dtype is {self.dtype!r}: choose 'float32' or 'float64'")

    @property
    def vocabulary(self) -> int:
        """Numbers that a sequence may hold: tokens, or an offset."""
        return max(self.config.vocabulary, self.config.context - self.length + 1)

    @property
    def context(self) -> int:
        """Longest sequence, its offset included."""
        return self.length + 1

    @property
    def frozen(self) -> tuple[str, ...]:
        """Parameters that training leaves as they are: none."""
        return ()

    def init(self, key: int) -> Parameters:
        """Return random weights: normal, of variance one over the number of inputs.

        What is added to the residual stream is smaller by the root of twice the number of layers.
        """
        rng, c = np.random.default_rng(as_integer("key", key, least=0)), self.config
        into_stream = (2 * c.layers) ** -0.5
        queries = c.heads * c.head_size
        shapes = {  # shape, and standard deviation
            "embedding": ((c.vocabulary, c.width), c.width**-0.5),
            "query_key_value": ((c.layers, queries + 2 * c.kv_heads * c.head_size, c.width), c.width**-0.5),
            "output": ((c.layers, c.width, queries), into_stream * queries**-0.5),
            "gate_up": ((c.layers, 2 * c.inner, c.width), c.width**-0.5),
            "down": ((c.layers, c.width, c.inner), into_stream * c.inner**-0.5),
        }
        weights = {name: spread * rng.standard_normal(shape) for name, (shape, spread) in shapes.items()}
        weights |= {
            "attention_norm": np.ones((c.layers, c.width)),
            "mlp_norm": np.ones((c.layers, c.width)),
            "norm": np.ones(c.width),
        }
        return {name: value.astype(self.dtype) for name, value in weights.items()}

    def engine(self, parameters: Parameters) -> Llama:
        """Return the model of the engine that decodes, with these weights."""
        given = {name: np.asarray(value, np.float32) for name, value in parameters.items()}
        blocks = tuple(
            LlamaLayer(**{name: np.ascontiguousarray(given[name][layer]) for name in BLOCK})
            for layer in range(self.config.layers)
        )
        return Llama(self.config, given["embedding"], blocks, given["norm"], given["embedding"])

    def logits(self, parameters: Parameters, tokens: ArrayLike, positions: ArrayLike | None = None) -> Any:
        """Return logits (B, T, vocabulary) after each token of texts (B, T).

        Parameters
        ----------
        parameters : dict from name to array
            From `init` or from training.
        tokens : array_like of int, shape (B, T)
            Texts without offsets.
        positions : array_like of int, shape (B, T), optional
            Places of the tokens; 0, ..., T - 1 where left out.
        """
        import jax

        ids = as_indices("tokens", tokens, self.config.vocabulary)
        chain = np.broadcast_to(np.arange(ids.shape[1]), ids.shape)
        places = chain if positions is None else as_indices("positions", positions, self.config.context)
        with jax.enable_x64(True):
            return _compiled()(self, parameters, ids, places)

    def loss(self, parameters: Parameters, tokens: Any, mask: Any) -> Any:
        """Return the mean negative log-likelihood, in nats, of tokens where ``mask`` is True.

        Parameters
        ----------
        parameters : dict from name to array
        tokens : array, shape (B, 1 + T)
            Offsets and texts.
        mask : array of bool, shape (1 + T,)
            Of the texts' tokens; the offset and the first token, which nothing comes before, are not
            predicted.
        """
        text = tokens[:, 1:]
        scores = forward(self, parameters, text[:, :-1], offset_positions(tokens[:, 0], text[:, :-1]))
        return mean_loss(scores, text[:, 1:], mask[2:])


def forward(model: TrainableLlama, parameters: Parameters, tokens: Any, positions: Any) -> Any:
    """Return logits (B, T, vocabulary); traceable."""
    hidden, _, _ = through_layers(model.config, parameters, tokens, positions)
    return rms_norm(hidden, parameters["norm"], model.config.eps) @ parameters["embedding"].T


def through_layers(
    config: LlamaConfig, weights: Parameters, tokens: Any, positions: Any, factors: Any = None
) -> tuple[Any, Any, Any]:
    """Return states (B, T, width) after the last layer, and keys and values (layers, B, T, Hk, D); traceable.

    Parameters
    ----------
    config : LlamaConfig
        Sizes and constants.
    weights : dict from name to array
        As `parameters_of` returns them. Their type is that of the states.
    tokens, positions : array of int, shape (B, T)
        Texts, each token of which sees those before it.
    factors : array, optional
        Divisors of the rotary frequencies.
    """
    import jax
    import jax.numpy as jnp

    batch, length = tokens.shape
    past = jnp.tril(jnp.ones((length, length), bool))[np.newaxis]
    embedding = jnp.asarray(weights["embedding"])
    turn = turns(config, positions, wide(embedding.dtype), factors)

    def layer(hidden: Any, block: Parameters) -> Any:
        query, key, value = projected(config, block, hidden, turn)
        mixed = attend(query, key, value, past).reshape(batch, length, -1)
        return mlp_after(config, block, hidden, mixed), (key, value)

    blocks = {name: weights[name] for name in BLOCK}
    hidden, (keys, values) = jax.lax.scan(layer, embedding[tokens], blocks)
    return hidden, keys, values


def projected(config: LlamaConfig, block: Parameters, hidden: Any, turn: tuple[Any, Any]) -> tuple[Any, ...]:
    """Return queries (B, T, H, D), and keys and values (B, T, Hk, D), of a layer; traceable."""
    rows = rms_norm(hidden, block["attention_norm"], config.eps) @ block["query_key_value"].T
    sizes = (config.heads, config.kv_heads, config.kv_heads)
    query, key, value = split_heads(rows, sizes, config.head_size)
    return rotate(query, turn), rotate(key, turn), value


def mlp_after(config: LlamaConfig, block: Parameters, hidden: Any, mixed: Any) -> Any:
    """Return the states after a layer whose attention has mixed values to (B, T, H D); traceable."""
    import jax

    hidden = hidden + mixed @ block["output"].T
    rows = rms_norm(hidden, block["mlp_norm"], config.eps) @ block["gate_up"].T
    gated = jax.nn.silu(rows[..., : config.inner]) * rows[..., config.inner :]
    return hidden + gated @ block["down"].T


def parameters_of(model: Llama, dtype: str = "float32") -> Parameters:
    """Return weights as `through_layers` reads them, and the read-out as "head", on JAX's device."""
    import jax.numpy as jnp

    found = {name: np.stack([getattr(block, name) for block in model.blocks]) for name in BLOCK}
    found |= {"embedding": model.embedding, "norm": model.norm}
    arrays = {name: jnp.asarray(array, dtype) for name, array in found.items()}
    tied = model.head is model.embedding
    return arrays | {"head": arrays["embedding"] if tied else jnp.asarray(model.head, dtype)}


@cache
def _compiled() -> Any:
    import jax

    return jax.jit(forward, static_argnums=0)


def offset_positions(offsets: Any, tokens: Any) -> Any:
    """Return positions (B, T) for offsets (B,) and texts (B, T); traceable."""
    shift = anchor_offset_positions(tokens.shape[1], 1, anchors=ANCHORS) - np.arange(tokens.shape[1])
    return np.arange(tokens.shape[1]) + shift * offsets[:, np.newaxis]


def mean_loss(scores: Any, following: Any, mask: Any) -> Any:
    """Return the mean negative log-likelihood of tokens (B, T) under logits (B, T, V); traceable."""
    import jax
    import jax.numpy as jnp

    laws = jax.nn.log_softmax(scores)
    picked = jnp.take_along_axis(laws, following[..., np.newaxis], axis=-1)[..., 0]
    return -jnp.where(mask, picked, 0.0).sum() / (following.shape[0] * mask.sum()).astype(scores.dtype)


def rms_norm(hidden: Any, scale: Any, eps: float) -> Any:
    """Divide by the root of the mean square plus ``eps``, and multiply by ``scale``; traceable.

    Computed in float32 where ``hidden`` is of a smaller type.
    """
    import jax

    states = hidden.astype(wide(hidden.dtype))
    square = (states * states).mean(axis=-1, keepdims=True)
    return (states * jax.lax.rsqrt(square + eps) * scale).astype(hidden.dtype)


def split_heads(rows: Any, sizes: tuple[int, ...], head_size: int) -> list[Any]:
    """Split (B, T, sum(sizes) D) into arrays (B, T, size, D); traceable."""
    found, first = [], 0
    for size in sizes:
        part = rows[..., first * head_size : (first + size) * head_size]
        found.append(part.reshape(*rows.shape[:2], size, head_size))
        first += size
    return found


def wide(dtype: Any) -> Any:
    """Return a type of at least float32, in which sums are taken."""
    import jax.numpy as jnp

    return jnp.promote_types(dtype, jnp.float32)


def turns(config: LlamaConfig, positions: Any, dtype: Any, factors: Any = None) -> tuple[Any, Any]:
    """Return cosine and sine (B, T, 1, D / 2) of the angles at positions (B, T); traceable.

    They come from a table: thousands of turns leave float32 few digits, and float64 is slow on accelerators.
    """
    import jax.numpy as jnp

    angles = np.arange(config.context)[:, np.newaxis] * config.rope_frequencies(factors)
    cosine, sine = (jnp.asarray(part.astype(dtype)) for part in (np.cos(angles), np.sin(angles)))
    return cosine[positions][:, :, np.newaxis], sine[positions][:, :, np.newaxis]


def rotate(heads: Any, turn: tuple[Any, Any]) -> Any:
    """Turn the pairs (2 i, 2 i + 1) of heads (B, T, H, D); traceable."""
    import jax.numpy as jnp

    cosine, sine = turn
    x, y = heads[..., 0::2], heads[..., 1::2]
    pairs = jnp.stack([x * cosine - y * sine, x * sine + y * cosine], axis=-1)
    return pairs.reshape(heads.shape).astype(heads.dtype)


def attend(query: Any, key: Any, value: Any, seen: Any) -> Any:
    """Return attention (B, T, H, D) over keys (B, N, Hk, D) that ``seen`` (B or 1, T, N) shows.

    A row that sees nothing gets 0. The softmax is in float32 where queries are of a smaller type. Traceable.
    """
    import jax.numpy as jnp

    batch, length, heads, size = query.shape
    grouped = query.reshape(batch, length, key.shape[2], -1, size)
    summed = wide(query.dtype)
    scores = jnp.einsum("bthgd,bnhd->bhgtn", grouped, key, preferred_element_type=summed) * size**-0.5
    shown = seen[:, np.newaxis, np.newaxis]
    least = jnp.asarray(-1e30, scores.dtype)
    scores = jnp.where(shown, scores, least)
    mass = jnp.where(shown, jnp.exp(scores - scores.max(axis=-1, keepdims=True)), 0.0)
    total = mass.sum(axis=-1, keepdims=True)
    weights = (mass / jnp.where(total > 0.0, total, 1.0)).astype(value.dtype)
    mixed = jnp.einsum("bhgtn,bnhd->bthgd", weights, value)
    return mixed.reshape(batch, length, heads, size)
