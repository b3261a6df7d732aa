"""Every figure of the monotone games; each is drawn in a module of ``plots`` from the evidence of claims."""

from tightbound.papers.gmfg_monotone.plots.exploitability import EXPLOITABILITY_FIGURE
from tightbound.papers.gmfg_monotone.plots.published_games import PUBLISHED_GAMES_FIGURE
from tightbound.papers.gmfg_monotone.plots.q_estimation import Q_ESTIMATION_FIGURE
from tightbound.papers.gmfg_monotone.plots.rates import RATES_FIGURE
from tightbound.papers.gmfg_monotone.plots.solvers import SOLVERS_FIGURE
from tightbound.papers.gmfg_monotone.plots.spectrum import SPECTRUM_FIGURE
from tightbound.papers.gmfg_monotone.plots.uniqueness import UNIQUENESS_FIGURE

FIGURES = (
    EXPLOITABILITY_FIGURE,
    RATES_FIGURE,
    Q_ESTIMATION_FIGURE,
    SPECTRUM_FIGURE,
    UNIQUENESS_FIGURE,
    PUBLISHED_GAMES_FIGURE,
    SOLVERS_FIGURE,
)
