"""Train the models of this paper; ``python -m tightbound.papers.longspec.train byte-target`` is the first.

``byte-target`` trains the Llama over bytes, ``byte-draft`` its LongSpec draft, ``smollm2`` the draft of
SmolLM2-135M-Instruct, on few texts and the target's own laws of the next token. Three more leave one thing
out, to compare with: ``byte-draft-plain`` offsets, ``byte-draft-shift`` lags other than 1,
``byte-draft-ahead`` all lags. The same command goes on from where it was killed; checkpoints are of one
setting, so other arguments need another folder. The weights are written at the end.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache, partial
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np

from tightbound.papers.longspec.texts import SPACE, texts
from tightbound.simulators.language_models import byte_llama
from tightbound.simulators.language_models.checkpoint import load, save
from tightbound.simulators.language_models.schedule import Schedule
from tightbound.simulators.language_models.trainable_llama import OffsetTexts, TrainableLlama
from tightbound.simulators.language_models.training import TrainingResult, train
from tightbound.simulators.speculative.distilled_long_spec import DistilledLongSpec, RepeatedTexts
from tightbound.simulators.speculative.trainable_long_spec import TrainableLongSpec
from tightbound.theory._validation import Integers

MEMORY = Path(".tightbound/longspec/target")
"""What SmolLM2 says about texts."""
LAGS = (1, 4)
"""Least and largest j of flash noisy training: drafts are five deep."""

SCHEDULE = Schedule(
    1000, batch=8, learning_rate=3e-3, betas=(0.9, 0.95), weight_decay=0.1, clip=1.0, evaluate_every=20
)


@dataclass(frozen=True)
class Task:
    """What one command trains.

    Parameters
    ----------
    model : Trainable
        What is trained.
    tokens : callable ``text -> ids``
        Tokeniser.
    schedule : Schedule
        How.
    longest : int
        Positions that offsets reach.
    lags : tuple of int, optional
        Of flash noisy training.
    validation : int
        Held-out sequences.
    write : callable ``(path, parameters)``
        Writes the weights as the package reads them.
    initial : dict from name to array, or callable ``sequences -> dict``, optional
        Weights to start from, or what makes them of all repeated texts; random ones where left out.
    repeated : int, optional
        How many pieces there are, each read many times with other lags; where left out none is read twice.
    then : Task, optional
        What goes on with these weights.
    """

    model: Any
    tokens: Callable[[str], Integers]
    schedule: Schedule
    longest: int
    lags: tuple[int, int] | None
    validation: int
    write: Callable[[Path, Any], None]
    initial: Any = None
    repeated: int | None = None
    then: Task | None = None

    def sampler(self, pieces: Sequence[str], key: int = 1) -> OffsetTexts | RepeatedTexts:
        """Return pieces of some texts, one after another, at random offsets and lags."""
        joined = np.concatenate([self.tokens(text + SPACE) for text in pieces])
        if self.repeated is None or self.lags is None:
            return OffsetTexts(joined, self.model.length, self.longest, self.lags)
        drawn, rng = OffsetTexts(joined, self.model.length, self.longest), np.random.default_rng(key)
        one_by_one = [drawn(rng, 1) for _ in range(self.repeated)]  # more of them do not change the first
        return RepeatedTexts(np.concatenate(one_by_one), self.lags)


def byte_target() -> Task:
    """Train the Llama over bytes, on 256 bytes at positions up to its context."""
    config = byte_llama.CONFIG
    model = TrainableLlama(config, length=256)

    def write(path: Path, weights: Any) -> None:
        byte_llama.write_llama(path, config, weights)

    return Task(model, byte_llama.encode, SCHEDULE, config.context, None, 16, write)


def byte_draft(lags: tuple[int, int] = LAGS, offsets: bool = True) -> Task:
    """Train the LongSpec draft of the Llama that ships with the package, W = 32.

    Parameters
    ----------
    lags : tuple of int
        Least and largest lag.
    offsets : bool
        Whether texts stand at Anchor-Offset positions or at 0, 1, 2, ...
    """
    target = byte_llama.load()
    model = TrainableLongSpec(target, window=32, inner=352, length=256, longest=target.context)

    def write(path: Path, weights: Any) -> None:
        model.block(weights).save(path)

    return Task(
        model,
        byte_llama.encode,
        replace(SCHEDULE, steps=300),
        target.context if offsets else model.length,
        lags,
        16,
        write,
        model.init_from_target(),
    )


def smollm2() -> Task:
    """Train the LongSpec draft of SmolLM2-135M-Instruct, W = 512, on the target's laws after 512 tokens.

    The target takes four times as long for a new text as the draft for one that it has seen: few texts are
    read often.
    """
    from tightbound.simulators.language_models import smollm2 as real

    target, tokenizer = real.load()
    tokens = cache(tokenizer.encode)
    block = TrainableLongSpec(target, window=512, inner=1536, length=512, longest=target.context)
    model = DistilledLongSpec(block, MEMORY, frequent(tokens, target.vocabulary), stride=64)

    def write(path: Path, weights: Any) -> None:
        block.block(weights).save(path)

    schedule = replace(SCHEDULE, steps=600, batch=1, evaluate_every=50)
    first = Task(
        model,
        tokens,
        schedule,
        target.context,
        LAGS,
        8,
        write,
        model.init_by_least_squares,
        repeated=160,
    )
    # more texts in each stage: by then the first ones are known too well
    second = replace(first, schedule=replace(schedule, steps=300, learning_rate=1.5e-3), repeated=208)
    third = replace(second, schedule=replace(second.schedule, steps=450), repeated=368)
    return replace(first, then=replace(second, then=third))


def frequent(tokens: Callable[[str], Integers], vocabulary: int, size: int = 4096) -> Integers:
    """Return the most frequent tokens of the training texts: 94 of 100 tokens are among 4096 of SmolLM2's."""
    found = np.zeros(vocabulary, dtype=np.int64)
    for text in texts().training:
        found += np.bincount(tokens(text + SPACE), minlength=vocabulary)
    return np.sort(np.argsort(-found, kind="stable")[:size])


