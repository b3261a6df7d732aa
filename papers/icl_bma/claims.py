"""Every claim on in-context learning as model averaging; the claims themselves stand in ``checks``."""

from tightbound.papers.icl_bma.checks.attention import ATTENTION
from tightbound.papers.icl_bma.checks.averaging import AVERAGING
from tightbound.papers.icl_bma.checks.depth import DEPTH
from tightbound.papers.icl_bma.checks.general_prior import GENERAL_PRIOR
from tightbound.papers.icl_bma.checks.imperfect_model import IMPERFECT_MODEL
from tightbound.papers.icl_bma.checks.informative_covariates import INFORMATIVE_COVARIATES
from tightbound.papers.icl_bma.checks.label_corruption import LABEL_CORRUPTION
from tightbound.papers.icl_bma.checks.least_squares import LEAST_SQUARES
from tightbound.papers.icl_bma.checks.networks import NETWORKS
from tightbound.papers.icl_bma.checks.perturbation import PERTURBATION
from tightbound.papers.icl_bma.checks.pretraining import PRETRAINING
from tightbound.papers.icl_bma.checks.prompt_length import PROMPT_LENGTH
from tightbound.papers.icl_bma.checks.regret import REGRET
from tightbound.papers.icl_bma.checks.softmax_limit import SOFTMAX_LIMIT
from tightbound.papers.icl_bma.checks.trained_transformer import TRAINED_TRANSFORMER

CLAIMS = (
    *AVERAGING,  # ICL-1
    *REGRET,  # ICL-2
    *GENERAL_PRIOR,  # ICL-3
    *IMPERFECT_MODEL,  # ICL-4
    *NETWORKS,  # ICL-5
    *ATTENTION,  # ICL-5
    *SOFTMAX_LIMIT,  # ICL-6
    *PRETRAINING,  # ICL-7
    *TRAINED_TRANSFORMER,  # ICL-7
    *DEPTH,  # ICL-8
    *LABEL_CORRUPTION,  # ICL-9, ICL-13
    *PROMPT_LENGTH,  # ICL-10
    *INFORMATIVE_COVARIATES,  # ICL-11
    *PERTURBATION,  # ICL-12
    *LEAST_SQUARES,  # ICL-14
)
