"""In-context learning as Bayesian model averaging.

A concept z of M tasks is drawn once from a prior; each of T demonstrations (c_t, r_t) has a response that
depends on it. A model that knows the law of such sequences predicts by averaging the tasks over the
posterior; its regret, its attention, its pretraining and what corrupts it are computed here, exactly.
"""

from tightbound.theory.in_context.concept_net import NetAverage, cube_net, net_average, net_floor
from tightbound.theory.in_context.errors import InconsistentEvidenceError, UnsupportedTaskWarning
from tightbound.theory.in_context.evidence import log_evidence
from tightbound.theory.in_context.exchangeability import bigram_law, independent_law, order_information
from tightbound.theory.in_context.finite_tasks import FiniteTasks
from tightbound.theory.in_context.gaussian_linear import GaussianLinear
from tightbound.theory.in_context.hmm_concept import HMMConcept
from tightbound.theory.in_context.imperfect_model import (
    ImperfectRegret,
    imperfect_regret,
    imperfect_regret_bound,
)
from tightbound.theory.in_context.information import (
    TaskInformation,
    equivocation_bound,
    information,
    task_information,
)
from tightbound.theory.in_context.label_corruption import (
    cramer_exponent,
    drift,
    expected_posterior_error,
    mean_error_exponent,
    posterior_error_bound,
)
from tightbound.theory.in_context.least_squares import least_squares_risk, total_variation_of_fit
from tightbound.theory.in_context.markov_tasks import MarkovTasks
from tightbound.theory.in_context.model_averaging import (
    log_covariate_predictive,
    log_posterior,
    log_predictive,
    posterior,
    predictive,
    predictive_before_query,
)
from tightbound.theory.in_context.networks.finite_posterior import finite_posterior_network
from tightbound.theory.in_context.networks.linear_attention import (
    chebyshev_bound,
    chebyshev_schedule,
    contraction_factor,
    gradient_bound,
    gradient_schedule,
    linear_attention_stack,
    spectrum,
)
from tightbound.theory.in_context.networks.newton_schulz import newton_schulz_network
from tightbound.theory.in_context.networks.posterior_head import posterior_head
from tightbound.theory.in_context.networks.relu_posterior import levels_needed, relu_posterior_network
from tightbound.theory.in_context.networks.relu_square import interpolated_square, relu_square
from tightbound.theory.in_context.perturbation import (
    kl_by_total_variation,
    kl_extremal_pair,
    softmax_extremal_logits,
    softmax_stability,
    stated_softmax_stability,
)
from tightbound.theory.in_context.pretraining import (
    chain_error_bound,
    chain_first_order_error,
    empty_prompt_bound,
    stationary_law,
    two_token_error,
)
from tightbound.theory.in_context.prompt_length import (
    counting_error_bound,
    frozen_error_ceiling,
    frozen_error_floor,
)
from tightbound.theory.in_context.regret import regret, regret_bound, uniform_regret_bound
from tightbound.theory.in_context.ridge_attention import (
    LinearKernel,
    RBFKernel,
    ridge_attention,
    ridge_variance,
)
from tightbound.theory.in_context.smoothing_operator import (
    SmoothingOperator,
    circle_smoothing_operator,
    smoothing_operator,
    zonal_smoothing_operator,
)
from tightbound.theory.in_context.softmax_attention import softmax_attention
from tightbound.theory.in_context.softmax_limit import (
    ridge_shrink_factor,
    softmax_bias_and_spread,
    softmax_mean_square_bound,
    vanishing_temperature,
)
from tightbound.theory.in_context.sphere_harmonics import (
    circle_features,
    harmonic_values,
    rbf_eigenvalue,
    softmax_limit_constant,
)
from tightbound.theory.in_context.symmetric_tasks import symmetric_supremum, symmetric_tasks
from tightbound.theory.in_context.variational import variational_gap, variational_objective
from tightbound.theory.in_context.wrong_mappings import (
    CodewordTasks,
    largest_divergence,
    printed_condition,
    printed_identification_term,
)
from tightbound.theory.in_context.wrong_prior import wrong_prior_bound, wrong_prior_error

__all__ = [
    "CodewordTasks",
    "FiniteTasks",
    "GaussianLinear",
    "HMMConcept",
    "ImperfectRegret",
    "InconsistentEvidenceError",
    "LinearKernel",
    "MarkovTasks",
    "NetAverage",
    "RBFKernel",
    "SmoothingOperator",
    "TaskInformation",
    "UnsupportedTaskWarning",
    "bigram_law",
    "chain_error_bound",
    "chain_first_order_error",
    "chebyshev_bound",
    "chebyshev_schedule",
    "circle_features",
    "circle_smoothing_operator",
    "contraction_factor",
    "counting_error_bound",
    "cramer_exponent",
    "cube_net",
    "drift",
    "empty_prompt_bound",
    "equivocation_bound",
    "expected_posterior_error",
    "finite_posterior_network",
    "frozen_error_ceiling",
    "frozen_error_floor",
    "gradient_bound",
    "gradient_schedule",
    "harmonic_values",
    "imperfect_regret",
    "imperfect_regret_bound",
    "independent_law",
    "information",
    "interpolated_square",
    "kl_by_total_variation",
    "kl_extremal_pair",
    "largest_divergence",
    "least_squares_risk",
    "levels_needed",
    "linear_attention_stack",
    "log_covariate_predictive",
    "log_evidence",
    "log_posterior",
    "log_predictive",
    "mean_error_exponent",
    "net_average",
    "net_floor",
    "newton_schulz_network",
    "order_information",
    "posterior",
    "posterior_error_bound",
    "posterior_head",
    "predictive",
    "predictive_before_query",
    "printed_condition",
    "printed_identification_term",
    "rbf_eigenvalue",
    "regret",
    "regret_bound",
    "relu_posterior_network",
    "relu_square",
    "ridge_attention",
    "ridge_shrink_factor",
    "ridge_variance",
    "smoothing_operator",
    "softmax_attention",
    "softmax_bias_and_spread",
    "softmax_extremal_logits",
    "softmax_limit_constant",
    "softmax_mean_square_bound",
    "softmax_stability",
    "spectrum",
    "stated_softmax_stability",
    "stationary_law",
    "symmetric_supremum",
    "symmetric_tasks",
    "task_information",
    "total_variation_of_fit",
    "two_token_error",
    "uniform_regret_bound",
    "vanishing_temperature",
    "variational_gap",
    "variational_objective",
    "wrong_prior_bound",
    "wrong_prior_error",
    "zonal_smoothing_operator",
]
