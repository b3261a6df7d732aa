"""Texts that a Llama writes, hundreds at once, on whatever device JAX has: material to train a draft on.

Speed is that of a whole batch. For single texts on the CPU there is the engine,
`tightbound.simulators.language_models.llama.Llama`.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from tightbound.simulators.language_models.gguf_checkpoint import LlamaConfig
from tightbound.simulators.language_models.trainable import Parameters
from tightbound.simulators.language_models.trainable_llama import (
    BLOCK,
    mlp_after,
    projected,
    rms_norm,
    through_layers,
    turns,
    wide,
)
from tightbound.theory._validation import Integers, as_floats, as_indices, as_integer


def write_many(
    config: LlamaConfig,
    weights: Parameters,
    prompts: ArrayLike,
    count: int,
    *,
    temperatures: ArrayLike,
    key: int,
    never: ArrayLike = (),
    factors: Any = None,
) -> Integers:
    """Return prompts and what follows them, (B, P + count).

    Parameters
    ----------
    config : LlamaConfig
        Sizes and constants.
    weights : dict from name to array
        As `tightbound.simulators.language_models.trainable_llama.parameters_of` returns them.
    prompts : array_like of int, shape (B, P)
        What the texts begin with, at positions from 0 on.
    count : int
        Tokens to write.
    temperatures : array_like, shape (B,)
        At 0 the likeliest token is written.
    key : int
        Seed.
    never : array_like of int
        Tokens that are not written, such as those that end a text.
    factors : array, optional
        Divisors of the rotary frequencies.

    Raises
    ------
    ValueError
        For no prompt, texts longer than the context, or a negative temperature.
    """
    import jax

    given = as_indices("prompts", prompts, config.vocabulary)
    if given.ndim != 2 or given.size == 0:
        raise ValueError(f"prompts has shape {given.shape}: give at least one, all of one length")
    length = given.shape[1] + as_integer("count", count, least=1)
    if length > config.context:
        raise ValueError(
            f"texts would have {length} tokens and the context is {config.context}: lower count to "
            f"{config.context - given.shape[1]}, or shorten prompts"
        )
    heat = as_floats("temperatures", temperatures)
    if heat.shape != (len(given),) or np.any(heat < 0.0):
        raise ValueError(f"temperatures is {heat!r}: give one number of at least 0 for each prompt")
    banned = np.zeros(config.vocabulary, bool)
    banned[as_indices("never", np.asarray(never, dtype=np.int64), config.vocabulary)] = True
    table = None if factors is None else tuple(np.asarray(factors).tolist())
    seed = jax.random.key(as_integer("key", key, least=0))
    run = _compiled(config, count, table)
    found = run(weights, given.astype(np.int32), heat.astype(np.float32), banned, seed)
    return np.concatenate([given, np.asarray(found, np.int64)], axis=1)


@cache
def _compiled(config: LlamaConfig, count: int, table: tuple[float, ...] | None) -> Any:
    import jax
    import jax.numpy as jnp

    c, factors = config, None if table is None else np.array(table)
    group = c.heads // c.kv_heads

    def write(weights: Parameters, prompts: Any, heat: Any, banned: Any, seed: Any) -> Any:
        batch, length = prompts.shape
        whole = length + count
        summed = wide(weights["embedding"].dtype)

        def chosen(hidden: Any, step: Any) -> Any:
            states = rms_norm(hidden, weights["norm"], c.eps)
            logits = jnp.dot(states, weights["head"].T, preferred_element_type=jnp.float32)
            noise = jax.random.gumbel(jax.random.fold_in(seed, step), logits.shape, jnp.float32)
            scored = jnp.where(banned, -jnp.inf, logits + heat[:, np.newaxis] * noise)
            return scored.argmax(axis=-1).astype(jnp.int32)  # a draw from softmax(logits / heat)

        def attention(query: Any, keys: Any, values: Any, place: Any) -> Any:
            grouped = query.reshape(batch, c.kv_heads, group, c.head_size)
            scores = jnp.einsum("bhgd,bhnd->bhgn", grouped, keys, preferred_element_type=summed)
            seen = jnp.arange(whole, dtype=jnp.int32) <= place
            scores = jnp.where(seen, scores * c.head_size**-0.5, -jnp.inf)
            mass = jax.nn.softmax(scores).astype(values.dtype)
            return jnp.einsum("bhgn,bhnd->bhgd", mass, values).reshape(batch, 1, -1)

        def after(carry: Any, step: Any) -> Any:
            keys, values, token = carry
            place = (length + step).astype(jnp.int32)
            turn = turns(c, jnp.broadcast_to(place, (batch, 1)), summed, factors)

            def layer(number: Any, state: Any) -> Any:
                hidden, keys, values = state
                block = {name: weights[name][number] for name in BLOCK}
                query, key, value = projected(c, block, hidden, turn)
                spot = (number, 0, 0, place, 0)
                keys = jax.lax.dynamic_update_slice(keys, _by_head(key)[np.newaxis], spot)
                values = jax.lax.dynamic_update_slice(values, _by_head(value)[np.newaxis], spot)
                mixed = attention(query, keys[number], values[number], place)
                return mlp_after(c, block, hidden, mixed), keys, values

            hidden = weights["embedding"][token][:, np.newaxis]
            first = jnp.zeros((), jnp.int32)
            hidden, keys, values = jax.lax.fori_loop(first, first + c.layers, layer, (hidden, keys, values))
            new = chosen(hidden[:, 0], step + 1)
            return (keys, values, new), new

        places = jnp.broadcast_to(jnp.arange(length, dtype=jnp.int32), prompts.shape)
        hidden, keys, values = through_layers(c, weights, prompts, places, factors)
        room = [(0, 0), (0, 0), (0, 0), (0, count), (0, 0)]
        keys, values = (jnp.pad(jax.vmap(_by_head)(part), room) for part in (keys, values))
        first = chosen(hidden[:, -1], jnp.zeros((), jnp.int32))
        steps = jnp.arange(count - 1, dtype=jnp.int32)
        _, others = jax.lax.scan(after, (keys, values, first), steps)
        return jnp.concatenate([first[np.newaxis], others]).T

    return jax.jit(write)


def _by_head(rows: Any) -> Any:
    """Return (B, T, Hk, D) as (B, Hk, T, D)."""
    return rows.swapaxes(1, 2)
