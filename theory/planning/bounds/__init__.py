"""Bounds on posteriors and on regret, with every constant written out and every proof in the docstring."""

from tightbound.theory.planning.bounds.contraction import (
    contraction_bound,
    doubt_bound,
    inverse_weight_bound,
    truth_floor,
)
from tightbound.theory.planning.bounds.epsilon_greedy import (
    derived_epsilon,
    epsilon_greedy_bound,
    independent_actors_bound,
    log_factor,
    per_step_bound,
    schedule_bound,
    world_model_bound,
)
from tightbound.theory.planning.bounds.hard_instance import hard_instance_lower_bound
from tightbound.theory.planning.bounds.imperfect import (
    llm_error_bound,
    prompt_coverage,
    reporter_contraction,
    reporter_drift,
    reporter_inflation,
)
from tightbound.theory.planning.bounds.logarithmic import (
    explore_first_bound,
    explore_first_episodes,
    log_regret_bound,
)
from tightbound.theory.planning.bounds.mass import (
    greedy_mass,
    independent_mass,
    sampled_mass,
    world_model_mass,
)
from tightbound.theory.planning.bounds.pretraining import count_mle_bound
from tightbound.theory.planning.bounds.recalled import recalled_epsilon, recalled_rate

__all__ = [
    "contraction_bound",
    "count_mle_bound",
    "derived_epsilon",
    "doubt_bound",
    "epsilon_greedy_bound",
    "explore_first_bound",
    "explore_first_episodes",
    "greedy_mass",
    "hard_instance_lower_bound",
    "independent_actors_bound",
    "independent_mass",
    "inverse_weight_bound",
    "llm_error_bound",
    "log_factor",
    "log_regret_bound",
    "per_step_bound",
    "prompt_coverage",
    "recalled_epsilon",
    "recalled_rate",
    "reporter_contraction",
    "reporter_drift",
    "reporter_inflation",
    "sampled_mass",
    "schedule_bound",
    "truth_floor",
    "world_model_bound",
    "world_model_mass",
]
