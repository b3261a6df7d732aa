r"""Bayesian model averaging over many tasks and sequences at once, compiled.

.. math:: P(r_t \mid c_t, S_{t-1}) = \sum_z P(r_t \mid c_t, S_{t-1}, z) P(z \mid S_{t-1}, c_t)

The recursion of `tightbound.theory.in_context.model_averaging`, whose results these functions return to
rounding errors: for independent demonstrations (`FiniteTasks`), banks of hidden Markov models (`HMMConcept`)
and Markov chains (`MarkovTasks`).

With ``backend="numba"`` probabilities are multiplied, not their logarithms added; weights carry an exponent
of their own, so that they never underflow, and sequences on which a hidden state's probability falls below
2^-300 are done again in log space. Every sequence is handled alone: a result does not change by a bit with
the number of threads or with what else is in the batch. ``backend="jax"`` stays in log space throughout, at
the price of exponentials, and runs on accelerators in double precision; it compiles once per shape.
"""

from __future__ import annotations

import math
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike

from tightbound.simulators.in_context._bank import Bank, Tasks, as_bank
from tightbound.theory._log_space import safe_log
from tightbound.theory._validation import Array, Integers
from tightbound.theory.in_context.errors import InconsistentEvidenceError

Backend = Literal["numba", "jax"]
OUTPUTS = ("predicted", "last", "path", "best")


def scan_log_predictive(model: Tasks, *demonstrations: ArrayLike, backend: Backend = "numba") -> Array:
    r"""Return :math:`\log P(r_t | c_t, S_{t-1})` of Bayesian model averaging.

    Parameters
    ----------
    model : FiniteTasks, HMMConcept, MarkovTasks
        Prior and tables.
    *demonstrations : array_like of int, shape (..., T)
        Covariates and responses; for `MarkovTasks` the tokens alone. T may be 0.
    backend : {"numba", "jax"}
        What compiles the recursion.

    Returns
    -------
    ndarray, shape (..., T)
        In nats. For covariates from outside its sum over t is the log evidence.

    Raises
    ------
    InconsistentEvidenceError
        For a sequence that no task of positive prior probability can produce.
    IndexError, TypeError, ValueError
        For labels out of range, shapes that differ, a wrong number of sequences, or another model or backend.

    See Also
    --------
    tightbound.theory.in_context.model_averaging.log_predictive : the same in NumPy, for any model.

    Examples
    --------
    >>> from tightbound.theory.in_context.finite_tasks import FiniteTasks
    >>> tasks = FiniteTasks([0.5, 0.5], [[[0.9, 0.1]], [[0.1, 0.9]]])
    >>> np.exp(scan_log_predictive(tasks, [0, 0], [0, 0])).round(3).tolist()
    [0.5, 0.82]
    """
    return _scan(as_bank(model, demonstrations), backend, "predicted")[0]


def scan_log_posterior(model: Tasks, *demonstrations: ArrayLike, backend: Backend = "numba") -> Array:
    r"""Return the logarithm of the posterior of the task after each demonstration.

    Parameters
    ----------
    model, *demonstrations, backend
        As for `scan_log_predictive`.

    Returns
    -------
    ndarray, shape (..., T+1, M)
        :math:`\log P(z | S_t)`, t = 0, ..., T, in nats; -inf for an excluded task.

    Raises
    ------
    InconsistentEvidenceError, IndexError, TypeError, ValueError
        As for `scan_log_predictive`.

    Examples
    --------
    >>> from tightbound.theory.in_context.finite_tasks import FiniteTasks
    >>> tasks = FiniteTasks([0.5, 0.5], [[[0.9, 0.1]], [[0.1, 0.9]]])
    >>> float(scan_log_posterior(tasks, [0] * 1000, [0] * 1000)[-1, 1].round(6))
    -2197.224577
    """
    return _scan(as_bank(model, demonstrations), backend, "path")[0]


def scan_final_log_posterior(model: Tasks, *demonstrations: ArrayLike, backend: Backend = "numba") -> Array:
    r"""Return the logarithm of the posterior of the task after all demonstrations.

    Much faster than `scan_log_posterior` where the steps in between are not needed.

    Parameters
    ----------
    model, *demonstrations, backend
        As for `scan_log_predictive`.

    Returns
    -------
    ndarray, shape (..., M)
        :math:`\log P(z | S_T)` in nats; -inf for an excluded task.

    Raises
    ------
    InconsistentEvidenceError, IndexError, TypeError, ValueError
        As for `scan_log_predictive`.

    Examples
    --------
    >>> from tightbound.theory.in_context.markov_tasks import MarkovTasks
    >>> tasks = MarkovTasks([0.5, 0.5], [0.5, 0.5], [[[0.9, 0.1], [0.9, 0.1]], [[0.1, 0.9], [0.1, 0.9]]])
    >>> np.exp(scan_final_log_posterior(tasks, [[0, 0], [0, 1]])).round(3).tolist()
    [[0.9, 0.1], [0.1, 0.9]]
    """
    return _scan(as_bank(model, demonstrations), backend, "last")[0]


