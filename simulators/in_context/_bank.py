"""Models with finitely many tasks, as one kind of tables for the scans."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from tightbound.theory._validation import Array, Integers, as_indices
from tightbound.theory.in_context._tasks import as_sequences
from tightbound.theory.in_context.finite_tasks import FiniteTasks
from tightbound.theory.in_context.hmm_concept import HMMConcept
from tightbound.theory.in_context.markov_tasks import MarkovTasks

Tasks = FiniteTasks | HMMConcept | MarkovTasks


@dataclass(frozen=True, eq=False)
class Bank:
    """Tables of all tasks, and sequences as their row numbers.

    Parameters
    ----------
    prior : ndarray, shape (M,)
        Sums to one.
    initial : ndarray, shape (M, H)
        Law of the hidden state; H = 1 where demonstrations are independent.
    transition : ndarray, shape (M, H, H)
        Its steps.
    emission : ndarray, shape (M, H, K)
        Probability of each pair of covariate and response.
    asked : ndarray, shape (C or 0, M)
        Law of the covariates, if it tells about the task.
    rows : ndarray of int, shape (B, T)
        Which pair was seen.
    seen : ndarray of int, shape (B, T or 0)
        Which covariate.
    shape : tuple of int
        What (B,) was before it was flat.
    responses : int
        Number of different responses: row numbers count them fastest.
    name : str
        What a response is called.
    """

    prior: Array
    initial: Array
    transition: Array
    emission: Array
    asked: Array
    rows: Integers
    seen: Integers
    shape: tuple[int, ...]
    responses: int
    name: str

    def describe(self, sequence: int, code: int) -> str:
        """Return which label at which step of which sequence is impossible: step 2 t + 1, a covariate 2 t."""
        t, answered = divmod(code, 2)
        where = tuple(int(i) for i in np.unravel_index(sequence, self.shape)) if self.shape else (0,)
        name, label = self.name, self.rows[sequence, t] % self.responses
        if not answered:
            name, label = "covariate", self.seen[sequence, t]
        return f"{name} {label} at step {t} of sequence {where if len(where) > 1 else where[0]}"


def as_bank(model: Tasks, demonstrations: tuple[ArrayLike, ...]) -> Bank:
    """Check demonstrations and gather a model's tables.

    Raises
    ------
    IndexError, TypeError, ValueError
        For another model, a wrong number of sequences, labels out of range, or shapes that differ.
    """
    if isinstance(model, MarkovTasks):
        (tokens,) = _counted(model, demonstrations, ("tokens",))
        return _markov(model, tokens)
    if not isinstance(model, FiniteTasks | HMMConcept):
        raise TypeError(
            f"model is {type(model).__name__}: give FiniteTasks, HMMConcept or MarkovTasks; "
            "theory.in_context.model_averaging takes any model with log likelihoods"
        )
    c, r = as_sequences(model, *_counted(model, demonstrations, ("covariates", "responses")))
    tasks = model.tasks
    if isinstance(model, HMMConcept):
        initial, step = model.initial, model.transition
        emission = model.emission.reshape(tasks, model.hidden_states, -1)
    else:
        initial, step, emission = np.ones((tasks, 1)), np.ones((tasks, 1, 1)), model.likelihood
    informative = model.covariate is not None and bool(np.any(model.covariate != 1.0))
    asked = np.ascontiguousarray(model.covariate.T) if informative else np.empty((0, tasks))  # type: ignore[union-attr]
    flat = _flat(c)
    return Bank(
        prior=model.prior / model.prior.sum(),
        initial=initial,
        transition=step,
        emission=emission.reshape(tasks, initial.shape[1], -1),
        asked=asked,
        rows=_flat(c * model.responses + r),
        seen=flat if informative else np.empty((len(flat), 0), np.int64),
        shape=c.shape[:-1],
        responses=model.responses,
        name="response",
    )


def _markov(model: MarkovTasks, tokens: ArrayLike) -> Bank:
    """Return the chains as independent responses to covariates: the token before, or that there is none."""
    seen = as_indices("tokens", tokens, model.tokens)
    if seen.ndim == 0:
        raise ValueError("tokens is one number: give a sequence, shape (..., T)")
    size, tasks = model.tokens, model.tasks
    rows = seen.copy()
    rows[..., 1:] += (seen[..., :-1] + 1) * size
    table = np.concatenate([model.initial[:, None], model.transition], axis=1)
    flat = _flat(rows)
    return Bank(
        prior=model.prior / model.prior.sum(),
        initial=np.ones((tasks, 1)),
        transition=np.ones((tasks, 1, 1)),
        emission=table.reshape(tasks, 1, -1),
        asked=np.empty((0, tasks)),
        rows=flat,
        seen=np.empty((len(flat), 0), np.int64),
        shape=seen.shape[:-1],
        responses=size,
        name="token",
    )


def _counted(model: Tasks, given: tuple[ArrayLike, ...], names: tuple[str, ...]) -> tuple[Any, ...]:
    if len(given) != len(names):
        raise TypeError(
            f"{len(given)} sequences were given beside {type(model).__name__}: give {' and '.join(names)}"
        )
    return given


def _flat(labels: Integers) -> Integers:
    """Return sequences as the rows of one array, B = 1 for a single one."""
    length = labels.shape[-1]
    count = int(np.prod(labels.shape[:-1], dtype=np.int64))
    return np.ascontiguousarray(labels.reshape(count, length))
