"""Speculative-decoding bandits: laws of accepted tokens, exact stopping times, bounds on regret.

A round of arm i yields Y tokens in 1, ..., L+1; decoding ends when B tokens exist. Laws are arrays over Y,
``acceptance`` is the probability p of accepting one drafted token, ``means`` are tokens per round,
``max_draft`` is L and ``tokens`` is B. Regret is counted in rounds: the expected stopping time of a policy
less that of the best fixed arm.
"""

from tightbound.theory.bandits.bounds import (
    corrected_lower_bound_constant,
    exp3spec_bound,
    exp3spec_bound_without_dominance,
    gaps,
    hardness,
    lower_bound_constant,
    stated_lower_bound_constant,
    trivial_regret,
    ucbspec_bound,
    ucbspec_pull_bound,
    ucbspec_radius,
)
from tightbound.theory.bandits.enumeration import (
    DivergenceDecomposition,
    Exp3Law,
    divergence_decomposition,
    exp3spec_law,
    expected_pulls_after,
)
from tightbound.theory.bandits.fluid import ucbspec_fluid_pulls, ucbspec_fluid_regret
from tightbound.theory.bandits.forward import AdaptiveLaw, adaptive_law
from tightbound.theory.bandits.laws import (
    bernoulli_kl,
    expected_trials,
    kl,
    law_mean,
    law_variance,
    mean_gap,
    mean_tokens,
    truncated_geometric,
    truncated_geometric_kl,
)
from tightbound.theory.bandits.lossless import (
    canonical_law,
    generated_law,
    generated_law_with_peeking,
    replace_from_target,
    residual,
)
from tightbound.theory.bandits.renewal import (
    RenewalLimits,
    expected_overshoot,
    expected_stopping_time,
    overshoot_curve,
    renewal_limits,
    stopping_time_curve,
    stopping_time_law,
    stopping_time_variance,
)

__all__ = [
    "AdaptiveLaw",
    "DivergenceDecomposition",
    "Exp3Law",
    "RenewalLimits",
    "adaptive_law",
    "bernoulli_kl",
    "canonical_law",
    "corrected_lower_bound_constant",
    "divergence_decomposition",
    "exp3spec_bound",
    "exp3spec_bound_without_dominance",
    "exp3spec_law",
    "expected_overshoot",
    "expected_pulls_after",
    "expected_stopping_time",
    "expected_trials",
    "gaps",
    "generated_law",
    "generated_law_with_peeking",
    "hardness",
    "kl",
    "law_mean",
    "law_variance",
    "lower_bound_constant",
    "mean_gap",
    "mean_tokens",
    "overshoot_curve",
    "renewal_limits",
    "replace_from_target",
    "residual",
    "stated_lower_bound_constant",
    "stopping_time_curve",
    "stopping_time_law",
    "stopping_time_variance",
    "trivial_regret",
    "truncated_geometric",
    "truncated_geometric_kl",
    "ucbspec_bound",
    "ucbspec_fluid_pulls",
    "ucbspec_fluid_regret",
    "ucbspec_pull_bound",
    "ucbspec_radius",
]
