"""Train the models of this paper; ``python -m tightbound.papers.longspec.train byte-target`` is the first.

``byte-target`` trains the Llama over bytes, ``byte-draft`` its LongSpec draft, ``smollm2`` the draft of
SmolLM2-135M-Instruct, see `tightbound.papers.longspec.train_smollm2`. Three more leave one thing out, to
compare with: ``byte-draft-plain`` offsets, ``byte-draft-shift`` lags other than 1, ``byte-draft-ahead`` all
lags. The same command goes on from where it was killed; checkpoints are of one setting, so other arguments
need another folder.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from tightbound.papers.longspec.texts import SPACE, texts
from tightbound.papers.longspec.train_smollm2 import LAGS, maker
from tightbound.simulators.language_models import byte_llama
from tightbound.simulators.language_models.schedule import Schedule
from tightbound.simulators.language_models.trainable_llama import OffsetTexts, TrainableLlama
from tightbound.simulators.language_models.training import TrainingResult, train
from tightbound.simulators.speculative.trainable_long_spec import TrainableLongSpec
from tightbound.theory._validation import Integers

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
    initial : dict from name to array, optional
        Weights to start from; random ones where left out.
    """

    model: Any
    tokens: Callable[[str], Integers]
    schedule: Schedule
    longest: int
    lags: tuple[int, int] | None
    validation: int
    write: Callable[[Path, Any], None]
    initial: Any = None

    def sampler(self, pieces: Sequence[str]) -> OffsetTexts:
        """Return pieces of some texts, one after another, at random offsets and lags."""
        joined = np.concatenate([self.tokens(text + SPACE) for text in pieces])
        return OffsetTexts(joined, self.model.length, self.longest, self.lags)


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


TASKS: dict[str, Callable[[], Task]] = {
    "byte-target": byte_target,
    "byte-draft": byte_draft,
    "byte-draft-plain": partial(byte_draft, offsets=False),
    "byte-draft-shift": partial(byte_draft, lags=(1, 1)),
    "byte-draft-ahead": partial(byte_draft, lags=(0, 0)),
}


def run(task: Task, folder: Path, output: Path) -> TrainingResult:
    """Train, or go on where ``folder`` says, and write the weights to ``output``."""
    pieces = texts()
    began = time.perf_counter()

    def tell(step: int, training: float, validation: float) -> None:
        seconds = time.perf_counter() - began
        print(f"step {step}: training {training:.4f}, held out {validation:.4f}, {seconds:.0f} s", flush=True)

    folder.mkdir(parents=True, exist_ok=True)
    result = train(
        task.model,
        task.sampler(pieces.training),
        task.schedule,
        validation=task.sampler(pieces.held_out)(np.random.default_rng(0), task.validation),
        initial=task.initial,
        checkpoint=folder / "checkpoint.npz",
        progress=tell,
    )
    task.write(output, result.parameters)
    return result


def main(arguments: Sequence[str] | None = None) -> None:
    """Train, and say where the weights are and how good they are on texts that training did not see."""
    parser = argparse.ArgumentParser(prog="python -m tightbound.papers.longspec.train", description=__doc__)
    parser.add_argument("task", choices=[*TASKS, "smollm2"])
    parser.add_argument("--folder", type=Path, help="checkpoints, .tightbound/longspec/TASK where left out")
    parser.add_argument("--output", type=Path, help="weights, in the folder where left out")
    parser.add_argument("--steps", type=int, help="length of the schedule")
    parser.add_argument("--seconds", type=float, help="of smollm2: what it may take, in the place of steps")
    given = parser.parse_args(arguments)
    folder = given.folder or Path(".tightbound/longspec") / given.task
    output = given.output or folder / "weights.npz"
    try:
        if given.task == "smollm2":
            made = maker(folder)
            if given.steps is not None:
                setting = replace(made.setting, schedule=replace(made.setting.schedule, steps=given.steps))
                made = replace(made, setting=setting)
            result = made.run(output, given.seconds)
        else:
            task = TASKS[given.task]()
            if given.steps is not None:
                task = replace(task, schedule=replace(task.schedule, steps=given.steps))
            result = run(task, folder, output)
    except (ValueError, FileNotFoundError, ModuleNotFoundError) as error:
        parser.error(str(error))
    print(f"{result.value:.4f} nats per held-out token after {result.best_step} steps; wrote {output}")


if __name__ == "__main__":
    main()
