"""Models small enough to train here in place of a language model and of the Reporter, and their data."""

from tightbound.simulators.planning.language_models.count_model import CountModel, count_law
from tightbound.simulators.planning.language_models.count_planner import CountPlanner
from tightbound.simulators.planning.language_models.pretraining import (
    Documents,
    PromptContexts,
    pretraining_error,
    write_documents,
)
from tightbound.simulators.planning.language_models.reporter import (
    LearnedReporter,
    LogisticContrastive,
    Pairs,
    TabularContrastive,
    sample_pairs,
)
from tightbound.simulators.planning.language_models.sequence_model import SequenceModel, TrainedSequenceModel

__all__ = [
    "CountModel",
    "CountPlanner",
    "Documents",
    "LearnedReporter",
    "LogisticContrastive",
    "Pairs",
    "PromptContexts",
    "SequenceModel",
    "TabularContrastive",
    "TrainedSequenceModel",
    "count_law",
    "pretraining_error",
    "sample_pairs",
    "write_documents",
]
