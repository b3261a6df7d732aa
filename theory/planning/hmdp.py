r"""The hierarchical Markov decision process behind a planner, an actor and a reporter.

A latent environment z is drawn once. In it a hidden state moves by subgoals and is reported by observations,

.. math:: s_1 \sim \rho, \quad o_h \sim O(\cdot | s_h), \quad s_{h+1} \sim P_{z,h}(\cdot | s_h, g_h),

where one step of P is what a fixed low-level actor makes of subgoal g in several physical steps. The reward
r_h(o_h, w) in [0, 1] is a known function of the observation and of the task w. There are H observations and
H - 1 decisions: the last subgoal would earn nothing.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike

from tightbound.theory._validation import as_floats
from tightbound.theory.planning._validation import Array, as_integer, as_laws, shaped


@dataclass(frozen=True, eq=False)
class HMDP:
    r"""Tables of a hierarchical Markov decision process with Z candidate environments.

    .. math:: P_z(o_1, g_1, \dots, o_H) = \sum_{s_1, \dots, s_H} \rho(s_1) O(o_1 | s_1)
        \prod_{h < H} \pi(g_h | o_1, g_1, \dots, o_h) P_{z,h}(s_{h+1} | s_h, g_h) O(o_{h+1} | s_{h+1})

    Parameters
    ----------
    initial : array_like, shape (S,)
        Law of the first state.
    transition : array_like, shape (Z, S, G, S) or (Z, H-1, S, G, S)
        Law of the next state for environment, (step,) state and subgoal. Stored as the latter.
    observation : array_like, shape (S, O)
        The reporter's law as planners assume it.
    reward : array_like, shape (H, O) or (H, O, W)
        Reward in [0, 1] of what is observed at each step, for each task. Stored as the latter.
    prior : array_like, shape (Z,), optional
        Law of the environment; uniform where left out.
    emission : array_like, shape (S, O), optional
        The law by which the reporter really reports; ``observation`` where left out. The two differ when the
        reporter is misspecified.
    actors : sequence of int, optional
        Number of subgoals of each actor, with product G; one actor where left out. A joint subgoal is their
        mixed-radix index, actor 0 most significant (``numpy.ravel_multi_index``).

    Raises
    ------
    ValueError
        For rows that do not sum to one within 1e-10, negative or undefined entries, rewards outside [0, 1],
        a horizon below 2, or shapes that do not fit together.

    References
    ----------
    He, Chen, Zhang, Yang, "From Words to Actions", ICML 2024, arXiv:2405.19883: the setting.

    Examples
    --------
    >>> stay, flip = np.eye(2), np.eye(2)[::-1]
    >>> transition = np.array([np.stack([stay, flip], 1), np.stack([flip, stay], 1)])
    >>> model = HMDP([1.0, 0.0], transition, np.eye(2), [[0.0, 0.0], [0.0, 1.0]])
    >>> model.environments, model.states, model.subgoals, model.horizon, model.decisions
    (2, 2, 2, 2, 1)
    """

    initial: Array
    transition: Array
    observation: Array
    reward: Array
    prior: Array
    emission: Array
    actors: tuple[int, ...]

    def __init__(
        self,
        initial: ArrayLike,
        transition: ArrayLike,
        observation: ArrayLike,
        reward: ArrayLike,
        prior: ArrayLike | None = None,
        *,
        emission: ArrayLike | None = None,
        actors: Sequence[int] | None = None,
    ) -> None:
        first = as_laws("initial", initial)
        if first.ndim != 1:
            raise ValueError(f"initial has shape {first.shape}: give one probability per state, shape (S,)")
        states = first.size
        report = as_laws("observation", observation)
        if report.ndim != 2 or report.shape[0] != states:
            raise ValueError(
                f"observation has shape {report.shape}: give one row per state, shape ({states}, O)"
            )
        emitted = report if emission is None else as_laws("emission", emission)
        shaped("emission", emitted, report.shape, "(S, O)")
        gain = _reward(reward, report.shape[1])
        kernel = _transition(transition, states, gain.shape[0] - 1)
        environments, _, _, subgoals, _ = kernel.shape
        believed = np.full(environments, 1.0 / environments) if prior is None else as_laws("prior", prior)
        shaped("prior", believed, (environments,), "(Z,)")
        counts = (subgoals,) if actors is None else tuple(as_integer("actors", n, least=1) for n in actors)
        if math.prod(counts) != subgoals or not counts:
            raise ValueError(
                f"actors is {counts}, product {math.prod(counts)}: transition has {subgoals} joint subgoals; "
                "give each actor's number of subgoals so that the product agrees"
            )
        object.__setattr__(self, "transition", kernel)
        for name, array in (
            ("initial", first),
            ("observation", report),
            ("reward", gain),
            ("prior", believed),
        ):
            object.__setattr__(self, name, _frozen(array))
        same = np.array_equal(emitted, report)
        object.__setattr__(self, "emission", self.observation if same else _frozen(emitted))
        object.__setattr__(self, "actors", counts)

    @classmethod
    def from_low_level(
        cls,
        initial: ArrayLike,
        low_level: ArrayLike,
        actor: ArrayLike,
        observation: ArrayLike,
        reward: ArrayLike,
        prior: ArrayLike | None = None,
        *,
        emission: ArrayLike | None = None,
        actors: Sequence[int] | None = None,
    ) -> HMDP:
        """Build the process from physical dynamics and the actor that pursues subgoals in them.

        Parameters
        ----------
        initial, observation, reward, prior, emission, actors
            As for the class.
        low_level, actor : array_like
            As for `high_level_kernel`.

        Returns
        -------
        HMDP
            With the actor's K physical steps as one transition.
        """
        kernel = high_level_kernel(low_level, actor)
        return cls(initial, kernel, observation, reward, prior, emission=emission, actors=actors)

    @property
    def environments(self) -> int:
        """Number Z of candidate environments."""
        return int(self.transition.shape[0])

    @property
    def states(self) -> int:
        """Number S of hidden states."""
        return int(self.transition.shape[2])

    @property
    def subgoals(self) -> int:
        """Number G of (joint) subgoals."""
        return int(self.transition.shape[3])

    @property
    def observations(self) -> int:
        """Number O of observations."""
        return int(self.observation.shape[1])

    @property
    def tasks(self) -> int:
        """Number W of tasks."""
        return int(self.reward.shape[2])

    @property
    def horizon(self) -> int:
        """Number H of observations in an episode."""
        return int(self.reward.shape[0])

    @property
    def decisions(self) -> int:
        """Number H - 1 of subgoals in an episode."""
        return self.horizon - 1

    @property
    def misspecified(self) -> bool:
        """Whether the reporter's law differs from the one that planners assume."""
        return self.emission is not self.observation

    @property
    def log_prior(self) -> Array:
        """Logarithm of the prior, shape (Z,); -inf where it is zero."""
        return np.log(self.prior, out=np.full(self.environments, -np.inf), where=self.prior > 0.0)

    def as_emitted(self) -> HMDP:
        """Return the process for planners who know how the reporter really reports."""
        return replace(self, observation=self.emission) if self.misspecified else self


