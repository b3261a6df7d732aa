r"""EXP3Spec on two-arm tables made of long constant phases, at a cost that does not grow with their length.

In a phase one arm accepts the whole draft (loss 0) and the other yields y tokens (loss
:math:`(L + 1 - y)/L`); after the last phase every round yields one token. Only draws of the poor arm change
the estimates, so with :math:`w = \eta_t (\hat Z_{poor} - \hat Z_{other})` three exact shortcuts hold: where
:math:`w > 4` the next draw of the poor arm is found by thinning a geometric waiting time; where
:math:`w < -37` float64 gives it probability one; after the last phase a missing token costs one round.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tightbound.simulators.bandits.streams import seed_of
from tightbound.theory._validation import as_integer

Phase = tuple[int, int, int]


@dataclass(frozen=True)
class TwoArmPhases:
    """A table of two arms given by its constant phases; after them both arms yield one token per round.

    Parameters
    ----------
    phases : tuple of (rounds, tokens of arm 0, tokens of arm 1)
        Each phase lasts at least one round, and in each at least one arm yields ``max_draft + 1``.
    max_draft : int
        Draft length L, in tokens.

    Raises
    ------
    ValueError
        For no phases, a phase without rounds, tokens outside 1..L+1, or a phase without a fully accepted arm.

    Examples
    --------
    >>> table = TwoArmPhases(((4, 3, 2), (4, 1, 3)), 2)
    >>> table.rounds, table.tokens(0), table.tokens(1)
    (8, 16, 20)
    """

    phases: tuple[Phase, ...]
    max_draft: int

    def __post_init__(self) -> None:
        length = as_integer("max_draft", self.max_draft, least=1)
        if not self.phases:
            raise ValueError("phases is empty: give at least one (rounds, tokens of arm 0, tokens of arm 1)")
        fixed = []
        for phase in self.phases:
            if len(phase) != 3:
                raise ValueError(
                    f"phases contains {phase!r}: give (rounds, tokens of arm 0, tokens of arm 1)"
                )
            rounds, *tokens = (as_integer("phases", value, least=1) for value in phase)
            if max(tokens) != length + 1:
                raise ValueError(
                    f"phases contains {phase!r}: in each phase the larger yield must be "
                    f"max_draft + 1 = {length + 1}; for other tables use simulate"
                )
            fixed.append((rounds, tokens[0], tokens[1]))
        object.__setattr__(self, "phases", tuple(fixed))
        object.__setattr__(self, "max_draft", length)

    @property
    def rounds(self) -> int:
        """Rounds in all phases, T."""
        return sum(rounds for rounds, _, _ in self.phases)

    def tokens(self, arm: int) -> int:
        """Return the tokens that always playing ``arm`` yields in all phases."""
        if arm not in (0, 1):
            raise ValueError(f"arm is {arm!r}: there are two arms, 0 and 1")
        return sum(phase[0] * phase[1 + arm] for phase in self.phases)

    def table(self, rounds: int | None = None) -> NDArray[np.int64]:
        """Return y as an array (rounds, 2); rounds after the phases yield 1. Default: the phases alone."""
        wanted = self.rounds if rounds is None else as_integer("rounds", rounds, least=1)
        y = np.repeat([phase[1:] for phase in self.phases], [phase[0] for phase in self.phases], axis=0)[
            :wanted
        ]
        return np.vstack((y, np.ones((wanted - y.shape[0], 2), dtype=y.dtype)))

    def best_stopping_time(self, tokens: int) -> int:
        r"""Return the rounds of the better fixed arm, :math:`\min_i ST_i`."""
        budget = as_integer("tokens", tokens, least=1)
        return min(self._fixed(arm, budget) for arm in (0, 1))

    def _fixed(self, arm: int, budget: int) -> int:
        played = 0
        for phase in self.phases:
            rounds, y = phase[0], phase[1 + arm]
            if rounds * y >= budget:
                return played + -(-budget // y)
            played, budget = played + rounds, budget - rounds * y
        return played + budget


def high_variance_phases(rounds: int, max_draft: int, shortfall: int) -> TwoArmPhases:
    r"""Two halves on which the regret of EXP3 is negative most of the time and of order T otherwise.

    Half one: arm 0 yields L+1, arm 1 yields L+1-s, a loss of :math:`\alpha = s/L`. Half two: arm 0 yields 1,
    arm 1 yields L+1. Arm 1 is the better one. Its estimated loss after half one has mean
    :math:`\alpha T/2` but comes in rare jumps: without one EXP3 leads by about :math:`\alpha T L/2` tokens;
    after one it plays arm 0 to the end and is :math:`(1 - \alpha) T L/2` tokens short.

    Parameters
    ----------
    rounds : int
        Rounds T in both halves, even.
    max_draft : int
        Draft length L.
    shortfall : int
        Tokens s by which arm 1 falls short in half one, in 1..L-1.

    Returns
    -------
    TwoArmPhases
        The table; with budget ``tokens(1)`` arm 1 finishes in exactly T rounds.

    References
    ----------
    After the two-phase construction for the variance of EXP3 in Lattimore and Szepesvari, *Bandit
    Algorithms*, 2020, chapter 11.

    Examples
    --------
    >>> table = high_variance_phases(100, 8, 1)
    >>> table.tokens(1), table.best_stopping_time(table.tokens(1))
    (850, 100)
    """
    total, length = as_integer("rounds", rounds, least=2), as_integer("max_draft", max_draft, least=2)
    short = as_integer("shortfall", shortfall, least=1)
    if total % 2:
        raise ValueError(f"rounds is {total}: the halves must be equal; give an even number")
    if short >= length:
        raise ValueError(f"shortfall is {short}: arm 1 must stay the better one; give 1..{length - 1}")
    half = total // 2
    return TwoArmPhases(((half, length + 1, length + 1 - short), (half, 1, length + 1)), length)


def exp3_on_phases(
    table: TwoArmPhases, tokens: int, *, replications: int, rng: int | np.random.Generator | None = None
) -> NDArray[np.int64]:
    """Draw stopping times of EXP3Spec on a table of two arms with constant phases.

    The law is that of ``simulate`` on the same table; the random numbers are not. A phase of n rounds takes
    of the order of sqrt(n) steps.

    Parameters
    ----------
    table : TwoArmPhases
        The phases.
    tokens : int
        Budget B.
    replications : int
        Independent runs R.
    rng : None, int or Generator
        Source of randomness.

    Returns
    -------
    ndarray of int64, shape (R,)
        Rounds until the budget is reached.

    References
    ----------
    Hou et al., "BanditSpec", ICML 2025, Algorithm 9; Lewis and Shedler, Naval Research Logistics 26, 1979,
    for thinning.

    Examples
    --------
    >>> table = high_variance_phases(1000, 8, 1)
    >>> exp3_on_phases(table, table.tokens(1), replications=3, rng=0).shape
    (3,)
    """
    budget = as_integer("tokens", tokens, least=1)
    count = as_integer("replications", replications, least=1)
    if not isinstance(table, TwoArmPhases):
        raise TypeError(
            f"table is {type(table).__name__}: give a TwoArmPhases; for other tables use simulate"
        )
    from tightbound.simulators.bandits._kernel_phases import run

    lengths, *yields = np.array(table.phases, dtype=np.int64).T
    poor = np.where(yields[1] < yields[0], 1, 0)
    losses = table.max_draft + 1 - np.minimum(yields[0], yields[1])
    seed = np.uint64(seed_of(rng))
    found: NDArray[np.int64] = run(lengths, poor, losses, table.max_draft, budget, seed, count)
    return found
