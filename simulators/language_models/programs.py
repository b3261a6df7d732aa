"""The compiled part of a training: the steps of R runs up to their next evaluation."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tightbound.simulators.language_models.schedule import Schedule
from tightbound.simulators.language_models.trainable import Parameters, Trainable, Watch


@dataclass(frozen=True)
class Rules:
    """What of a schedule is part of the program; everything else is a number that it is given."""

    optimiser: str
    betas: tuple[float, float]
    decays: bool
    clips: bool
    keep: str
    own: str | None

    @classmethod
    def of(cls, schedules: tuple[Schedule, ...]) -> Rules:
        """Return the rules that schedules share."""
        first = schedules[0]
        return cls(
            first.optimiser,
            first.betas,
            any(schedule.weight_decay > 0.0 for schedule in schedules),
            any(schedule.clip is not None for schedule in schedules),
            first.keep,
            None if first.own_rate is None else first.own_rate.parameter,
        )


def numbers(schedules: tuple[Schedule, ...], dtype: str) -> dict[str, NDArray[Any]]:
    """Return what the program is given for each run: arrays (R,)."""
    found = {"eps": [schedule.eps for schedule in schedules]}
    rules = Rules.of(schedules)
    if rules.decays:
        found["weight_decay"] = [schedule.weight_decay for schedule in schedules]
    if rules.clips:
        found["clip"] = [schedule.clip or np.inf for schedule in schedules]
    if rules.own is not None:
        for name in ("learning_rate", "weight_decay", "eps"):
            found[f"own {name}"] = [getattr(schedule.own_rate, name) for schedule in schedules]
    return {name: np.asarray(values, dtype) for name, values in found.items()}


@lru_cache(maxsize=32)
def programs(
    model: Trainable, rules: Rules, watch: Watch | None
) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """Return the start of R runs, and the compiled steps up to their next evaluation."""
    import jax
    import jax.numpy as jnp
    import optax

    def adam(weights: Parameters, given: Any) -> Any:
        if rules.own is None:
            return optax.scale_by_adam(*rules.betas, eps=given["eps"])
        labels = {name: "own" if name == rules.own else "other" for name in weights}
        eps = {"own": given["own eps"] * given["eps"], "other": given["eps"]}
        return optax.partition({k: optax.scale_by_adam(*rules.betas, eps=v) for k, v in eps.items()}, labels)

    def factor(name: str, setting: str, given: Any) -> Any:
        return given[f"own {setting}"] if name == rules.own else 1.0

    def split(weights: Parameters) -> tuple[Parameters, Parameters]:
        trained = {name: array for name, array in weights.items() if name not in model.frozen}
        return trained, {name: weights[name] for name in model.frozen}

    def begin(weights: Parameters) -> Any:
        trained = split(weights)[0]
        state = {
            "parameters": weights,
            "optimiser": adam(trained, dict.fromkeys(("eps", "own eps"), 1.0)).init(trained)
            if rules.optimiser == "adam"
            else (),
        }
        if rules.keep == "best":
            state |= {
                "best": weights,
                "least": jnp.asarray(jnp.inf, model.dtype),
                "since": jnp.zeros((), jnp.int32),
            }
        return state

    def advance(
        state: Any,
        batches: Any,
        rates: Any,
        given: Any,
        validation: Any,
        mask: Any,
        patience: Any,
        constants: Parameters,
    ) -> Any:
        weights, fixed = split(state["parameters"])

        def loss(trained: Parameters, tokens: Any) -> Any:
            return model.loss(trained | fixed | constants, tokens, mask)

        def step(carry: Any, data: Any) -> Any:
            (weights, moments), (tokens, rate) = carry, data
            value, change = jax.value_and_grad(loss)(weights, tokens)
            if rules.clips:
                shrink = jnp.minimum(1.0, given["clip"] / optax.tree.norm(change))
                change = jax.tree.map(lambda slope: slope * shrink, change)
            if rules.optimiser == "adam":
                change, moments = adam(weights, given).update(change, moments)
            if rules.decays:
                change = {
                    name: slope + given["weight_decay"] * factor(name, "weight_decay", given) * weights[name]
                    for name, slope in change.items()
                }
            weights = {
                name: weight - rate * factor(name, "learning_rate", given) * change[name]
                for name, weight in weights.items()
            }
            return (weights, moments), value

        (weights, moments), values = jax.lax.scan(step, (weights, state["optimiser"]), (batches, rates))
        value = loss(weights, validation)
        seen = {} if watch is None else dict(watch(weights | fixed | constants, validation))
        new = {"parameters": weights | fixed, "optimiser": moments}
        if rules.keep == "best":
            better = (value < state["least"]) & (state["since"] < patience)
            new |= {
                "best": jax.tree.map(lambda a, b: jnp.where(better, a, b), new["parameters"], state["best"]),
                "least": jnp.where(better, value, state["least"]),
                "since": jnp.where(better, 0, state["since"] + 1).astype(jnp.int32),
            }
        return new, values.mean(), value, seen

    return jax.vmap(begin), jax.jit(jax.vmap(advance, in_axes=(0, 0, 0, 0, None, None, None, None)))