TASKS: dict[str, Callable[[], Task]] = {
    "byte-target": byte_target,
    "byte-draft": byte_draft,
    "byte-draft-plain": partial(byte_draft, offsets=False),
    "byte-draft-shift": partial(byte_draft, lags=(1, 1)),
    "byte-draft-ahead": partial(byte_draft, lags=(0, 0)),
    "smollm2": smollm2,
}


def run(task: Task, folder: Path, output: Path) -> TrainingResult:
    """Train, or go on where ``folder`` says, and write the weights to ``output``."""
    pieces = texts()
    began = time.perf_counter()

    def tell(step: int, training: float, validation: float) -> None:
        seconds = time.perf_counter() - began
        print(f"step {step}: training {training:.4f}, held out {validation:.4f}, {seconds:.0f} s", flush=True)

    initial, stage = task.initial, task
    for number in count():
        within = folder if number == 0 else folder / f"then-{number}"
        within.mkdir(parents=True, exist_ok=True)
        sampler = stage.sampler(pieces.training)
        result = train(
            stage.model,
            sampler,
            stage.schedule,
            validation=_validation(stage, stage.sampler(pieces.held_out, key=0)),
            initial=_initial(stage, initial, sampler, within / "initial.npz"),
            checkpoint=within / "checkpoint.npz",
            progress=tell,
        )
        if stage.then is None:
            break
        initial, stage = result.parameters, stage.then
    task.write(output, result.parameters)
    return result


def _validation(task: Task, sampler: OffsetTexts | RepeatedTexts) -> Integers:
    if isinstance(sampler, RepeatedTexts):
        return sampler.each()[: task.validation]
    return sampler(np.random.default_rng(0), task.validation)


def _initial(task: Task, given: Any, sampler: OffsetTexts | RepeatedTexts, path: Path) -> Any:
    """Return the weights to start from; those that are made of texts are made once and kept."""
    if not callable(given) or not isinstance(sampler, RepeatedTexts):
        return given
    whose = repr(task.model)
    try:
        return load(path, whose)
    except FileNotFoundError:
        made = given(sampler.each())
    save(path, made, whose)
    return made


def main(arguments: Sequence[str] | None = None) -> None:
    """Train, and say where the weights are and how good they are on texts that training did not see."""
    parser = argparse.ArgumentParser(prog="python -m tightbound.papers.longspec.train", description=__doc__)
    parser.add_argument("task", choices=TASKS)
    parser.add_argument("--folder", type=Path, help="checkpoints, .tightbound/longspec/TASK where left out")
    parser.add_argument("--output", type=Path, help="weights, in the folder where left out")
    parser.add_argument("--steps", type=int, help="length of the schedule, of the first where there are more")
    given = parser.parse_args(arguments)
    folder = given.folder or Path(".tightbound/longspec") / given.task
    output = given.output or folder / "weights.npz"
    try:
        task = TASKS[given.task]()
        if given.steps is not None:
            task = replace(task, schedule=replace(task.schedule, steps=given.steps))
        result = run(task, folder, output)
    except (ValueError, FileNotFoundError, ModuleNotFoundError) as error:
        parser.error(str(error))
    print(f"{result.value:.4f} nats per held-out token after {result.best_step} steps; wrote {output}")


if __name__ == "__main__":
    main()
