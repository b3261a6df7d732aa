"""Simulation of planners: exploration, decoding, world models, teams of actors, and beliefs.

`simulate` plays episodes on the tree of histories and measures regret along the path; `exact_regret`
enumerates instead of sampling; `simulate_beliefs` needs no tree. Models that are trained stand in
``language_models``.
"""

from tightbound.simulators.planning.belief import filter_paths, update_beliefs
from tightbound.simulators.planning.belief_expert import BeliefExpert, BeliefGraph, BeliefLevel, belief_expert
from tightbound.simulators.planning.exact_regret import exact_regret
from tightbound.simulators.planning.planners.bail import BAIL
from tightbound.simulators.planning.planners.base import Planner
from tightbound.simulators.planning.planners.epsilon_greedy import EpsilonGreedy
from tightbound.simulators.planning.planners.explore import Explore
from tightbound.simulators.planning.planners.explore_first import ExploreFirst
from tightbound.simulators.planning.planners.fixed_subgoal import FixedSubgoal
from tightbound.simulators.planning.planners.frozen_posterior import FrozenPosterior
from tightbound.simulators.planning.planners.greedy_bail import GreedyBAIL
from tightbound.simulators.planning.planners.independent_bail import IndependentBAIL
from tightbound.simulators.planning.planners.noisy_language_model import NoisyLanguageModel
from tightbound.simulators.planning.planners.schedules import Constant, Inverse
from tightbound.simulators.planning.planners.self_delusional import SelfDelusional
from tightbound.simulators.planning.planners.tempered_posterior import TemperedPosterior
from tightbound.simulators.planning.planners.uniform import Uniform
from tightbound.simulators.planning.planners.world_model import WorldModel
from tightbound.simulators.planning.pomdp import POMDP, ObservedRewardModel, observed_reward_model
from tightbound.simulators.planning.pomdp_format import PomdpFormatError, load_pomdp, parse_pomdp
from tightbound.simulators.planning.private_regret import private_regret
from tightbound.simulators.planning.result import PlanningResult
from tightbound.simulators.planning.simulate import simulate, sweep
from tightbound.simulators.planning.simulate_beliefs import simulate_beliefs

__all__ = [
    "BAIL",
    "POMDP",
    "BeliefExpert",
    "BeliefGraph",
    "BeliefLevel",
    "Constant",
    "EpsilonGreedy",
    "Explore",
    "ExploreFirst",
    "FixedSubgoal",
    "FrozenPosterior",
    "GreedyBAIL",
    "IndependentBAIL",
    "Inverse",
    "NoisyLanguageModel",
    "ObservedRewardModel",
    "Planner",
    "PlanningResult",
    "PomdpFormatError",
    "SelfDelusional",
    "TemperedPosterior",
    "Uniform",
    "WorldModel",
    "belief_expert",
    "exact_regret",
    "filter_paths",
    "load_pomdp",
    "observed_reward_model",
    "parse_pomdp",
    "private_regret",
    "simulate",
    "simulate_beliefs",
    "sweep",
    "update_beliefs",
]
