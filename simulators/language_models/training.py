r"""Training of language models by gradient descent, stopped early, resumable at any moment.

.. math:: \min_\theta\; -\frac{1}{|A|} \sum_{t \in A} E \log P_\theta(x_t | x_1, \dots, x_{t-1})

over the positions A that are asked for. Every few steps the same expression on fixed validation sequences
says which weights are kept and when to stop; what else is to be recorded then, ``watch`` says.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tightbound.simulators.language_models.checkpoint import CheckpointError, load, peek, save
from tightbound.simulators.language_models.corpora import Corpus, Data, as_sequences
from tightbound.simulators.language_models.programs import Rules, numbers, programs
from tightbound.simulators.language_models.schedule import OwnRate, Schedule
from tightbound.simulators.language_models.trainable import Parameters, Trainable, Watch, parameters_like
from tightbound.theory._validation import Array, as_integer

Outcome = Literal["stopped early", "steps spent"]
Progress = Callable[[int, float, float], None]
"""Called after every evaluation with the step, the loss of training since the last one, and of validation."""


class TrainingDivergedError(ArithmeticError):
    """The loss is no longer a finite number."""


@dataclass(frozen=True, eq=False)
class History:
    """Losses in nats per predicted token and what was watched, one entry per evaluation.

    Attributes
    ----------
    step : ndarray of int, shape (E,)
        Steps taken so far.
    training : ndarray, shape (E,)
        Mean over the batches since the last evaluation.
    validation : ndarray, shape (E,)
        On the validation sequences.
    watched : mapping from name to ndarray, shape (E, ...)
        What ``watch`` returned there.
    """

    step: NDArray[np.int64]
    training: Array
    validation: Array
    watched: Mapping[str, NDArray[Any]] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class TrainingResult:
    """What a training ends with.

    Attributes
    ----------
    parameters : dict from name to ndarray
        The weights that the schedule keeps: with the least validation loss, or the last ones.
    value : float
        Their validation loss, in nats per predicted token.
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
    model: Trainable,
    data: Data,
    schedule: Schedule,
    *,
    validation: ArrayLike,
    mask: ArrayLike | None = None,
    initial: Mapping[str, ArrayLike] | None = None,
    watch: Watch | None = None,
    checkpoint: str | Path | None = None,
    resume: bool = True,
    progress: Progress | bool = False,
    key: int = 0,
) -> TrainingResult:
    """Train one model.

    Parameters
    ----------
    model : Trainable
        What to train, e.g. a `CausalTransformer`.
    data : array_like of int, shape (N, T), or callable ``(rng, count) -> (count, T)``
        Training sequences, used in a new random order in every epoch; or a sampler, whose sequences are used
        once. T is at most ``model.context``.
    schedule : Schedule
        How to train.
    validation : array_like of int, shape (V, T)
        Fixed sequences on which weights are chosen.
    mask : array_like of bool, shape (T,), optional
        Positions to predict; all where left out. Position t is predicted from those before it.
    initial : mapping from name to array, optional
        Weights to start from; where left out, ``model.init(key)``.
    watch : callable, optional
        Traceable function of the weights and the validation sequences, evaluated with the validation loss;
        the arrays that it returns are kept in the history.
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
        With the weights that the schedule keeps.

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
    >>> from tightbound.simulators.language_models.causal_transformer import CausalTransformer
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
        initial=None if initial is None else [initial],
        watch=watch,
        checkpoint=checkpoint,
        resume=resume,
        progress=progress,
        keys=[key],
    )[0]


def train_many(
    model: Trainable,
    data: Sequence[Data],
    schedule: Schedule | Sequence[Schedule],
    *,
    validation: ArrayLike,
    mask: ArrayLike | None = None,
    initial: Sequence[Mapping[str, ArrayLike]] | None = None,
    watch: Watch | None = None,
    checkpoint: str | Path | None = None,
    resume: bool = True,
    progress: Progress | bool = False,
    keys: Sequence[int],
) -> tuple[TrainingResult, ...]:
    """Train several models of one shape side by side, in one compiled program.

    Parameters
    ----------
    model, validation, mask, watch, checkpoint, resume, progress
        As for `train`; the losses told to ``progress`` are means over the runs.
    data : sequence of R entries
        Each as for `train`; all of one length T.
    schedule : Schedule, or sequence of R of them
        How to train. Those of different runs may differ in ``learning_rate``, ``warmup``, ``weight_decay``,
        ``clip``, ``eps`` and the factors of ``own_rate``, and in nothing else.
    initial : sequence of R entries, optional
        Each as for `train`.
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
    schedules = _schedules(schedule, len(seeds))
    common = schedules[0]
    corpora = [
        Corpus(entry, key, model.vocabulary, fixed.shape[1]) for entry, key in zip(data, seeds, strict=True)
    ]
    asked = _mask(mask, fixed.shape[1])
    weights = _weights(model, initial, seeds)
    given = None if initial is None else weights
    path = None if checkpoint is None else Path(checkpoint)
    fingerprint = _fingerprint(model, schedules, seeds, corpora, fixed, asked, given, watch)
    if path is not None and path.exists() and not resume:
        raise FileExistsError(f"checkpoint {path} exists: pass resume=True to go on from it, or remove it")
    with jax.enable_x64(True):
        start, advance = programs(model, Rules.of(schedules), watch)
        rates = np.stack([one.rates() for one in schedules]).astype(model.dtype)
        patience = np.int32(common.patience or np.iinfo(np.int32).max)
        constants: Parameters = getattr(model, "constants", {})
        state = start(jax.tree.map(lambda *runs: np.stack(runs), *weights))
        losses, seen = np.empty((0, 2, len(seeds))), dict[str, NDArray[Any]]()
        if path is not None and path.exists():
            state, losses, seen = _restored(path, load(path, fingerprint), state)
        with _shown(progress, common.steps) as tell:
            while len(losses) * common.evaluate_every < common.steps and np.any(_going(losses, common)):
                first, count = len(losses) * common.evaluate_every, common.evaluate_every
                shape = (count, common.batch, fixed.shape[1])
                tokens = np.stack(
                    [
                        corpus.take(first * common.batch, count * common.batch).reshape(shape)
                        for corpus in corpora
                    ]
                )
                pace = rates[:, first : first + count]
                settings = numbers(schedules, model.dtype)
                state, training, measured, watched = advance(
                    state, tokens, pace, settings, fixed, asked, patience, constants
                )
                row = np.stack([np.asarray(training, np.float64), np.asarray(measured, np.float64)])
                if not np.all(np.isfinite(row)):
                    raise TrainingDivergedError(
                        f"the loss is {row[~np.isfinite(row)][0]} after {first + count} steps: lower "
                        f"learning_rate (it is {common.learning_rate:g}) or lengthen warmup"
                    )
                losses = np.concatenate([losses, row[None]])
                for name, value in watched.items():
                    new = np.asarray(value)[None]
                    seen[name] = np.concatenate([seen[name], new]) if name in seen else new
                if path is not None:
                    save(path, _arrays(state, losses, seen), fingerprint)
                tell(first + count, float(row[0].mean()), float(row[1].mean()))
        kept = state["best" if common.keep == "best" else "parameters"]
        found = {name: np.asarray(value) for name, value in kept.items()}
    return tuple(
        _result(
            {name: value[run] for name, value in found.items()},
            losses[:, :, run],
            {name: value[:, run] for name, value in seen.items()},
            common,
        )
        for run in range(len(seeds))
    )


