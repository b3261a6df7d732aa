"""Every figure on attention sinks; how each is drawn stands in ``plots``."""

from tightbound.papers.attention_sink.plots.anatomy import ANATOMY_FIGURE
from tightbound.papers.attention_sink.plots.bias_slots import BIAS_SLOTS_FIGURE
from tightbound.papers.attention_sink.plots.data_amount import DATA_AMOUNT_FIGURE
from tightbound.papers.attention_sink.plots.emergence import EMERGENCE_FIGURE
from tightbound.papers.attention_sink.plots.fixed_token import FIXED_TOKEN_FIGURE
from tightbound.papers.attention_sink.plots.learning_rate import LEARNING_RATE_FIGURE
from tightbound.papers.attention_sink.plots.masks import MASKS_FIGURE
from tightbound.papers.attention_sink.plots.operations import OPERATIONS_FIGURE
from tightbound.papers.attention_sink.plots.real_anatomy import REAL_ANATOMY_FIGURE
from tightbound.papers.attention_sink.plots.repeated_tokens import REPEATED_TOKENS_FIGURE
from tightbound.papers.attention_sink.plots.sink_map import SINK_MAP_FIGURE
from tightbound.papers.attention_sink.plots.thresholds import THRESHOLDS_FIGURE
from tightbound.papers.attention_sink.plots.value_norm import VALUE_NORM_FIGURE

FIGURES = (
    REPEATED_TOKENS_FIGURE,
    EMERGENCE_FIGURE,
    ANATOMY_FIGURE,
    OPERATIONS_FIGURE,
    FIXED_TOKEN_FIGURE,
    BIAS_SLOTS_FIGURE,
    LEARNING_RATE_FIGURE,
    VALUE_NORM_FIGURE,
    DATA_AMOUNT_FIGURE,
    MASKS_FIGURE,
    THRESHOLDS_FIGURE,
    SINK_MAP_FIGURE,
    REAL_ANATOMY_FIGURE,
)
