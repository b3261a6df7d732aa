"""The transformer in float64, with everything on the way kept: queries, keys, values, scores, states."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import erf, expit

from tightbound.theory._validation import Array, Integers, as_floats, as_indices
from tightbound.theory.attention.architecture import Architecture, Parameters
from tightbound.theory.attention.masks import visible
from tightbound.theory.attention.position_codes import alibi_slopes, relative_buckets, rotary, sinusoidal
from tightbound.theory.attention.scores import attention_scores

NORM_EPS = 1e-5


@dataclass(frozen=True, eq=False)
class Trace:
    """What a forward pass went through; L blocks, B sequences, H heads, T tokens, S = slots + T columns.

    Attributes
    ----------
    logits : ndarray, shape (B, T, vocabulary)
        Unnormalised log-probabilities of the next token.
    scores : ndarray, shape (L, B, H, T, S)
        Attention scores; with a slot or a sink token that column comes first, and its own row is left out.
    queries : ndarray, shape (L, B, H, T, d_h)
        As they enter the product with the keys (rotary positions included).
    keys, values : ndarray, shape (L, B, H, S, d_h)
        One per column.
    hidden : ndarray, shape (L + 1, B, N, width)
        States after 0, ..., L blocks; N = T, or T + 1 with a sink token.
    residual : ndarray, shape (L + 1, B, N, width)
        The same before the last norm of the block, which only ``norm="post"`` has: where massive activations
        show.
    slots : int
        Number of columns before the first token.
    """

    logits: Array
    scores: Array
    queries: Array
    keys: Array
    values: Array
    hidden: Array
    residual: Array
    slots: int

    @property
    def residual_norm(self) -> Array:
        """Length of each state before any norm, shape (L + 1, B, N)."""
        return _length(self.residual)

    @property
    def query_norm(self) -> Array:
        """Length of each query, shape (L, B, H, T)."""
        return _length(self.queries)

    @property
    def key_norm(self) -> Array:
        """Length of each key, shape (L, B, H, S)."""
        return _length(self.keys)

    @property
    def value_norm(self) -> Array:
        """Length of each value, shape (L, B, H, S)."""
        return _length(self.values)

    @property
    def cosine(self) -> Array:
        """Cosine of query and key, shape (L, B, H, T, S); 0 where one of them is zero."""
        lengths = self.query_norm[..., :, None] * self.key_norm[..., None, :]
        products = self.queries @ self.keys.mT
        return np.divide(products, lengths, out=np.zeros_like(products), where=lengths > 0.0)


def forward(architecture: Architecture, parameters: Mapping[str, ArrayLike], tokens: ArrayLike) -> Trace:
    r"""Return the logits and everything on the way to them.

    Parameters
    ----------
    architecture : Architecture
        Hyper-parameters.
    parameters : mapping from str to array_like
        With the names and shapes of ``architecture.shapes()``.
    tokens : array_like of int, shape (B, T)
        Sequences, 1 <= T <= context.

    Returns
    -------
    Trace
        In float64.

    Raises
    ------
    TypeError, ValueError, IndexError
        For parameters that do not belong to the architecture or are not finite, or tokens out of range.
    FloatingPointError
        Where something overflows.

    Notes
    -----
    RMSNorm is :math:`x / \sqrt{\mathrm{mean}(x^2) + 10^{-5}}` times a gain; gelu is the exact one; distances
    to columns ahead of a row (a prefix) count as 0. A slot's key is not turned (its position is 0), and a
    bias by distance applies to it as to a token there, except to ``"off_by_one"``, whose logit is 0.

    References
    ----------
    Gu et al., ICLR 2025, arXiv:2410.10781, preliminaries and Appendix D: blocks and variants.

    Examples
    --------
    >>> small = Architecture(vocabulary=3, context=4, width=4, position="none")
    >>> trace = forward(small, small.init(0), [[2, 2, 2]])
    >>> trace.scores[0, 0, 0].round(6).tolist()
    [[1.0, 0.0, 0.0], [0.5, 0.5, 0.0], [0.333333, 0.333333, 0.333333]]
    """
    weights = _checked(architecture, parameters)
    ids = _tokens(architecture, tokens)
    positions = np.arange(ids.shape[1] + architecture.slots)
    state = weights["token"][ids]
    if architecture.sink_token:
        first = np.broadcast_to(weights["sink_token"], (len(ids), 1, architecture.width))
        state = np.concatenate([first, state], axis=1)
    if architecture.position == "learned":
        state = state + weights["position"][positions[-state.shape[1] :]]
    elif architecture.position == "sinusoidal":
        state = state + sinusoidal(positions[-state.shape[1] :], architecture.width)
    hidden, residual, heads = [state], [state], []
    pre, post = architecture.norm == "pre", architecture.norm == "post"
    bias, seen = _bias(architecture, weights, positions), _visible(architecture, ids.shape[1])
    for block in range(architecture.blocks):
        rows = _rms(state, weights["attention_norm"][block]) if pre else state
        mixed, parts = _attention(architecture, weights, block, rows, bias, seen)
        state = raw = state + mixed
        if post:
            state = _rms(state, weights["attention_norm"][block])
        if architecture.feed_forward is not None:
            rows = _rms(state, weights["feed_forward_norm"][block]) if pre else state
            state = raw = state + _feed_forward(architecture, weights, block, rows)
            if post:
                state = _rms(state, weights["feed_forward_norm"][block])
        if not np.all(np.isfinite(state)):
            raise FloatingPointError(f"the states of block {block} are not finite: scale the weights down")
        hidden.append(state)
        residual.append(raw)
        heads.append(parts)
    final = _rms(state, weights["final_norm"]) if pre else state
    queries, keys, values, scores = (np.stack(part) for part in zip(*heads, strict=True))
    skip = int(architecture.sink_token)
    return Trace(
        logits=final[:, skip:] @ weights["readout"],
        scores=scores[..., skip:, :],
        queries=queries[..., skip:, :],
        keys=keys,
        values=values,
        hidden=np.stack(hidden),
        residual=np.stack(residual),
        slots=architecture.slots,
    )


def slot_vectors(architecture: Architecture, parameters: Mapping[str, ArrayLike]) -> tuple[Array, Array]:
    """Return the key and the value of the bias slot.

    Parameters
    ----------
    architecture : Architecture
        With ``bias_slot`` of ``"key"``, ``"key_value"`` or ``"off_by_one"``.
    parameters : mapping from str to array_like
        Its parameters.

    Returns
    -------
    key, value : ndarray, shape (blocks, heads, d_h)
        Dimensions that are not learned filled in.

    Raises
    ------
    ValueError
        For an architecture without such a slot.

    Examples
    --------
    >>> slotted = Architecture(3, 4, width=4, bias_slot="key", slot_dimensions=1, slot_value_norm=2.0)
    >>> key, value = slot_vectors(slotted, {"slot_key": [[[5.0]]]})
    >>> key.tolist(), value.tolist()
    ([[[5.0, 0.0, 0.0, 0.0]]], [[[2.0, 0.0, 0.0, 0.0]]])
    """
    if architecture.bias_slot not in ("key", "key_value", "off_by_one"):
        raise ValueError(
            f"architecture has bias_slot={architecture.bias_slot!r}: only 'key', 'key_value' and "
            "'off_by_one' have a column of their own"
        )
    shape = (architecture.blocks, architecture.heads, architecture.head_width)
    key, value = np.zeros(shape), np.zeros(shape)
    if architecture.bias_slot != "off_by_one":
        learned = as_floats("slot_key", parameters["slot_key"])
        key[..., : learned.shape[-1]] = learned
    if architecture.bias_slot == "key_value":
        value[:] = as_floats("slot_value", parameters["slot_value"])
    elif architecture.slot_direction == "axis":
        value[..., 0] = architecture.slot_value_norm
    else:
        value[:] = architecture.slot_value_norm * architecture.head_width**-0.5
    return key, value


def _attention(
    architecture: Architecture,
    weights: Parameters,
    block: int,
    rows: Array,
    bias: Array,
    seen: NDArray[np.bool_],
) -> tuple[Array, tuple[Array, Array, Array, Array]]:
    """Return what the heads add to the stream, and their queries, keys, values and scores."""
    batch, count = rows.shape[:2]
    shape = (batch, count, architecture.heads, architecture.head_width)
    query, key, value = (
        (rows @ weights[name][block]).reshape(shape).swapaxes(1, 2) for name in ("query", "key", "value")
    )
    if architecture.position == "rotary":
        places = np.arange(count) + int(architecture.slots and not architecture.sink_token)
        query, key = rotary(query, places), rotary(key, places)
    if architecture.slots and not architecture.sink_token:
        first = [
            part[block][None, :, None].repeat(batch, axis=0) for part in slot_vectors(architecture, weights)
        ]
        key, value = np.concatenate([first[0], key], axis=2), np.concatenate([first[1], value], axis=2)
    kernel = None
    if architecture.operation == "mlp":
        up, down = weights["kernel_up"][block], weights["kernel_down"][block]

        def kernel(vectors: Array) -> Array:
            return np.asarray(np.maximum(vectors @ up, 0.0) @ down)

    scores = attention_scores(
        query,
        key,
        operation=architecture.operation,
        normaliser=architecture.normaliser,
        power=architecture.power,
        scale=architecture.scale,
        bias=bias,
        visible=seen,
        kernel=kernel,
    )
    out = scores @ value
    if architecture.bias_slot == "value":
        out = out + weights["slot_value"][block][:, None]
    mixed = out.swapaxes(1, 2).reshape(batch, count, architecture.width) @ weights["mix"][block]
    return mixed, (query, key, value, scores)


def _bias(architecture: Architecture, weights: Parameters, positions: Integers) -> Array:
    """Return what is added to the logits, broadcastable to (B, H, R, S)."""
    bare = architecture.slots and not architecture.sink_token
    rows = positions[1:] if bare else positions
    distances = np.maximum(rows[:, None] - positions, 0)
    if architecture.position == "alibi":
        found = -alibi_slopes(architecture.heads)[:, None, None] * distances
    elif architecture.position == "bucket_index":
        found = relative_buckets(distances)[None].astype(np.float64)
    elif architecture.position == "relative":
        found = weights["relative_bias"][:, relative_buckets(distances)]
    else:
        return np.full((1, 1, 1), architecture.logit_bias)
    if architecture.bias_slot == "off_by_one":
        found[..., 0] = 0.0
    return np.asarray(found + architecture.logit_bias)


def _visible(architecture: Architecture, length: int) -> NDArray[np.bool_]:
    seen = visible(
        length, slots=architecture.slots, window=architecture.window, prefix=min(architecture.prefix, length)
    )
    if not architecture.sink_token:
        return seen
    alone = np.arange(length + 1)[None] == 0
    return np.concatenate([alone, seen])


def _feed_forward(architecture: Architecture, weights: Parameters, block: int, rows: Array) -> Array:
    up = rows @ weights["up"][block]
    name = architecture.feed_forward
    if name in ("relu", "gelu", "swish"):
        inner = _activation(name, up)
    else:
        plain = {"reglu": "relu", "geglu": "gelu", "swiglu": "swish"}[str(name)]
        inner = _activation(plain, rows @ weights["gate"][block]) * up
    return np.asarray(inner @ weights["down"][block])


def _activation(name: str, x: Array) -> Array:
    if name == "relu":
        return np.maximum(x, 0.0)
    if name == "gelu":
        return np.asarray(0.5 * x * (1.0 + erf(x * 0.5**0.5)))
    return np.asarray(x * expit(x))


def _rms(x: Array, gain: Array) -> Array:
    return np.asarray(x / np.sqrt(np.mean(x * x, axis=-1, keepdims=True) + NORM_EPS) * gain)


def _length(x: Array) -> Array:
    return np.asarray(np.linalg.norm(x, axis=-1))


def _checked(architecture: Architecture, parameters: Mapping[str, ArrayLike]) -> Parameters:
    shapes = architecture.shapes()
    if set(parameters) != set(shapes):
        missing, extra = sorted(set(shapes) - set(parameters)), sorted(set(parameters) - set(shapes))
        raise ValueError(
            f"parameters lacks {missing} and has {extra} beyond the architecture's: start from "
            "architecture.init(0)"
        )
    found = {name: as_floats(f"parameters[{name!r}]", parameters[name]) for name in shapes}
    for name, shape in shapes.items():
        if found[name].shape != shape:
            raise ValueError(
                f"parameters[{name!r}] has shape {found[name].shape}: the architecture needs {shape}"
            )
    return found


def _tokens(architecture: Architecture, tokens: ArrayLike) -> Integers:
    array = np.asarray(tokens)
    if array.ndim != 2 or not 1 <= array.shape[1] <= architecture.context or len(array) == 0:
        raise ValueError(
            f"tokens has shape {array.shape}: give one sequence per row, (B, T) with B >= 1 and T from 1 to "
            f"context = {architecture.context}"
        )
    return as_indices("tokens", array, architecture.vocabulary)
