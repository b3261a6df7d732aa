"""Trainings on text that is not Bigram-Backcopy: real bytes, a hidden Markov model, a grammar."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from tightbound.theory.attention.architecture import Architecture

if TYPE_CHECKING:
    from tightbound.simulators.attention.model import SinkTransformer
    from tightbound.simulators.language_models.corpora import Sampler
    from tightbound.simulators.language_models.training import TrainingResult


@dataclass(frozen=True, eq=False)
class TextNets:
    """Networks trained side by side on one text, from different weights and on different pieces of it."""

    model: SinkTransformer
    results: tuple[TrainingResult, ...]
    validation: NDArray[np.int32]

    @property
    def steps(self) -> NDArray[np.int64]:
        """Steps of the evaluations, (E,)."""
        return self.results[0].history.step

    def watched(self, name: str) -> NDArray[np.float64]:
        """Return what was recorded, (runs, E, ...)."""
        return np.stack([np.asarray(one.history.watched[name], np.float64) for one in self.results])

    def losses(self) -> NDArray[np.float64]:
        """Return the validation loss in nats per token, (runs, E)."""
        return np.stack([one.history.validation for one in self.results])


def trained_on(text: str, cell: Mapping[str, Any]) -> TextNets:
    """Return the networks of a cell, trained on ``"bytes"``, ``"hidden_markov"`` or ``"grammar"``.

    Entries of the cell are those of Bigram-Backcopy and names of ``Architecture``.
    """
    return _trained_on(text, tuple(sorted(cell.items())))


def _sources(text: str, cell: Mapping[str, Any]) -> tuple[Sampler, Sampler, int]:
    """Return what draws training and validation sequences, and the number of tokens."""
    if text == "bytes":
        from tightbound.simulators.attention.byte_text import ByteText, help_topics

        known, new = (ByteText(part, cell["length"]) for part in help_topics())
        return known, new, known.tokens
    if text == "hidden_markov":
        from tightbound.simulators.attention.hidden_markov_text import random_hidden_markov_text

        states = random_hidden_markov_text(cell["tokens"], cell["length"], rng=cell["instance"])
        return states, states, states.tokens
    from tightbound.simulators.attention.grammar_text import random_grammar_text

    grammar = random_grammar_text(cell["tokens"], cell["length"], rng=cell["instance"])
    return grammar, grammar, grammar.tokens


@lru_cache(maxsize=16)
def _trained_on(text: str, items: tuple[tuple[str, Any], ...]) -> TextNets:
    from tightbound.simulators.attention.model import SinkTransformer
    from tightbound.simulators.attention.probe import SinkWatch
    from tightbound.simulators.language_models.schedule import Schedule
    from tightbound.simulators.language_models.training import train_many

    cell = dict(items)
    known, new, tokens = _sources(text, cell)
    given = {one.name: cell[one.name] for one in fields(Architecture) if one.name in cell}
    architecture = Architecture(**{"vocabulary": tokens, "context": cell["length"], **given})
    validation = np.asarray(new(np.random.default_rng([cell["instance"], 1]), cell["validation"]), np.int32)
    model = SinkTransformer(architecture)
    results = train_many(
        model,
        [known] * cell["runs"],
        Schedule(
            cell["steps"],
            batch=cell["batch"],
            learning_rate=cell["learning_rate"],
            warmup=cell["warmup"],
            evaluate_every=cell["evaluate_every"],
            decay="constant",
            clip=1.0,
            keep="last",
        ),
        validation=validation,
        watch=SinkWatch(architecture),
        keys=tuple(range(cell["runs"])),
    )
    return TextNets(model, results, validation)
