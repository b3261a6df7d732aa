"""Every claim on chain-of-thought prompting; the claims themselves stand in ``checks``."""

from tightbound.papers.cot_statistics.checks.comparison import COMPARISON
from tightbound.papers.cot_statistics.checks.decomposition import DECOMPOSITION
from tightbound.papers.cot_statistics.checks.depth import COT_DEPTH
from tightbound.papers.cot_statistics.checks.equivalence import EQUIVALENCE
from tightbound.papers.cot_statistics.checks.prompting_error import PROMPTING_ERROR
from tightbound.papers.cot_statistics.checks.selection_inference import SELECTION_INFERENCE
from tightbound.papers.cot_statistics.checks.self_consistency import SELF_CONSISTENCY
from tightbound.papers.cot_statistics.checks.stepwise import STEPWISE
from tightbound.papers.cot_statistics.checks.trained_transformer import TRAINED_TRANSFORMER
from tightbound.papers.cot_statistics.checks.tree_of_thought import TREE_OF_THOUGHT

CLAIMS = (
    *STEPWISE,  # COT-1
    *DECOMPOSITION,  # COT-2
    *PROMPTING_ERROR,  # COT-3
    *EQUIVALENCE,  # COT-4
    *COMPARISON,  # COT-5
    *SELF_CONSISTENCY,  # COT-6
    *TREE_OF_THOUGHT,  # COT-7
    *SELECTION_INFERENCE,  # COT-7
    *COT_DEPTH,  # COT-8
    *TRAINED_TRANSFORMER,  # COT-9
)
