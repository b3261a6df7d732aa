"""Trainings on Bigram-Backcopy that claims share: done once per process, with seeds that the cell decides."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from tightbound.theory.attention.architecture import Architecture
from tightbound.verification.grid import Grid

if TYPE_CHECKING:
    from tightbound.simulators.attention.model import SinkTransformer
    from tightbound.simulators.language_models.training import TrainingResult
    from tightbound.theory.attention.bigram_backcopy import BigramBackcopy

PAPER = "attention_sink"
SUBSTITUTES = (
    "a transformer of one layer and one head with 23 thousand weights and learned positions, trained on "
    "Bigram-Backcopy from a read-out of zero, in place of a language model of 60 million trained on natural "
    "text. The fixed token occurs nowhere else and predicts nothing: what is shown is that a sink emerges "
    "given such a token, not that position 1 is chosen by itself"
)

Arrays = dict[str, Any]
Array = NDArray[np.float64]

QUICK: dict[str, Any] = {
    "instance": 0,
    "tokens": 32,
    "length": 32,
    "width": 64,
    "batch": 32,
    "learning_rate": 0.01,
    "warmup": 100,
    "validation": 100,
    "evaluate_every": 25,
    "steps": 300,
    "runs": 2,
}
STANDARD: dict[str, Any] = {**QUICK, "steps": 900, "evaluate_every": 50, "runs": 5}
FULL: dict[str, Any] = {**STANDARD, "steps": 1500, "runs": 10}


def sizes(*changes: Mapping[str, Any]) -> Grid:
    """Return a grid with one cell per change, of the three sizes above."""
    quick, standard, full = ([{**base, **change} for change in changes] for base in (QUICK, STANDARD, FULL))
    return Grid(quick, standard, full)


@dataclass(frozen=True, eq=False)
class Nets:
    """Networks trained side by side, from different weights and on different sequences of one problem."""

    problem: BigramBackcopy
    model: SinkTransformer
    results: tuple[TrainingResult, ...]
    validation: NDArray[np.int32]

    @property
    def steps(self) -> NDArray[np.int64]:
        """Steps of the evaluations, (E,)."""
        return self.results[0].history.step

    @property
    def fixed_column(self) -> int:
        """Column of the fixed token, or of the first one where there is none."""
        return self.model.architecture.slots + (self.problem.fixed_position or 1) - 1

    def watched(self, name: str) -> Array:
        """Return what was recorded, (runs, E, ...)."""
        return np.stack([np.asarray(one.history.watched[name], np.float64) for one in self.results])

    def sink(self, column: int) -> Array:
        """Return the share of sequences in which a column is a sink, (runs, E)."""
        return self.watched("sink")[:, :, column]

    def value_drain(self) -> Array:
        """Return the length of the fixed token's value over the mean of the other tokens', (runs, E)."""
        slots, column = self.model.architecture.slots, self.fixed_column
        lengths = self.watched("value_norm")
        others = np.delete(lengths, [*range(slots), column], axis=2)
        return np.asarray(lengths[:, :, column] / others.mean(axis=2))

    def excess_loss(self) -> Array:
        """Return the validation loss minus that of the exact law, same sequences, in nats, (runs, E)."""
        laws = self.problem.predictive(self.validation)
        chosen = np.take_along_axis(laws, self.validation[..., None].astype(np.int64), axis=-1)[..., 0]
        chosen = chosen[:, 1:][:, predicted(self.model.architecture)[1:]]
        losses = np.stack([one.history.validation for one in self.results])
        return np.asarray(losses + np.log(chosen).mean())

    def probe(self, run: int) -> dict[str, Array]:
        """Return what the validation sequences go through in a trained network."""
        found = self.model.probe(self.results[run].parameters, self.validation)
        return {name: np.asarray(value, np.float64) for name, value in found.items()}

    def untrained(self, run: int) -> dict[str, Array]:
        """Return the same before training."""
        found = self.model.probe(self.model.init(run), self.validation)
        return {name: np.asarray(value, np.float64) for name, value in found.items()}


def predicted(architecture: Architecture) -> NDArray[np.bool_]:
    """Return which tokens are predicted, (T,): none that a row before it sees."""
    return np.arange(architecture.context) >= architecture.prefix


def trained(cell: Mapping[str, Any], **change: Any) -> Nets:
    """Return the networks of a cell, changed in some entries.

    Besides those of `QUICK`, the entries are names of ``Architecture``, ``fixed_position``,
    ``weight_decay`` and ``sequences``, how many different ones there are for each run to learn from (0:
    no end of them); others of the cell are left out. With a prefix, tokens inside it are not predicted.
    """
    return side_by_side({**cell, **change}, {})[0]


def side_by_side(cell: Mapping[str, Any], *changes: Mapping[str, Any]) -> tuple[Nets, ...]:
    """Return the networks of a cell under several changes, trained in one compiled program.

    The runs of all changes start from the same weights and read the same sequences. Changes are numbers of
    `TRACED`.
    """
    unknown = [name for change in changes for name in change if name not in TRACED]
    if unknown:
        raise ValueError(f"changes contain {unknown[0]!r}: side by side only {', '.join(TRACED)} may differ")
    plain = {"fixed_position": 1, "weight_decay": 0.0, "sequences": 0} | dict(cell)
    usual = {one.name: one.default for one in fields(Architecture)}
    known = {*QUICK, *usual, *TRACED, "fixed_position"}
    # what says the same is shared
    plain = {
        name: value
        for name, value in plain.items()
        if name in known and (name == "width" or value != usual.get(name, ()))
    }
    return _trained(_items(plain), tuple(_items(change) for change in changes))


TRACED = ("learning_rate", "warmup", "weight_decay", "slot_value_norm", "sequences")


def _items(cell: Mapping[str, Any]) -> tuple[tuple[str, Any], ...]:
    return tuple(sorted(cell.items()))


@lru_cache(maxsize=64)
def _trained(
    items: tuple[tuple[str, Any], ...], changes: tuple[tuple[tuple[str, Any], ...], ...]
) -> tuple[Nets, ...]:
    from tightbound.simulators.attention.bigram_backcopy import BackcopySequences, random_bigram_backcopy
    from tightbound.simulators.attention.model import SinkTransformer
    from tightbound.simulators.attention.probe import SinkWatch
    from tightbound.simulators.language_models.schedule import Schedule
    from tightbound.simulators.language_models.training import train_many

    cells = [dict(items) | dict(change) for change in changes]
    cell = cells[0]
    problem = random_bigram_backcopy(
        cell["tokens"], cell["length"], fixed_position=cell["fixed_position"], rng=cell["instance"]
    )
    given = {one.name: cell[one.name] for one in fields(Architecture) if one.name in cell}
    architecture = Architecture(**{"vocabulary": problem.tokens, "context": problem.length, **given})
    traced = ("slot_value_norm",) if any("slot_value_norm" in dict(change) for change in changes) else ()
    model, sequences = SinkTransformer(architecture, settings=traced), BackcopySequences(problem)
    validation = sequences(np.random.default_rng([cell["instance"], 1]), cell["validation"])
    runs = cell["runs"]
    results = train_many(
        model,
        [
            sequences(np.random.default_rng([cell["instance"], 2, key]), one["sequences"])
            if one["sequences"]
            else sequences
            for one in cells
            for key in range(runs)
        ],
        [
            Schedule(
                one["steps"],
                batch=one["batch"],
                learning_rate=one["learning_rate"],
                warmup=one["warmup"],
                evaluate_every=one["evaluate_every"],
                decay="constant",
                weight_decay=one["weight_decay"],
                clip=1.0,
                keep="last",
            )
            for one in cells
            for _ in range(runs)
        ],
        validation=validation,
        mask=predicted(architecture),
        initial=[
            model.init(key) | {name: np.asarray(one[name]) for name in traced}
            for one in cells
            for key in range(runs)
        ],
        watch=SinkWatch(architecture),
        keys=tuple(range(runs)) * len(cells),
    )
    return tuple(
        Nets(problem, model, results[first : first + runs], validation)
        for first in range(0, len(results), runs)
    )
