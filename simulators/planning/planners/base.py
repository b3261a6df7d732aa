"""What a planner is: a rule for subgoals given a posterior, written once for NumPy and for JAX."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from tightbound.theory.planning.expert import TIE_TOLERANCE, Expert
from tightbound.theory.planning.hmdp import HMDP
from tightbound.theory.planning.tree import HistoryTree

Array = NDArray[np.float64]


class Node(NamedTuple):
    """What a rule sees of one history, or of many along leading axes.

    Parameters
    ----------
    level : int
        Number of subgoals chosen so far.
    index : integers, shape (...)
        Position of the history in its level of the tree.
    weights : array, shape (..., Z)
        Posterior of the environments here, as the planner believes it.
    expert : integers, shape (..., Z)
        The expert's subgoal in each environment.
    worth : array, shape (..., G)
        Action values of the true environment's expert. Only an adversary reads them.
    """

    level: int
    index: Any
    weights: Any
    expert: Any
    worth: Any

    @property
    def subgoals(self) -> int:
        """Number G of subgoals."""
        return int(self.worth.shape[-1])


class Tables(NamedTuple):
    """Arrays of a history tree that a rule reads to plan a whole episode; entry h belongs to level h.

    Parameters
    ----------
    child : tuple of integer arrays, shape (N, G, O)
        Successors, -1 where impossible; none for the last level.
    likelihood : tuple of arrays, shape (Z, N)
        Probability of each history in each environment, subgoals given.
    reward : tuple of arrays, shape (W, N)
        Reward of the last observation.
    """

    child: tuple[Any, ...]
    likelihood: tuple[Any, ...]
    reward: tuple[Any, ...]


class Rule(Protocol):
    """A planner without its numbers; equal and hashable by structure, so that compiled code is shared."""

    def plan(self, xp: Any, tables: Tables, weights: Any, task: Any, parameters: tuple[Any, ...]) -> Any:
        """Return what is computed once per episode from the posterior (Z,) at its start."""

    def law(self, xp: Any, node: Node, plan: Any, parameters: tuple[Any, ...]) -> Any:
        """Return the law of the next subgoal, shape (..., G). ``xp`` is numpy or jax.numpy."""


class Evidence(NamedTuple):
    """What histories tell the planner: logarithms by which weights move, -inf where excluded.

    Parameters
    ----------
    within : tuple of arrays, shape (Z, 1, N) or (Z, W, N)
        Evidence of the history so far, at every level with a decision.
    exploited, explored : arrays, shape (Z, 1, leaves) or (Z, W, leaves)
        What a finished episode adds, by whether the planner chose its subgoals or exploration did.
    """

    within: tuple[Array, ...]
    exploited: Array
    explored: Array


class Planner:
    """Chooses subgoals from a posterior over environments; a frozen dataclass of hyper-parameters."""

    @property
    def whole_tree(self) -> bool:
        """Whether the rule's plan is one subgoal per history, so that its value is computed exactly."""
        return False

    @property
    def bayesian(self) -> bool:
        """Whether weights follow Bayes' rule, so that weight on the truth hardly ever fades again."""
        return True

    @property
    def parts(self) -> tuple[Planner, Planner | None]:
        """The planner that exploits, and the one that explores, if any."""
        return self, None

    def rule(self, model: HMDP) -> Rule:
        """Return the rule; planners of one structure return equal rules."""
        raise NotImplementedError(f"{type(self).__name__} has no rule of its own: play its parts")

    def parameters(self, model: HMDP) -> tuple[Any, ...]:
        """Return the numbers that the rule is called with."""
        return ()

    def probabilities(self, episodes: int) -> Array:
        """Return the chance of exploration in every episode, shape (T,)."""
        return np.zeros(episodes)

    def evidence(self, tree: HistoryTree, expert: Expert) -> Evidence:
        """Return what histories tell: the logarithms of their likelihoods."""
        logs = [level.log_likelihood[:, np.newaxis, :] for level in tree.levels]
        return Evidence(tuple(logs[:-1]), logs[-1], logs[-1])


@dataclass(frozen=True)
class Stationary:
    """Rule of a law by decision, which is the only parameter."""

    def plan(self, xp: Any, tables: Tables, weights: Any, task: Any, parameters: tuple[Any, ...]) -> Any:
        """Return nothing: there is nothing to plan."""
        return ()

    def law(self, xp: Any, node: Node, plan: Any, parameters: tuple[Any, ...]) -> Any:
        """Return the decision's law."""
        return xp.broadcast_to(parameters[0][node.level], (*xp.shape(node.index), node.subgoals))


@dataclass(frozen=True)
class Aggregate:
    """Rule that aggregates the experts' subgoals by the posterior and hands the mixture on to ``decode``."""

    decode: Callable[[Any, Any, tuple[Any, ...]], Any]

    def plan(self, xp: Any, tables: Tables, weights: Any, task: Any, parameters: tuple[Any, ...]) -> Any:
        """Return nothing: subgoals are chosen as they come."""
        return ()

    def law(self, xp: Any, node: Node, plan: Any, parameters: tuple[Any, ...]) -> Any:
        """Return the decoded mixture."""
        votes = node.expert[..., np.newaxis] == xp.arange(node.subgoals)
        mixture = (node.weights[..., np.newaxis] * votes).sum(axis=-2)
        return self.decode(xp, mixture, parameters)


def posterior(xp: Any, log_weights: Any) -> Any:
    """Return weights (..., Z) that sum to one; uniform where every environment is excluded."""
    top = log_weights.max(axis=-1, keepdims=True)
    weights = xp.exp(xp.where(top > -np.inf, log_weights - xp.where(top > -np.inf, top, 0.0), 0.0))
    return weights / weights.sum(axis=-1, keepdims=True)


def one_hot(xp: Any, index: Any, size: int) -> Any:
    """Return the law that puts all mass on ``index``."""
    return (xp.asarray(index)[..., np.newaxis] == xp.arange(size)) * 1.0


def first_maximum(xp: Any, values: Any) -> Any:
    """Return the lowest index of the largest of nonnegative values (..., G), rounding apart."""
    return (values >= values.max(axis=-1, keepdims=True) * (1.0 - TIE_TOLERANCE)).argmax(axis=-1)


def sum_children(xp: Any, child: Any, value: Any) -> Any:
    """Sum values of the next level (N',) over the next observation, shape (N, G)."""
    if child.size == value.size:
        # Every history can go on in every way, and nodes are ordered by it.
        return value.reshape(child.shape).sum(axis=-1)
    return xp.where(child >= 0, value[xp.maximum(child, 0)], 0.0).sum(axis=-1)
