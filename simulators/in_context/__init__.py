"""Sampling, fast averaging and pretraining for in-context learning."""

from tightbound.simulators.in_context.adversary import greedy_adversary
from tightbound.simulators.in_context.gaussian_linear import (
    GaussianSequences,
    sample_concept,
    sample_features,
    sample_sequences,
    sample_values,
)
from tightbound.simulators.in_context.sampling import sample
from tightbound.simulators.in_context.scan_tasks import (
    scan_final_log_posterior,
    scan_log_posterior,
    scan_log_predictive,
    scan_regret,
)
from tightbound.simulators.in_context.sphere import axes, noisy_harmonics, sample_attention, uniform_sphere

__all__ = [
    "GaussianSequences",
    "axes",
    "greedy_adversary",
    "noisy_harmonics",
    "sample",
    "sample_attention",
    "sample_concept",
    "sample_features",
    "sample_sequences",
    "sample_values",
    "scan_final_log_posterior",
    "scan_log_posterior",
    "scan_log_predictive",
    "scan_regret",
    "uniform_sphere",
]
