"""Integer codes that tell the compiled driver which environment and which policy to run."""

from __future__ import annotations

# environments
STOCHASTIC = 0
MARKOV = 1
DRIFTING = 2
TABLE = 3
POSITION = 4
CONFIDENT = 5

# deterministic indices
UCB_SPEC = 0
GREEDY = 1
RELEASED_UCB = 2
UCB1 = 3
UCB_TUNED = 4
UCB_V = 5
MOSS = 6
POOLED_UCB_SPEC = 7
COST_AWARE_UCB_SPEC = 8
THROUGHPUT_UCB = 9
SLIDING_WINDOW_UCB = 10
DISCOUNTED_UCB = 11
META_SD_UCB = 12

# exponential weights
EXP3_SPEC = 20
CONSTANT_RATE_EXP3 = 21
UNWEIGHTED_EXP3 = 22
EXP3_S = 23
HEDGE = 24
HEDGE_SPEC = 25

# token-level Bernoulli models
TOKEN_THOMPSON = 30
TOKEN_KL_UCB = 31

# schedules and rules of thumb
FIXED_ARM = 40
ROUND_ROBIN = 41
EPSILON_GREEDY = 42
HEURISTIC_SCHEDULE = 43
EMA_HYSTERESIS = 44
CONFIDENCE_THRESHOLD = 45
