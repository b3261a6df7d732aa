"""One step of a game, forward for laws and backward for values, all blocks at once."""

from __future__ import annotations

import numpy as np

from tightbound.theory.graphon_games._validation import Array, as_probabilities, check_probabilities
from tightbound.theory.graphon_games.game import GraphonGame


def forward(game: GraphonGame, h: int, z: Array, law: Array) -> Array:
    """Return the next state law (M, S) from the state-action law (M, S, A) at aggregates z (M, S)."""
    pairs = game.states * game.actions
    if game.transition_table is not None:
        return np.asarray(law.reshape(-1, pairs) @ _table(game, h).reshape(pairs, game.states))
    kernel = _kernel(game, h, z).reshape(-1, pairs, game.states)
    return np.asarray((law.reshape(-1, 1, pairs) @ kernel)[:, 0])


def backward(game: GraphonGame, h: int, z: Array, values: Array) -> Array:
    """Return the expected next value (M, S, A) for values (M, S) at aggregates z (M, S)."""
    shape = (len(values), game.states, game.actions)
    pairs = game.states * game.actions
    if game.transition_table is not None:
        return np.asarray((values @ _table(game, h).reshape(pairs, game.states).T).reshape(shape))
    kernel = _kernel(game, h, z).reshape(-1, pairs, game.states)
    return np.asarray((kernel @ values[:, :, None]).reshape(shape))


def rewards(game: GraphonGame, h: int, z: Array) -> Array:
    """Return the rewards (M, S, A) at aggregates z (M, S)."""
    values = np.asarray(game.reward_at(h, z), dtype=np.float64)
    if not np.all(np.isfinite(values)):
        raise ValueError(f"reward({h}, z) is NaN or infinite on this mean field: return finite numbers")
    return values


def as_policy(game: GraphonGame, policy: object, name: str = "policy") -> Array:
    """Return a checked policy of shape (M, H, S, A)."""
    return as_probabilities(name, policy, policy_shape(game))  # type: ignore[arg-type]


def as_mean_field(game: GraphonGame, mean_field: object, name: str = "mean_field") -> Array:
    """Return a checked mean field of shape (M, H, S)."""
    return as_probabilities(name, mean_field, (game.blocks, game.horizon, game.states))  # type: ignore[arg-type]


def policy_shape(game: GraphonGame) -> tuple[int, int, int, int]:
    """Return (M, H, S, A)."""
    return game.blocks, game.horizon, game.states, game.actions


def _table(game: GraphonGame, h: int) -> Array:
    """Return the kernel (S, A, S) of step h."""
    assert game.transition_table is not None
    return np.asarray(game.transition_table[h if len(game.transition_table) > 1 else 0])


def _kernel(game: GraphonGame, h: int, z: Array) -> Array:
    """Return the checked kernels (M, S, A, S) of a callable."""
    kernel = np.asarray(game.transition_at(h, z), dtype=np.float64)
    check_probabilities(f"transition({h}, z) on this mean field", kernel)
    return kernel
