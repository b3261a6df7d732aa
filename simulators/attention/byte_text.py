"""Real text, byte by byte: Python's own help topics, which every installation has, or any other."""

from __future__ import annotations

import zlib
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from tightbound.theory._validation import as_integer

HELD_OUT = 8
"""One topic in so many is kept from training; those of this rest are long ones, a third of the text."""


@dataclass(frozen=True)
class ByteText:
    """Draws pieces of a text that start anywhere: ``text(rng, count)`` has shape (count, T).

    Parameters
    ----------
    text : str
        At least T bytes of UTF-8.
    length : int
        Bytes of a piece T, at least 1.

    Raises
    ------
    TypeError, ValueError
        For a text that is none or too short.

    Examples
    --------
    >>> ByteText("abc", 2)(np.random.default_rng(0), 2).tolist()
    [[98, 99], [98, 99]]
    """

    text: str = field(repr=False)
    length: int

    def __post_init__(self) -> None:
        object.__setattr__(self, "length", as_integer("length", self.length, least=1))
        if not isinstance(self.text, str):
            raise TypeError(f"text is {type(self.text).__name__}: give a str")
        if len(self.text.encode()) < self.length:
            raise ValueError(
                f"text has {len(self.text.encode())} bytes: a piece has {self.length}; join more"
            )

    @property
    def tokens(self) -> int:
        """Number of different tokens, 256."""
        return 256

    def __call__(self, rng: np.random.Generator, count: int) -> NDArray[np.int32]:
        """Return ``count`` pieces."""
        letters = np.frombuffer(self.text.encode(), np.uint8)
        first = rng.integers(letters.size - self.length + 1, size=count)
        return np.asarray(letters[first[:, None] + np.arange(self.length)], np.int32)


def help_topics() -> tuple[str, str]:
    """Return Python's help topics, those for training and those held out; their names decide.

    Returns
    -------
    training, held_out : str
        About 300 and 160 thousand characters of technical English.
    """
    from pydoc_data.topics import topics

    parts: tuple[list[str], list[str]] = ([], [])
    for name in sorted(topics):
        parts[zlib.crc32(name.encode()) % HELD_OUT == 0].append(topics[name])
    return "\n\n".join(parts[0]), "\n\n".join(parts[1])
