"""Every claim on speculative decoding, by topic; the claims themselves stand in ``checks``."""

from tightbound.papers.speculative_core.checks.block import BLOCK
from tightbound.papers.speculative_core.checks.chain import CHAIN
from tightbound.papers.speculative_core.checks.greedy import GREEDY
from tightbound.papers.speculative_core.checks.multi_draft import MULTI_DRAFT
from tightbound.papers.speculative_core.checks.transport import TRANSPORT
from tightbound.papers.speculative_core.checks.trees import TREES
from tightbound.papers.speculative_core.checks.walltime import WALLTIME

CLAIMS = (
    *CHAIN,  # CORE-1, CORE-2, CORE-3
    *BLOCK,  # CORE-4, CORE-5
    *MULTI_DRAFT,  # CORE-6, CORE-8
    *TRANSPORT,  # CORE-7
    *TREES,  # CORE-9, CORE-13
    *GREEDY,  # CORE-10, CORE-N
    *WALLTIME,  # CORE-11, CORE-12
)
