"""A small recurrent language model, trained to predict the expert's subgoal at every prompt of a document."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tightbound.simulators.planning.language_models.pretraining import Documents
from tightbound.theory._validation import as_floats
from tightbound.theory.planning._validation import Array, as_integer
from tightbound.theory.planning.bail import bail
from tightbound.theory.planning.expert import Expert
from tightbound.theory.planning.tree import HistoryTree

Progress = Callable[[int, float], None]
"""Called after every iteration with its number, from 1, and the loss in nats per prompt."""


@dataclass(frozen=True, eq=False)
class TrainedSequenceModel:
    """A fitted model.

    Parameters
    ----------
    parameters : ndarray, shape (P,)
        All weights.
    hidden : int
        Size of the recurrent state.
    history : ndarray, shape (num_iter,)
        Loss after every iteration, in nats per prompt, the penalty included.
    converged : bool
        Whether the gradient fell below the tolerance.
    """

    parameters: Array
    hidden: int
    history: Array
    converged: bool

    @property
    def num_iter(self) -> int:
        """Number of iterations."""
        return int(self.history.size)

    def laws(self, tree: HistoryTree, documents: Documents) -> Array:
        """Return the laws of the subgoal at every prompt, shape (N, T, H-1, G)."""
        import jax

        tokens, _ = _tokens(tree, documents)
        with jax.enable_x64(True):
            logits = np.asarray(_functions()[1](self.parameters, tokens, self.hidden, tree.model.subgoals))
        odds = np.exp(logits - logits.max(axis=-1, keepdims=True))
        laws = (odds / odds.sum(axis=-1, keepdims=True)).swapaxes(0, 1)
        horizon, decisions = tree.model.horizon, tree.model.decisions
        return np.asarray(laws.reshape(*documents.task.shape, horizon, -1)[:, :, :decisions])

    def error(self, tree: HistoryTree, expert: Expert, documents: Documents) -> float:
        """Return the total variation from the exact mixture of experts, averaged over the prompts."""
        if documents.prompts == 0:
            raise ValueError("documents has no prompts: write at least one document to measure an error on")
        found = self.laws(tree, documents)
        flat = np.round(documents.log_weights.reshape(-1, tree.model.environments), 9)
        unique, place = np.unique(flat, axis=0, return_inverse=True)
        exact = [bail(tree, expert, row) for row in unique]
        place, total = place.reshape(documents.task.shape), 0.0
        for h in range(tree.model.decisions):
            rows = np.stack([policy[h] for policy in exact])
            total += float(np.abs(rows[place, documents.task, documents.node[..., h]] - found[:, :, h]).sum())
        return 0.5 * total / documents.prompts


@dataclass(frozen=True)
class SequenceModel:
    r"""A gated recurrent unit over the tokens of a document, with a softmax over subgoals.

    .. math:: u = \sigma(W_u [x, s]),\quad r = \sigma(W_r [x, s]),\quad
              s' = (1-u) s + u \tanh(W_c [x, r s]),\quad \mathrm{LLM}(\cdot) = \mathrm{softmax}(V s')

    One token x holds an observation, the subgoal before it, the step and the task; labels are predicted and
    never read. All documents are one batch, minimised by L-BFGS in float64.

    Parameters
    ----------
    hidden : int, default 8
        Size of the state s, at least 1.
    penalty : float, default 1e-3
        Weight of half the squared norm of the parameters, at least 0.
    max_iter : int, default 200
        Limit on iterations.
    tolerance : float, default 1e-5
        On the largest entry of the gradient, above 0.

    Raises
    ------
    TypeError, ValueError
        For a number out of range; by ``fit`` for no documents.

    References
    ----------
    Cho et al., "Learning phrase representations using RNN encoder-decoder", EMNLP 2014: the unit. He, Chen,
    Zhang, Yang, "From Words to Actions", ICML 2024, arXiv:2405.19883: the loss.
    """

    hidden: int = 8
    penalty: float = 1e-3
    max_iter: int = 200
    tolerance: float = 1e-5

    def __post_init__(self) -> None:
        as_integer("hidden", self.hidden, least=1)
        as_integer("max_iter", self.max_iter, least=1)
        for name, least in (("penalty", 0.0), ("tolerance", np.nextafter(0.0, 1.0))):
            number = as_floats(name, getattr(self, name))
            if number.ndim or number < least:
                kind = "at least 0" if least == 0.0 else "above 0"
                raise ValueError(f"{name} is {getattr(self, name)!r}: give one number {kind}")

    def fit(
        self, tree: HistoryTree, documents: Documents, *, key: int = 0, progress: Progress | None = None
    ) -> TrainedSequenceModel:
        """Train on documents.

        Parameters
        ----------
        tree : HistoryTree
            The process of the documents.
        documents : Documents
            At least one.
        key : int
            Seed of the first parameters.
        progress : callable, optional
            Called after every iteration.

        Returns
        -------
        TrainedSequenceModel
            The model; ``converged`` tells whether the tolerance was reached.
        """
        import jax
        from scipy.optimize import minimize

        if documents.prompts == 0:
            raise ValueError("documents has no prompts: a recurrent model needs at least one document")
        tokens, labels = _tokens(tree, documents)
        start: Any = _start(
            tokens.shape[-1], self.hidden, tree.model.subgoals, as_integer("key", key, least=0)
        )
        history: list[float] = []

        def objective(parameters: Any, /) -> tuple[float, Any]:
            loss, slope = _functions()[0](
                parameters, tokens, labels, self.penalty, self.hidden, tree.model.subgoals
            )
            return float(loss), np.asarray(slope)

        # scipy looks at the name of the argument
        def told(intermediate_result: Any) -> None:
            history.append(float(intermediate_result.fun))
            if progress is not None:
                progress(len(history), history[-1])

        with jax.enable_x64(True):
            found = minimize(
                objective,
                start,
                jac=True,
                method="L-BFGS-B",
                callback=told,
                options={"maxiter": self.max_iter, "gtol": self.tolerance, "ftol": 0.0, "maxcor": 20},
            )
        converged = bool(np.abs(found.jac).max() <= self.tolerance)
        return TrainedSequenceModel(np.asarray(found.x), self.hidden, np.array(history), converged)


def _tokens(tree: HistoryTree, documents: Documents) -> tuple[Array, NDArray[np.int64]]:
    """Return inputs (L, N, D) and labels (L, N), L = T H, with label -1 where nothing is to be predicted."""
    model = tree.model
    count, length = documents.task.shape
    seen = np.stack(
        [level.observation[documents.node[..., h]] for h, level in enumerate(tree.levels)], axis=-1
    )
    before = np.concatenate([np.zeros((count, length, 1), np.int64), documents.subgoal + 1], axis=-1)
    step = np.broadcast_to(np.arange(model.horizon), seen.shape)
    task = np.broadcast_to(documents.task[..., None], seen.shape)
    parts = (
        (seen, model.observations),
        (before, model.subgoals + 1),
        (step, model.horizon),
        (task, model.tasks),
    )
    tokens = np.concatenate([np.eye(size)[index] for index, size in parts], axis=-1)
    labels = np.concatenate([documents.label, np.full((count, length, 1), -1)], axis=-1)
    flat = tokens.reshape(count, length * model.horizon, -1).swapaxes(0, 1)
    return np.ascontiguousarray(flat), np.ascontiguousarray(labels.reshape(count, -1).T)


def _shapes(inputs: int, hidden: int, labels: int) -> list[tuple[int, int]]:
    wide = inputs + hidden + 1
    return [(wide, 2 * hidden), (wide, hidden), (hidden + 1, labels)]


def _start(inputs: int, hidden: int, labels: int, key: int) -> Array:
    """Return first parameters: normal, scaled by the fan-in, with biases 0."""
    rng = np.random.default_rng(key)
    parts = []
    for rows, columns in _shapes(inputs, hidden, labels):
        weights = rng.normal(size=(rows, columns)) / np.sqrt(rows)
        weights[-1] = 0.0
        parts.append(weights.ravel())
    return np.concatenate(parts)


@cache
def _functions() -> tuple[Callable[..., Any], Callable[..., Any]]:
    """Return the compiled loss with its gradient, and the compiled logits (L, N, G)."""
    import jax
    import jax.numpy as jnp

    def logits(parameters: Any, tokens: Any, hidden: int, labels: int) -> Any:
        weights, at = [], 0
        for rows, columns in _shapes(tokens.shape[-1], hidden, labels):
            weights.append(parameters[at : at + rows * columns].reshape(rows, columns))
            at += rows * columns
        gates, candidate, readout = weights
        one = jnp.ones((tokens.shape[1], 1))

        def step(state: Any, token: Any) -> tuple[Any, Any]:
            both = jax.nn.sigmoid(jnp.concatenate([token, state, one], axis=1) @ gates)
            update, reset = both[:, :hidden], both[:, hidden:]
            new = jnp.tanh(jnp.concatenate([token, reset * state, one], axis=1) @ candidate)
            state = (1.0 - update) * state + update * new
            return state, jnp.concatenate([state, one], axis=1) @ readout

        return jax.lax.scan(step, jnp.zeros((tokens.shape[1], hidden)), tokens)[1]

    def loss(parameters: Any, tokens: Any, targets: Any, penalty: Any, hidden: int, labels: int) -> Any:
        scores = jax.nn.log_softmax(logits(parameters, tokens, hidden, labels))
        picked = jnp.take_along_axis(scores, jnp.maximum(targets, 0)[..., None], axis=-1)[..., 0]
        asked = targets >= 0
        mean = -jnp.where(asked, picked, 0.0).sum() / asked.sum()
        return mean + 0.5 * penalty * parameters @ parameters

    return (
        jax.jit(jax.value_and_grad(loss), static_argnums=(4, 5)),
        jax.jit(logits, static_argnums=(2, 3)),
    )
