"""Every figure of LongSpec; how each is drawn stands in ``plots``."""

from tightbound.papers.longspec.plots.positions import POSITIONS_FIGURE
from tightbound.papers.longspec.plots.published_speed import ROUNDS_FIGURE, SPEEDUPS_FIGURE

FIGURES = (SPEEDUPS_FIGURE, ROUNDS_FIGURE, POSITIONS_FIGURE)
