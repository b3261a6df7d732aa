r"""The joint law of pretraining documents, by enumeration of the process that writes them.

A document holds past episodes and the start of one more; a label is then the subgoal of an expert who knows
the environment:

.. math:: z \sim P_Z, \quad s_1 \sim \rho, \quad o_h \sim O(\cdot | s_h), \quad
    g_h \sim b_z(\cdot | \text{document}), \quad
    s_{h+1} \sim P_{z,h}(\cdot | s_h, g_h), \quad g^* \sim \pi^*_z(\cdot | \tau).

The behaviour b may depend on everything written so far. That it does not depend on z is what makes BAIL
exact; here it may, so that the difference can be shown. Hidden states are carried along and summed at the
end; no filter and no posterior is used.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from tightbound.theory.planning._validation import Array, Integers, as_integer, as_laws, shaped
from tightbound.theory.planning.expert import Expert
from tightbound.theory.planning.hmdp import HMDP
from tightbound.theory.planning.tree import HistoryTree

Behaviour = Callable[[int, int, Integers], Array]
"""``(environment, episode from 0, documents (D, n)) -> laws of the next subgoal (D, G)``."""


@dataclass(frozen=True, eq=False)
class PretrainingJoint:
    """Every document that can be written, and its probability together with the environment.

    Parameters
    ----------
    documents : ndarray of int, shape (D, past (2H - 1) + 2 h - 1)
        Past episodes and the start of one more, written as o_1, g_1, o_2, ... one after the other.
    joint : ndarray, shape (Z, D)
        Probability of environment and document; sums to one.
    past : int
        Number of past episodes.
    horizon : int
        Number H of observations of a whole episode.
    """

    documents: Integers
    joint: Array
    past: int
    horizon: int

    def episode(self, index: int) -> tuple[Integers, Integers]:
        """Return observations, shape (D, h), and subgoals, shape (D, h-1), of an episode of the documents."""
        length = 2 * self.horizon - 1
        start = length * as_integer("index", index, least=0, most=self.past)
        written = self.documents[:, start : start + length]
        return written[:, ::2], written[:, 1::2]

    def label_law(self, tree: HistoryTree, expert: Expert, task: int = 0) -> Array:
        r"""Law of the label given the document: what a perfect language model says.

        .. math:: P(g^* | d) = \frac{\sum_z P(z, d) \pi^*_z(g^* | \tau)}{\sum_z P(z, d)}

        Parameters
        ----------
        tree : HistoryTree
            The histories of one episode.
        expert : Expert
            Who labels.
        task : int
            Task of the episode that has begun.

        Returns
        -------
        ndarray, shape (D, G)
            Rows sum to one.
        """
        observations, subgoals = self.episode(self.past)
        level = subgoals.shape[1]
        chosen = expert.subgoal[level][:, task, tree.find(observations, subgoals)]
        law = np.einsum("zd,zdg->dg", self.joint, np.eye(tree.model.subgoals)[chosen])
        return np.asarray(law / self.joint.sum(axis=0)[:, np.newaxis])


def pretraining_joint(model: HMDP, behaviour: Behaviour, *, past: int, started: int) -> PretrainingJoint:
    """Enumerate the documents with some past episodes and the start of one more.

    Parameters
    ----------
    model : HMDP
        A small process: there are up to (O (G O)^(H-1))^past O (G O)^(started-1) documents. Documents are
        reported as the reporter really reports.
    behaviour : callable ``(environment, episode, documents) -> laws``
        How the recorded subgoals are chosen. Called once per environment and decision with all documents
        so far, shape (D, n); returns laws of shape (D, G).
    past : int
        Number of past episodes, from 0.
    started : int
        Observations of the episode that has begun, 1 to H-1.

    Returns
    -------
    PretrainingJoint
        Documents of positive probability and their joint law with the environment.

    Raises
    ------
    ValueError
        For a behaviour that returns no laws, or numbers out of range.

    Examples
    --------
    >>> stay, flip = np.eye(2), np.eye(2)[::-1]
    >>> transition = np.array([np.stack([stay, flip], 1), np.stack([flip, stay], 1)])
    >>> model = HMDP([1.0, 0.0], transition, np.eye(2), [[0.0, 0.0], [0.0, 1.0]])
    >>> found = pretraining_joint(model, lambda z, t, d: np.full((len(d), 2), 0.5), past=1, started=1)
    >>> found.documents.tolist()
    [[0, 0, 0, 0], [0, 0, 1, 0], [0, 1, 0, 0], [0, 1, 1, 0]]
    >>> found.joint.tolist()
    [[0.25, 0.0, 0.0, 0.25], [0.0, 0.25, 0.25, 0.0]]
    """
    episodes = as_integer("past", past, least=0)
    begun = as_integer("started", started, least=1, most=model.decisions)
    documents = np.zeros((1, 0), dtype=np.int64)
    mass = model.prior[:, np.newaxis]
    for episode in range(episodes + 1):
        weights = mass[:, :, np.newaxis] * model.initial
        for h in range(model.horizon if episode < episodes else begun):
            if h > 0:
                laws = _chosen(behaviour, episode, documents, model)
                moved = np.einsum("zds,zdg,zsgt->zdgt", weights, laws, model.transition[:, h - 1])
                documents, weights = _written(documents, moved)
            seen = weights[:, :, np.newaxis, :] * model.emission.T
            documents, weights = _written(documents, seen)
        mass = weights.sum(axis=-1)
    return PretrainingJoint(documents, mass, episodes, model.horizon)


def _chosen(behaviour: Behaviour, episode: int, documents: Integers, model: HMDP) -> Array:
    """Laws of the next subgoal in every environment, shape (Z, D, G)."""
    name, shape = "behaviour's law", (len(documents), model.subgoals)
    laws = [as_laws(name, behaviour(z, episode, documents)) for z in range(model.environments)]
    return np.stack([shaped(name, law, shape, "(D, G)") for law in laws])


def _written(documents: Integers, weights: Array) -> tuple[Integers, Array]:
    """Append each symbol to each document; keep what is possible. Weights have shape (Z, D, symbols, S)."""
    which, symbol = np.nonzero((weights > 0.0).any(axis=(0, 3)))
    return np.column_stack([documents[which], symbol]), weights[:, which, symbol]
