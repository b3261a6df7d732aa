"""Pretraining on sequences of many concepts: maximum likelihood by tables and mixtures, and its error."""

from tightbound.simulators.in_context.pretraining.least_squares import least_squares_errors
from tightbound.simulators.in_context.pretraining.markov_mle import (
    chain_error,
    chain_mle,
    prefix_counts,
    sample_documents,
)
from tightbound.simulators.in_context.pretraining.mixture_em import (
    MixtureFit,
    document_counts,
    fit_mixture,
    mixture_error,
)
from tightbound.simulators.in_context.pretraining.prediction_errors import PredictionErrors, prediction_errors
from tightbound.simulators.in_context.pretraining.sequence_data import (
    FreshSequences,
    PooledSequences,
    random_tasks,
    sample_sequences,
)

__all__ = [
    "FreshSequences",
    "MixtureFit",
    "PooledSequences",
    "PredictionErrors",
    "chain_error",
    "chain_mle",
    "document_counts",
    "fit_mixture",
    "least_squares_errors",
    "mixture_error",
    "prediction_errors",
    "prefix_counts",
    "random_tasks",
    "sample_documents",
    "sample_sequences",
]
