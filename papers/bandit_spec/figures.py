"""Every figure of BanditSpec; each is drawn in a module of ``plots`` from the evidence of claims."""

from tightbound.papers.bandit_spec.plots.adversarial import ADVERSARIAL
from tightbound.papers.bandit_spec.plots.assumption import ASSUMPTION
from tightbound.papers.bandit_spec.plots.costs import TIME_REGRET
from tightbound.papers.bandit_spec.plots.full_information import FULL_INFORMATION
from tightbound.papers.bandit_spec.plots.load import LOAD_FIGURE
from tightbound.papers.bandit_spec.plots.lower_bound import LOWER_BOUND_FIGURE
from tightbound.papers.bandit_spec.plots.phase import PHASE_FIGURE
from tightbound.papers.bandit_spec.plots.position import POSITION_FIGURE
from tightbound.papers.bandit_spec.plots.regret import REGRET
from tightbound.papers.bandit_spec.plots.replay import REPLAY_FIGURE
from tightbound.papers.bandit_spec.plots.serving import SERVING_FIGURE
from tightbound.papers.bandit_spec.plots.stopping_time import STOPPING_TIME_FIGURE
from tightbound.papers.bandit_spec.plots.table1 import TABLE1_FIGURE

FIGURES = (
    REGRET,
    STOPPING_TIME_FIGURE,
    LOWER_BOUND_FIGURE,
    ADVERSARIAL,
    ASSUMPTION,
    POSITION_FIGURE,
    TIME_REGRET,
    SERVING_FIGURE,
    PHASE_FIGURE,
    LOAD_FIGURE,
    TABLE1_FIGURE,
    REPLAY_FIGURE,
    FULL_INFORMATION,
)
