"""The forward pass in JAX, for training: architecture and parameters as in NumPy, every operation."""

from __future__ import annotations

from typing import Any

import numpy as np

from tightbound.simulators.attention.products import inner, linear, mix
from tightbound.simulators.attention.scores import bias_of_logits, elu1, scores_of_logits
from tightbound.simulators.language_models.trainable import Parameters
from tightbound.theory.attention.architecture import Architecture
from tightbound.theory.attention.masks import visible
from tightbound.theory.attention.position_codes import rotary, sinusoidal

NORM_EPS = 1e-5

SETTINGS = ("scale", "slot_value_norm")
"""Numbers of an architecture that may stand among the parameters instead, so that they are traced."""


def forward(architecture: Architecture, parameters: Parameters, tokens: Any) -> dict[str, Any]:
    """Return the logits and everything on the way to them; traceable, and what is not used costs nothing.

    Parameters
    ----------
    architecture : Architecture
        Hyper-parameters.
    parameters : dict from name to array
        With the names and shapes of ``architecture.shapes()``; ``scale`` and ``slot_value_norm``, where they
        are among them, replace the numbers of the architecture.
    tokens : array of int, shape (B, T)
        Sequences, 1 <= T <= context.

    Returns
    -------
    dict from name to array
        ``logits``, ``scores``, ``queries``, ``keys``, ``values``, ``hidden`` and ``residual`` of
        `tightbound.theory.attention.transformer.Trace`, and ``outputs`` (L, B, H, T, d_h), what the heads
        return.

    References
    ----------
    Gu et al., ICLR 2025, arXiv:2410.10781, preliminaries and Appendix D: blocks and variants.

    Examples
    --------
    >>> import jax
    >>> small = Architecture(vocabulary=3, context=4, width=4)
    >>> with jax.enable_x64(True):
    ...     found = jax.eval_shape(lambda w: forward(small, w, np.zeros((2, 4), int)), small.init(0))
    >>> found["scores"].shape
    (1, 2, 1, 4, 4)
    """
    import jax.numpy as jnp

    w, sink = parameters, int(architecture.sink_token)
    length = tokens.shape[1]
    positions = np.arange(length + architecture.slots)
    # a product, because the derivative of a look-up adds row after row
    state = linear(_one_hot(tokens, architecture.vocabulary, w["token"].dtype), w["token"])
    if sink:
        first = jnp.broadcast_to(w["sink_token"], (len(tokens), 1, architecture.width))
        state = jnp.concatenate([first, state], axis=1)
    own = positions[-state.shape[1] :]
    if architecture.position == "learned":
        state = state + w["position"][own[0] : own[-1] + 1]
    elif architecture.position == "sinusoidal":
        state = state + sinusoidal(own, architecture.width).astype(state.dtype)
    pre, post = architecture.norm == "pre", architecture.norm == "post"
    seen = _visible(architecture, length)
    hidden, residual, heads = [state], [state], []
    for block in range(architecture.blocks):
        rows = _rms(state, w["attention_norm"][block]) if pre else state
        mixed, parts = _attention(architecture, w, block, rows, positions, seen)
        state = raw = state + mixed
        if post:
            state = _rms(state, w["attention_norm"][block])
        if architecture.feed_forward is not None:
            rows = _rms(state, w["feed_forward_norm"][block]) if pre else state
            state = raw = state + _feed_forward(architecture, w, block, rows)
            if post:
                state = _rms(state, w["feed_forward_norm"][block])
        hidden.append(state)
        residual.append(raw)
        heads.append(parts)
    final = _rms(state, w["final_norm"]) if pre else state
    queries, keys, values, scores, outputs = (jnp.stack(part) for part in zip(*heads, strict=True))
    return {
        "logits": linear(final[:, sink:], w["readout"]),
        "scores": scores[..., sink:, :],
        "queries": queries[..., sink:, :],
        "keys": keys,
        "values": values,
        "outputs": outputs[..., sink:, :],
        "hidden": jnp.stack(hidden),
        "residual": jnp.stack(residual),
    }


