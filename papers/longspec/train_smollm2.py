"""Training of the LongSpec draft of SmolLM2-135M-Instruct, in minutes of an accelerator or days of a CPU.

The draft learns the target's laws on two kinds of text, half of each: documentation, and what the target
itself writes after pieces of it, which is what a draft has to foresee. Half of all pieces stand at
Anchor-Offset positions, the others at 0, 1, 2, ... Nothing is made of held-out files but what chooses the
weights.

Everything is kept in a folder, and a command that was killed goes on from there: tokens of the texts, what
the target has written, how long the training shall be, its last checkpoint.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from tightbound.papers.longspec.texts import SPACE, texts
from tightbound.simulators.language_models.byte_pair_tokenizer import chat
from tightbound.simulators.language_models.checkpoint import load, save
from tightbound.simulators.language_models.llama import Llama
from tightbound.simulators.language_models.many_texts import write_many
from tightbound.simulators.language_models.schedule import Schedule
from tightbound.simulators.language_models.trainable import Parameters
from tightbound.simulators.language_models.trainable_llama import OffsetTexts
from tightbound.simulators.language_models.training import TrainingResult, snapshot, train
from tightbound.simulators.speculative.distilled_long_spec import TARGET, DistilledLongSpec
from tightbound.simulators.speculative.long_spec_block import fingerprint_of
from tightbound.simulators.speculative.trainable_long_spec import TrainableLongSpec
from tightbound.theory._validation import Integers

LAGS = (1, 4)
"""Least and largest j of flash noisy training: drafts are five deep."""
PACKAGES = ("numpy", "scipy", "jax", "numba", "matplotlib", "networkx", "cvxpy", "optax", "rich")
"""Whose docstrings are read, besides those of the standard library."""
TEMPERATURES = (0.0, 0.5, 0.8, 1.0)
"""Of what the target writes."""
SCHEDULE = Schedule(
    2400,
    batch=16,
    learning_rate=3e-3,
    warmup=20,
    betas=(0.9, 0.95),
    weight_decay=0.1,
    clip=1.0,
    evaluate_every=100,
)
APART = 20.0
"""Seconds between two times that the weights are written."""


@dataclass(frozen=True)
class Setting:
    """How large everything is.

    Parameters
    ----------
    length : int
        Tokens of a piece.
    window, inner : int
        Of the draft.
    schedule : Schedule
        Of the training; its steps where no time is given.
    validation : int
        Held-out pieces, half of them written by the target.
    prompt, new : int
        Tokens that the target reads, and writes.
    together : int
        Texts that it writes at once.
    held_out : int
        How many of those continue held-out files, and are not trained on.
    parts : int
        How many times it writes so many, where no time is given; at most, where one is.
    chats : int
        One prompt in so many asks about a piece of text, as a user does.
    writing : float
        Share of the time that the target writes.
    packages : tuple of str
        Whose docstrings are read.
    """

    length: int = 1024
    window: int = 512
    inner: int = 1536
    schedule: Schedule = SCHEDULE
    validation: int = 16
    prompt: int = 128
    new: int = 256
    together: int = 1024
    held_out: int = 32
    parts: int = 24
    chats: int = 4
    writing: float = 0.22
    packages: tuple[str, ...] = PACKAGES


class Material(NamedTuple):
    """Texts as tokens.

    Parameters
    ----------
    training, held_out : ndarray of int
        One text after another.
    before, after : ndarray of int
        What stands around a user's message.
    """

    training: Integers
    held_out: Integers
    before: Integers
    after: Integers


@dataclass(frozen=True)
class Either:
    """Sequences each of which comes from one of several samplers, by chance."""

    samplers: Sequence[Callable[[np.random.Generator, int], Integers]]

    def __call__(self, rng: np.random.Generator, count: int) -> Integers:
        """Return sequences (count, T)."""
        drawn = np.stack([sampler(rng, count) for sampler in self.samplers])
        chosen: Integers = drawn[rng.integers(len(drawn), size=count), np.arange(count)]
        return chosen


@dataclass(frozen=True, eq=False)
class Maker:
    """What makes a draft for a target.

    Parameters
    ----------
    target : Llama
        The model.
    encode : callable ``(text, special=...) -> ids``
        Its tokeniser.
    control : sequence of int
        Tokens that are no text; the target writes none of them.
    folder : Path
        Where everything is kept.
    setting : Setting
        How large everything is.
    precision : str
        See `DistilledLongSpec`.
    tell : callable
        Is told what happens, in lines.
    """

    target: Llama
    encode: Callable[..., Integers]
    control: Sequence[int]
    folder: Path
    setting: Setting = Setting()
    precision: str = "float32"
    tell: Callable[[str], None] = print

    def run(self, output: Path, seconds: float | None = None) -> TrainingResult:
        """Make the draft, or go on, and write it to ``output`` whenever it has become better.

        Parameters
        ----------
        output : Path
            The file.
        seconds : float, optional
            Time that all may take; how much is written and trained is chosen by what the first of it took.
            Where left out, the setting says how much.
        """
        began = time.perf_counter()
        self.folder.mkdir(parents=True, exist_ok=True)
        model, material = self.model(), self.material()
        self.tell(f"{material.training.size} tokens of texts, {time.perf_counter() - began:.0f} s")
        until = None if seconds is None else began + self.setting.writing * seconds
        training, held_out = self.written(model, material, until)
        self.tell(f"{training.size} tokens written or continued, {time.perf_counter() - began:.0f} s")
        sampler = self.sampler([material.training, training])
        fixed = self.sampler([material.held_out, held_out])(np.random.default_rng(0), self.setting.validation)
        until = None if seconds is None else began + seconds
        first, schedule = self.schedule(model, sampler, fixed, until)
        path, told = self.folder / "checkpoint.npz", time.perf_counter()

        def tell(step: int, training: float, validation: float) -> None:
            nonlocal told
            now = time.perf_counter()
            if now < told + APART and step < schedule.steps:
                return
            parameters, watched = snapshot(path)
            model.draft.block(parameters).save(output)
            likeliest, overlap = (
                " ".join(f"{share:.3f}" for share in watched[name]) for name in ("agreement", "overlap")
            )
            self.tell(
                f"step {step}: training {training:.4f}, held out {validation:.4f}, likeliest {likeliest}, "
                f"overlap {overlap}, {now - began:.0f} s"
            )
            told = now

        result = self.train(model, sampler, schedule, fixed, first, path, tell)
        model.draft.block(result.parameters).save(output)
        return result

    def model(self) -> DistilledLongSpec:
        """Return what is trained."""
        own = self.setting
        block = TrainableLongSpec(self.target, own.window, own.inner, own.length, self.target.context)
        return DistilledLongSpec(block, self.precision)

    def material(self) -> Material:
        """Return the tokens of all texts, made once."""
        path, whose = self.folder / "texts.npz", f"target={fingerprint_of(self.target)}"
        try:
            return Material(**{name: array.astype(np.int64) for name, array in load(path, whose).items()})
        except FileNotFoundError:
            found = texts(self.setting.packages)
        before, after = chat([("user", "@")]).split("@")
        made = Material(
            *(
                np.concatenate([self.encode(text + SPACE) for text in pieces])
                for pieces in (found.training, found.held_out)
            ),
            *(self.encode(part, special=True) for part in (before, after)),
        )
        save(path, {name: self._small(array) for name, array in made._asdict().items()}, whose)
        return made

    def written(
        self, model: DistilledLongSpec, material: Material, until: float | None
    ) -> tuple[Integers, Integers]:
        """Return what the target makes of training texts, and of held-out ones, one text after another."""
        own, found = self.setting, list[Integers]()
        whose = f"target={fingerprint_of(self.target)}\nsetting={own.prompt} {own.new} {own.together}"
        weights = {name.removeprefix(TARGET): array for name, array in model.constants.items()}
        parts = self._planned("parts")
        while len(found) < (own.parts if parts is None else parts):
            number, path = len(found), self.folder / f"written-{len(found):03d}.npz"
            if path.exists():
                found.append(load(path, whose)["texts"])
                continue
            if parts is None and until is not None and number and time.perf_counter() > until:
                break
            prompts = self.prompts(material, np.random.default_rng([2, number]))
            heat = np.resize(TEMPERATURES, own.together)
            text = write_many(
                self.target.config,
                weights,
                prompts,
                own.new,
                temperatures=heat,
                key=number,
                never=self.control,
                factors=self.target.rope_factors,
            )
            found.append(self._small(text))
            save(path, {"texts": found[-1]}, whose)
        self._plan(parts=len(found))
        return (
            np.concatenate([part[own.held_out :].ravel() for part in found]),
            np.concatenate([part[: own.held_out].ravel() for part in found]),
        )

    def prompts(self, material: Material, rng: np.random.Generator) -> Integers:
        """Return what the target continues (together, prompt); the first ones are of held-out texts."""
        own = self.setting
        length = own.prompt - material.before.size - material.after.size
        found = np.empty((own.together, own.prompt), dtype=np.int64)
        for row in range(own.together):
            text = material.held_out if row < own.held_out else material.training
            asked = rng.integers(own.chats) == 0
            start = rng.integers(text.size - own.prompt + 1)
            piece = text[start : start + (length if asked else own.prompt)]
            found[row] = np.concatenate([material.before, piece, material.after]) if asked else piece
        return found

    def sampler(self, kinds: Sequence[Integers]) -> Either:
        """Return a sampler of pieces of each kind of text, at plain and at Anchor-Offset positions."""
        length = self.setting.length
        return Either(
            [
                OffsetTexts(tokens, length, longest, LAGS)
                for tokens in kinds
                for longest in (length, self.target.context)
            ]
        )

    def schedule(
        self, model: DistilledLongSpec, sampler: Either, fixed: Integers, until: float | None
    ) -> tuple[Parameters, Schedule]:
        """Return weights after the first steps, which are timed, and how to go on."""
        own, steps = self.setting.schedule, self._planned("steps")
        path, moments = self.folder / "first.npz", list[float]()
        if steps is None:
            path.unlink(missing_ok=True)
        first = replace(own, steps=2 * own.evaluate_every, warmup=own.evaluate_every, decay="constant")

        def tell(step: int, training: float, validation: float) -> None:
            moments.append(time.perf_counter())

        initial = model.draft.init_from_target()
        found = self.train(model, sampler, first, fixed, initial, path, tell)
        self.tell(f"first {first.steps} steps: held out {found.value:.4f}")
        if steps is None and until is not None:
            period = moments[1] - moments[0]
            steps = own.evaluate_every * max(1, int(0.9 * (until - moments[1]) / period))
            self.tell(f"{own.evaluate_every / period:.2f} steps a second: {steps} more")
        steps = own.steps if steps is None else steps
        self._plan(steps=steps)
        return found.parameters, replace(own, steps=steps, warmup=min(own.warmup, steps // 10))

    def train(
        self,
        model: DistilledLongSpec,
        sampler: Either,
        schedule: Schedule,
        fixed: Integers,
        initial: Parameters,
        path: Path,
        tell: Callable[[int, float, float], None],
    ) -> TrainingResult:
        """Train, or go on."""
        return train(
            model,
            sampler,
            schedule,
            validation=fixed,
            initial=initial,
            watch=model.by_lag,
            checkpoint=path,
            progress=tell,
            key=schedule.steps,
        )

    def _small(self, tokens: Integers) -> Any:
        return tokens.astype(np.uint16 if self.target.vocabulary <= 1 << 16 else np.int32)

    def _planned(self, name: str) -> int | None:
        path = self.folder / "plan.json"
        found: dict[str, int] = json.loads(path.read_text()) if path.exists() else {}
        return found.get(name)

    def _plan(self, **numbers: int) -> None:
        path = self.folder / "plan.json"
        before: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {}
        path.write_text(json.dumps(before | numbers))


def maker(folder: Path) -> Maker:
    """Return what makes the draft of SmolLM2-135M-Instruct.

    Where JAX has no accelerator the target is in float32 and writes fewer texts at once.
    """
    import jax

    from tightbound.simulators.language_models import smollm2

    def tell(line: str) -> None:
        print(line, flush=True)

    target, tokenizer = smollm2.load()
    control = sorted(tokenizer.control)
    if jax.default_backend() == "cpu":
        setting = Setting(together=64, held_out=4)
        return Maker(target, tokenizer.encode, control, folder, setting, tell=tell)
    return Maker(target, tokenizer.encode, control, folder, precision="bfloat16", tell=tell)
