"""What decoding returns: texts, a record of every round, totals and times."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from tightbound.simulators.speculative.text_drafter import Tokens
from tightbound.theory._validation import Array, Integers

Outcome = Literal["length", "eos", "stop"]


@dataclass(frozen=True, eq=False)
class RoundLog:
    """Rounds of one text, all arrays of shape (rounds,).

    Parameters
    ----------
    start : ndarray of int
        Output tokens before the round.
    arm : ndarray of int
        Number of the drafter that was used.
    drafted : ndarray of int
        Tokens on the longest path of the draft.
    nodes : ndarray of int
        Drafted nodes; for chains the same.
    accepted : ndarray of int
        Drafted tokens that verification accepted.
    kept : ndarray of int
        Tokens that the output got: accepted ones and the one after them, less what lies behind its end.
    draft_seconds, target_seconds : ndarray
        Wall-clock time of the drafter and of the target's pass with verification. A batch drafts and verifies
        together, and each of its texts is shown the time of all.
    """

    start: Integers
    arm: Integers
    drafted: Integers
    nodes: Integers
    accepted: Integers
    kept: Integers
    draft_seconds: Array
    target_seconds: Array

    @property
    def rounds(self) -> int:
        """Number of rounds: the stopping time."""
        return self.start.size

    @property
    def emitted(self) -> Integers:
        """Tokens that each round yields, y = accepted + 1, whether or not the output ends before."""
        return np.asarray(self.accepted + 1)


@dataclass(frozen=True, eq=False)
class Completion:
    """One text.

    Parameters
    ----------
    prompt, tokens : ndarray of int
        What was given and what was written; an end-of-text token or stop sequence is part of it.
    outcome : {"length", "eos", "stop"}
        Why it ends.
    log : RoundLog
        Its rounds.
    """

    prompt: Tokens
    tokens: Tokens
    outcome: Outcome
    log: RoundLog


@dataclass(frozen=True)
class Timings:
    """Wall-clock seconds of a batch.

    Parameters
    ----------
    prefill : float
        Passes over the prompts, of target and drafter.
    draft : float
        Drafting.
    target : float
        The target's passes over drafts.
    verify : float
        Laws, verification and bookkeeping of rounds.
    total : float
        All of it.
    """

    prefill: float
    draft: float
    target: float
    verify: float
    total: float


@dataclass(frozen=True, eq=False)
class Decoding:
    """Texts of a batch. Ratios are ratios of totals over all rounds, not means of ratios.

    Parameters
    ----------
    completions : tuple of Completion
        In the order of the prompts.
    arms : tuple of str
        Names of the drafters.
    timings : Timings
        Time of the batch.
    """

    completions: tuple[Completion, ...]
    arms: tuple[str, ...]
    timings: Timings

    @property
    def tokens(self) -> list[list[int]]:
        """Written tokens of each text."""
        return [one.tokens.tolist() for one in self.completions]

    @property
    def tokens_per_round(self) -> float:
        """Written tokens per round, the token after the accepted drafts included."""
        return _ratio(self._total("kept"), self._rounds)

    @property
    def accepted_per_round(self) -> float:
        """Accepted drafts per round, the token after them not included."""
        return _ratio(self._total("accepted"), self._rounds)

    @property
    def acceptance_rate(self) -> float:
        """Accepted drafts over drafted ones, of trees over the lengths of their longest paths."""
        return _ratio(self._total("accepted"), self._total("drafted"))

    @property
    def tokens_per_second(self) -> float:
        """Written tokens of the batch per second, the reading of the prompts not counted."""
        return _ratio(self._total("kept"), self.timings.total - self.timings.prefill)

    @property
    def _rounds(self) -> int:
        return sum(one.log.rounds for one in self.completions)

    def _total(self, name: str) -> int:
        return int(sum(getattr(one.log, name).sum() for one in self.completions))


def _ratio(part: float, whole: float) -> float:
    """Return a ratio of totals, 0 where nothing was counted."""
    return float(part / whole) if whole > 0 else 0.0