def scan_regret(model: Tasks, *demonstrations: ArrayLike, backend: Backend = "numba") -> Array:
    r"""Return the average regret of Bayesian model averaging against the best task in hindsight.

    .. math:: \mathrm{regret}_t = \frac1t \max_z \sum_{s \le t} \log P(r_s | c_s, S_{s-1}, z)
        - \frac1t \sum_{s \le t} \log P(r_s | c_s, S_{s-1})

    Parameters
    ----------
    model, *demonstrations, backend
        As for `scan_log_predictive`.

    Returns
    -------
    ndarray, shape (..., T)
        Entry t is the average over the first t+1 demonstrations, in nats.

    Raises
    ------
    InconsistentEvidenceError, IndexError, TypeError, ValueError
        As for `scan_log_predictive`.

    See Also
    --------
    tightbound.theory.in_context.regret.regret : the same in NumPy, also against the truth.

    Examples
    --------
    >>> from tightbound.theory.in_context.finite_tasks import FiniteTasks
    >>> tasks = FiniteTasks([0.5, 0.5], [[[0.9, 0.1]], [[0.1, 0.9]]])
    >>> scan_regret(tasks, [0] * 4, [0] * 4).round(4).tolist()
    [0.5878, 0.3404, 0.2306, 0.1732]
    """
    best, predicted = _scan(as_bank(model, demonstrations), backend, "best", "predicted")
    return np.asarray((best - np.cumsum(predicted, axis=-1)) / np.arange(1, best.shape[-1] + 1))


def _scan(bank: Bank, backend: Backend, *wanted: str) -> list[Array]:
    """Return some of `OUTPUTS` for sequences as they were given."""
    if backend not in ("numba", "jax"):
        raise ValueError(f"backend is {backend!r}: choose 'numba' or 'jax'")
    found, amiss = (_scan_numba if backend == "numba" else _scan_jax)(bank, wanted)
    impossible = np.flatnonzero(amiss >= 0)
    if impossible.size:
        row = int(impossible[0])
        raise InconsistentEvidenceError(
            f"{bank.describe(row, int(amiss[row]))} has probability 0 under every task that explains what "
            "came before: check the sequence, or give the tasks positive probabilities"
        )
    return [array.reshape(*bank.shape, *array.shape[1:]) for array in found]


def _scan_numba(bank: Bank, wanted: tuple[str, ...]) -> tuple[list[Array], Integers]:
    """Return what is wanted of every sequence, and where it is impossible: 2 t, 2 t + 1, or negative."""
    from tightbound.simulators.in_context import _kernel_scan_tables as tables
    from tightbound.simulators.in_context._kernel_scan_weights import LOST

    outputs, amiss = _outputs(bank, len(bank.rows), wanted)
    asked_for = tuple(name in wanted for name in OUTPUTS)
    stride = _stride(bank)
    if stride == 0:
        amiss[:] = LOST
    elif bank.initial.shape[1] == 1:
        factors = np.ascontiguousarray(bank.emission[:, 0].T)
        run: Any = tables.scan
        run(factors, bank.rows, bank.asked, bank.seen, bank.prior, asked_for, *outputs, amiss)
    else:
        _scan_hidden(bank, stride, asked_for, (*outputs, amiss))
    found = [outputs[OUTPUTS.index(name)] for name in wanted]
    again = np.flatnonzero(amiss == LOST)
    if again.size:
        corrected, amiss[again] = _scan_logs(bank, again, wanted, asked_for)
        for array, values in zip(found, corrected, strict=True):
            array[again] = values
    return found, amiss


