"""Choosing a speculative-decoding configuration online: environments, policies and stopping-time regret."""

from tightbound.simulators.bandits.environments import (
    Categorical,
    Drifting,
    SpeculationLengths,
    StationaryMeanMarkov,
    TruncatedGeometric,
)
from tightbound.simulators.bandits.oblivious import PositionTrace, Table, anti_ucb_table
from tightbound.simulators.bandits.policies.exp3_spec import EXP3Spec
from tightbound.simulators.bandits.policies.fixed_arm import FixedArm
from tightbound.simulators.bandits.policies.greedy import Greedy
from tightbound.simulators.bandits.policies.token_thompson import TokenThompson
from tightbound.simulators.bandits.policies.ucb_spec import UCBSpec
from tightbound.simulators.bandits.result import RegretResult
from tightbound.simulators.bandits.simulate import simulate

__all__ = [
    "Categorical",
    "Drifting",
    "EXP3Spec",
    "FixedArm",
    "Greedy",
    "PositionTrace",
    "RegretResult",
    "SpeculationLengths",
    "StationaryMeanMarkov",
    "Table",
    "TokenThompson",
    "TruncatedGeometric",
    "UCBSpec",
    "anti_ucb_table",
    "simulate",
]
