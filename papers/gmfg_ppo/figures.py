"""Every figure on games with unknown graphons; each is drawn in a module of ``plots`` from evidence."""

from tightbound.papers.gmfg_ppo.plots.estimation import ESTIMATION_FIGURE
from tightbound.papers.gmfg_ppo.plots.plug_in import PLUG_IN_FIGURE
from tightbound.papers.gmfg_ppo.plots.schedules import SCHEDULES_FIGURE

FIGURES = (
    PLUG_IN_FIGURE,
    SCHEDULES_FIGURE,
    ESTIMATION_FIGURE,
)
