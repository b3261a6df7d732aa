"""Every claim of Sparse-to-Dense, by topic; the claims themselves stand in ``checks``."""

from tightbound.papers.sparse_to_dense.checks.kept_keys import KEPT_KEYS
from tightbound.papers.sparse_to_dense.checks.loads import LOADS
from tightbound.papers.sparse_to_dense.checks.memory_traffic import MEMORY_TRAFFIC

CLAIMS = (
    *MEMORY_TRAFFIC,  # STD-2, STD-5
    *KEPT_KEYS,  # STD-3
    *LOADS,  # STD-7
)
