"""Every claim of LongSpec, by topic; the claims themselves stand in ``checks``."""

from tightbound.papers.longspec.checks.attention_speed import ATTENTION_SPEED
from tightbound.papers.longspec.checks.draft_memory import DRAFT_MEMORY
from tightbound.papers.longspec.checks.lossless import LOSSLESS
from tightbound.papers.longspec.checks.noisy_training import NOISY_TRAINING
from tightbound.papers.longspec.checks.positions import POSITIONS
from tightbound.papers.longspec.checks.published_speed import PUBLISHED_SPEED
from tightbound.papers.longspec.checks.shipped_draft import SHIPPED_DRAFT
from tightbound.papers.longspec.checks.trained_drafts import TRAINED_DRAFTS
from tightbound.papers.longspec.checks.tree_attention import TREE_ATTENTION

CLAIMS = (
    *TREE_ATTENTION,  # LS-1, LS-2
    *LOSSLESS,  # LS-3a, LS-3b
    *SHIPPED_DRAFT,  # LS-3c
    *DRAFT_MEMORY,  # LS-4
    *PUBLISHED_SPEED,  # LS-5, LS-6
    *POSITIONS,  # LS-7
    *NOISY_TRAINING,  # LS-9a
    *TRAINED_DRAFTS,  # LS-8, LS-9b
    *ATTENTION_SPEED,  # LS-10
)
