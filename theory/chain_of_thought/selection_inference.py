r"""Selection-inference: one module picks what to use, another infers the next state from it, in turn.

.. math:: a_h \sim S_\theta(\cdot | s_{h-1}), \qquad s_h \sim I_\phi(\cdot | s_{h-1}, a_h), \qquad
    h = 1, \dots, H

Each module has tasks, a prior and a prompt of its own: pairs (s, a) for selection, ((s, a), s') for
inference, their inputs drawn uniformly. A module is called afresh in every round, so it answers with the
average of its tasks under the posterior of its prompt.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import logsumexp

from tightbound.theory._validation import Array, as_indices, as_integer, as_laws
from tightbound.theory.chain_of_thought.discrete_chain import DiscreteChain
from tightbound.theory.chain_of_thought.exponents import exponents
from tightbound.theory.chain_of_thought.prompting_bounds import doubt_bound


@dataclass(frozen=True, eq=False)
class SelectionInference:
    r"""Tasks of a selection module and of an inference module on states 0, ..., m-1 and actions 0, ..., A-1.

    Parameters
    ----------
    selection_prior : array_like, shape (M,)
        Law of the selection task.
    selection : array_like, shape (M, m, A)
        ``selection[task, s, a]`` is the probability that a is selected in s.
    inference_prior : array_like, shape (N,)
        Law of the inference task.
    inference : array_like, shape (N, m, A, m)
        ``inference[task, s, a, s']`` is the probability that s' is inferred from s and a.

    Raises
    ------
    TypeError, ValueError
        For rows that do not sum to one within 1e-10, negative or undefined entries, or shapes that do not fit
        together.

    References
    ----------
    Creswell, Shanahan, Higgins, "Selection-inference: exploiting large language models for interpretable
    logical reasoning", ICLR 2023: the method. Hu, Zhang, Chen, Yang, arXiv:2408.14511, abstract: the
    framework covers it.

    Examples
    --------
    >>> problem = SelectionInference([1.0], [[[0.9, 0.1]]], [1.0], [[[[1.0], [1.0]]]])
    >>> problem.states, problem.actions
    (1, 2)
    """

    selection_prior: Array
    selection: Array
    inference_prior: Array
    inference: Array

    def __init__(
        self,
        selection_prior: ArrayLike,
        selection: ArrayLike,
        inference_prior: ArrayLike,
        inference: ArrayLike,
    ) -> None:
        priors = {
            "selection_prior": as_laws("selection_prior", selection_prior),
            "inference_prior": as_laws("inference_prior", inference_prior),
        }
        for name, prior in priors.items():
            if prior.ndim != 1:
                raise ValueError(f"{name} has shape {prior.shape}: give one probability per task")
        chosen, inferred = as_laws("selection", selection), as_laws("inference", inference)
        first, second = priors.values()
        if chosen.ndim != 3 or chosen.shape[0] != first.size:
            raise ValueError(
                f"selection has shape {chosen.shape}: give ({first.size}, m, A), one table per task"
            )
        wanted = (second.size, *chosen.shape[1:], chosen.shape[1])
        if inferred.shape != wanted:
            raise ValueError(f"inference has shape {inferred.shape}: give {wanted}, one table per task")
        for name, array in {**priors, "selection": chosen, "inference": inferred}.items():
            owned = array.copy()
            owned.flags.writeable = False
            object.__setattr__(self, name, owned)

    @property
    def states(self) -> int:
        """Number m of states."""
        return int(self.selection.shape[1])

    @property
    def actions(self) -> int:
        """Number A of actions."""
        return int(self.selection.shape[2])

    def selection_tasks(self) -> DiscreteChain:
        """Return the selection module as tasks of one step from s to a, on max(m, A) symbols."""
        return _one_step(self.selection_prior, self.selection)

    def inference_tasks(self) -> DiscreteChain:
        """Return the inference module as tasks of one step from s A + a to s', on m A symbols."""
        tasks, m, actions, _ = self.inference.shape
        return _one_step(self.inference_prior, self.inference.reshape(tasks, m * actions, m))

    def averaged(
        self, selection_log_weights: ArrayLike, inference_log_weights: ArrayLike
    ) -> tuple[Array, Array]:
        """Return what the two modules answer given their prompts.

        Parameters
        ----------
        selection_log_weights, inference_log_weights : array_like, shape (..., M) and (..., N)
            Logarithm of the posteriors, as ``log_posterior(self.selection_tasks(), ...)`` and that of
            ``self.inference_tasks()`` give them.

        Returns
        -------
        selection : ndarray, shape (..., m, A)
        inference : ndarray, shape (..., m, A, m)
        """
        first = _weights("selection_log_weights", selection_log_weights, self.selection_prior.size)
        second = _weights("inference_log_weights", inference_log_weights, self.inference_prior.size)
        return (
            np.asarray(np.einsum("...k,ksa->...sa", first, self.selection)),
            np.asarray(np.einsum("...k,ksat->...sat", second, self.inference)),
        )


def final_state_law(selection: ArrayLike, inference: ArrayLike, start: int, rounds: int) -> Array:
    r"""Return the law of the state after H rounds, by products of matrices.

    .. math:: P(s_H) = (K^H)[s_0, s_H], \qquad K(s, s') = \sum_a S(a | s) I(s' | s, a)

    Parameters
    ----------
    selection : array_like, shape (..., m, A)
        What the selection module answers.
    inference : array_like, shape (..., m, A, m)
        What the inference module answers; leading axes are broadcast.
    start, rounds : int
        s_0, and H >= 0.

    Returns
    -------
    ndarray, shape (..., m)
        Law of s_H.

    Raises
    ------
    TypeError, ValueError, IndexError
        For what is no law, no state, or fewer than no rounds.

    Examples
    --------
    >>> final_state_law([[0.9, 0.1]] * 2, [[[1.0, 0.0], [0.0, 1.0]]] * 2, 0, 3).round(6).tolist()
    [0.9, 0.1]
    """
    return np.asarray(_states(selection, inference, start, rounds)[-1])


def final_state_distance(
    problem: SelectionInference,
    selection_log_weights: ArrayLike,
    inference_log_weights: ArrayLike,
    selection_truth: int,
    inference_truth: int,
    start: int,
    rounds: int,
) -> Array:
    r"""Return the total variation between the final states of the true and of the prompted modules.

    .. math:: d_h = d_{h-1} \hat K + P_{h-1} (\hat K - K), \qquad \hat S - S = \sum_{\theta \ne \theta^*}
        \pi(\theta) (S_\theta - S), \text{ likewise } \hat I - I

    The differences are built from the weights of the wrong tasks, so a distance of 1e-30 keeps its digits,
    which a difference of two laws would not.

    Parameters
    ----------
    problem : SelectionInference
        Both modules.
    selection_log_weights, inference_log_weights : array_like, shape (..., M) and (..., N)
        Logarithm of the posteriors given the prompts of the modules; broadcast.
    selection_truth, inference_truth : int
        The true tasks.
    start, rounds : int
        s_0, and H >= 0.

    Returns
    -------
    ndarray, shape (...)
        Distances, at most 1.

    Examples
    --------
    >>> flip = lambda e: [[1 - e, e], [e, 1 - e]]
    >>> problem = SelectionInference([0.5, 0.5], [flip(0.1), flip(0.9)], [1.0], [[flip(0.0), flip(0.0)]])
    >>> final_state_distance(problem, np.log([0.75, 0.25]), [0.0], 0, 0, 0, 1).round(12).tolist()
    0.2
    """
    count = as_integer("rounds", rounds, least=0)
    begin = int(as_indices("start", start, problem.states))
    picked, inferred, off, astray = _errors(
        problem, selection_log_weights, inference_log_weights, selection_truth, inference_truth
    )
    kernel = np.einsum("sa,sat->st", picked, inferred)
    change = np.einsum("...sa,...sat->...st", off, inferred + astray) + np.einsum(
        "sa,...sat->...st", picked, astray
    )
    law = np.eye(problem.states)[begin]
    gap = np.zeros((*change.shape[:-2], problem.states))
    for _ in range(count):
        gap = np.einsum("...s,...st->...t", gap, kernel + change) + np.einsum("s,...st->...t", law, change)
        law = law @ kernel
    return np.asarray(0.5 * np.abs(gap).sum(axis=-1))


def hybrid_bound(
    problem: SelectionInference,
    selection_log_weights: ArrayLike,
    inference_log_weights: ArrayLike,
    selection_truth: int,
    inference_truth: int,
    start: int,
    rounds: int,
) -> Array:
    r"""Return a bound on ``final_state_distance`` by the distances of all selections and inferences.

    .. math:: TV(P(s_H), \hat P(s_H)) \le \sum_{h=1}^H \Big[ E_{s \sim P_{h-1}} TV(S(\cdot | s), \hat S(\cdot
        | s)) + E_{s \sim P_{h-1}, a \sim S(\cdot | s)} TV(I(\cdot | s, a), \hat I(\cdot | s, a)) \Big]

    Parameters
    ----------
    problem, selection_log_weights, inference_log_weights, selection_truth, inference_truth, start, rounds
        As in ``final_state_distance``; the means are taken along runs of the true modules.

    Returns
    -------
    ndarray, shape (...)
        The bound; it may exceed the trivial one, 1.

    Notes
    -----
    Proof (hybrid argument). A run is 2H draws, a_1, s_1, ..., a_H, s_H. Let Q_j be the law of a run whose
    first j draws come from the true modules and the rest from the prompted ones. Q_j and Q_{j-1} differ in
    draw j alone, after a past drawn from the true modules and before a common continuation, so their total
    variation is the mean over true pasts of that of draw j. Add up by the triangle inequality; the final
    state is a function of the run. The state before round h has the true law P_{h-1}.

    Examples
    --------
    >>> flip = lambda e: [[1 - e, e], [e, 1 - e]]
    >>> problem = SelectionInference([0.5, 0.5], [flip(0.1), flip(0.9)], [1.0], [[flip(0.0), flip(0.0)]])
    >>> hybrid_bound(problem, np.log([0.75, 0.25]), [0.0], 0, 0, 0, 3).round(12).tolist()
    0.6
    """
    count = as_integer("rounds", rounds, least=0)
    picked, inferred, off, astray = _errors(
        problem, selection_log_weights, inference_log_weights, selection_truth, inference_truth
    )
    # how often each state is expected before a round
    visits = np.zeros(problem.states)
    for law in _states(picked, inferred, start, count)[:-1]:
        visits += law
    selections = 0.5 * np.abs(off).sum(axis=-1) @ visits
    return np.asarray(
        selections + np.einsum("...sa,s,sa->...", 0.5 * np.abs(astray).sum(axis=-1), visits, picked)
    )


def selection_inference_bound(
    problem: SelectionInference,
    selection_truth: int,
    inference_truth: int,
    selection_demonstrations: int,
    inference_demonstrations: int,
    rounds: int,
) -> float:
    r"""Return a bound on the mean total variation of the final state, over prompts of both modules.

    .. math:: E\, TV(P(s_H), \hat P(s_H)) \le H \big( E[1 - \pi_{n_s}(\theta^*)] + E[1 - \pi_{n_i}(\phi^*)]
        \big)

    with both means replaced by ``doubt_bound``: each falls exponentially in its own number of demonstrations,
    and the sum at the rate of the slower module.

    Parameters
    ----------
    problem : SelectionInference
        Both modules.
    selection_truth, inference_truth : int
        The tasks that are demonstrated.
    selection_demonstrations, inference_demonstrations, rounds : int
        n_s, n_i and H, each at least 0.

    Returns
    -------
    float
        The bound; it may exceed the trivial one, 1.

    Notes
    -----
    Proof. A module's answer is the truth's with weight pi_n(truth) and something else otherwise, so each
    total variation in ``hybrid_bound`` is at most 1 - pi_n(truth). Take means over prompts.

    Examples
    --------
    >>> flip = lambda e: [[1 - e, e], [e, 1 - e]]
    >>> sure = [[flip(0.2), flip(0.2)], [flip(0.8), flip(0.8)]]
    >>> problem = SelectionInference([0.5, 0.5], [flip(0.1), flip(0.9)], [0.5, 0.5], sure)
    >>> [round(selection_inference_bound(problem, 0, 0, n, n, 3), 4) for n in (4, 16, 64)]
    [0.8088, 0.0426, 0.0]
    """
    count = as_integer("rounds", rounds, least=0)
    first = as_integer("selection_demonstrations", selection_demonstrations, least=0)
    second = as_integer("inference_demonstrations", inference_demonstrations, least=0)
    picked = doubt_bound(problem.selection_tasks(), selection_truth, first)
    inferred = doubt_bound(problem.inference_tasks(), inference_truth, second)
    return count * float(picked + inferred)


def module_exponents(
    problem: SelectionInference, selection_truth: int, inference_truth: int
) -> tuple[float, float]:
    """Return the Chernoff exponent of each module: the rate at which its part of the error falls.

    Parameters
    ----------
    problem, selection_truth, inference_truth
        As in ``selection_inference_bound``.

    Returns
    -------
    selection, inference : float
        In nats per demonstration; the lesser is the rate of the whole where both prompts grow together.

    Examples
    --------
    >>> flip = lambda e: [[1 - e, e], [e, 1 - e]]
    >>> sure = [[flip(0.2), flip(0.2)], [flip(0.8), flip(0.8)]]
    >>> problem = SelectionInference([0.5, 0.5], [flip(0.1), flip(0.9)], [0.5, 0.5], sure)
    >>> [round(one, 4) for one in module_exponents(problem, 0, 0)]
    [0.5108, 0.2231]
    """
    return (
        exponents(problem.selection_tasks(), selection_truth).chernoff,
        exponents(problem.inference_tasks(), inference_truth).chernoff,
    )


def _one_step(prior: Array, laws: Array) -> DiscreteChain:
    tasks, inputs, outputs = laws.shape
    width = max(inputs, outputs)
    kernels = np.zeros((tasks, 1, width, width))
    # rows beyond the inputs are never asked
    kernels[:, 0, :, 0] = 1.0
    kernels[:, 0, :inputs] = 0.0
    kernels[:, 0, :inputs, :outputs] = laws
    query = np.zeros(width)
    query[:inputs] = 1.0 / inputs
    return DiscreteChain(prior, kernels, query)


def _weights(name: str, log_weights: ArrayLike, tasks: int) -> Array:
    weights = np.asarray(log_weights, dtype=np.float64)
    if weights.ndim == 0 or weights.shape[-1] != tasks:
        raise ValueError(f"{name} has shape {weights.shape}: its last axis must hold {tasks} tasks")
    if not np.all(np.abs(logsumexp(weights, axis=-1)) <= 1e-9):
        raise ValueError(
            f"{name} holds a row that does not sum to one (or holds NaN): give what log_posterior returns"
        )
    return np.asarray(np.exp(weights))


def _errors(
    problem: SelectionInference,
    selection_log_weights: ArrayLike,
    inference_log_weights: ArrayLike,
    selection_truth: int,
    inference_truth: int,
) -> tuple[Array, Array, Array, Array]:
    """Return the true modules and how far the averages are from them, from the weights of the wrong tasks."""
    picks = int(as_indices("selection_truth", selection_truth, problem.selection_prior.size))
    infers = int(as_indices("inference_truth", inference_truth, problem.inference_prior.size))
    first = _weights("selection_log_weights", selection_log_weights, problem.selection_prior.size)
    second = _weights("inference_log_weights", inference_log_weights, problem.inference_prior.size)
    picked, inferred = problem.selection[picks], problem.inference[infers]
    return (
        picked,
        inferred,
        np.asarray(np.einsum("...k,ksa->...sa", first, problem.selection - picked)),
        np.asarray(np.einsum("...k,ksat->...sat", second, problem.inference - inferred)),
    )


def _states(selection: ArrayLike, inference: ArrayLike, start: int, rounds: int) -> list[Array]:
    """Return the laws of s_0, ..., s_H."""
    picked, inferred = as_laws("selection", selection), as_laws("inference", inference)
    count = as_integer("rounds", rounds, least=0)
    if picked.ndim < 2 or inferred.shape[-3:] != (*picked.shape[-2:], picked.shape[-2]):
        raise ValueError(
            f"selection has shape {picked.shape} and inference {inferred.shape}: give (..., m, A) and "
            "(..., m, A, m)"
        )
    kernel = np.einsum("...sa,...sat->...st", picked, inferred)
    law = np.zeros((*kernel.shape[:-2], kernel.shape[-1]))
    law[..., int(as_indices("start", start, kernel.shape[-1]))] = 1.0
    found = [law]
    for _ in range(count):
        found.append(np.einsum("...s,...st->...t", found[-1], kernel))
    return found
