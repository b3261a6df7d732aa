"""Every figure of Sparse-to-Dense; how each is drawn stands in ``plots``."""

from tightbound.papers.sparse_to_dense.plots.break_even import BREAK_EVEN_FIGURE
from tightbound.papers.sparse_to_dense.plots.draft_length import DRAFT_LENGTH_FIGURE
from tightbound.papers.sparse_to_dense.plots.heat_map import HEAT_MAP_FIGURE
from tightbound.papers.sparse_to_dense.plots.kept_mass import KEPT_MASS_FIGURE
from tightbound.papers.sparse_to_dense.plots.methods import METHODS_FIGURE

FIGURES = (KEPT_MASS_FIGURE, HEAT_MAP_FIGURE, DRAFT_LENGTH_FIGURE, METHODS_FIGURE, BREAK_EVEN_FIGURE)
