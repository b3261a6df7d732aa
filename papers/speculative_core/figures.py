"""Every figure on speculative decoding; each is drawn in a module of ``plots`` from evidence."""

from tightbound.papers.speculative_core.plots.block_gain import BLOCK_GAIN_FIGURE
from tightbound.papers.speculative_core.plots.candidates import CANDIDATES_FIGURE
from tightbound.papers.speculative_core.plots.draft_length import DRAFT_LENGTH_FIGURE

FIGURES = (
    DRAFT_LENGTH_FIGURE,
    BLOCK_GAIN_FIGURE,
    CANDIDATES_FIGURE,
)
