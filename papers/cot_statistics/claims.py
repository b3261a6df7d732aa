"""Every claim on chain-of-thought prompting; the claims themselves stand in ``checks``."""

from tightbound.papers.cot_statistics.checks.comparison import COMPARISON
from tightbound.papers.cot_statistics.checks.decomposition import DECOMPOSITION
from tightbound.papers.cot_statistics.checks.depth import COT_DEPTH
from tightbound.papers.cot_statistics.checks.equivalence import EQUIVALENCE
from tightbound.papers.cot_statistics.checks.prompting_error import PROMPTING_ERROR
from tightbound.papers.cot_statistics.checks.stepwise import STEPWISE
from tightbound.papers.cot_statistics.checks.trained_transformer import TRAINED_TRANSFORMER

CLAIMS = (
    *STEPWISE,  # COT-1
    *DECOMPOSITION,  # COT-2
    *PROMPTING_ERROR,  # COT-3
    *EQUIVALENCE,  # COT-4
    *COMPARISON,  # COT-5
    *COT_DEPTH,  # COT-8
    *TRAINED_TRANSFORMER,  # COT-9
)
