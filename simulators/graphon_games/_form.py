"""A game taken apart into arrays, which are traced, and a hashable form, which fixes the compiled program."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

import numpy as np

from tightbound.simulators.graphon_games._sparse import lists
from tightbound.theory.graphon_games.game import GraphonGame

Arrays = dict[str, Any]


@dataclass(frozen=True)
class Stage:
    """A kernel or a reward: a table, or a callable whose numeric fields are traced.

    ``function`` is None for a table, the class for a dataclass instance (rebuilt from its fields while
    tracing), and the callable itself otherwise.
    """

    function: Any
    traced: tuple[str, ...] = ()
    fixed: tuple[tuple[str, Any], ...] = ()
    opaque: bool = False

    def __call__(self, arrays: Arrays, h: Any, z: Any) -> Any:
        """Return the stage values for aggregates z (M, S); a table lacks the leading axis over blocks."""
        if self.function is None:
            table = arrays["table"]
            return table[h if len(table) > 1 else 0]
        if self.opaque:
            return self.function(h, z)
        # Constructors validate, which a traced number cannot pass; the instance was valid when taken apart.
        instance = object.__new__(self.function)
        for name in self.traced:
            object.__setattr__(instance, name, arrays[name])
        for name, value in self.fixed:
            object.__setattr__(instance, name, value)
        return instance(h, z)


@dataclass(frozen=True)
class Form:
    """What the compiled program depends on besides array shapes."""

    blocks: int
    horizon: int
    states: int
    actions: int
    transition: Stage
    reward: Stage
    sparse: bool  # the kernel is a table whose lists are at hand


def split(game: GraphonGame, *, dense: bool = False) -> tuple[Form, Arrays]:
    """Return the form of a game and its arrays; ``dense`` does without lists of successors."""
    transition, transition_arrays = _stage(game.transition_table, game.transition)
    reward, reward_arrays = _stage(game.reward_table, game.reward)
    sparse = None if dense or game.transition_table is None else lists(game.transition_table)
    if sparse is not None:
        # Inside, actions come before states: pairs are a S + s.
        transition_arrays |= {
            "successor": np.ascontiguousarray(sparse["successor"].swapaxes(1, 2)),
            "chance": np.ascontiguousarray(sparse["chance"].swapaxes(1, 2)),
            "predecessor": sparse["predecessor"] % game.actions * game.states
            + sparse["predecessor"] // game.actions,
            "arrival": sparse["arrival"],
        }
    elif game.transition_table is not None:
        transition_arrays |= _matrices(game.transition_table)
    arrays = {
        "weights": np.ascontiguousarray(game.weights.swapaxes(1, 2)),  # laws are rows
        "initial": np.ascontiguousarray(game.initial.T),
        "transition": transition_arrays,
        "reward": reward_arrays,
    }
    form = Form(game.blocks, game.horizon, game.states, game.actions, transition, reward, sparse is not None)
    return form, arrays


def _matrices(table: Any) -> Arrays:
    """Return a kernel (L, S, A, S) as matrices from pairs a S + s to states (L, A S, S), and transposed."""
    leaving = table.swapaxes(1, 2).reshape(len(table), -1, table.shape[-1])
    return {"leaving": leaving, "arriving": np.ascontiguousarray(leaving.swapaxes(1, 2))}


def agents_last(values: Any) -> Any:
    """Return values (H, ..., S, N) of the N blocks of all games side by side from (G, H, M, S, ...)."""
    ordered = values.transpose(1, *range(values.ndim - 1, 2, -1), 0, 2)
    return ordered.reshape(*ordered.shape[:-2], -1)


def games_first(values: Any, blocks: int) -> Any:
    """Return values (G, H, M, S, ...) of each game from (H, ..., S, N)."""
    parted = values.reshape(*values.shape[:-1], -1, blocks)
    return parted.transpose(parted.ndim - 2, 0, parted.ndim - 1, *range(parted.ndim - 3, 0, -1))


def _stage(table: Any, function: Any) -> tuple[Stage, Arrays]:
    if table is not None:
        return Stage(None), {"table": table}
    if not dataclasses.is_dataclass(function) or isinstance(function, type):
        return Stage(function, opaque=True), {}
    traced: Arrays = {}
    fixed: list[tuple[str, Any]] = []
    for field in dataclasses.fields(function):
        value = getattr(function, field.name)
        if isinstance(value, (float, np.ndarray, np.floating)):
            traced[field.name] = np.asarray(value, dtype=np.float64)
            continue
        try:
            hash(value)
        except TypeError:
            return Stage(function, opaque=True), {}
        fixed.append((field.name, value))
    return Stage(type(function), tuple(traced), tuple(fixed)), traced