def _attention(
    architecture: Architecture, w: Parameters, block: int, rows: Any, positions: Any, seen: Any
) -> tuple[Any, tuple[Any, ...]]:
    """Return what the heads add to the stream, and queries, keys, values, scores and outputs."""
    import jax.numpy as jnp

    batch, count, width = rows.shape
    heads, head = architecture.heads, architecture.head_width
    # one product instead of three
    joint = jnp.concatenate([w[name][block] for name in ("query", "key", "value")], axis=1)
    query, key, value = (
        part.reshape(batch, count, heads, head).swapaxes(1, 2)
        for part in jnp.split(linear(rows, joint), 3, axis=-1)
    )
    bare = architecture.slots and not architecture.sink_token
    if architecture.position == "rotary":
        places = np.arange(count) + int(bool(bare))
        query, key = _rotary(query, places), _rotary(key, places)
    if bare:
        slot_key, slot_value = slot_vectors(architecture, w, block)
        key, value = (
            jnp.concatenate([jnp.broadcast_to(first[:, None], (batch, heads, 1, head)), part], axis=2)
            for first, part in ((slot_key, key), (slot_value, value))
        )
    left, right = query, key
    if architecture.operation == "mlp":
        up, down = w["kernel_up"][block], w["kernel_down"][block]
        left, right = (linear(jnp.maximum(linear(part, up), 0.0), down) for part in (query, key))
    elif architecture.operation == "kernel_elu":
        left, right = (elu1(part) for part in (query, key))
    logits = inner(left, right) * head**-0.5
    bias = bias_of_logits(architecture, w, positions)
    if bias is not None:
        logits = logits + bias
    scores = scores_of_logits(architecture, logits, seen, w.get("scale", architecture.scale))
    out = mix(scores, value)
    if architecture.bias_slot == "value":
        out = out + w["slot_value"][block][:, None]
    mixed = linear(out.swapaxes(1, 2).reshape(batch, count, width), w["mix"][block])
    return mixed, (query, key, value, scores, out)


def slot_vectors(architecture: Architecture, w: Parameters, block: int) -> tuple[Any, Any]:
    """Return key and value of the bias slot of a block, each (heads, d_h)."""
    import jax.numpy as jnp

    shape = (architecture.heads, architecture.head_width)
    dtype = w["token"].dtype
    if architecture.bias_slot == "off_by_one":
        return jnp.zeros(shape, dtype), jnp.zeros(shape, dtype)
    learned = w["slot_key"][block]
    missing = architecture.head_width - learned.shape[-1]
    key = jnp.broadcast_to(jnp.pad(learned, ((0, 0), (0, missing))), shape)
    if architecture.bias_slot == "key_value":
        return key, jnp.broadcast_to(w["slot_value"][block], shape)
    if architecture.slot_direction == "axis":
        direction = np.eye(1, architecture.head_width)[0]
    else:
        direction = np.full(architecture.head_width, architecture.head_width**-0.5)
    norm = w.get("slot_value_norm", architecture.slot_value_norm)
    return key, jnp.broadcast_to(norm * direction.astype(dtype), shape)


def _visible(architecture: Architecture, length: int) -> Any:
    prefix = min(architecture.prefix, length)
    seen = visible(length, slots=architecture.slots, window=architecture.window, prefix=prefix)
    if not architecture.sink_token:
        return seen
    return np.concatenate([np.arange(length + 1)[None] == 0, seen])


def _feed_forward(architecture: Architecture, w: Parameters, block: int, rows: Any) -> Any:
    up = linear(rows, w["up"][block])
    name = str(architecture.feed_forward)
    gated = {"reglu": "relu", "geglu": "gelu", "swiglu": "swish"}
    hidden = (
        _activation(gated[name], linear(rows, w["gate"][block])) * up
        if name in gated
        else _activation(name, up)
    )
    return linear(hidden, w["down"][block])


def _activation(name: str, x: Any) -> Any:
    import jax

    if name == "gelu":
        return jax.nn.gelu(x, approximate=False)
    return jax.nn.relu(x) if name == "relu" else jax.nn.silu(x)


def _rotary(x: Any, places: Any) -> Any:
    """Turn pairs (first half with second half) by angles that come from the definition in NumPy."""
    import jax.numpy as jnp

    half = x.shape[-1] // 2
    unit = np.concatenate([np.ones(half), np.zeros(half)])
    turned = rotary(np.broadcast_to(unit, (len(places), 2 * half)), places).astype(x.dtype)
    cos, sin = turned[:, :half], turned[:, half:]
    left, right = x[..., :half], x[..., half:]
    return jnp.concatenate([left * cos - right * sin, left * sin + right * cos], axis=-1)


def _rms(x: Any, gain: Any) -> Any:
    import jax

    return x * jax.lax.rsqrt((x * x).mean(axis=-1, keepdims=True) + NORM_EPS) * gain


def _one_hot(tokens: Any, size: int, dtype: Any) -> Any:
    import jax

    return jax.nn.one_hot(tokens, size, dtype=dtype)
