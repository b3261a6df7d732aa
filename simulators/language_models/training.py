r"""Training of a causal transformer by Adam, stopped early, resumable at any moment.

.. math:: \min_\theta\; -\frac{1}{|A|} \sum_{t \in A} E \log P_\theta(x_t | x_1, \dots, x_{t-1})

over the positions A that are asked for. Every few steps the same expression on fixed validation sequences
says which weights are kept and when to stop.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tightbound.simulators.language_models.causal_transformer import (
    CausalTransformer,
    Parameters,
    forward,
)
from tightbound.simulators.language_models.checkpoint import CheckpointError, load, save
from tightbound.simulators.language_models.corpora import Corpus, Data, as_sequences
from tightbound.simulators.language_models.schedule import Schedule
from tightbound.theory._validation import Array, as_integer

Outcome = Literal["stopped early", "steps spent"]
Progress = Callable[[int, float, float], None]
"""Called after every evaluation with the step, the loss of training since the last one, and of validation."""


class TrainingDivergedError(ArithmeticError):
    """The loss is no longer a finite number."""


@dataclass(frozen=True, eq=False)
class History:
    """Losses in nats per predicted token, one entry per evaluation.

    Attributes
    ----------
    step : ndarray of int, shape (E,)
        Steps taken so far.
    training : ndarray, shape (E,)
        Mean over the batches since the last evaluation.
    validation : ndarray, shape (E,)
        On the validation sequences.
    """

    step: NDArray[np.int64]
    training: Array
    validation: Array


@dataclass(frozen=True, eq=False)
class TrainingResult:
    """What a training ends with.

    Attributes
    ----------
    parameters : dict from name to ndarray
        The weights with the least validation loss.
    value : float
        That loss, in nats per predicted token.
    history : History
        Losses along the way.
    converged : bool
        Whether the validation loss stopped falling before the steps were spent.
    num_iter : int
        Steps taken.
    best_step : int
        The step of ``parameters``.
    outcome : {"stopped early", "steps spent"}
        Why the training ended.
    """

    parameters: Parameters
    value: float
    history: History
    converged: bool
    num_iter: int
    best_step: int
    outcome: Outcome


def train(
    model: CausalTransformer,
    data: Data,
    schedule: Schedule,
    *,
    validation: ArrayLike,
    mask: ArrayLike | None = None,
    checkpoint: str | Path | None = None,
    resume: bool = True,
    progress: Progress | bool = False,
    key: int = 0,
) -> TrainingResult:
    """Train one model.

    Parameters
    ----------
    model : CausalTransformer
        What to train.
    data : array_like of int, shape (N, T), or callable ``(rng, count) -> (count, T)``
        Training sequences, used in a new random order in every epoch; or a sampler, whose sequences are used
        once. T is at most ``model.context``.
    schedule : Schedule
        How to train.
    validation : array_like of int, shape (V, T)
        Fixed sequences on which weights are chosen.
    mask : array_like of bool, shape (T,), optional
        Positions to predict; all where left out. Position t is predicted from those before it.
    checkpoint : path, optional
        File written after every evaluation. A run that was killed goes on from there and ends with the same
        bits as one that was not.
    resume : bool, default True
        Whether to go on from a checkpoint that exists; otherwise it must not exist.
    progress : callable or bool
        Called after every evaluation; True shows a bar on standard error.
    key : int
        Seed of the weights and of the order of the data.

    Returns
    -------
    TrainingResult
        With the best weights seen.

    Raises
    ------
    TypeError, ValueError
        For arguments that do not fit together.
    CheckpointError
        For a checkpoint that is damaged or of another training; the file is left as it is.
    FileExistsError
        For a checkpoint that exists where ``resume`` is false.
    TrainingDivergedError
        Where a loss is no longer finite.

    Examples
    --------
    >>> model = CausalTransformer(vocabulary=2, context=4, width=4, blocks=1, heads=1)
    >>> tokens = np.tile([0, 1, 0, 1], (8, 1))
    >>> result = train(model, tokens, Schedule(100, batch=8, warmup=5, learning_rate=0.02), validation=tokens)
    >>> result.outcome, result.value < 0.1
    ('steps spent', True)
    """
    return train_many(
        model,
        [data],
        schedule,
        validation=validation,
        mask=mask,
        checkpoint=checkpoint,
        resume=resume,
        progress=progress,
        keys=[key],
    )[0]


def train_many(
    model: CausalTransformer,
    data: Sequence[Data],
    schedule: Schedule,
    *,
    validation: ArrayLike,
    mask: ArrayLike | None = None,
    checkpoint: str | Path | None = None,
    resume: bool = True,
    progress: Progress | bool = False,
    keys: Sequence[int],
) -> tuple[TrainingResult, ...]:
    """Train several models of one shape side by side, in one compiled program.

    Parameters
    ----------
    model, schedule, validation, mask, checkpoint, resume, progress
        As for `train`; the losses told to ``progress`` are means over the runs.
    data : sequence of R entries
        Each as for `train`; all of one length T.
    keys : sequence of R int
        Seeds.

    Returns
    -------
    tuple of R TrainingResult
        Each run stops by itself; the last one ends the training.

    Raises
    ------
    TypeError, ValueError, CheckpointError, FileExistsError, TrainingDivergedError
        As `train`.
    """
    import jax

    fixed = as_sequences("validation", validation, model.vocabulary, model.context)
    seeds = tuple(as_integer("keys", key, least=0) for key in keys)
    if len(data) != len(seeds) or not seeds:
        raise ValueError(
            f"there are {len(data)} sets of data and {len(seeds)} keys: give one key per run, and at least "
            "one run"
        )
    corpora = [
        Corpus(entry, key, model.vocabulary, fixed.shape[1]) for entry, key in zip(data, seeds, strict=True)
    ]
    asked = _mask(mask, fixed.shape[1])
    path = None if checkpoint is None else Path(checkpoint)
    fingerprint = _fingerprint(model, schedule, seeds, corpora, fixed, asked)
    if path is not None and path.exists() and not resume:
        raise FileExistsError(f"checkpoint {path} exists: pass resume=True to go on from it, or remove it")
    with jax.enable_x64(True):
        start, advance = _programs(model, schedule.betas)
        rates = schedule.rates().astype(model.dtype)
        patience = np.int32(schedule.patience or np.iinfo(np.int32).max)
        state = start(jax.tree.map(lambda *runs: np.stack(runs), *(model.init(key) for key in seeds)))
        losses = np.empty((0, 2, len(seeds)))
        if path is not None and path.exists():
            state, losses = _restored(path, load(path, fingerprint), state)
        with _shown(progress, schedule.steps) as tell:
            while len(losses) * schedule.evaluate_every < schedule.steps and np.any(_going(losses, schedule)):
                first = len(losses) * schedule.evaluate_every * schedule.batch
                count = schedule.evaluate_every * schedule.batch
                shape = (schedule.evaluate_every, schedule.batch, fixed.shape[1])
                tokens = np.stack([corpus.take(first, count).reshape(shape) for corpus in corpora])
                pace = rates[first // schedule.batch :][: schedule.evaluate_every]
                state, training, measured = advance(state, tokens, pace, fixed, asked, patience)
                row = np.stack([np.asarray(training, np.float64), np.asarray(measured, np.float64)])
                step = (len(losses) + 1) * schedule.evaluate_every
                if not np.all(np.isfinite(row)):
                    raise TrainingDivergedError(
                        f"the loss is {row[~np.isfinite(row)][0]} after {step} steps: lower learning_rate "
                        f"(it is {schedule.learning_rate:g}) or lengthen warmup"
                    )
                losses = np.concatenate([losses, row[None]])
                if path is not None:
                    save(path, _arrays(state, losses), fingerprint)
                tell(step, float(row[0].mean()), float(row[1].mean()))
        best = {name: np.asarray(value) for name, value in state["best"].items()}
    return tuple(
        _result({name: value[run] for name, value in best.items()}, losses[:, :, run], schedule)
        for run in range(len(seeds))
    )


def _mask(mask: ArrayLike | None, length: int) -> NDArray[np.bool_]:
    array = np.ones(length, bool) if mask is None else np.asarray(mask)
    if array.dtype != bool:
        raise TypeError(f"mask has dtype {array.dtype}: give booleans, True where a token is predicted")
    if array.shape != (length,):
        raise ValueError(f"mask has shape {array.shape}: give one boolean per position, ({length},)")
    if not array.any():
        raise ValueError("mask is False everywhere: a loss needs at least one position to predict")
    return array


def _fingerprint(
    model: CausalTransformer,
    schedule: Schedule,
    keys: tuple[int, ...],
    corpora: Sequence[Corpus],
    validation: NDArray[np.int32],
    mask: NDArray[np.bool_],
) -> str:
    """Return what makes two trainings the same, one ``name=value`` per line."""
    import hashlib

    def digest(array: NDArray[Any]) -> str:
        return f"{array.shape}:{hashlib.sha256(np.ascontiguousarray(array).tobytes()).hexdigest()[:16]}"

    parts = {
        **asdict(model),
        **asdict(schedule),
        "keys": keys,
        "data": tuple(digest(corpus.sample) for corpus in corpora),
        "validation": digest(validation),
        "mask": digest(mask),
    }
    return "\n".join(f"{name}={value}" for name, value in parts.items())


def _going(losses: Array, schedule: Schedule) -> NDArray[np.bool_]:
    """Return which runs have not stopped, from losses (E, 2, R)."""
    return np.array([_stop(losses[:, 1, run], schedule) is None for run in range(losses.shape[2])])


def _stop(validation: Array, schedule: Schedule) -> int | None:
    """Return the number of evaluations after which a run stopped, or None."""
    least, since = np.inf, 0
    for place, value in enumerate(validation):
        least, since = (value, 0) if value < least else (least, since + 1)
        if schedule.patience is not None and since >= schedule.patience:
            return place + 1
    return None


def _result(parameters: Parameters, losses: Array, schedule: Schedule) -> TrainingResult:
    stopped = _stop(losses[:, 1], schedule)
    kept = losses[:stopped]
    steps = schedule.evaluate_every * np.arange(1, len(kept) + 1)
    best = int(kept[:, 1].argmin())
    return TrainingResult(
        parameters=parameters,
        value=float(kept[best, 1]),
        history=History(steps, kept[:, 0].copy(), kept[:, 1].copy()),
        converged=stopped is not None,
        num_iter=int(steps[-1]),
        best_step=int(steps[best]),
        outcome="steps spent" if stopped is None else "stopped early",
    )


def _arrays(state: Any, losses: Array) -> dict[str, np.ndarray]:
    import jax

    leaves = jax.tree_util.tree_flatten_with_path(state)[0]
    return {jax.tree_util.keystr(path): np.asarray(leaf) for path, leaf in leaves} | {"losses": losses}


def _restored(path: Path, stored: dict[str, np.ndarray], state: Any) -> tuple[Any, Array]:
    """Return the state and the losses of a checkpoint; ``state`` says how it is built."""
    import jax

    leaves, form = jax.tree_util.tree_flatten_with_path(state)
    found = []
    for place, leaf in leaves:
        array = stored.get(jax.tree_util.keystr(place))
        if array is None or array.shape != leaf.shape or array.dtype != leaf.dtype:
            raise CheckpointError(
                f"checkpoint {path} lacks {jax.tree_util.keystr(place)} of shape {leaf.shape}: it was "
                "written by another version and left as it is; name another file"
            )
        found.append(jax.numpy.asarray(array))
    return jax.tree_util.tree_unflatten(form, found), stored["losses"]


@contextmanager
def _shown(progress: Progress | bool, steps: int) -> Iterator[Progress]:
    if progress is False:
        yield lambda step, training, validation: None
    elif progress is True:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        with Progress(*columns, console=Console(stderr=True)) as bar:
            task = bar.add_task("training", total=steps)

            def tell(step: int, training: float, validation: float) -> None:
                words = f"loss {training:.4f}, validation {validation:.4f}"
                bar.update(task, completed=step, description=words)

            yield tell
    else:
        yield progress


@lru_cache(maxsize=8)
def _programs(
    model: CausalTransformer, betas: tuple[float, float]
) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """Return the compiled start of R runs, and the steps up to their next evaluation."""
    import jax
    import jax.numpy as jnp
    import optax

    optimiser = optax.scale_by_adam(*betas)

    def begin(weights: Parameters) -> Any:
        return {
            "parameters": weights,
            "optimiser": optimiser.init(weights),
            "best": weights,
            "least": jnp.asarray(jnp.inf, model.dtype),
            "since": jnp.zeros((), jnp.int32),
        }

    def loss(parameters: Parameters, tokens: Any, mask: Any) -> Any:
        scores = jax.nn.log_softmax(forward(model, parameters, tokens[:, :-1])[0])
        picked = jnp.take_along_axis(scores, tokens[..., None], axis=-1)[..., 0]
        return -jnp.where(mask, picked, 0.0).sum() / (tokens.shape[0] * mask.sum().astype(model.dtype))

    def advance(state: Any, batches: Any, rates: Any, validation: Any, mask: Any, patience: Any) -> Any:
        def step(carry: Any, given: Any) -> Any:
            (weights, moments), (tokens, rate) = carry, given
            value, slope = jax.value_and_grad(loss)(weights, tokens, mask)
            change, moments = optimiser.update(slope, moments)
            weights = jax.tree.map(lambda weight, slope: weight - rate * slope, weights, change)
            return (weights, moments), value

        start = (state["parameters"], state["optimiser"])
        (weights, moments), values = jax.lax.scan(step, start, (batches, rates))
        value = loss(weights, validation, mask)
        better = (value < state["least"]) & (state["since"] < patience)
        new = {
            "parameters": weights,
            "optimiser": moments,
            "best": jax.tree.map(lambda a, b: jnp.where(better, a, b), weights, state["best"]),
            "least": jnp.where(better, value, state["least"]),
            "since": jnp.where(better, 0, state["since"] + 1).astype(jnp.int32),
        }
        return new, values.mean(), value

    return jax.vmap(begin), jax.jit(jax.vmap(advance, in_axes=(0, 0, None, None, None, None)))
