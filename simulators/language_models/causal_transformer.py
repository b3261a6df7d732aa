r"""A small causal transformer whose every prompt, the empty one included, gets a law of the next token.

Pre-norm blocks over learned token and position embeddings, with position 0 holding a start symbol:

.. math:: h \leftarrow h + \mathrm{Attention}(\mathrm{LN}(h)), \quad
          h \leftarrow h + W_2\,\mathrm{gelu}(W_1 \mathrm{LN}(h)), \quad
          \mathrm{logits} = W\,\mathrm{LN}(h).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike

from tightbound.simulators.language_models.trainable import Parameters
from tightbound.theory._validation import Array, as_indices, as_integer


@dataclass(frozen=True)
class CausalTransformer:
    r"""Hyper-parameters of a causal transformer; its weights are an argument of every method.

    Parameters
    ----------
    vocabulary : int
        Number of different tokens, at least 1.
    context : int
        Longest sequence that can be predicted, at least 1: a prompt holds up to ``context - 1`` tokens.
    width : int, default 32
        Size of the residual stream, a multiple of ``heads``.
    blocks : int, default 2
        Attention and MLP blocks, at least 1.
    heads : int, default 2
        Attention heads of a block; each has ``width / heads`` dimensions.
    expansion : int, default 4
        Width of the MLP in units of ``width``.
    dtype : {"float32", "float64"}
        Of weights and activations.

    Raises
    ------
    TypeError, ValueError
        For a size that is no integer or out of range, or an unknown dtype.

    References
    ----------
    Vaswani et al., "Attention is all you need", NeurIPS 2017. Xiong et al., "On layer normalization in the
    transformer architecture", ICML 2020: normalisation before each part.

    Examples
    --------
    >>> model = CausalTransformer(vocabulary=5, context=8, width=8)
    >>> weights = model.init(0)
    >>> model.logits(weights, [[0, 1, 2], [2, 1, 0]]).shape
    (2, 4, 5)
    """

    vocabulary: int
    context: int
    width: int = 32
    blocks: int = 2
    heads: int = 2
    expansion: int = 4
    dtype: Literal["float32", "float64"] = "float32"

    def __post_init__(self) -> None:
        for name in ("vocabulary", "context", "width", "blocks", "heads", "expansion"):
            object.__setattr__(self, name, as_integer(name, getattr(self, name), least=1))
        if self.width % self.heads:
            raise ValueError(
                f"width is {self.width} and heads is {self.heads}: heads share the width, so give a width "
                f"that is a multiple of heads, e.g. {self.heads * (self.width // self.heads + 1)}"
            )
        if self.dtype not in ("float32", "float64"):
            raise ValueError(f"dtype is {self.dtype!r}: choose 'float32' or 'float64'")

    @property
    def frozen(self) -> tuple[str, ...]:
        """Parameters that training leaves as they are: none."""
        return ()

    def init(self, key: int) -> Parameters:
        """Return random weights.

        Parameters
        ----------
        key : int
            Seed, at least 0.

        Returns
        -------
        dict from name to array
            Those of the blocks are stacked along axis 0. Normal with variance one over the number of
            inputs; what is added to the residual stream is smaller by the root of twice the number of
            blocks. The read-out is zero, so that an untrained model gives every token the same probability.
        """
        rng = np.random.default_rng(as_integer("key", key, least=0))
        width, blocks, inner = self.width, self.blocks, self.expansion * self.width
        into_stream = (2 * blocks) ** -0.5
        drawn = {  # shape, and standard deviation
            "token": ((self.vocabulary + 1, width), 1.0),
            "position": ((self.context, width), 1.0),
            "query_key_value": ((blocks, width, 3 * width), width**-0.5),
            "mix": ((blocks, width, width), into_stream * width**-0.5),
            "up": ((blocks, width, inner), width**-0.5),
            "down": ((blocks, inner, width), into_stream * inner**-0.5),
        }
        fixed = {
            "up_bias": ((blocks, inner), 0.0),
            "down_bias": ((blocks, width), 0.0),
            "norm_scale": ((2 * blocks + 1, width), 1.0),
            "norm_shift": ((2 * blocks + 1, width), 0.0),
            "readout": ((width, self.vocabulary), 0.0),
            "readout_bias": ((self.vocabulary,), 0.0),
        }
        weights = {name: deviation * rng.standard_normal(shape) for name, (shape, deviation) in drawn.items()}
        weights |= {name: np.full(shape, value) for name, (shape, value) in fixed.items()}
        return {name: value.astype(self.dtype) for name, value in weights.items()}

    def logits(self, parameters: Parameters, tokens: ArrayLike) -> Any:
        """Return unnormalised log-probabilities of the token after each prefix.

        Parameters
        ----------
        parameters : dict from name to array
            From `init` or from training.
        tokens : array_like of int, shape (B, T)
            Prompts, T < context.

        Returns
        -------
        array, shape (B, T+1, vocabulary)
            Entry t has seen tokens 0, ..., t-1; entry 0 has seen none.
        """
        import jax

        with jax.enable_x64(True):
            return _compiled()(self, parameters, self._prompts(tokens))[0]

    def log_predictive(self, parameters: Parameters, tokens: ArrayLike) -> Array:
        """Return log-probabilities of each token given those before it, in float64.

        Parameters
        ----------
        parameters : dict from name to array
            From `init` or from training.
        tokens : array_like of int, shape (B, T)
            Sequences, 1 <= T <= context.

        Returns
        -------
        ndarray, shape (B, T, vocabulary)
            Entry t is the law of token t (from 0) given tokens 0, ..., t-1.
        """
        from scipy.special import log_softmax

        array = np.asarray(tokens)
        if array.ndim != 2 or not 1 <= array.shape[1] <= self.context:
            raise ValueError(
                f"tokens has shape {array.shape}: give one sequence per row, (B, T) with T from 1 to context "
                f"= {self.context}"
            )
        scores = np.asarray(self.logits(parameters, array[:, :-1]), np.float64)
        return np.asarray(log_softmax(scores, axis=-1))

    def attention(self, parameters: Parameters, tokens: ArrayLike) -> Any:
        """Return what every position attends to, shape (B, blocks, heads, T+1, T+1).

        Parameters
        ----------
        parameters, tokens
            As for `logits`.

        Returns
        -------
        array
            Rows (last axis) sum to one. Index 0 is the start symbol, index t the token t-1.
        """
        import jax

        with jax.enable_x64(True):
            maps = _compiled()(self, parameters, self._prompts(tokens))[1]
            return maps.swapaxes(0, 1)

    def loss(self, parameters: Parameters, tokens: Any, mask: Any) -> Any:
        """Return the mean negative log-likelihood, in nats, of tokens (B, T) where mask (T,) is True.

        Traceable.
        """
        import jax
        import jax.numpy as jnp

        scores = jax.nn.log_softmax(forward(self, parameters, tokens[:, :-1])[0])
        picked = jnp.take_along_axis(scores, tokens[..., None], axis=-1)[..., 0]
        return -jnp.where(mask, picked, 0.0).sum() / (tokens.shape[0] * mask.sum().astype(self.dtype))

    def _prompts(self, tokens: ArrayLike) -> Any:
        array = np.asarray(tokens)
        if array.ndim != 2 or array.shape[1] >= self.context:
            raise ValueError(
                f"tokens has shape {array.shape}: give one prompt per row, (B, T) with T < context = "
                f"{self.context}, or build the model with a larger context"
            )
        return as_indices("tokens", array, self.vocabulary).reshape(array.shape)


def forward(model: CausalTransformer, parameters: Parameters, tokens: Any) -> tuple[Any, Any]:
    """Return logits (B, T+1, vocabulary) and attention maps (blocks, B, heads, T+1, T+1); traceable.

    Every intermediate array passes through here, so that more of them can be returned.
    """
    import jax
    import jax.numpy as jnp

    batch, length = tokens.shape[0], tokens.shape[1] + 1
    started = jnp.concatenate([jnp.full((batch, 1), model.vocabulary, tokens.dtype), tokens], axis=1)
    stream = parameters["token"][started] + parameters["position"][:length]
    past = jnp.tril(jnp.ones((length, length), bool))
    head = model.width // model.heads
    maps = []
    for block in range(model.blocks):
        rows = _normal(parameters, 2 * block, stream) @ parameters["query_key_value"][block]
        parts = rows.reshape(batch, length, 3, model.heads, head)
        query, key, value = parts[:, :, 0], parts[:, :, 1], parts[:, :, 2]
        scores = jnp.einsum("bqhd,bkhd->bhqk", query, key) * head**-0.5
        weights = jax.nn.softmax(jnp.where(past, scores, -jnp.inf), axis=-1)
        mixed = jnp.einsum("bhqk,bkhd->bqhd", weights, value).reshape(batch, length, model.width)
        stream = stream + mixed @ parameters["mix"][block]
        rows = _normal(parameters, 2 * block + 1, stream) @ parameters["up"][block]
        hidden = jax.nn.gelu(rows + parameters["up_bias"][block])
        stream = stream + hidden @ parameters["down"][block] + parameters["down_bias"][block]
        maps.append(weights)
    final = _normal(parameters, 2 * model.blocks, stream)
    return final @ parameters["readout"] + parameters["readout_bias"], jnp.stack(maps)


def _normal(parameters: Parameters, place: int, stream: Any) -> Any:
    """Layer normalisation number ``place``."""
    centred = stream - stream.mean(axis=-1, keepdims=True)
    variance = (centred * centred).mean(axis=-1, keepdims=True)
    unit = centred / (variance + 1e-6) ** 0.5
    return unit * parameters["norm_scale"][place] + parameters["norm_shift"][place]


@cache
def _compiled() -> Any:
    import jax

    return jax.jit(forward, static_argnums=0)
