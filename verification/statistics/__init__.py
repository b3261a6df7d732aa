"""Statistics: how measurements become a verdict, one per file.

``Equality``         value equals its reference
``BoundHolds``       value stays within its bound
``HighProbability``  a bad event is rarer than delta
``Slope``            growth exponent against a target
``ExponentialRate``  exponent of an error against a target
``Law``              a distribution is the stated one
``Order``            one quantity is larger than another

Each reads named arrays from the evidence of every cell (axis 0 runs over replications), and its false-alarm
rate and power are themselves tested.
"""

from tightbound.verification.statistics.base import CellEvidence, Judgement, JudgementStatus, Statistic
from tightbound.verification.statistics.bound_holds import BoundHolds
from tightbound.verification.statistics.equality import Equality
from tightbound.verification.statistics.exponential_rate import ExponentialRate
from tightbound.verification.statistics.high_probability import HighProbability
from tightbound.verification.statistics.law import Law
from tightbound.verification.statistics.order import Order
from tightbound.verification.statistics.slope import Slope

__all__ = [
    "BoundHolds",
    "CellEvidence",
    "Equality",
    "ExponentialRate",
    "HighProbability",
    "Judgement",
    "JudgementStatus",
    "Law",
    "Order",
    "Slope",
    "Statistic",
]
