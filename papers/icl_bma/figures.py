"""Every figure on in-context learning; each is drawn in a module of ``plots`` from evidence."""

from tightbound.papers.icl_bma.plots.depth import DEPTH_FIGURE
from tightbound.papers.icl_bma.plots.label_corruption import LABEL_CORRUPTION_FIGURE
from tightbound.papers.icl_bma.plots.pretraining import PRETRAINING_FIGURE
from tightbound.papers.icl_bma.plots.regret import CONCEPT_FIGURE, REGRET_FIGURE
from tightbound.papers.icl_bma.plots.softmax_limit import SOFTMAX_LIMIT_FIGURE
from tightbound.papers.icl_bma.plots.trained_transformer import TRAINED_TRANSFORMER_FIGURE

FIGURES = (
    REGRET_FIGURE,
    CONCEPT_FIGURE,
    SOFTMAX_LIMIT_FIGURE,
    PRETRAINING_FIGURE,
    TRAINED_TRANSFORMER_FIGURE,
    DEPTH_FIGURE,
    LABEL_CORRUPTION_FIGURE,
)
