"""Attention and its sinks: scores, metrics, closed forms on repeated tokens, key biases; nothing is random.

Scores A are (..., T, T), rows attend to columns; a sink is a column that most rows attend to. `Architecture`
names a small transformer, `forward` runs it in float64 and keeps everything it computes.
"""

from tightbound.theory.attention.architecture import (
    BUCKETS,
    NORMALISERS,
    Architecture,
    Parameters,
)
from tightbound.theory.attention.bigram_backcopy import (
    BigramBackcopy,
)
from tightbound.theory.attention.inner_dependence import (
    logit_gradient,
    sigmoid_jacobian,
    softmax_jacobian,
)
from tightbound.theory.attention.key_bias import (
    gate,
    gated_output,
    off_by_one_scores,
    slot_scores,
    token_as_slot,
)
from tightbound.theory.attention.masks import (
    visible,
)
from tightbound.theory.attention.normalisers import (
    equivalent_adamw,
    equivalent_sgd,
    power_softmax,
)
from tightbound.theory.attention.position_codes import (
    alibi_slopes,
    relative_buckets,
    rotary,
    sinusoidal,
)
from tightbound.theory.attention.repeated_tokens import (
    decreasing_bias_bound,
    importance_bound,
    largest_useful_spread,
    logit_radius,
    repeated_token_reference,
    score_bound,
    uniform_importance,
)
from tightbound.theory.attention.scores import (
    attention_scores,
    proxy_scores,
)
from tightbound.theory.attention.sink import (
    contribution,
    importance,
    raw_mass,
    sink_metric,
    sink_metric_of_mean,
    value_drain,
)
from tightbound.theory.attention.transformer import (
    Trace,
    forward,
    slot_vectors,
)

__all__ = [
    "BUCKETS",
    "NORMALISERS",
    "Architecture",
    "BigramBackcopy",
    "Parameters",
    "Trace",
    "alibi_slopes",
    "attention_scores",
    "contribution",
    "decreasing_bias_bound",
    "equivalent_adamw",
    "equivalent_sgd",
    "forward",
    "gate",
    "gated_output",
    "importance",
    "importance_bound",
    "largest_useful_spread",
    "logit_gradient",
    "logit_radius",
    "off_by_one_scores",
    "power_softmax",
    "proxy_scores",
    "raw_mass",
    "relative_buckets",
    "repeated_token_reference",
    "rotary",
    "score_bound",
    "sigmoid_jacobian",
    "sink_metric",
    "sink_metric_of_mean",
    "sinusoidal",
    "slot_scores",
    "slot_vectors",
    "softmax_jacobian",
    "token_as_slot",
    "uniform_importance",
    "value_drain",
    "visible",
]
