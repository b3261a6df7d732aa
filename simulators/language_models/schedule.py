"""How a transformer is trained: how long, in which batches, how fast, and when to stop."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tightbound.theory._validation import Array, as_floats, as_integer, as_positive


@dataclass(frozen=True)
class Schedule:
    r"""How a transformer is trained: Adam with linear warm-up and cosine decay to zero.

    Parameters
    ----------
    steps : int
        Length of the schedule, a multiple of ``evaluate_every``.
    batch : int, default 64
        Sequences per step.
    learning_rate : float, default 3e-3
        Peak.
    warmup : int, default 50
        Steps until the peak, less than ``steps``.
    betas : (float, float), default (0.9, 0.99)
        Decay rates of the two moments, in [0, 1).
    evaluate_every : int, default 25
        Steps between evaluations; with few sequences the best moment passes quickly.
    patience : int, optional
        Evaluations without a new least validation loss after which to stop; never where left out.

    Raises
    ------
    TypeError, ValueError
        For a number out of range.

    References
    ----------
    Kingma and Ba, "Adam", ICLR 2015. Loshchilov and Hutter, "SGDR", ICLR 2017: the cosine.
    """

    steps: int
    batch: int = 64
    learning_rate: float = 3e-3
    warmup: int = 50
    betas: tuple[float, float] = (0.9, 0.99)
    evaluate_every: int = 25
    patience: int | None = None

    def __post_init__(self) -> None:
        for name, least in (("steps", 1), ("batch", 1), ("warmup", 0), ("evaluate_every", 1)):
            object.__setattr__(self, name, as_integer(name, getattr(self, name), least=least))
        if self.patience is not None:
            object.__setattr__(self, "patience", as_integer("patience", self.patience, least=1))
        if self.steps % self.evaluate_every:
            raise ValueError(
                f"steps is {self.steps} and evaluate_every {self.evaluate_every}: the training ends with an "
                f"evaluation; give e.g. steps={-(-self.steps // self.evaluate_every) * self.evaluate_every}"
            )
        if self.warmup >= self.steps:
            raise ValueError(f"warmup is {self.warmup} of {self.steps} steps: give fewer than steps")
        object.__setattr__(self, "learning_rate", as_positive("learning_rate", self.learning_rate))
        betas = as_floats("betas", self.betas)
        if betas.shape != (2,) or np.any((betas < 0.0) | (betas >= 1.0)):
            raise ValueError(f"betas is {self.betas!r}: give two numbers in [0, 1), e.g. (0.9, 0.99)")
        object.__setattr__(self, "betas", (float(betas[0]), float(betas[1])))

    def rates(self) -> Array:
        """Return the learning rate of every step, shape (steps,)."""
        import jax
        import optax

        with jax.enable_x64(True):
            rate = optax.warmup_cosine_decay_schedule(0.0, self.learning_rate, self.warmup, self.steps)
            return np.asarray(rate(np.arange(self.steps)), np.float64)
