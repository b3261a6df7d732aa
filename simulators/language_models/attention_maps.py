"""Attention weights, keys, values and states of a transformer on one text, with a prefix of chosen keys."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tightbound.simulators.language_models.language_model import AttentionModel

Floats = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class AttentionMaps:
    """What a pass over T tokens computed behind n prefix rows.

    Parameters
    ----------
    weights : ndarray, shape (layers, H, T, n + T)
        Softmax weights; rows (last axis) sum to one.
    keys, values : ndarray, shape (layers, n + T, Hk, D)
        Rotated keys, and values; the prefix first.
    hidden : ndarray, shape (layers + 1, T, width)
        What enters each layer, and what enters the read-out.
    """

    weights: Floats
    keys: Floats
    values: Floats
    hidden: Floats


def attention_maps(
    model: AttentionModel,
    tokens: ArrayLike,
    *,
    prefix: tuple[ArrayLike, ArrayLike] | None = None,
    positions: ArrayLike | None = None,
) -> AttentionMaps:
    """Run a text and keep what every layer attends to.

    A token sees only itself and those before it, so giving the keys and values of the first token as a
    prefix, at every layer, and the rest of the text as tokens, computes the same as the whole text: the
    first token acts as a bias of each key head. Without the prefix, and with the positions as they were,
    it is the text with that key removed.

    Parameters
    ----------
    model : AttentionModel
        E.g. `tightbound.simulators.language_models.llama.Llama`.
    tokens : array_like of int, shape (T,)
        At least one token.
    prefix : (keys, values), arrays of shape (layers, n, Hk, D), optional
        Rows that all tokens see, keys already rotated.
    positions : array_like of int, shape (T,), optional
        Places of the tokens, from n on where None.

    Returns
    -------
    AttentionMaps

    Raises
    ------
    ValueError, IndexError
        For shapes that do not fit, tokens or positions out of range.

    Examples
    --------
    >>> from tightbound.simulators.language_models.gguf_checkpoint import LlamaConfig
    >>> from tightbound.simulators.language_models.llama import Llama
    >>> model = Llama.random(LlamaConfig(5, 16, 8, 8, 2, 2, 1, 4), rng=0)
    >>> whole = attention_maps(model, [3, 1, 4])
    >>> first = whole.keys[:, :1], whole.values[:, :1]
    >>> rest = attention_maps(model, [1, 4], prefix=first)
    >>> bool(abs(rest.hidden - whole.hidden[:, 1:]).max() < 1e-5)
    True
    >>> bool(abs(rest.weights - whole.weights[:, :, 1:]).max() < 1e-5)
    True
    """
    text = np.asarray(tokens)
    if text.ndim != 1 or text.size == 0:
        raise ValueError(f"tokens has shape {text.shape}: give one text of at least one token, (T,)")
    before = 0 if prefix is None else np.shape(prefix[0])[1]
    cache: Any = model.start(1, min(model.context, before + text.size))
    if prefix is not None:
        cache.append(*(np.asarray(part, dtype=np.float32)[:, np.newaxis] for part in prefix))
    weights: list[Floats] = []
    hidden: list[Floats] = []

    def observe(layer: int, queries: NDArray[Any], states: NDArray[Any]) -> None:
        hidden.append(np.asarray(states[0]))
        if layer < model.layers:
            weights.append(_weights(queries[0], cache.rows(layer)[0][0, : before + text.size]))

    places = None if positions is None else np.asarray(positions)[np.newaxis]
    model.forward(
        cache, text[np.newaxis], positions=places, read=np.zeros((1, 0), dtype=np.int64), observe=observe
    )
    rows = [[part[0, : before + text.size] for part in cache.rows(layer)] for layer in range(model.layers)]
    keys, values = (np.stack([layer[i] for layer in rows]) for i in range(2))
    return AttentionMaps(np.stack(weights), keys, values, np.stack(hidden))


def _weights(queries: NDArray[Any], keys: NDArray[Any]) -> Floats:
    """Return causal softmax weights (H, T, N) of the last T of N positions."""
    rows, heads, dim = queries.shape
    group = heads // keys.shape[1]
    shared = np.repeat(keys.transpose(1, 2, 0), group, axis=0)
    scores = (queries.transpose(1, 0, 2) @ shared).astype(np.float64) * dim**-0.5
    scores[:, ~np.tri(rows, keys.shape[0], keys.shape[0] - rows, dtype=bool)] = -np.inf
    scores -= scores.max(axis=2, keepdims=True)
    np.exp(scores, out=scores)
    return np.asarray(scores / scores.sum(axis=2, keepdims=True), dtype=np.float32)
