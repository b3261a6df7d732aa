"""Every figure on planning by a language model; each is drawn in a module of ``plots`` from evidence."""

from tightbound.papers.bail_planner.plots.contraction import CONTRACTION_FIGURE
from tightbound.papers.bail_planner.plots.errors import ERRORS_FIGURE
from tightbound.papers.bail_planner.plots.exploration_rate import EXPLORATION_RATE_FIGURE
from tightbound.papers.bail_planner.plots.multi_agent import MULTI_AGENT
from tightbound.papers.bail_planner.plots.pretraining import PRETRAINING_FIGURE
from tightbound.papers.bail_planner.plots.regret import REGRET

FIGURES = (
    REGRET,
    ERRORS_FIGURE,
    CONTRACTION_FIGURE,
    MULTI_AGENT,
    PRETRAINING_FIGURE,
    EXPLORATION_RATE_FIGURE,
)
