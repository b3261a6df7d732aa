"""Every claim on attention sinks, by topic; the claims themselves stand in ``checks``."""

from tightbound.papers.attention_sink.checks.always_active import ALWAYS_ACTIVE
from tightbound.papers.attention_sink.checks.bias_slots import BIAS_SLOTS
from tightbound.papers.attention_sink.checks.data_amount import DATA_AMOUNT
from tightbound.papers.attention_sink.checks.emergence import EMERGENCE
from tightbound.papers.attention_sink.checks.inner_dependence import INNER_DEPENDENCE
from tightbound.papers.attention_sink.checks.key_bias import KEY_BIAS
from tightbound.papers.attention_sink.checks.learning_rate import LEARNING_RATE
from tightbound.papers.attention_sink.checks.normalisers import NORMALISERS
from tightbound.papers.attention_sink.checks.operations import OPERATIONS
from tightbound.papers.attention_sink.checks.optimiser import OPTIMISER
from tightbound.papers.attention_sink.checks.other_tokens import OTHER_TOKENS
from tightbound.papers.attention_sink.checks.positions import POSITIONS
from tightbound.papers.attention_sink.checks.prefix import PREFIX
from tightbound.papers.attention_sink.checks.real_model import REAL_MODEL
from tightbound.papers.attention_sink.checks.relative_positions import RELATIVE_POSITIONS
from tightbound.papers.attention_sink.checks.repeated_tokens import REPEATED_TOKENS
from tightbound.papers.attention_sink.checks.rotary_positions import ROTARY_POSITIONS
from tightbound.papers.attention_sink.checks.thresholds import THRESHOLD
from tightbound.papers.attention_sink.checks.value_norm import VALUE_NORM
from tightbound.papers.attention_sink.checks.weight_decay import WEIGHT_DECAY

CLAIMS = (
    *REPEATED_TOKENS,  # SINK-P0, P1, P3
    *RELATIVE_POSITIONS,  # SINK-P2, P3b
    *ROTARY_POSITIONS,  # SINK-P4
    *KEY_BIAS,  # SINK-I1 to I5
    *INNER_DEPENDENCE,  # SINK-I6, I9
    *NORMALISERS,  # SINK-I7
    *OPTIMISER,  # SINK-I8
    *EMERGENCE,  # SINK-T1
    *OPERATIONS,  # SINK-T2
    *BIAS_SLOTS,  # SINK-T3
    *POSITIONS,  # SINK-T4, T9
    *OTHER_TOKENS,  # SINK-T5
    *LEARNING_RATE,  # SINK-T6
    *VALUE_NORM,  # SINK-T7
    *WEIGHT_DECAY,  # SINK-T8
    *DATA_AMOUNT,  # SINK-T10
    *THRESHOLD,  # SINK-T11
    *PREFIX,  # SINK-T12
    *ALWAYS_ACTIVE,  # SINK-T13
    *REAL_MODEL,  # SINK-R1 to R5
)
