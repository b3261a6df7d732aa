"""Chain-of-thought prompting as Bayesian estimation in a multi-step latent variable model.

A task of finitely many is drawn once from a prior; a demonstration is a whole trajectory (z_0, ..., z_H) of
its steps. Prompted with n of them and a question, a perfect model generates steps from the average of the
tasks over the posterior. What that loses, when steps help, and what votes, searches and modules add is
computed here, exactly.
"""

from tightbound.theory.chain_of_thought.answer_law import answer_law, log_posterior
from tightbound.theory.chain_of_thought.area_code import area_code
from tightbound.theory.chain_of_thought.beam_search import beam_search_law, proposal_sets
from tightbound.theory.chain_of_thought.city_equation import city_equation
from tightbound.theory.chain_of_thought.comparison import answer_only, average_prompting_error
from tightbound.theory.chain_of_thought.decomposition import (
    Decomposition,
    decompose,
    pretraining_bound,
    step_distances,
)
from tightbound.theory.chain_of_thought.discrete_chain import DiscreteChain
from tightbound.theory.chain_of_thought.equivalence import equivalence_class
from tightbound.theory.chain_of_thought.exponents import (
    ChernoffPoint,
    Exponents,
    chernoff_point,
    exponents,
    kl_divergence,
    log_affinity,
)
from tightbound.theory.chain_of_thought.linear_steps import LinearSteps
from tightbound.theory.chain_of_thought.lumping import lumped_types
from tightbound.theory.chain_of_thought.misspecification import misspecified_floor
from tightbound.theory.chain_of_thought.prompt_losses import PromptLosses, prompt_losses
from tightbound.theory.chain_of_thought.prompted_bounds import (
    prompted_self_consistency_bound,
    prompted_tree_of_thought_bound,
    told_chain,
)
from tightbound.theory.chain_of_thought.prompting_bounds import (
    doubt_bound,
    doubt_constant,
    high_probability_bound,
    power_ratio,
    surprise_bound,
    surprise_constant,
)
from tightbound.theory.chain_of_thought.prompting_error import exact_prompting_error, prompt_types
from tightbound.theory.chain_of_thought.selection_inference import (
    SelectionInference,
    final_state_distance,
    final_state_law,
    hybrid_bound,
    module_exponents,
    selection_inference_bound,
)
from tightbound.theory.chain_of_thought.self_consistency import (
    Vote,
    gap_bound,
    self_consistency_bound,
    self_consistency_error,
    self_consistency_exponent,
    success_bound,
    vote,
)
from tightbound.theory.chain_of_thought.stepwise_law import (
    answer_of_steps,
    noisy_answer_law,
    path_law,
    step_laws,
)
from tightbound.theory.chain_of_thought.tree_of_thought import (
    garden_path,
    greedy_path,
    steps_along,
    tree_of_thought_bound,
    tree_of_thought_failure,
)

__all__ = [
    "ChernoffPoint",
    "Decomposition",
    "DiscreteChain",
    "Exponents",
    "LinearSteps",
    "PromptLosses",
    "SelectionInference",
    "Vote",
    "answer_law",
    "answer_of_steps",
    "answer_only",
    "area_code",
    "average_prompting_error",
    "beam_search_law",
    "chernoff_point",
    "city_equation",
    "decompose",
    "doubt_bound",
    "doubt_constant",
    "equivalence_class",
    "exact_prompting_error",
    "exponents",
    "final_state_distance",
    "final_state_law",
    "gap_bound",
    "garden_path",
    "greedy_path",
    "high_probability_bound",
    "hybrid_bound",
    "kl_divergence",
    "log_affinity",
    "log_posterior",
    "lumped_types",
    "misspecified_floor",
    "module_exponents",
    "noisy_answer_law",
    "path_law",
    "power_ratio",
    "pretraining_bound",
    "prompt_losses",
    "prompt_types",
    "prompted_self_consistency_bound",
    "prompted_tree_of_thought_bound",
    "proposal_sets",
    "selection_inference_bound",
    "self_consistency_bound",
    "self_consistency_error",
    "self_consistency_exponent",
    "step_distances",
    "step_laws",
    "steps_along",
    "success_bound",
    "surprise_bound",
    "surprise_constant",
    "told_chain",
    "tree_of_thought_bound",
    "tree_of_thought_failure",
    "vote",
]
