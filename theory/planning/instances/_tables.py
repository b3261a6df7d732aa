"""Checks and tables shared by the instances."""

from __future__ import annotations

from typing import Any

import numpy as np

from tightbound.theory._validation import as_floats
from tightbound.theory.planning._validation import Array


def resting(environments: int, states: int, subgoals: int) -> Array:
    """Return a transition table, shape (Z, S, G, S), that stays wherever it is."""
    stay = np.eye(states)[np.newaxis, :, np.newaxis, :]
    return np.broadcast_to(stay, (environments, states, subgoals, states)).copy()


def last_reward(horizon: int, observations: int, gains: dict[int, float]) -> Array:
    """Return rewards, shape (H, O), that are paid for the last observation only."""
    reward = np.zeros((horizon, observations))
    for observation, gain in gains.items():
        reward[-1, observation] = gain
    return reward


def as_probability(name: str, value: Any, *, low: float = 0.0, high: float = 1.0) -> float:
    """Return one probability in [low, high]."""
    number = as_floats(name, value)
    if number.ndim or not low <= number <= high:
        raise ValueError(f"{name} is {value!r}: give one number in [{low:g}, {high:g}]")
    return float(number)


def as_interior(name: str, value: Any) -> float:
    """Return one probability strictly between 0 and 1."""
    number = as_probability(name, value)
    if number in (0.0, 1.0):
        raise ValueError(f"{name} is {value!r}: give one number strictly between 0 and 1")
    return number
