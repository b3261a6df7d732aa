"""Finite partially observable problems, and their form as a process that pays by what is observed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from tightbound.theory.planning._validation import Array, as_integer
from tightbound.theory.planning.hmdp import HMDP


@dataclass(frozen=True, eq=False)
class POMDP:
    """The tables of a ``.POMDP`` file.

    Parameters
    ----------
    discount : float
        Factor per step, in [0, 1].
    states, actions, observations : tuple of str
        Names; the numbers "0", "1", ... where the file gives only how many there are.
    start : ndarray, shape (S,)
        Law of the first state.
    transition : ndarray, shape (A, S, S)
        Law of the next state for each action and state.
    observation : ndarray, shape (A, S, O)
        Law of the observation for each action and the state it led to.
    reward : ndarray, shape (A, S, S, O)
        Reward of action, state, next state and observation; costs have their sign changed.
    """

    discount: float
    states: tuple[str, ...]
    actions: tuple[str, ...]
    observations: tuple[str, ...]
    start: Array
    transition: Array
    observation: Array
    reward: Array


@dataclass(frozen=True, eq=False)
class ObservedRewardModel:
    r"""A finite-horizon process made of ``.POMDP`` problems, with the way back to their units.

    Parameters
    ----------
    model : HMDP
        One environment per problem; subgoals are the actions.
    labels : tuple of (str, float)
        What each observation of the model stands for: an observation and the reward that came with it.
        The first, ("", 0.0), is what is seen before the first action: nothing.
    lowest, span : float
        A reward r of the problem became (r - lowest) / span.
    discount : float
        Factor per step, already inside the model's rewards.
    informative : bool
        Whether a reward can tell something of state or environment that action and observation do not.
    """

    model: HMDP
    labels: tuple[tuple[str, float], ...]
    lowest: float
    span: float
    discount: float
    informative: bool

    def original(self, value: ArrayLike) -> Array:
        r"""Return values in the problem's units.

        .. math:: V = \mathrm{span} \cdot V' + \mathrm{lowest} \sum_{k=0}^{H-2} \mathrm{discount}^k

        Parameters
        ----------
        value : array_like
            Values V' of episodes of ``model``. Regret is a difference of values: multiply by ``span``.

        Returns
        -------
        ndarray
            Values V of H - 1 actions.
        """
        weights = self.discount ** np.arange(self.model.decisions)
        return np.asarray(self.span * np.asarray(value, dtype=np.float64) + self.lowest * weights.sum())


def observed_reward_model(
    problems: POMDP | Sequence[POMDP], horizon: int, *, prior: ArrayLike | None = None
) -> ObservedRewardModel:
    r"""Turn ``.POMDP`` problems of equal shape into one process with an environment for each.

    In the file format rewards belong to (action, state, next state, observation), observations depend on the
    action, and nothing is seen before the first action. Here rewards are a function of what is observed. So
    the hidden state becomes (state, last observation, last reward) and the reporter names the last two,

    .. math:: P((s', o, r) | (s, \cdot, \cdot), a) = T(s' | s, a) O(o | a, s') 1\{R(a, s, s', o) = r\},

    with only the triples that can occur kept, and S states before the first action that show nothing. Step
    h >= 2 pays discount^{h-2} (r - lowest) / span, step 1 pays nothing.

    **What this changes.** The planner sees its rewards and can infer from them, so its optimum is at least
    that of the original problem, in which rewards are hidden. Nothing changes where R is a function of action
    and observation on all transitions that can happen in any environment (``informative`` is then False), or
    where what a reward tells is of no later use: behind tiger's doors the reward tells where the tiger was,
    but opening a door draws its place afresh.

    Parameters
    ----------
    problems : POMDP or sequence of POMDP
        Problems with the same states, actions, observations, start and discount; each is one environment.
    horizon : int
        Number H of observations, the empty first one included: H - 1 actions, H at least 2.
    prior : array_like, shape (Z,), optional
        Law of the environment; uniform where left out.

    Returns
    -------
    ObservedRewardModel
        The process, what its observations stand for, and the way back to the problem's units.

    Raises
    ------
    ValueError
        For problems that differ in what they must share, or a horizon below 2.
    TypeError
        For anything but problems.

    References
    ----------
    Kaelbling, Littman, Cassandra, "Planning and acting in partially observable stochastic domains",
    Artificial Intelligence 101, 1998: the model, and tiger.

    Examples
    --------
    >>> from tightbound.simulators.planning.pomdp_format import parse_pomdp
    >>> guess = parse_pomdp('''
    ... discount: 1
    ... values: reward
    ... states: heads tails
    ... actions: bet
    ... observations: 1
    ... T: bet identity
    ... O: * uniform
    ... R: bet : heads : * : * 3
    ... R: bet : tails : * : * -1
    ... ''')
    >>> built = observed_reward_model(guess, 3)
    >>> built.labels, built.informative, built.original(0.75 + 0.25).item()
    ((('', 0.0), ('0', -1.0), ('0', 3.0)), True, 2.0)
    """
    stack = (problems,) if isinstance(problems, POMDP) else tuple(problems)
    first = _agreeing(stack)
    steps = as_integer("horizon", horizon, least=2) - 1
    joint = np.stack([_joint(problem) for problem in stack])  # (Z, A, S, S', O)
    reward = np.stack([problem.reward for problem in stack])
    levels = np.unique(reward[joint > 0.0])
    lowest, span = float(levels[0]), float(levels[-1] - levels[0]) or 1.0

    level = np.searchsorted(levels, reward).clip(max=levels.size - 1)
    _, _, before, after, seen = possible = np.nonzero(joint)
    triples, column = np.unique(
        np.stack([after, seen, level[possible]]), axis=1, return_inverse=True
    )  # (3, n): next state, observation, reward level
    states, count = len(first.states), triples.shape[1]
    moves = np.zeros((len(stack), states, len(first.actions), states + count))
    np.add.at(moves, (possible[0], before, possible[1], states + column.ravel()), joint[possible])
    hidden = np.concatenate([np.arange(states), triples[0]])

    pairs, pair = np.unique(triples[1:], axis=1, return_inverse=True)
    report = np.zeros((states + count, 1 + pairs.shape[1]))
    report[:states, 0] = 1.0
    report[states + np.arange(count), 1 + pair.ravel()] = 1.0
    earned = np.zeros((steps + 1, report.shape[1]))
    earned[1:, 1:] = first.discount ** np.arange(steps)[:, np.newaxis] * (levels[pairs[1]] - lowest) / span

    kinds = np.zeros((joint.shape[1], joint.shape[4], levels.size), dtype=bool)
    kinds[possible[1], seen, level[possible]] = True
    return ObservedRewardModel(
        model=HMDP(
            np.concatenate([first.start, np.zeros(count)]),
            moves[:, hidden],
            report,
            earned.clip(0.0, 1.0),
            prior,
        ),
        labels=(("", 0.0), *((first.observations[o], float(levels[k])) for o, k in pairs.T)),
        lowest=lowest,
        span=span,
        discount=first.discount,
        informative=bool(np.any(kinds.sum(axis=-1) > 1)),
    )


def _joint(problem: POMDP) -> Array:
    return problem.transition[..., np.newaxis] * problem.observation[:, np.newaxis]


def _agreeing(stack: Sequence[POMDP]) -> POMDP:
    if not stack or not all(isinstance(problem, POMDP) for problem in stack):
        raise TypeError(
            f"problems is {stack!r}: give one POMDP or several, e.g. [load_pomdp(path) for path in paths]"
        )
    first = stack[0]
    for z, problem in enumerate(stack):
        for name in ("states", "actions", "observations", "discount"):
            if getattr(problem, name) != getattr(first, name):
                raise ValueError(
                    f"problems differ in {name}: problem {z} has {getattr(problem, name)}, problem 0 has "
                    f"{getattr(first, name)}; environments share them, so give problems that agree"
                )
        if not np.allclose(problem.start, first.start, rtol=0.0, atol=1e-9):
            raise ValueError(
                f"problems differ in start: problem {z} has {problem.start.tolist()}, problem 0 has "
                f"{first.start.tolist()}; environments share the law of the first state, so give one start"
            )
    return first
