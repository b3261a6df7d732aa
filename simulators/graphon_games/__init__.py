"""Solvers for graphon mean-field games, games of finitely many agents, and estimation from their samples."""

from tightbound.simulators.graphon_games.agents import (
    Trajectories,
    agent_laws,
    felt_by,
    sample_graph,
    simulate_agents,
    simulate_representatives,
)
from tightbound.simulators.graphon_games.algorithms import (
    GMFGPPO,
    BoltzmannFixedPoint,
    FictitiousPlay,
    FixedPoint,
    MaxBackupMirrorDescent,
    MonoMD,
    OnlineMirrorDescent,
    SampledMonoMD,
    proximal_rate,
)
from tightbound.simulators.graphon_games.algorithms.base import Algorithm, Iteration, PolicyIteration
from tightbound.simulators.graphon_games.crowd_counts import CrowdCounts, simulate_counts, tally
from tightbound.simulators.graphon_games.estimation import (
    ExponentialFamily,
    GraphonEstimate,
    InfectionChannel,
    InvestmentChannel,
    KernelEmbedding,
    PressureData,
    StochasticBlockFamily,
    estimate_graphon,
    prediction_risk,
    search_positions,
    sort_positions,
)
from tightbound.simulators.graphon_games.finite_game import best_deviation, best_deviation_exchangeable
from tightbound.simulators.graphon_games.q_estimation import QEstimate, estimate_action_values
from tightbound.simulators.graphon_games.solution import ConvergenceError, Solution
from tightbound.simulators.graphon_games.solve import solve, solve_batch

__all__ = [
    "GMFGPPO",
    "Algorithm",
    "BoltzmannFixedPoint",
    "ConvergenceError",
    "CrowdCounts",
    "ExponentialFamily",
    "FictitiousPlay",
    "FixedPoint",
    "GraphonEstimate",
    "InfectionChannel",
    "InvestmentChannel",
    "Iteration",
    "KernelEmbedding",
    "MaxBackupMirrorDescent",
    "MonoMD",
    "OnlineMirrorDescent",
    "PolicyIteration",
    "PressureData",
    "QEstimate",
    "SampledMonoMD",
    "Solution",
    "StochasticBlockFamily",
    "Trajectories",
    "agent_laws",
    "best_deviation",
    "best_deviation_exchangeable",
    "estimate_action_values",
    "estimate_graphon",
    "felt_by",
    "prediction_risk",
    "proximal_rate",
    "sample_graph",
    "search_positions",
    "simulate_agents",
    "simulate_counts",
    "simulate_representatives",
    "solve",
    "solve_batch",
    "sort_positions",
    "tally",
]
