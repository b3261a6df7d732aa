"""Losses of drafts that are trained with and without Anchor-Offset positions, step by step.

Drafts of SmolLM2-135M-Instruct start from random weights, several pairs of them side by side: the two of a
pair start alike and read the same texts, one at Anchor-Offset positions, the other at 0, 1, 2, ... Held-out
texts stand once at the positions that both have seen and once at the last ones of the target's context.
``python -m tightbound.papers.longspec.offset_curves`` writes what `load` reads.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tightbound.simulators.language_models.schedule import Schedule
from tightbound.simulators.language_models.trainable_llama import OffsetTexts
from tightbound.simulators.language_models.training import train_many
from tightbound.simulators.speculative.distilled_long_spec import DistilledLongSpec
from tightbound.theory._validation import Integers

FILE = Path(__file__).parent / "data" / "offset_curves.npz"
LAGS = (1, 4)
"""Least and largest lag, in training and held out."""
SCHEDULE = Schedule(
    300,
    batch=4,
    learning_rate=3e-3,
    warmup=30,
    betas=(0.9, 0.95),
    weight_decay=0.1,
    clip=1.0,
    evaluate_every=10,
)


class Curves(NamedTuple):
    """Held-out losses in nats per token, and how often the likeliest tokens are the same.

    Parameters
    ----------
    steps : ndarray of int, shape (E,)
        Steps taken.
    loss, agreement : ndarray, shape (E, 2, S, 2)
        With and without offsets; S pairs; at the first and at the last positions of the context.
    """

    steps: Integers
    loss: NDArray[np.float64]
    agreement: NDArray[np.float64]


@dataclass(frozen=True)
class Setting:
    """How the pairs are trained.

    Parameters
    ----------
    pairs : int
        S.
    schedule : Schedule
        Of each draft.
    texts : int
        Held-out pieces, each at two places.
    """

    pairs: int = 10
    schedule: Schedule = SCHEDULE
    texts: int = 12


def load() -> Curves:
    """Return what the command found."""
    with np.load(FILE) as stored:
        return Curves(**{name: stored[name] for name in Curves._fields})


def held_out(tokens: Integers, length: int, context: int, count: int) -> Integers:
    """Return pieces at the first positions, and the same ones at the last (2 count, 2 + length)."""
    near = OffsetTexts(tokens, length, length, LAGS)(np.random.default_rng(0), count)
    near[:, 1] = LAGS[0] + np.arange(count) % (LAGS[1] - LAGS[0] + 1)
    far = near.copy()
    far[:, 0] = context - length
    return np.concatenate([near, far])


def measure(
    model: DistilledLongSpec,
    training: Integers,
    tokens: Integers,
    setting: Setting,
    seconds: float | None = None,
) -> Curves:
    """Train all pairs.

    Parameters
    ----------
    model : DistilledLongSpec
        The draft.
    training, tokens : ndarray of int
        Texts to train on, and held-out ones.
    setting : Setting
        How.
    seconds : float, optional
        Time that the training may take; the steps are those of the setting where left out.
    """
    context, schedule = model.draft.target.context, setting.schedule
    fixed = held_out(tokens, model.length, context, setting.texts)
    kinds = [OffsetTexts(training, model.length, longest, LAGS) for longest in (context, model.length)]
    data = [kind for kind in kinds for _ in range(setting.pairs)]
    keys = [*range(setting.pairs)] * 2
    moments: list[float] = []

    def tell(step: int, training: float, validation: float) -> None:
        moments.append(time.perf_counter())
        print(f"step {step}: training {training:.4f}, held out {validation:.4f}", flush=True)

    if seconds is not None:
        short = replace(schedule, steps=2 * schedule.evaluate_every, warmup=1)
        train_many(model, data, short, validation=fixed, keys=keys, watch=model.by_text, progress=tell)
        left = seconds - (moments[1] - moments[0])
        times = max(1, int(0.9 * left / (moments[1] - moments[0])))
        steps = schedule.evaluate_every * times
        schedule = replace(schedule, steps=steps, warmup=min(schedule.warmup, steps // 10))
    found = train_many(model, data, schedule, validation=fixed, keys=keys, watch=model.by_text, progress=tell)
    shape = (2, setting.pairs, -1, 2)

    def curves(name: str) -> NDArray[np.float64]:
        watched = np.stack([one.history.watched[name] for one in found])  # (2 S, E, 2 texts)
        means: NDArray[np.float64] = watched.reshape(*watched.shape[:2], 2, -1).mean(
            axis=-1, dtype=np.float64
        )
        return means.reshape(shape).transpose(2, 0, 1, 3)

    return Curves(found[0].history.step, curves("loss"), curves("agreement"))


def main(arguments: Sequence[str] | None = None) -> None:
    """Train, and write the file."""
    from tightbound.papers.longspec.train_smollm2 import maker

    parser = argparse.ArgumentParser(
        prog="python -m tightbound.papers.longspec.offset_curves", description=__doc__
    )
    parser.add_argument("--folder", type=Path, default=Path(".tightbound/longspec/smollm2"), help="texts")
    parser.add_argument("--output", type=Path, default=FILE)
    parser.add_argument("--seconds", type=float, help="how long to train, else 300 steps")
    given = parser.parse_args(arguments)
    made = maker(given.folder)
    model, material = replace(made, setting=replace(made.setting, length=512)).model(), made.material()
    model = replace(model, rows=256)  # of each of the drafts
    found = measure(model, material.training, material.held_out, Setting(), given.seconds)
    np.savez_compressed(given.output, **found._asdict())
    last = found.loss[-1].mean(axis=1)
    print(
        f"after {found.steps[-1]} steps, with and without offsets: near {last[:, 0]}, far {last[:, 1]} nats"
    )


if __name__ == "__main__":
    main()