def _scan_hidden(bank: Bank, stride: int, asked_for: tuple[bool, ...], outputs: tuple[Any, ...]) -> None:
    """Fill outputs; of sequences and tasks whichever are more go side by side, with the same results."""
    from tightbound.simulators.in_context import _kernel_scan_bank as few
    from tightbound.simulators.in_context import _kernel_scan_hidden as many

    tables = _padded(bank, many.GROUP)
    count, tasks = len(bank.rows), bank.prior.size
    rest = count % many.LANES
    split = count - rest if rest < min(tasks, many.LANES // 4) else count
    run: Any
    if split:
        run, part = many.scan, slice(split)
        taken = (array[part] for array in outputs)
        run(*tables, stride, bank.rows[part], bank.asked, bank.seen[part], bank.prior, asked_for, *taken)
    if split < count:
        run, part = few.scan, slice(split, None)
        taken = (array[part] for array in outputs)
        *laws, asked, prior = _tiled(*tables, bank.asked, bank.prior, few.TILE, many.VECTOR)
        run(*laws, stride, bank.rows[part], asked, bank.seen[part], prior, asked_for, *taken)


def _tiled(
    initial: Array, step: Array, shown: Array, asked: Array, prior: Array, tile: int, vector: int
) -> tuple[Array, ...]:
    """Return tables with the tasks last, in tiles of equal size filled up with tasks of weight zero."""
    tasks = len(initial)
    tiles = -(-tasks // tile)
    width = -(-tasks // (tiles * vector)) * vector
    more = tiles * width - tasks

    def split(array: Array) -> Array:
        full = np.concatenate([array, np.zeros((more, *array.shape[1:]))])
        return np.ascontiguousarray(np.moveaxis(full.reshape(tiles, width, *array.shape[1:]), 1, -1))

    wide = [np.pad(array, [(0, 0)] * (array.ndim - 1) + [(0, more)]) for array in (asked, prior)]
    return split(initial), split(np.swapaxes(step, 1, 2)), split(shown), *wide


def _outputs(bank: Bank, count: int, wanted: tuple[str, ...]) -> tuple[tuple[Array, ...], Integers]:
    """Return arrays for all outputs, empty but for those wanted, and one for what is amiss."""
    tasks, length = bank.prior.size, bank.rows.shape[1]
    shapes = {
        "predicted": (count, length),
        "last": (count, tasks),
        "path": (count, length + 1, tasks),
        "best": (count, length),
    }
    empty = {"path": (count, 0, tasks)}
    arrays = (
        np.empty(shape if name in wanted else empty.get(name, (count, 0))) for name, shape in shapes.items()
    )
    return tuple(arrays), np.empty(count, dtype=np.int64)


def _stride(bank: Bank) -> int:
    """Return after how many steps a number may have fallen by 2^-MARGIN; 0 if in less than one."""
    from tightbound.simulators.in_context._kernel_scan_weights import LEAST, MARGIN

    arrays = (bank.prior, bank.initial, bank.transition, bank.emission, bank.asked)
    prior, initial, step, shown, asked = (float(a[a > 0.0].min(initial=1.0)) for a in arrays)
    if min(prior, initial, step, shown, asked) < LEAST:
        return 0
    bits = -math.log2(step) - math.log2(shown)
    return int(MARGIN / bits) if bits * 2**30 > MARGIN else 2**30


def _padded(bank: Bank, group: int) -> tuple[Array, Array, Array]:
    """Return the laws of hidden states with their number rounded up; emissions by rows, (M, K, H)."""
    tasks, states = bank.initial.shape
    full = -(-states // group) * group
    initial, step = np.zeros((tasks, full)), np.zeros((tasks, full, full))
    shown = np.zeros((tasks, bank.emission.shape[2], full))
    initial[:, :states], step[:, :states, :states] = bank.initial, bank.transition
    shown[:, :, :states] = np.swapaxes(bank.emission, 1, 2)
    return initial, step, shown


def _scan_logs(
    bank: Bank, chosen: Integers, wanted: tuple[str, ...], asked_for: tuple[bool, ...]
) -> tuple[list[Array], Integers]:
    """Do chosen sequences in log space."""
    from tightbound.simulators.in_context import _kernel_scan_logs as kernel

    outputs, amiss = _outputs(bank, len(chosen), wanted)
    initial, step, shown = (
        np.ascontiguousarray(safe_log(array))
        for array in (bank.initial, np.swapaxes(bank.transition, 1, 2), np.swapaxes(bank.emission, 1, 2))
    )
    run: Any = kernel.scan
    run(
        initial,
        step,
        shown,
        bank.rows[chosen],
        safe_log(bank.asked),
        bank.seen[chosen],
        safe_log(bank.prior),
        asked_for,
        *outputs,
        amiss,
    )
    return [outputs[OUTPUTS.index(name)] for name in wanted], amiss


def _scan_jax(bank: Bank, wanted: tuple[str, ...]) -> tuple[list[Array], Integers]:
    """Return what `_scan_numba` does."""
    import jax

    from tightbound.simulators.in_context import _scan_jax as engine

    count, length = bank.rows.shape
    if count == 0:
        outputs, amiss = _outputs(bank, count, wanted)
        return [outputs[OUTPUTS.index(name)] for name in wanted], amiss
    seen = bank.seen if bank.asked.size else np.zeros_like(bank.rows)
    prior = safe_log(bank.prior)
    with jax.enable_x64(True):
        logs = engine.Logs(
            prior,
            safe_log(bank.initial),
            safe_log(np.swapaxes(bank.transition, 1, 2)),
            safe_log(np.moveaxis(bank.emission, 2, 0)),
            safe_log(bank.asked),
        )
        kept = engine.scan(logs, bank.rows.T, seen.T, wanted=wanted)
        flags = np.asarray(kept.impossible).reshape(count, 2 * length)
        found = [np.asarray(getattr(kept, name)) for name in wanted]
    first = np.where(flags.any(axis=1), flags.argmax(axis=1), -1) if length else np.full(count, -1)
    return found, first
