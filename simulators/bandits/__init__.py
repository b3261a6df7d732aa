"""Choosing a speculative-decoding configuration online: environments, policies and stopping-time regret."""

from tightbound.simulators.bandits.dependent import Drifting, StationaryMeanMarkov
from tightbound.simulators.bandits.environments import (
    Categorical,
    ConfidentSpeculation,
    Environment,
    SpeculationLengths,
    TruncatedGeometric,
)
from tightbound.simulators.bandits.exact import exact_regret
from tightbound.simulators.bandits.oblivious import PositionTrace, Table, anti_ucb_table
from tightbound.simulators.bandits.policies.base import Policy, State
from tightbound.simulators.bandits.policies.batch_size_table import BatchSizeTable
from tightbound.simulators.bandits.policies.confidence_threshold import ConfidenceThreshold
from tightbound.simulators.bandits.policies.constant_rate_exp3 import ConstantRateEXP3
from tightbound.simulators.bandits.policies.cost_aware_ucb_spec import CostAwareUCBSpec
from tightbound.simulators.bandits.policies.discounted_ucb import DiscountedUCB
from tightbound.simulators.bandits.policies.ema_hysteresis import EMAHysteresis
from tightbound.simulators.bandits.policies.epsilon_greedy import EpsilonGreedy
from tightbound.simulators.bandits.policies.exp3_s import EXP3S
from tightbound.simulators.bandits.policies.exp3_spec import EXP3Spec
from tightbound.simulators.bandits.policies.fixed_arm import FixedArm
from tightbound.simulators.bandits.policies.greedy import Greedy
from tightbound.simulators.bandits.policies.hedge import Hedge
from tightbound.simulators.bandits.policies.hedge_spec import HedgeSpec, one_step_estimate
from tightbound.simulators.bandits.policies.heuristic_schedule import HeuristicSchedule
from tightbound.simulators.bandits.policies.meta_sd_ucb import MetaSDUCB
from tightbound.simulators.bandits.policies.moss import MOSS
from tightbound.simulators.bandits.policies.pooled_ucb_spec import PooledUCBSpec
from tightbound.simulators.bandits.policies.released_ucb import ReleasedUCB
from tightbound.simulators.bandits.policies.round_robin import RoundRobin
from tightbound.simulators.bandits.policies.sliding_window_ucb import SlidingWindowUCB
from tightbound.simulators.bandits.policies.throughput_ucb import ThroughputUCB
from tightbound.simulators.bandits.policies.token_kl_ucb import TokenKLUCB
from tightbound.simulators.bandits.policies.token_thompson import TokenThompson
from tightbound.simulators.bandits.policies.ucb1 import UCB1
from tightbound.simulators.bandits.policies.ucb_spec import UCBSpec
from tightbound.simulators.bandits.policies.ucb_tuned import UCBTuned
from tightbound.simulators.bandits.policies.ucb_v import UCBV
from tightbound.simulators.bandits.policies.unweighted_exp3 import UnweightedEXP3
from tightbound.simulators.bandits.result import RegretResult
from tightbound.simulators.bandits.simulate import simulate

__all__ = [
    "EXP3S",
    "MOSS",
    "UCB1",
    "UCBV",
    "BatchSizeTable",
    "Categorical",
    "ConfidenceThreshold",
    "ConfidentSpeculation",
    "ConstantRateEXP3",
    "CostAwareUCBSpec",
    "DiscountedUCB",
    "Drifting",
    "EMAHysteresis",
    "EXP3Spec",
    "Environment",
    "EpsilonGreedy",
    "FixedArm",
    "Greedy",
    "Hedge",
    "HedgeSpec",
    "HeuristicSchedule",
    "MetaSDUCB",
    "Policy",
    "PooledUCBSpec",
    "PositionTrace",
    "RegretResult",
    "ReleasedUCB",
    "RoundRobin",
    "SlidingWindowUCB",
    "SpeculationLengths",
    "State",
    "StationaryMeanMarkov",
    "Table",
    "ThroughputUCB",
    "TokenKLUCB",
    "TokenThompson",
    "TruncatedGeometric",
    "UCBSpec",
    "UCBTuned",
    "UnweightedEXP3",
    "anti_ucb_table",
    "exact_regret",
    "one_step_estimate",
    "simulate",
]
