"""Every claim on games with unknown graphons; the claims themselves stand in ``checks``."""

from tightbound.papers.gmfg_ppo.checks.estimation import ESTIMATION
from tightbound.papers.gmfg_ppo.checks.finite_agents import FINITE_AGENTS
from tightbound.papers.gmfg_ppo.checks.plug_in import PLUG_IN
from tightbound.papers.gmfg_ppo.checks.ppo_rate import RECURSION
from tightbound.papers.gmfg_ppo.checks.schedules import SCHEDULES

CLAIMS = (
    *RECURSION,  # GMFG-6
    *SCHEDULES,  # GMFG-6
    *ESTIMATION,  # GMFG-7, GMFG-8
    *PLUG_IN,  # GMFG-9
    *FINITE_AGENTS,  # GMFG-10
)
