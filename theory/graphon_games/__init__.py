"""Graphon mean-field games: graphons, games, and the exact quantities of a policy.

Agents of M blocks share a horizon of H steps, S states and A actions. Policies have shape (M, H, S, A), mean
fields (M, H, S); lam >= 0 weighs the entropy of the policy.
"""

from tightbound.theory.graphon_games.best_response import BestResponse, best_response, soft_maximum
from tightbound.theory.graphon_games.contraction import (
    ContractionConstants,
    certified_constants,
    largest_degree,
    observed_constants,
    ppo_average_bound,
    ppo_recursion,
    reward_range,
)
from tightbound.theory.graphon_games.convex_reference import (
    ConvexBestResponse,
    ConvexSolverError,
    convex_best_response,
)
from tightbound.theory.graphon_games.distances import (
    flow_distance,
    kl_distance,
    policy_distance,
    worst_policy_distance,
)
from tightbound.theory.graphon_games.exploitability import exploitability, exploitability_profile
from tightbound.theory.graphon_games.flow import aggregate, flow, frozen_flow
from tightbound.theory.graphon_games.game import GraphonGame
from tightbound.theory.graphon_games.games.beach_bar import beach_bar
from tightbound.theory.graphon_games.games.crowd import CrowdReward
from tightbound.theory.graphon_games.games.cyber import CyberTransition, cyber
from tightbound.theory.graphon_games.games.discontinuous import (
    JumpReward,
    discontinuous,
    discontinuous_floor,
)
from tightbound.theory.graphon_games.games.investment import InvestmentReward, investment
from tightbound.theory.graphon_games.games.linear_quadratic import TrackingReward, linear_quadratic
from tightbound.theory.graphon_games.games.random_linear import HerdTransition, RootReward, random_linear
from tightbound.theory.graphon_games.games.rotation import RotationReward, rotation
from tightbound.theory.graphon_games.games.sis import SISTransition, sis
from tightbound.theory.graphon_games.graphons import (
    Graphon,
    erdos_renyi,
    exponential,
    grid,
    is_positive_semidefinite,
    power_law,
    ranked_attachment,
    smallest_eigenvalue,
    step_graphon,
    stochastic_block,
    uniform_attachment,
)
from tightbound.theory.graphon_games.identities import (
    exploitability_as_divergence,
    neighbourhood_variance,
    performance_difference,
)
from tightbound.theory.graphon_games.mirror_descent import (
    MirrorStepCertificate,
    mirror_descent_bound,
    mirror_step,
    mirror_step_certificate,
    spread_bound,
)
from tightbound.theory.graphon_games.monotonicity import (
    MonotonicitySearch,
    aligned_pair,
    monotonicity_gap,
    search_violation,
)
from tightbound.theory.graphon_games.quadrature import (
    aggregate_error,
    integral,
    midpoint_bound,
    right_grid,
    worst_lipschitz_error,
)
from tightbound.theory.graphon_games.values import action_values, entropy, policy_value

__all__ = [
    "BestResponse",
    "ContractionConstants",
    "ConvexBestResponse",
    "ConvexSolverError",
    "CrowdReward",
    "CyberTransition",
    "Graphon",
    "GraphonGame",
    "HerdTransition",
    "InvestmentReward",
    "JumpReward",
    "MirrorStepCertificate",
    "MonotonicitySearch",
    "RootReward",
    "RotationReward",
    "SISTransition",
    "TrackingReward",
    "action_values",
    "aggregate",
    "aggregate_error",
    "aligned_pair",
    "beach_bar",
    "best_response",
    "certified_constants",
    "convex_best_response",
    "cyber",
    "discontinuous",
    "discontinuous_floor",
    "entropy",
    "erdos_renyi",
    "exploitability",
    "exploitability_as_divergence",
    "exploitability_profile",
    "exponential",
    "flow",
    "flow_distance",
    "frozen_flow",
    "grid",
    "integral",
    "investment",
    "is_positive_semidefinite",
    "kl_distance",
    "largest_degree",
    "linear_quadratic",
    "midpoint_bound",
    "mirror_descent_bound",
    "mirror_step",
    "mirror_step_certificate",
    "monotonicity_gap",
    "neighbourhood_variance",
    "observed_constants",
    "performance_difference",
    "policy_distance",
    "policy_value",
    "power_law",
    "ppo_average_bound",
    "ppo_recursion",
    "random_linear",
    "ranked_attachment",
    "reward_range",
    "right_grid",
    "rotation",
    "search_violation",
    "sis",
    "smallest_eigenvalue",
    "soft_maximum",
    "spread_bound",
    "step_graphon",
    "stochastic_block",
    "uniform_attachment",
    "worst_lipschitz_error",
    "worst_policy_distance",
]