def high_level_kernel(low_level: ArrayLike, actor: ArrayLike) -> Array:
    r"""Law of the state after the actor's K physical steps.

    .. math:: P(\cdot | \cdot, g) = M^g_1 \cdots M^g_K, \qquad
        M^g_k(s, s') = \sum_a \mu_k(a | s, g) T_k(s' | s, a)

    The actor stops after K steps whether or not the subgoal was reached.

    Parameters
    ----------
    low_level : array_like, shape (Z, K, S, A, S) or (Z, H-1, K, S, A, S)
        Physical kernels T.
    actor : array_like, shape (K, S, G, A)
        The actor's law mu of actions, for each physical step, state and subgoal.

    Returns
    -------
    ndarray, shape (Z, S, G, S) or (Z, H-1, S, G, S)
        The kernel between decisions.

    Raises
    ------
    ValueError
        For rows that do not sum to one or shapes that do not fit together.

    Examples
    --------
    >>> shift = np.roll(np.eye(3), 1, axis=1)[:, np.newaxis]  # one action: s -> s + 1 mod 3
    >>> kernel = high_level_kernel([[shift, shift]], np.ones((2, 3, 1, 1)))
    >>> kernel[0, :, 0].argmax(axis=1).tolist()
    [2, 0, 1]
    """
    physical, behaviour = as_laws("low_level", low_level), as_laws("actor", actor)
    if physical.ndim not in (5, 6) or physical.shape[-3] != physical.shape[-1]:
        raise ValueError(
            f"low_level has shape {physical.shape}: give (Z, K, S, A, S) or (Z, H-1, K, S, A, S)"
        )
    steps, states, actions, _ = physical.shape[-4:]
    if behaviour.ndim != 4 or (*behaviour.shape[:2], behaviour.shape[3]) != (steps, states, actions):
        raise ValueError(
            f"actor has shape {behaviour.shape}: low_level asks for "
            f"(K, S, G, A) = ({steps}, {states}, G, {actions})"
        )
    moves = np.einsum("ksga,...ksat->...kgst", behaviour, physical)
    kernel = moves[..., 0, :, :, :]
    for k in range(1, steps):
        kernel = kernel @ moves[..., k, :, :, :]
    return np.ascontiguousarray(np.moveaxis(kernel, -3, -2))


def _reward(value: ArrayLike, observations: int) -> Array:
    gain = as_floats("reward", value)
    if gain.ndim == 2:
        gain = gain[:, :, np.newaxis]
    if gain.ndim != 3 or gain.shape[1] != observations or gain.shape[2] == 0:
        raise ValueError(
            f"reward has shape {np.shape(value)}: give (H, O) or (H, O, W) with O = {observations} and W >= 1"
        )
    if gain.shape[0] < 2:
        raise ValueError(
            f"reward has H = {gain.shape[0]} steps: the horizon must be at least 2, else nothing is decided; "
            "add a step"
        )
    if np.any((gain < 0.0) | (gain > 1.0)):
        bad = gain[(gain < 0.0) | (gain > 1.0)][0]
        raise ValueError(f"reward contains {bad}: rewards lie in [0, 1]; shift and scale them")
    return gain


def _transition(value: ArrayLike, states: int, decisions: int) -> Array:
    given = as_laws("transition", value)
    kernel = given
    if given.ndim == 5 and given.shape[1] == decisions and given.strides[1] == 0:
        kernel = given[:, 0]
    if kernel.ndim == 4:
        # The same kernel at every step: one copy, seen with stride 0 along the steps.
        kernel = np.broadcast_to(np.array(kernel)[:, np.newaxis], (len(kernel), decisions, *kernel.shape[1:]))
    else:
        kernel = _frozen(kernel)
    if kernel.ndim != 5 or (kernel.shape[1], kernel.shape[2], kernel.shape[4]) != (decisions, states, states):
        raise ValueError(
            f"transition has shape {given.shape}: give (Z, S, G, S) or (Z, H-1, S, G, S) "
            f"with S = {states} and H-1 = {decisions}"
        )
    return kernel


def _frozen(array: Array) -> Array:
    """Copy, read-only."""
    copy = np.array(array)
    copy.flags.writeable = False
    return copy
