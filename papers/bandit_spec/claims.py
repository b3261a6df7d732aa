"""Every claim of BanditSpec, in the order of its numbers; the claims themselves stand in ``checks``."""

from tightbound.papers.bandit_spec.checks.adversarial import TABLE_CLAIMS
from tightbound.papers.bandit_spec.checks.adversarial_exact import EXACT_CLAIMS
from tightbound.papers.bandit_spec.checks.assumption import ASSUMPTION
from tightbound.papers.bandit_spec.checks.costs import COSTS
from tightbound.papers.bandit_spec.checks.full_information import FULL_INFORMATION
from tightbound.papers.bandit_spec.checks.live import LIVE
from tightbound.papers.bandit_spec.checks.losslessness import LOSSLESSNESS
from tightbound.papers.bandit_spec.checks.lower_bound import LOWER_BOUND
from tightbound.papers.bandit_spec.checks.position import POSITION
from tightbound.papers.bandit_spec.checks.position_bounds import POSITION_BOUNDS
from tightbound.papers.bandit_spec.checks.practice import PRACTICE
from tightbound.papers.bandit_spec.checks.regret_identity import REGRET_IDENTITY
from tightbound.papers.bandit_spec.checks.replay import REPLAY
from tightbound.papers.bandit_spec.checks.serving import SERVING
from tightbound.papers.bandit_spec.checks.stopping_time import STOPPING_TIME
from tightbound.papers.bandit_spec.checks.table1 import TABLE1
from tightbound.papers.bandit_spec.checks.upper_bound import UPPER_BOUND

CLAIMS = (
    *LOSSLESSNESS,  # BS-1
    *STOPPING_TIME,  # BS-2
    *REGRET_IDENTITY,  # BS-3, BS-6
    *UPPER_BOUND,  # BS-4
    *LOWER_BOUND,  # BS-5, BS-7
    *TABLE_CLAIMS,  # BS-8
    *EXACT_CLAIMS,  # BS-8, BS-9
    *ASSUMPTION,  # BS-9
    *POSITION,  # BS-10
    *POSITION_BOUNDS,  # BS-10
    *COSTS,  # BS-11
    *SERVING,  # BS-12
    *TABLE1,  # BS-12
    *REPLAY,  # BS-13
    *PRACTICE,  # BS-14, BS-15
    *FULL_INFORMATION,  # BS-16
    *LIVE,  # BS-17
)
