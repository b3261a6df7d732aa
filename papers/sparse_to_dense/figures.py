"""Every figure of Sparse-to-Dense; how each is drawn stands in ``plots``."""

from tightbound.papers.sparse_to_dense.plots.break_even import BREAK_EVEN_FIGURE

FIGURES = (BREAK_EVEN_FIGURE,)
