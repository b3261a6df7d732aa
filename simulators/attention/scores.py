"""Attention scores of logits in JAX, as `tightbound.theory.attention.scores` defines them."""

from __future__ import annotations

from typing import Any

import numpy as np

from tightbound.simulators.language_models.trainable import Parameters
from tightbound.theory.attention.architecture import Architecture
from tightbound.theory.attention.position_codes import alibi_slopes, relative_buckets


def bias_of_logits(architecture: Architecture, parameters: Parameters, positions: Any) -> Any:
    """Return what is added to the logits, broadcastable to (B, H, R, S), or None; positions are NumPy's."""
    import jax.numpy as jnp

    bare = architecture.slots and not architecture.sink_token
    rows = positions[1:] if bare else positions
    distances = np.maximum(rows[:, None] - positions, 0)
    dtype = parameters["token"].dtype
    if architecture.position == "alibi":
        found = jnp.asarray(-alibi_slopes(architecture.heads)[:, None, None] * distances, dtype)
    elif architecture.position == "bucket_index":
        found = jnp.asarray(relative_buckets(distances)[None], dtype)
    elif architecture.position == "relative":
        found = parameters["relative_bias"][:, relative_buckets(distances)]
    else:
        return None if architecture.logit_bias == 0.0 else jnp.asarray(architecture.logit_bias, dtype)
    if architecture.bias_slot == "off_by_one":
        found = found.at[..., 0].set(0.0)
    return found + architecture.logit_bias


def scores_of_logits(architecture: Architecture, logits: Any, seen: Any, scale: Any) -> Any:
    """Return the scores A of logits (or kernel products) where ``seen``, and 0 elsewhere.

    ``scale`` is what a row of ``normaliser="sum"`` sums to.
    """
    import jax
    import jax.numpy as jnp

    name, normaliser = architecture.operation, architecture.normaliser
    if name in ("relu", "identity", "mlp"):
        found = jnp.where(seen, jax.nn.relu(logits) if name == "relu" else logits, 0.0)
        if normaliser == "max_abs":
            found = found / jnp.maximum(jnp.abs(found.sum(axis=-1, keepdims=True)), 1.0)
        return found
    if normaliser == "none":
        return jnp.where(seen, _similarity(name, logits), 0.0)
    logs = jnp.where(seen, _log_similarity(name, logits), -jnp.inf)
    if normaliser == "power":
        p = architecture.power
        return jnp.exp(logs - jax.nn.logsumexp(p * logs, axis=-1, keepdims=True) / p)
    found = jax.nn.softmax(logs, axis=-1)
    return found if isinstance(scale, float) and scale == 1.0 else scale * found


def _similarity(name: str, logits: Any) -> Any:
    import jax

    if name == "sigmoid":
        return jax.nn.sigmoid(logits)
    return elu1(logits) if name == "elu1" else logits


def _log_similarity(name: str, logits: Any) -> Any:
    import jax
    import jax.numpy as jnp

    if name == "softmax":
        return logits
    if name == "sigmoid":
        return jax.nn.log_sigmoid(logits)
    if name == "elu1":
        return jnp.where(logits > 0.0, jnp.log1p(jnp.maximum(logits, 0.0)), logits)
    return jnp.log(logits)


def elu1(x: Any) -> Any:
    """Return elu(x) + 1."""
    import jax.numpy as jnp

    return jnp.where(x > 0.0, x + 1.0, jnp.exp(jnp.minimum(x, 0.0)))
