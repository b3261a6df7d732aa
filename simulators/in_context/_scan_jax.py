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

    impossible: Any  # (2, T, B): whether the covariate, the response had probability zero
    predicted: Any  # (T, B)
    last: Any  # (B, M)
    path: Any  # (T, B, M)
    best: Any  # (T, B)


def log_sum(logs: Any) -> Any:
    """Return the logarithm of the sum of exponentials over the last axis; -inf where all terms are."""
    top = logs.max(axis=-1)
    shift = jnp.where(top > -jnp.inf, top, 0.0)
    return jnp.log(jnp.exp(logs - shift[..., None]).sum(axis=-1)) + shift


def finite(logs: Any) -> Any:
    """Return what can be subtracted from logarithms of which none is larger."""
    return jnp.where(logs > -jnp.inf, logs, 0.0)


@partial(jax.jit, static_argnames="wanted")
def scan(logs: Logs, rows: Any, seen: Any, *, wanted: str) -> Kept:
    """Average along sequences rows (T, B), covariates seen (T, B); ``wanted`` names one field of `Kept`."""
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
            impossible=jnp.stack([before == -jnp.inf, total == -jnp.inf]),
            predicted=total - finite(before) if wanted == "predicted" else None,
            last=None,
            path=weight if wanted == "path" else None,
            best=front.max(axis=-1) if wanted == "best" else None,
        )
        return (weight, alpha, front), kept

    alpha = jnp.broadcast_to(logs.initial, (count, tasks, states))
    (weight, _, _), kept = jax.lax.scan(advance, (weight, alpha, front), (rows, seen))
    return Kept(
        impossible=jnp.moveaxis(kept.impossible, 1, 0),
        predicted=kept.predicted,
        last=weight if wanted == "last" else None,
        path=kept.path,
        best=kept.best,
    )
