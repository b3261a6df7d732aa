"""The target drafts for itself with some of its layers."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from tightbound.simulators.speculative.drafter import Job, Session
from tightbound.simulators.speculative.growth import Shape, as_shape
from tightbound.simulators.speculative.model_session import SelfSession
from tightbound.theory._validation import as_integer


@dataclass(frozen=True)
class LayerSkip:
    """Draft with the layers in ``run`` alone; the others pass their input on.

    Parameters
    ----------
    run : sequence of int
        Layers of the target to run, ascending.
    shape : int, Branching or Beam
        Shape of the drafts; a number is the length of a chain of drawn tokens.

    References
    ----------
    Zhang et al., "Draft & Verify: Lossless Large Language Model Acceleration via Self-Speculative Decoding",
    ACL 2024. Elhoushi et al., "LayerSkip", ACL 2024, with a model trained for it.

    Examples
    --------
    >>> LayerSkip(run=(0, 2), shape=3).shape
    Branching(children=(1, 1, 1), replace=True)
    """

    run: tuple[int, ...]
    shape: Shape | int = 4

    def __post_init__(self) -> None:
        layers = tuple(as_integer("run", layer, least=0) for layer in self.run)
        if not layers:
            raise ValueError("run is empty: give at least one layer")
        if any(b <= a for a, b in pairwise(layers)):
            raise ValueError(f"run is {layers}: give layers in ascending order, each once")
        object.__setattr__(self, "run", layers)
        object.__setattr__(self, "shape", as_shape(self.shape))

    @property
    def max_draft(self) -> int:
        """Longest path, in tokens."""
        return as_shape(self.shape).depth

    def open(self, job: Job) -> Session:
        """Return a session; TypeError for a target without layers, ValueError for one with too few."""
        layers = layers_of(job.target, "LayerSkip")
        if self.run and self.run[-1] >= layers:
            raise ValueError(
                f"run names layer {self.run[-1]} and the target has {layers}: give 0 to {layers - 1}"
            )
        return _Session(job, as_shape(self.shape), self.run)


class _Session(SelfSession):
    def __init__(self, job: Job, shape: Shape, layers: tuple[int, ...]) -> None:
        super().__init__(job, shape)
        self.layers = layers

    def cheaper(self) -> dict[str, Any]:
        """Return which layers to run."""
        return {"run": self.layers}


def layers_of(target: Any, name: str) -> int:
    """Return the number of layers of a target that can draft for itself."""
    layers = getattr(target, "layers", None)
    if not isinstance(layers, int):
        raise TypeError(
            f"the target is a {type(target).__name__}, in which {name} finds no layers: it needs a "
            "transformer, see AttentionModel"
        )
    return layers
