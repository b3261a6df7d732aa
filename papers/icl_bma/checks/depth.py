"""ICL-8: networks whose error falls exponentially in depth, and what no depth can do."""

from __future__ import annotations

from tightbound.papers.icl_bma.checks.descent import DESCENT
from tightbound.papers.icl_bma.checks.order import ORDER
from tightbound.papers.icl_bma.checks.squaring import SQUARING

DEPTH = (*DESCENT, *SQUARING, *ORDER)
