"""Every figure on chain-of-thought prompting; each is drawn in a module of ``plots`` from evidence."""

from tightbound.papers.cot_statistics.plots.comparison import COMPARISON_FIGURE
from tightbound.papers.cot_statistics.plots.examples import EXAMPLES_FIGURE
from tightbound.papers.cot_statistics.plots.prompting_error import PROMPTING_ERROR_FIGURE
from tightbound.papers.cot_statistics.plots.variants import VARIANTS_FIGURE

FIGURES = (
    PROMPTING_ERROR_FIGURE,
    COMPARISON_FIGURE,
    VARIANTS_FIGURE,
    EXAMPLES_FIGURE,
)
