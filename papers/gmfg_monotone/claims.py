"""Every claim of the monotone games in the order of its numbers; they stand in ``checks``."""

from tightbound.papers.gmfg_monotone.checks.beach_bar import BEACH_BAR, BEACH_BAR_SAMPLED
from tightbound.papers.gmfg_monotone.checks.existence import EXISTENCE
from tightbound.papers.gmfg_monotone.checks.mirror_descent import MIRROR_DESCENT
from tightbound.papers.gmfg_monotone.checks.monotonicity import MONOTONICITY
from tightbound.papers.gmfg_monotone.checks.published_games import PUBLISHED_GAMES
from tightbound.papers.gmfg_monotone.checks.q_estimation import Q_ESTIMATION
from tightbound.papers.gmfg_monotone.checks.uniqueness import UNIQUENESS

CLAIMS = (
    *EXISTENCE,  # GMFG-1
    *PUBLISHED_GAMES,  # GMFG-1
    *UNIQUENESS,  # GMFG-2
    *MONOTONICITY,  # GMFG-3
    *MIRROR_DESCENT,  # GMFG-4
    *BEACH_BAR,  # GMFG-4
    *Q_ESTIMATION,  # GMFG-5
    *BEACH_BAR_SAMPLED,  # GMFG-5
)
