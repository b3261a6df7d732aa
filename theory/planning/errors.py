"""What can go wrong in the domain, beyond wrong arguments."""

from __future__ import annotations

from collections.abc import Sequence


class NotDistinguishableError(ValueError):
    """Some environments produce the same law of episodes, so no number of episodes tells them apart.

    Parameters
    ----------
    pairs : sequence of (int, int)
        The indistinguishable pairs of environments.
    """

    def __init__(self, pairs: Sequence[tuple[int, int]]) -> None:
        self.pairs = tuple((int(a), int(b)) for a, b in pairs)
        shown = ", ".join(map(str, self.pairs[:5])) + (", ..." if len(self.pairs) > 5 else "")
        super().__init__(
            f"policy produces the same law of episodes in the environments {shown}: their squared Hellinger "
            "distance eta must be positive; give a policy that explores, or merge these environments"
        )

    def __reduce__(self) -> tuple[type[NotDistinguishableError], tuple[object]]:
        return type(self), (self.pairs,)


class ImpossibleObservationError(ValueError):
    """What was observed has probability zero in every environment of positive prior weight."""


class UnsupportedTruthWarning(UserWarning):
    """The environment that is simulated has prior weight zero, so no posterior can find it."""


class TreeTooLargeError(ValueError):
    """A history tree or a set of posteriors outgrows its limit.

    Parameters
    ----------
    what : str
        What was counted.
    size, limit : int
        The size found, which the finished object would at least have, and the one allowed.
    hint : str
        The remedy.
    """

    def __init__(self, what: str, size: int, limit: int, hint: str) -> None:
        self.what, self.size, self.limit, self.hint = what, int(size), int(limit), hint
        super().__init__(f"{what}: {self.size} or more, the limit is {self.limit}; {hint}")

    def __reduce__(self) -> tuple[type[TreeTooLargeError], tuple[object, ...]]:
        return type(self), (self.what, self.size, self.limit, self.hint)