def _schedules(schedule: Schedule | Sequence[Schedule], runs: int) -> tuple[Schedule, ...]:
    if isinstance(schedule, Schedule):
        return (schedule,) * runs
    found = tuple(schedule)
    if len(found) != runs:
        raise ValueError(f"there are {len(found)} schedules and {runs} keys: give one for each run, or one")
    plain = {replace(one, **_OWN, own_rate=one.own_rate and OwnRate(one.own_rate.parameter)) for one in found}
    if len(plain) > 1:
        raise ValueError(
            f"schedules differ in more than {', '.join(_OWN)} and factors of own_rate: runs side by side "
            "share the rest; train them in calls of their own"
        )
    return found


_OWN: dict[str, Any] = {
    "learning_rate": 1.0,
    "warmup": 0,
    "weight_decay": 0.0,
    "clip": None,
    "eps": 1.0,
}
"""What schedules of runs side by side may differ in, with values that stand for any."""


def _weights(
    model: Trainable, initial: Sequence[Mapping[str, ArrayLike]] | None, keys: tuple[int, ...]
) -> list[Parameters]:
    if initial is None:
        return [model.init(key) for key in keys]
    if len(initial) != len(keys):
        raise ValueError(f"there are {len(initial)} initial weights and {len(keys)} keys: give one per run")
    return [parameters_like(model, given) for given in initial]


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
    model: Trainable,
    schedules: tuple[Schedule, ...],
    keys: tuple[int, ...],
    corpora: Sequence[Corpus],
    validation: NDArray[np.int32],
    mask: NDArray[np.bool_],
    initial: Sequence[Parameters] | None,
    watch: Watch | None,
) -> str:
    """Return what makes two trainings the same, one ``name=value`` per line."""
    import hashlib

    def digest(array: NDArray[Any]) -> str:
        return f"{array.shape}:{hashlib.sha256(np.ascontiguousarray(array).tobytes()).hexdigest()[:16]}"

    settings = [asdict(schedule) for schedule in schedules]
    parts: dict[str, Any] = {
        "model": repr(model),
        **{
            name: value
            if all(own[name] == value for own in settings)
            else tuple(own[name] for own in settings)
            for name, value in settings[0].items()
        },
        "keys": keys,
        "data": tuple(digest(corpus.sample) for corpus in corpora),
        "validation": digest(validation),
        "mask": digest(mask),
        "initial": initial
        and tuple(digest(np.concatenate([np.ravel(one[name]) for name in sorted(one)])) for one in initial),
        "watch": watch and f"{type(watch).__qualname__} {getattr(watch, '__qualname__', repr(watch))}",
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


def _result(
    parameters: Parameters, losses: Array, watched: dict[str, NDArray[Any]], schedule: Schedule
) -> TrainingResult:
    stopped = _stop(losses[:, 1], schedule)
    kept = losses[:stopped]
    steps = schedule.evaluate_every * np.arange(1, len(kept) + 1)
    best = int(kept[:, 1].argmin()) if schedule.keep == "best" else len(kept) - 1
    seen = {name: value[:stopped].copy() for name, value in watched.items()}
    return TrainingResult(
        parameters=parameters,
        value=float(kept[best, 1]),
        history=History(steps, kept[:, 0].copy(), kept[:, 1].copy(), seen),
        converged=stopped is not None,
        num_iter=int(steps[-1]),
        best_step=int(steps[best]),
        outcome="steps spent" if stopped is None else "stopped early",
    )


def _arrays(state: Any, losses: Array, watched: Mapping[str, NDArray[Any]]) -> dict[str, np.ndarray]:
    import jax

    leaves = jax.tree_util.tree_flatten_with_path(state)[0]
    return (
        {jax.tree_util.keystr(path): np.asarray(leaf) for path, leaf in leaves}
        | {"losses": losses}
        | {_WATCHED + name: value for name, value in watched.items()}
    )


_WATCHED = "watched "


def snapshot(checkpoint: str | Path) -> tuple[Parameters, dict[str, NDArray[Any]]]:
    """Return the weights that a training of one model keeps so far, and what was watched last.

    Parameters
    ----------
    checkpoint : path
        File that `train` writes.

    Raises
    ------
    CheckpointError
        For a file that is damaged or no checkpoint.
    FileNotFoundError
        Where there is none.
    """
    found = peek(Path(checkpoint))
    kept = "best" if any(name.startswith("['best']") for name in found) else "parameters"
    head = f"['{kept}']['"
    weights = {
        name.removeprefix(head).removesuffix("']"): array[0]
        for name, array in found.items()
        if name.startswith(head)
    }
    watched = {
        name.removeprefix(_WATCHED): array[-1, 0]
        for name, array in found.items()
        if name.startswith(_WATCHED)
    }
    return weights, watched


def _restored(
    path: Path, stored: dict[str, np.ndarray], state: Any
) -> tuple[Any, Array, dict[str, NDArray[Any]]]:
    """Return the state, the losses and what was watched; ``state`` says how it is built."""
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
    watched = {
        name.removeprefix(_WATCHED): value for name, value in stored.items() if name.startswith(_WATCHED)
    }
    return jax.tree_util.tree_unflatten(form, found), stored["losses"], watched


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
