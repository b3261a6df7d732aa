"""Bayesian model averaging in JAX: a scan over demonstrations in log space, all sequences side by side."""

from __future__ import annotations

from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp


class Logs(NamedTuple):
    """Logarithms of a bank's tables; ``asked`` has no rows where covariates come from outside."""

    prior: Any  # (M,)
    initial: Any  # (M, H)
    step: Any  # (M, next H, H)
    shown: Any  # (K, M, H)
    asked: Any  # (C or 0, M)


class Kept(NamedTuple):
    """What a scan returns; None where it was not wanted."""

    impossible: Any  # (B, T, 2): whether the covariate, the response had probability zero
    predicted: Any  # (B, T)
    last: Any  # (B, M)
    path: Any  # (B, T + 1, M)
    best: Any  # (B, T)


def log_sum(logs: Any) -> Any:
    """Return the logarithm of the sum of exponentials over the last axis; -inf where all terms are."""
    top = logs.max(axis=-1)
    shift = jnp.where(top > -jnp.inf, top, 0.0)
    return jnp.log(jnp.exp(logs - shift[..., None]).sum(axis=-1)) + shift


def finite(logs: Any) -> Any:
    """Return what can be subtracted from logarithms of which none is larger."""
    return jnp.where(logs > -jnp.inf, logs, 0.0)


@partial(jax.jit, static_argnames="wanted")
def scan(logs: Logs, rows: Any, seen: Any, *, wanted: tuple[str, ...]) -> Kept:
    """Average along sequences rows (T, B), covariates seen (T, B); ``wanted`` names fields of `Kept`."""
    count, (tasks, states) = rows.shape[1], logs.initial.shape
    weight = jnp.broadcast_to(logs.prior, (count, tasks))
    front = jnp.where(weight > -jnp.inf, 0.0, -jnp.inf)

    def advance(state: Any, labels: Any) -> Any:
        weight, alpha, front = state
        row, covariate = labels
        before: Any = jnp.zeros(count)
        if logs.asked.shape[0]:
            weight = weight + logs.asked[covariate]
            before = log_sum(weight)
        joint = alpha + logs.shown[row]
        chance = joint[..., 0] if states == 1 else log_sum(joint)
        if states > 1:
            joint = joint - finite(chance)[..., None]
            alpha = log_sum(joint[..., None, :] + logs.step)
        joint_weight = weight + chance
        total = log_sum(joint_weight)
        weight = joint_weight - finite(total)[:, None]
        front = front + chance
        kept = Kept(
            impossible=jnp.stack([before == -jnp.inf, total == -jnp.inf], axis=-1),
            predicted=total - finite(before) if "predicted" in wanted else None,
            last=None,
            path=weight if "path" in wanted else None,
            best=front.max(axis=-1) if "best" in wanted else None,
        )
        return (weight, alpha, front), kept

    start = weight
    alpha = jnp.broadcast_to(logs.initial, (count, tasks, states))
    (weight, _, _), kept = jax.lax.scan(advance, (weight, alpha, front), (rows, seen))
    first: Kept = jax.tree.map(lambda array: jnp.swapaxes(array, 0, 1), kept)  # sequences first
    path = None if first.path is None else jnp.concatenate([start[:, None], first.path], axis=1)
    return first._replace(path=path, last=weight if "last" in wanted else None)
