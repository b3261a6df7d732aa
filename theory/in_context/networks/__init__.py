"""Transformers whose weights are written down instead of trained.

Each builder returns a frozen network that holds its weight matrices as attributes and is called like a
function; the docstring of its class derives what it computes.
"""

from tightbound.theory.in_context.networks.finite_posterior import (
    FinitePosteriorNetwork,
    finite_posterior_network,
)
from tightbound.theory.in_context.networks.layers import (
    LinearAttention,
    LinearAttentionBlock,
    ReluLayer,
    SoftmaxAttention,
)
from tightbound.theory.in_context.networks.linear_attention import (
    LinearAttentionStack,
    Schedule,
    chebyshev_bound,
    chebyshev_schedule,
    contraction_factor,
    gradient_bound,
    gradient_schedule,
    linear_attention_stack,
    spectrum,
)
from tightbound.theory.in_context.networks.newton_schulz import NewtonSchulzNetwork, newton_schulz_network
from tightbound.theory.in_context.networks.posterior_head import PosteriorHead, posterior_head
from tightbound.theory.in_context.networks.relu_posterior import (
    ReluPosteriorNetwork,
    levels_needed,
    relu_posterior_network,
)
from tightbound.theory.in_context.networks.relu_square import SquareNetwork, interpolated_square, relu_square

__all__ = [
    "FinitePosteriorNetwork",
    "LinearAttention",
    "LinearAttentionBlock",
    "LinearAttentionStack",
    "NewtonSchulzNetwork",
    "PosteriorHead",
    "ReluLayer",
    "ReluPosteriorNetwork",
    "Schedule",
    "SoftmaxAttention",
    "SquareNetwork",
    "chebyshev_bound",
    "chebyshev_schedule",
    "contraction_factor",
    "finite_posterior_network",
    "gradient_bound",
    "gradient_schedule",
    "interpolated_square",
    "levels_needed",
    "linear_attention_stack",
    "newton_schulz_network",
    "posterior_head",
    "relu_posterior_network",
    "relu_square",
    "spectrum",
]
