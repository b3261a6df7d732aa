"""Pretraining documents: episodes in an environment that is then forgotten, labelled by its expert."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tightbound.simulators.planning.language_models.count_model import CountModel
from tightbound.theory._validation import as_floats
from tightbound.theory.planning._laws import laws_of
from tightbound.theory.planning._validation import Array, as_integer
from tightbound.theory.planning.bail import bail
from tightbound.theory.planning.expert import Expert
from tightbound.theory.planning.tree import HistoryTree, Policy, as_policy

Integers = NDArray[np.int64]

_LARGEST_LOG_ODDS = 36.0  # of a weight in float64


@dataclass(frozen=True, eq=False)
class Documents:
    """N documents of T episodes with H - 1 labelled prompts each.

    Parameters
    ----------
    truth : ndarray of int, shape (N,)
        Environment each document was written in. It is not part of any prompt.
    task : ndarray of int, shape (N, T)
        Task of each episode.
    node : ndarray of int, shape (N, T, H)
        History of each episode, as node of the tree at every level.
    subgoal, label : ndarray of int, shape (N, T, H-1)
        What the behaviour decided, and what the expert of the document's environment would have: the label
        is to be predicted and appears in no prompt.
    log_weights : ndarray, shape (N, T, Z)
        Logarithms of the exact posterior at the start of each episode, largest 0.
    """

    truth: Integers
    task: Integers
    node: Integers
    subgoal: Integers
    label: Integers
    log_weights: Array

    @property
    def prompts(self) -> int:
        """Number of labelled prompts."""
        return int(self.label.size)


def write_documents(
    tree: HistoryTree,
    expert: Expert,
    documents: int,
    episodes: int,
    *,
    behaviour: ArrayLike | Policy | None = None,
    tasks: ArrayLike | None = None,
    rng: np.random.Generator | int | None = None,
) -> Documents:
    r"""Draw documents.

    .. math:: z \sim P_Z, \quad w_t \sim P_W, \quad g_{t,h} \sim b(\cdot \mid \tau_{t,h}), \quad
              g^*_{t,h} = \pi^*_z(\tau_{t,h}, w_t)

    The behaviour b sees histories and never z, which is what makes the posterior given a prompt free of it.

    Parameters
    ----------
    tree : HistoryTree
        The process; episodes follow the reporter that planners assume.
    expert : Expert
        Its experts.
    documents, episodes : int
        Number of documents, at least 0, and of episodes in each, at least 1.
    behaviour : tree policy or array_like (G,), optional
        Law of the subgoals that are carried out; uniform where left out.
    tasks : array_like, shape (W,), optional
        Law of the task of an episode; uniform where left out.
    rng : None, int or Generator
        Source of randomness.

    Returns
    -------
    Documents
        The data.

    Raises
    ------
    TypeError, ValueError
        For numbers out of range, or laws of another shape.

    References
    ----------
    He, Chen, Zhang, Yang, "From Words to Actions", ICML 2024, arXiv:2405.19883: pretraining.

    Examples
    --------
    >>> from tightbound.theory.planning.expert import expert
    >>> from tightbound.theory.planning.hmdp import HMDP
    >>> stay, flip = np.eye(2), np.eye(2)[::-1]
    >>> transition = np.array([np.stack([stay, flip], 1), np.stack([flip, stay], 1)])
    >>> tree = HistoryTree(HMDP([1.0, 0.0], transition, np.eye(2), [[0.0, 0.0], [0.0, 1.0]]))
    >>> drawn = write_documents(tree, expert(tree), 100, 3, rng=0)
    >>> bool(np.all(drawn.label[:, :, 0] == 1 - drawn.truth[:, None]))  # the expert knows the environment
    True
    """
    model = tree.model
    count, length = as_integer("documents", documents, least=0), as_integer("episodes", episodes, least=1)
    law = np.full(model.subgoals, 1.0 / model.subgoals) if behaviour is None else behaviour
    policy = as_policy(tree, law)
    chosen = np.full(model.tasks, 1.0 / model.tasks) if tasks is None else laws_of("tasks", tasks, 1)
    if chosen.size != model.tasks:
        raise ValueError(f"tasks has shape {chosen.shape}: give one probability per task, ({model.tasks},)")
    draw = np.random.default_rng(rng)
    truth = draw.choice(model.environments, size=count, p=model.prior)
    task = draw.choice(model.tasks, size=(count, length), p=chosen)
    z = np.broadcast_to(truth[:, None], task.shape)
    node = np.zeros((count, length, model.horizon), dtype=np.int64)
    subgoal = np.zeros((count, length, model.decisions), dtype=np.int64)
    label = np.zeros_like(subgoal)
    node[..., 0] = _drawn(draw, tree.levels[0].likelihood[z])
    for h, level in enumerate(tree.levels[:-1]):
        here = node[..., h]
        label[..., h] = expert.subgoal[h][z, task, here]
        subgoal[..., h] = _drawn(draw, policy[h][task, here])
        seen = _drawn(draw, level.predicted[z, here, subgoal[..., h]])
        node[..., h + 1] = level.child[here, subgoal[..., h], seen]
    logs = np.moveaxis(tree.levels[-1].log_likelihood[:, node[..., -1]], 0, -1)
    before = np.concatenate([np.zeros_like(logs[:, :1]), np.cumsum(logs, axis=1)[:, :-1]], axis=1)
    weights = before + model.log_prior
    return Documents(
        truth=truth,
        task=task,
        node=node,
        subgoal=subgoal,
        label=label,
        log_weights=np.asarray(weights - weights.max(axis=-1, keepdims=True)),
    )


@dataclass(frozen=True)
class PromptContexts:
    r"""What a count table keeps of a prompt: level, task, current history, and the rounded posterior.

    The log odds of every environment but the last are rounded to multiples of ``step``, at most ``radius``
    of them in either direction. A raw prompt is never seen twice; this keeps what matters about it. With
    ``radius`` 0 the past episodes are ignored.

    Parameters
    ----------
    step : float
        Resolution of log odds in nats, above 0.
    radius : int
        Largest number of steps, at least 0.

    Raises
    ------
    TypeError, ValueError
        For numbers out of range, or log odds beyond what float64 weights resolve (36 nats).

    Examples
    --------
    >>> PromptContexts(1.0, 3).bins(np.array([[0.5, 0.5], [1.0, 0.0], [0.3, 0.7]])).tolist()
    [3, 6, 2]
    """

    step: float
    radius: int

    def __post_init__(self) -> None:
        step, radius = as_floats("step", self.step), as_integer("radius", self.radius, least=0)
        if step.ndim or step <= 0:
            raise ValueError(f"step is {self.step!r}: give one number above 0, in nats")
        if float(step) * radius > _LARGEST_LOG_ODDS:
            raise ValueError(
                f"step * radius is {float(step) * radius:g}: log odds of float64 weights end at "
                f"{_LARGEST_LOG_ODDS:g}; lower radius or step"
            )

    def size(self, environments: int) -> int:
        """Return the number of rounded posteriors of so many environments."""
        return int((2 * self.radius + 1) ** (environments - 1))

    def bins(self, weights: Any, xp: Any = np) -> Any:
        """Return the index of the rounded posterior; ``weights`` (..., Z) sum to one along the last axis.

        ``xp`` is numpy or jax.numpy.
        """
        free = weights[..., :-1]
        odds = xp.log(xp.maximum(free, 1e-300)) - xp.log(xp.maximum(1.0 - free, 1e-300))
        digits = xp.clip(xp.round(odds / self.step), -self.radius, self.radius) + self.radius
        base = 2 * self.radius + 1
        places = float(base) ** np.arange(free.shape[-1])
        return (digits * places).sum(axis=-1).astype(np.int64)

    def keys(self, tree: HistoryTree, documents: Documents) -> tuple[Integers, Integers]:
        """Return the contexts (n, 4) of all prompts, as (level, task, node, bin), and their labels (n,)."""
        rows, labels = [], []
        for h, level in enumerate(tree.levels[:-1]):
            here = documents.node[..., h]
            logs = documents.log_weights + np.moveaxis(level.log_likelihood[:, here], 0, -1)
            weights = np.exp(logs - logs.max(axis=-1, keepdims=True))
            found = self.bins(weights / weights.sum(axis=-1, keepdims=True))
            parts = np.stack([np.full_like(here, h), documents.task, here, found], axis=-1)
            rows.append(parts.reshape(-1, 4))
            labels.append(documents.label[..., h].reshape(-1))
        return np.concatenate(rows), np.concatenate(labels)

    def fit(self, tree: HistoryTree, documents: Documents) -> CountModel:
        """Return the count table of the documents."""
        return CountModel.fit(*self.keys(tree, documents), labels=tree.model.subgoals)


def pretraining_error(
    tree: HistoryTree,
    expert: Expert,
    model: CountModel,
    contexts: PromptContexts,
    documents: Documents,
) -> float:
    r"""Return the total variation between a count table and the exact mixture, averaged over given prompts.

    .. math:: \frac{1}{n} \sum_{\text{prompts}} \mathrm{TV}\Big(\mathrm{LLM}(\cdot \mid c),
              \sum_z w(z \mid \text{prompt})\, \pi^*_z\Big)

    Parameters
    ----------
    tree, expert
        The process and its experts.
    model, contexts
        The table and its contexts.
    documents : Documents
        Where the prompts come from: fresh documents give the error in pretraining.

    Returns
    -------
    float
        The error in [0, 1]. It holds what too few documents leave, and what rounding the posterior loses.

    Raises
    ------
    ValueError
        For no prompts.
    """
    if documents.prompts == 0:
        raise ValueError("documents has no prompts: write at least one document to measure an error on")
    keys, _ = contexts.keys(tree, documents)
    found = model.laws(keys)
    total, start = 0.0, 0
    flat = documents.log_weights.reshape(-1, tree.model.environments)
    unique, place = np.unique(np.round(flat, 9), axis=0, return_inverse=True)
    exact = [bail(tree, expert, row) for row in unique]
    place = place.reshape(-1)
    for h in range(tree.model.decisions):
        here = documents.node[..., h].reshape(-1)
        rows = np.stack([policy[h] for policy in exact])[place, documents.task.reshape(-1), here]
        total += 0.5 * float(np.abs(found[start : start + here.size] - rows).sum())
        start += here.size
    return total / start


def _drawn(draw: np.random.Generator, laws: Array) -> Integers:
    """Draw one index from each law along the last axis."""
    total = laws.cumsum(axis=-1)
    point = draw.random(laws.shape[:-1]) * total[..., -1]
    return np.asarray((total <= point[..., None]).sum(axis=-1), dtype=np.int64)
