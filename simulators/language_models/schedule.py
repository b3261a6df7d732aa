"""How a model is trained: how long, in which batches, how fast, and when to stop."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from tightbound.theory._validation import Array, as_floats, as_integer, as_positive


@dataclass(frozen=True)
class OwnRate:
    """Factors by which the settings of one parameter differ from those of all others.

    Parameters
    ----------
    parameter : str
        Its name.
    learning_rate, weight_decay, eps : float, default 1.0
        Positive factors.
    """

    parameter: str
    learning_rate: float = 1.0
    weight_decay: float = 1.0
    eps: float = 1.0

    def __post_init__(self) -> None:
        for name in ("learning_rate", "weight_decay", "eps"):
            object.__setattr__(self, name, as_positive(name, getattr(self, name)))


@dataclass(frozen=True)
class Schedule:
    r"""How a model is trained: by default Adam with linear warm-up and cosine decay to zero.

    .. math:: \theta \leftarrow \theta - \eta_t (\hat m / (\sqrt{\hat v} + \varepsilon) + \lambda \theta)

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
    decay : {"cosine", "constant"}
        What the rate does after the warm-up: it falls to zero at the last step, or stays.
    weight_decay : float, default 0.0
        lambda, decoupled from the loss and multiplied by the rate, at least 0.
    clip : float, optional
        Largest Euclidean norm of a gradient, over all weights that are trained; longer ones are shortened.
    eps : float, default 1e-8
        Added to the root of Adam's second moment.
    optimiser : {"adam", "sgd"}
        ``sgd`` steps along the gradient itself.
    keep : {"best", "last"}
        Which weights a training ends with: those of the least validation loss, or those of the last step.
    own_rate : OwnRate, optional
        A parameter that has settings of its own.

    Raises
    ------
    TypeError, ValueError
        For a number out of range.

    References
    ----------
    Kingma and Ba, "Adam", ICLR 2015. Loshchilov and Hutter, "SGDR", ICLR 2017: the cosine;
    "Decoupled weight decay regularization", ICLR 2019.
    """

    steps: int
    batch: int = 64
    learning_rate: float = 3e-3
    warmup: int = 50
    betas: tuple[float, float] = (0.9, 0.99)
    evaluate_every: int = 25
    patience: int | None = None
    decay: Literal["cosine", "constant"] = "cosine"
    weight_decay: float = 0.0
    clip: float | None = None
    eps: float = 1e-8
    optimiser: Literal["adam", "sgd"] = "adam"
    keep: Literal["best", "last"] = "best"
    own_rate: OwnRate | None = None

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
        object.__setattr__(self, "eps", as_positive("eps", self.eps))
        if self.clip is not None:
            object.__setattr__(self, "clip", as_positive("clip", self.clip))
        weight_decay = as_floats("weight_decay", self.weight_decay)
        if weight_decay.ndim or weight_decay < 0.0:
            raise ValueError(f"weight_decay is {self.weight_decay!r}: give one number of at least 0")
        object.__setattr__(self, "weight_decay", float(weight_decay))
        for name, allowed in _CHOICES.items():
            if getattr(self, name) not in allowed:
                raise ValueError(
                    f"{name} is {getattr(self, name)!r}: choose '{allowed[0]}' or '{allowed[1]}'"
                )
        if self.keep == "last" and self.patience is not None:
            raise ValueError(
                f"patience is {self.patience} with keep='last': a run that stops early ends with its best "
                "weights; leave patience out, or give keep='best'"
            )

    def rates(self) -> Array:
        """Return the learning rate of every step, shape (steps,)."""
        if self.decay == "constant":
            step = np.arange(self.steps, dtype=np.float64)
            return self.learning_rate * np.minimum(1.0, step / max(1, self.warmup))
        import jax
        import optax

        with jax.enable_x64(True):
            rate = optax.warmup_cosine_decay_schedule(0.0, self.learning_rate, self.warmup, self.steps)
            return np.asarray(rate(np.arange(self.steps)), np.float64)


_CHOICES = {"decay": ("cosine", "constant"), "optimiser": ("adam", "sgd"), "keep": ("best", "last")}
