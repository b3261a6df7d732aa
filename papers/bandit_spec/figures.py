"""Every figure of BanditSpec; each is drawn in a module of ``plots`` from the evidence of claims."""

from tightbound.papers.bandit_spec.plots.adversarial import ADVERSARIAL
from tightbound.papers.bandit_spec.plots.assumption import ASSUMPTION
from tightbound.papers.bandit_spec.plots.full_information import FULL_INFORMATION
from tightbound.papers.bandit_spec.plots.position import POSITION_FIGURE
from tightbound.papers.bandit_spec.plots.replay import REPLAY_FIGURE

FIGURES = (
    ADVERSARIAL,
    ASSUMPTION,
    POSITION_FIGURE,
    REPLAY_FIGURE,
    FULL_INFORMATION,
)
