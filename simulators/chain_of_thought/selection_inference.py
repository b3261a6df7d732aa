"""Selection-inference, simulated: the two modules called in turn."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from tightbound.simulators.chain_of_thought.sampling import draw
from tightbound.theory._validation import Array, Integers, as_indices, as_integer
from tightbound.theory.chain_of_thought.selection_inference import SelectionInference


@dataclass(frozen=True, eq=False)
class SelectionInferenceRuns:
    """Runs of the two modules.

    Parameters
    ----------
    states : ndarray of int, shape (B, H+1)
        s_0, ..., s_H of every run.
    actions : ndarray of int, shape (B, H)
        What was selected in every round.
    frequency, standard_error : ndarray, shape (m,)
        How often each state was the last one, and the standard error of that share.
    """

    states: Integers
    actions: Integers
    frequency: Array
    standard_error: Array


def selection_inference(
    problem: SelectionInference,
    selection_log_weights: ArrayLike,
    inference_log_weights: ArrayLike,
    start: int,
    rounds: int,
    *,
    replications: int = 1,
    rng: int | np.random.Generator | None = None,
) -> SelectionInferenceRuns:
    """Alternate selection and inference for H rounds, each module answering by its prompt.

    Parameters
    ----------
    problem : SelectionInference
        Both modules.
    selection_log_weights, inference_log_weights : array_like, shape (M,) or (P, M), (N,) or (P, N)
        Logarithm of the posteriors given the prompts of the modules.
    start, rounds : int
        s_0, and H >= 0.
    replications : int
        Runs per pair of prompts, at least 1; results are ordered pair by pair.
    rng : None, int or Generator
        Source of randomness.

    Returns
    -------
    SelectionInferenceRuns
        One run per pair of prompts and replication.

    Raises
    ------
    TypeError, ValueError, IndexError
        For sizes out of range, what is no state, or shapes that do not fit.

    Examples
    --------
    >>> flip = lambda e: [[1 - e, e], [e, 1 - e]]
    >>> problem = SelectionInference([1.0], [flip(0.1)], [1.0], [[flip(0.0), flip(0.0)]])
    >>> runs = selection_inference(problem, [0.0], [0.0], 0, 2, replications=10_000, rng=0)
    >>> runs.frequency.round(2).tolist()
    [0.82, 0.18]
    """
    first, second = problem.averaged(selection_log_weights, inference_log_weights)
    count = as_integer("rounds", rounds, least=0)
    repeats = as_integer("replications", replications, least=1)
    begin = int(as_indices("start", start, problem.states))
    if first.ndim > 3 or second.ndim > 4:
        raise ValueError(
            f"the log weights hold prompts of shapes {first.shape[:-2]} and {second.shape[:-3]}: give one "
            "prompt, or one axis of them"
        )
    (prompts,) = np.broadcast_shapes(first.shape[:-2], second.shape[:-3], (1,))
    source = np.random.default_rng(rng)
    run = np.repeat(np.arange(prompts), repeats)
    picks = np.cumsum(np.broadcast_to(first, (prompts, *first.shape[-2:])), axis=-1)
    moves = np.cumsum(np.broadcast_to(second, (prompts, *second.shape[-3:])), axis=-1)
    states = np.full((run.size, count + 1), begin, dtype=np.int64)
    actions = np.empty((run.size, count), dtype=np.int64)
    for h in range(count):
        actions[:, h] = draw(picks[run, states[:, h]], source)
        states[:, h + 1] = draw(moves[run, states[:, h], actions[:, h]], source)
    share = np.bincount(states[:, -1], minlength=problem.states) / run.size
    error = np.sqrt(share * (1.0 - share) / max(run.size - 1, 1))
    return SelectionInferenceRuns(
        states, actions, share, error if run.size > 1 else np.full_like(share, np.inf)
    )
