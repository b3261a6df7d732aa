"""A serving simulator: traffic, continuous batching, and rules that choose speculation lengths."""

from __future__ import annotations

from tightbound.simulators.bandits.serving.engine import LengthPolicy, RoundView, ServingTrace, serve
from tightbound.simulators.bandits.serving.lengths import EmpiricalLength, GeometricLength, LogNormalLength
from tightbound.simulators.bandits.serving.metrics import METRICS, ServiceObjective, summarise
from tightbound.simulators.bandits.serving.policies import (
    AcceptanceEMA,
    Clairvoyant,
    FixedLength,
    LengthBandit,
    LengthTable,
    RequestThompson,
    reward_ranges,
)
from tightbound.simulators.bandits.serving.server import Server, best_length_table, capacity, mixed_throughput
from tightbound.simulators.bandits.serving.simulate import ServingResult, simulate_serving
from tightbound.simulators.bandits.serving.static_batch import StaticBatch, decode_throughput
from tightbound.simulators.bandits.serving.workload import PoissonTraffic, Workload, workload_from_acceptance

__all__ = [
    "METRICS",
    "AcceptanceEMA",
    "Clairvoyant",
    "EmpiricalLength",
    "FixedLength",
    "GeometricLength",
    "LengthBandit",
    "LengthPolicy",
    "LengthTable",
    "LogNormalLength",
    "PoissonTraffic",
    "RequestThompson",
    "RoundView",
    "Server",
    "ServiceObjective",
    "ServingResult",
    "ServingTrace",
    "StaticBatch",
    "Workload",
    "best_length_table",
    "capacity",
    "decode_throughput",
    "mixed_throughput",
    "reward_ranges",
    "serve",
    "simulate_serving",
    "summarise",
    "workload_from_acceptance",
]
