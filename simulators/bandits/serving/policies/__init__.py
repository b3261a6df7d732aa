"""Rules that choose speculation lengths while serving."""

from __future__ import annotations

from tightbound.simulators.bandits.serving.policies.acceptance_ema import AcceptanceEMA
from tightbound.simulators.bandits.serving.policies.clairvoyant import Clairvoyant
from tightbound.simulators.bandits.serving.policies.fixed import FixedLength
from tightbound.simulators.bandits.serving.policies.length_bandit import LengthBandit, reward_ranges
from tightbound.simulators.bandits.serving.policies.request_thompson import RequestThompson
from tightbound.simulators.bandits.serving.policies.table import LengthTable

__all__ = [
    "AcceptanceEMA",
    "Clairvoyant",
    "FixedLength",
    "LengthBandit",
    "LengthTable",
    "RequestThompson",
    "reward_ranges",
]
