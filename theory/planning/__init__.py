"""Planning by a language model in a partially observable environment that it has to infer.

An environment z of Z candidates is drawn once from a prior. In an episode of H observations a planner chooses
H - 1 of G subgoals, rewarded for what is observed; over T episodes its prompt holds all that was seen before.
Instances name their subgoals and observations in their modules (``instances.reveal.PROBE``).
"""

from tightbound.theory.planning.bail import bail, greedy, independent_bail, node_posterior, temper
from tightbound.theory.planning.bounds import (
    contraction_bound,
    count_mle_bound,
    derived_epsilon,
    doubt_bound,
    epsilon_greedy_bound,
    explore_first_bound,
    explore_first_episodes,
    greedy_mass,
    hard_instance_lower_bound,
    independent_actors_bound,
    independent_mass,
    inverse_weight_bound,
    llm_error_bound,
    log_factor,
    log_regret_bound,
    per_step_bound,
    prompt_coverage,
    recalled_epsilon,
    recalled_rate,
    reporter_contraction,
    reporter_drift,
    reporter_inflation,
    sampled_mass,
    schedule_bound,
    truth_floor,
    world_model_bound,
    world_model_mass,
)
from tightbound.theory.planning.brute_force import path_kernel, path_weights, plan_values
from tightbound.theory.planning.closed_forms import (
    agreement,
    lock_regret,
    meet_regret,
    noisy_try_drift,
    noisy_try_threshold,
    reveal_greedy_regret,
    reveal_regret,
)
from tightbound.theory.planning.contrastive import (
    contrastive_error,
    contrastive_gradient,
    contrastive_loss,
    contrastive_optimum,
    translation_from_ratio,
)
from tightbound.theory.planning.count_error import context_free_floor, expected_count_error
from tightbound.theory.planning.errors import (
    ImpossibleObservationError,
    NotDistinguishableError,
    TreeTooLargeError,
    UnsupportedTruthWarning,
)
from tightbound.theory.planning.evaluation import distinguishability, evaluate, hellinger, leaf_law, path_law
from tightbound.theory.planning.exact_dp import ProbeResult, probe_bsc_forward, reveal_forward
from tightbound.theory.planning.expert import Expert, expert
from tightbound.theory.planning.filtering import (
    belief,
    filter_start,
    filter_step,
    likelihood,
    log_likelihood,
    posterior,
)
from tightbound.theory.planning.forward import ForwardResult, forward_regret
from tightbound.theory.planning.hidden_state import most_likely_state, qmdp, state_values
from tightbound.theory.planning.hmdp import HMDP, high_level_kernel
from tightbound.theory.planning.instances.lock import lock
from tightbound.theory.planning.instances.meet import meet, private_meet
from tightbound.theory.planning.instances.noisy_try import noisy_try
from tightbound.theory.planning.instances.probe_bsc import probe_bsc
from tightbound.theory.planning.instances.random_hmdp import random_hmdp
from tightbound.theory.planning.instances.reveal import reveal
from tightbound.theory.planning.pretraining_joint import PretrainingJoint, pretraining_joint
from tightbound.theory.planning.reported_trial import (
    reported_trial,
    reported_trial_drift,
    reported_trial_threshold,
)
from tightbound.theory.planning.tree import HistoryTree, Level, Policy
from tightbound.theory.planning.world_model import predicted_value, predictive, world_model

__all__ = [
    "HMDP",
    "Expert",
    "ForwardResult",
    "HistoryTree",
    "ImpossibleObservationError",
    "Level",
    "NotDistinguishableError",
    "Policy",
    "PretrainingJoint",
    "ProbeResult",
    "TreeTooLargeError",
    "UnsupportedTruthWarning",
    "agreement",
    "bail",
    "belief",
    "context_free_floor",
    "contraction_bound",
    "contrastive_error",
    "contrastive_gradient",
    "contrastive_loss",
    "contrastive_optimum",
    "count_mle_bound",
    "derived_epsilon",
    "distinguishability",
    "doubt_bound",
    "epsilon_greedy_bound",
    "evaluate",
    "expected_count_error",
    "expert",
    "explore_first_bound",
    "explore_first_episodes",
    "filter_start",
    "filter_step",
    "forward_regret",
    "greedy",
    "greedy_mass",
    "hard_instance_lower_bound",
    "hellinger",
    "high_level_kernel",
    "independent_actors_bound",
    "independent_bail",
    "independent_mass",
    "inverse_weight_bound",
    "leaf_law",
    "likelihood",
    "llm_error_bound",
    "lock",
    "lock_regret",
    "log_factor",
    "log_likelihood",
    "log_regret_bound",
    "meet",
    "meet_regret",
    "most_likely_state",
    "node_posterior",
    "noisy_try",
    "noisy_try_drift",
    "noisy_try_threshold",
    "path_kernel",
    "path_law",
    "path_weights",
    "per_step_bound",
    "plan_values",
    "posterior",
    "predicted_value",
    "predictive",
    "pretraining_joint",
    "private_meet",
    "probe_bsc",
    "probe_bsc_forward",
    "prompt_coverage",
    "qmdp",
    "random_hmdp",
    "recalled_epsilon",
    "recalled_rate",
    "reported_trial",
    "reported_trial_drift",
    "reported_trial_threshold",
    "reporter_contraction",
    "reporter_drift",
    "reporter_inflation",
    "reveal",
    "reveal_forward",
    "reveal_greedy_regret",
    "reveal_regret",
    "sampled_mass",
    "schedule_bound",
    "state_values",
    "temper",
    "translation_from_ratio",
    "truth_floor",
    "world_model",
    "world_model_bound",
    "world_model_mass",
]
