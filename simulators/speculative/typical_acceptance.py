"""Typical acceptance: keep drafts that are likely enough. It is fast, and it changes the text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tightbound.simulators.speculative.draft import Draft
from tightbound.simulators.speculative.sampling import RoundCoins
from tightbound.simulators.speculative.verifiers import Verdict
from tightbound.theory._validation import Array, as_floats


@dataclass(frozen=True)
class TypicalAcceptance:
    r"""Accept drafts of a chain while :math:`p(x) \ge \min(\varepsilon, \delta e^{-H(p)})`.

    After them comes the likeliest token.

    Without drafts it writes the likeliest tokens. With drafts it keeps tokens that are not the likeliest, so
    the text depends on the drafter: a negative example.

    Parameters
    ----------
    epsilon, delta : float
        In (0, 1]. H is the entropy of the target's law, in nats.

    References
    ----------
    Cai et al., "Medusa", ICML 2024, Section 2.3.1.
    """

    epsilon: float = 0.09
    delta: float = 0.3

    def __post_init__(self) -> None:
        for name in ("epsilon", "delta"):
            number = as_floats(name, getattr(self, name))
            if number.ndim or not 0.0 < number <= 1.0:
                raise ValueError(f"{name} is {getattr(self, name)!r}: give one number in (0, 1]")

    def verify(
        self, drafts: Sequence[Draft], laws: Sequence[Array], coins: Sequence[RoundCoins], backend: str
    ) -> list[Verdict]:
        """Return a verdict for each draft; see :class:`Verifier`."""
        return [self._one(*given) for given in zip(drafts, laws, strict=True)]

    def _one(self, draft: Draft, target: Array) -> Verdict:
        if not draft.is_chain:
            raise ValueError("TypicalAcceptance was given a tree: draft chains")
        n = 0
        while n < draft.nodes - 1 and target[n, draft.tokens[n + 1]] >= self._least(target[n]):
            n += 1
        return Verdict(np.arange(1, n + 1), int(np.argmax(target[n])))

    def _least(self, law: Array) -> float:
        p = law[law > 0.0]
        return float(min(self.epsilon, self.delta * np.exp(np.sum(p * np.log(p)))))
