"""Learning the graphon of a game from its agents' states, actions and rewards."""

from tightbound.simulators.graphon_games.estimation.hidden_positions import (
    HiddenFit,
    search_positions,
    sort_positions,
)
from tightbound.simulators.graphon_games.estimation.kernel_embedding import (
    KernelEmbedding,
    prediction_risk,
)
from tightbound.simulators.graphon_games.estimation.parametric import (
    ExponentialFamily,
    ParametricFit,
    StochasticBlockFamily,
)
from tightbound.simulators.graphon_games.estimation.pipeline import GraphonEstimate, estimate_graphon
from tightbound.simulators.graphon_games.estimation.pressure import (
    InfectionChannel,
    InvestmentChannel,
    PressureData,
)

__all__ = [
    "ExponentialFamily",
    "GraphonEstimate",
    "HiddenFit",
    "InfectionChannel",
    "InvestmentChannel",
    "KernelEmbedding",
    "ParametricFit",
    "PressureData",
    "StochasticBlockFamily",
    "estimate_graphon",
    "prediction_risk",
    "search_positions",
    "sort_positions",
]
