r"""Exact regret where the posterior of two environments is one integer.

In an episode with a single decision let every possible outcome change the log odds of the truth by a
multiple of one unit u. Then the log odds after t episodes are :math:`\ell_0 + u k` with an integer k, and the
law of k takes one pass over its window per episode, so that tens of thousands of episodes are exact in a
second or two. Log odds that differ by the unit may come out of two channels that differ in kind, e.g. a win
that is worth 4 units and a loss that costs 5.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from tightbound.theory._validation import as_floats
from tightbound.theory.planning._validation import Array, Integers, as_integer, as_laws, shaped
from tightbound.theory.planning.evaluation import evaluate
from tightbound.theory.planning.expert import expert
from tightbound.theory.planning.forward import ForwardResult
from tightbound.theory.planning.hmdp import HMDP
from tightbound.theory.planning.tree import HistoryTree, as_tree

_INTEGER = 1e-9
_NOTHING = 1e-40  # probability that is dropped at the edges of the law
_PRUNE = 32  # episodes between two looks at the edges


@dataclass(frozen=True, eq=False)
class Lattice:
    r"""Two environments, one decision, and outcomes worth multiples of one unit of log odds.

    Parameters
    ----------
    unit : float
        The unit u of log odds, in nats, above 0.
    start : float
        Log odds of the truth before the first episode.
    shift : ndarray of int, shape (M,)
        Units by which each outcome moves the log odds of the truth.
    chance : ndarray, shape (G, M)
        Law of the outcome after each subgoal, as it happens in the true environment.
    loss : ndarray, shape (G,)
        Expected regret of each subgoal there.
    experts : ndarray of int, shape (2,)
        Subgoal of the true environment's expert, and of the other's.
    radius : int
        k is kept in -radius..radius; beyond, the posterior is a point mass to exp(-u radius).
    """

    unit: float
    start: float
    shift: Integers
    chance: Array
    loss: Array
    experts: Integers
    radius: int

    @classmethod
    def of(
        cls, model_or_tree: HMDP | HistoryTree, truth: int, unit: float, *, reach: float = 600.0
    ) -> Lattice:
        """Read the lattice off a model.

        Parameters
        ----------
        model_or_tree : HMDP or HistoryTree
            Two environments, one decision, one task and one first observation.
        truth : int
            The true environment, 0 or 1.
        unit : float
            The unit of log odds.
        reach : float
            Log odds that are kept, in nats.

        Returns
        -------
        Lattice
            The problem.

        Raises
        ------
        ValueError
            For a model of another size, an outcome that is impossible in one environment, or one that is no
            multiple of the unit within 1e-9.
        """
        tree = as_tree(model_or_tree)
        model = tree.model
        size = (model.environments, model.decisions, model.tasks, tree.levels[0].size)
        if size != (2, 1, 1, 1):
            raise ValueError(
                f"model has (environments, decisions, tasks, first observations) = {size}: a lattice needs "
                "(2, 1, 1, 1); use forward_regret for other models"
            )
        z = as_integer("truth", truth, least=0, most=1)
        step = as_floats("unit", unit)
        if step.ndim or step <= 0:
            raise ValueError(f"unit is {unit!r}: give one number above 0, in nats")
        last = tree.levels[-1]
        logs = last.log_likelihood
        if not np.isfinite(logs).all():
            raise ValueError(
                "some outcome is impossible in one environment, so log odds become infinite: a lattice is "
                "finite; use forward_regret"
            )
        units = (logs[z] - logs[1 - z]) / float(step)
        shift = np.round(units).astype(np.int64)
        if np.abs(units - shift).max() > _INTEGER:
            raise ValueError(
                f"an outcome moves the log odds by {units[np.abs(units - shift).argmax()]!r} units: give a "
                "unit of which every change is a multiple, or use forward_regret"
            )
        moves, place = np.unique(shift, return_inverse=True)
        chance = np.zeros((model.subgoals, moves.size))
        np.add.at(chance, (last.subgoal, place), last.emitted[z])
        found = expert(tree)
        values = [evaluate(tree, np.eye(model.subgoals)[goal])[z, 0] for goal in range(model.subgoals)]
        return cls(
            unit=float(step),
            start=float(model.log_prior[z] - model.log_prior[1 - z]),
            shift=moves,
            chance=chance,
            loss=found.value[z, 0] - np.array(values),
            experts=found.subgoal[0][[z, 1 - z], 0, 0],
            radius=int(np.ceil(as_floats("reach", reach) / float(step))),
        )

    @property
    def log_odds(self) -> Array:
        """Log odds of the truth in every state k = -radius..radius, shape (K,)."""
        return self.start + self.unit * np.arange(-self.radius, self.radius + 1.0)

    @property
    def weight(self) -> Array:
        """Posterior of the truth in every state, shape (K,)."""
        odds = self.log_odds
        small = np.exp(-np.abs(odds))
        return np.asarray(np.where(odds > 0, 1.0, small) / (1.0 + small))

    @property
    def subgoals(self) -> int:
        """Number G of subgoals."""
        return int(self.loss.size)

    def bail(self) -> Array:
        """Return the posterior mixture of the two experts in every state, shape (K, G)."""
        truth, other = np.eye(self.subgoals)[self.experts]
        here = self.weight[:, np.newaxis]
        return np.asarray(here * truth + (1.0 - here) * other)

    def drift(self, subgoal: int) -> float:
        """Return the mean change of the truth's log odds in one episode with ``subgoal``, in nats."""
        goal = as_integer("subgoal", subgoal, least=0, most=self.subgoals - 1)
        return float(self.unit * self.chance[goal] @ self.shift)

    def forward(self, policy: ArrayLike, episodes: int) -> ForwardResult:
        r"""Carry the law of k through the episodes.

        .. math:: p_{t+1}(k + s_m) \mathrel{+}= p_t(k) \sum_g \pi(g \mid k) P(m \mid g)

        Parameters
        ----------
        policy : array_like, shape (K, G)
            Law of the subgoal in every state, the same in every episode.
        episodes : int
            T, at least 1.

        Returns
        -------
        ForwardResult
            Regret, E sqrt of the odds against the truth, and doubt, at every episode; ``posteriors`` is the
            width of the window that the law of k fills.

        Raises
        ------
        TypeError, ValueError
            For another shape, rows that are no laws, or fewer than 1 episode.
        """
        laws = self._laws(policy)
        odds = self.log_odds
        root = np.exp(np.minimum(-0.5 * odds, 700.0))
        doubt = np.exp(-np.maximum(odds, 0.0)) / (1.0 + np.exp(-np.abs(odds)))
        found, states = self._carry(laws, np.stack([laws @ self.loss, root, doubt], axis=1), episodes)
        return ForwardResult(np.cumsum(found[:, 0]), found[:, 1], found[:, 2], states)

    def expectation(self, policy: ArrayLike, values: ArrayLike, episodes: int) -> Array:
        """Return the mean of a function of the state at the start of every episode.

        Parameters
        ----------
        policy, episodes
            As for :meth:`forward`.
        values : array_like, shape (K,)
            The function, e.g. how far a language model's answer is from the exact one.

        Returns
        -------
        ndarray, shape (T,)
            Its means.

        Raises
        ------
        TypeError, ValueError
            As :meth:`forward`, and for values of another shape.
        """
        reads = shaped("values", as_floats("values", values), (2 * self.radius + 1,), "(K,)")
        return np.asarray(self._carry(self._laws(policy), reads[:, np.newaxis], episodes)[0][:, 0])

    def occupation(self, policy: ArrayLike, episodes: int) -> Array:
        """Return the share of episodes that start in each state.

        Parameters
        ----------
        policy, episodes
            As for :meth:`forward`.

        Returns
        -------
        ndarray, shape (K,)
            Probabilities that sum to one.

        Raises
        ------
        TypeError, ValueError
            As :meth:`forward`.
        """
        share = np.zeros(2 * self.radius + 1)
        for low, law in self._flow(self._laws(policy), as_integer("episodes", episodes, least=1)):
            share[low : low + law.size] += law
        return np.asarray(share / share.sum())

    def _laws(self, policy: ArrayLike) -> Array:
        return shaped("policy", as_laws("policy", policy), (2 * self.radius + 1, self.subgoals), "(K, G)")

    def _carry(self, laws: Array, reads: Array, episodes: int) -> tuple[Array, int]:
        """Return the means of ``reads`` (K, n) at every episode, shape (T, n), and the final states."""
        length, states = as_integer("episodes", episodes, least=1), 0
        found = np.empty((length, reads.shape[1]))
        for t, (low, law) in enumerate(self._flow(laws, length)):
            found[t] = law @ reads[low : low + law.size]
            states = law.size
        return found, states

    def _flow(self, laws: Array, length: int) -> Iterator[tuple[int, Array]]:
        """Yield the law of k at the start of every episode, and the state where it begins."""
        size = len(laws)
        least, most = min(0, int(self.shift.min())), max(0, int(self.shift.max()))
        rates, places = (laws @ self.chance).T.copy(), [int(s) - least for s in self.shift]
        law, low = np.ones(1), self.radius
        for t in range(length):
            yield low, law
            after = np.zeros(law.size + most - least)
            for place, flow in zip(places, law * rates[:, low : low + law.size], strict=True):
                after[place : place + law.size] += flow
            law, low = after, low + least
            if t % _PRUNE == 0 or low < 0 or low + law.size > size:
                law, low = _clipped(law, low, size)


def _clipped(law: Array, low: int, size: int) -> tuple[Array, int]:
    """Put mass beyond 0..size-1 on the ends and drop what is nothing; ``low`` is where the law starts."""
    first, last = max(0, -low), min(law.size, size - low)
    inside = law[first:last].copy()
    inside[0] += law[:first].sum()
    inside[-1] += law[last:].sum()
    some = np.flatnonzero(inside > _NOTHING)
    return inside[some[0] : some[-1] + 1], low + first + int(some[0])
