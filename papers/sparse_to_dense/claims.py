"""Every claim of Sparse-to-Dense, by topic; the claims themselves stand in ``checks``."""

from tightbound.papers.sparse_to_dense.checks.acceptance import ACCEPTANCE
from tightbound.papers.sparse_to_dense.checks.kept_keys import KEPT_KEYS
from tightbound.papers.sparse_to_dense.checks.loads import LOADS
from tightbound.papers.sparse_to_dense.checks.lossless import LOSSLESS
from tightbound.papers.sparse_to_dense.checks.memory_traffic import MEMORY_TRAFFIC
from tightbound.papers.sparse_to_dense.checks.real_text import REAL_TEXT

CLAIMS = (
    *LOSSLESS,  # STD-1a, 1c, 1d
    *REAL_TEXT,  # STD-1b, 1e
    *MEMORY_TRAFFIC,  # STD-2, STD-5
    *KEPT_KEYS,  # STD-3
    *ACCEPTANCE,  # STD-4, STD-6
    *LOADS,  # STD-7
)
