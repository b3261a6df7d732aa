"""Language models that are really trained, small enough for two cores.

A model is a frozen set of hyper-parameters; its weights are an argument of every method. Training goes on
from a checkpoint as if it had never been killed.
"""

from tightbound.simulators.language_models.causal_transformer import CausalTransformer
from tightbound.simulators.language_models.checkpoint import CheckpointError
from tightbound.simulators.language_models.schedule import Schedule
from tightbound.simulators.language_models.training import (
    History,
    TrainingDivergedError,
    TrainingResult,
    train,
    train_many,
)

__all__ = [
    "CausalTransformer",
    "CheckpointError",
    "History",
    "Schedule",
    "TrainingDivergedError",
    "TrainingResult",
    "train",
    "train_many",
]
