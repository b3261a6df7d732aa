"""Every claim of LongSpec, by topic; the claims themselves stand in ``checks``."""

from tightbound.papers.longspec.checks.positions import POSITIONS
from tightbound.papers.longspec.checks.published_speed import PUBLISHED_SPEED
from tightbound.papers.longspec.checks.tree_attention import TREE_ATTENTION

CLAIMS = (
    *TREE_ATTENTION,  # LS-1, LS-2
    *PUBLISHED_SPEED,  # LS-5, LS-6
    *POSITIONS,  # LS-7
)
