"""Planners, one per file: how subgoals are chosen from what the prompt holds."""

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

__all__ = [
    "BAIL",
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
    "Planner",
    "SelfDelusional",
    "TemperedPosterior",
    "Uniform",
    "WorldModel",
]
