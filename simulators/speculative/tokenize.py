"""A small deterministic tokeniser: words, numbers, punctuation, white space; ids by first appearance."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

# A blank belongs to the word after it, a line break to the indentation after it, and numbers are cut into
# groups of three, as in the byte-pair vocabularies of language models.
_PIECE = re.compile(r" ?[^\W\d_]+| ?\d{1,3}| ?_+| ?[^\w\s]|\n[ \t]*|[^\S\n]+")


@dataclass(frozen=True)
class Vocabulary:
    """The pieces a text is cut into; a piece's id is its place in ``pieces``.

    ``decode(encode(text)) == text`` for every text whose pieces are known.

    Parameters
    ----------
    pieces : tuple of str
        Distinct pieces, in the order of their ids.

    Examples
    --------
    >>> words = Vocabulary.of(["to be or not to be"])
    >>> words.encode(" not to be")
    array([3, 4, 1])
    >>> words.decode([3, 4, 1])
    ' not to be'
    """

    pieces: tuple[str, ...]

    def __post_init__(self) -> None:
        if len(set(self.pieces)) != len(self.pieces):
            raise ValueError("pieces holds a piece twice: ids must be unique; build it with Vocabulary.of")

    @classmethod
    def of(cls, texts: Iterable[str]) -> Vocabulary:
        """Return the vocabulary of ``texts``, in order of first appearance."""
        return cls(tuple(dict.fromkeys(piece for text in texts for piece in split(text))))

    @cached_property
    def _ids(self) -> dict[str, int]:
        return {piece: i for i, piece in enumerate(self.pieces)}

    def __len__(self) -> int:
        return len(self.pieces)

    def encode(self, text: str) -> NDArray[np.int64]:
        """Return the ids of ``text``; a piece outside the vocabulary raises ValueError."""
        try:
            return np.array([self._ids[piece] for piece in split(text)], dtype=np.int64)
        except KeyError as missing:
            raise ValueError(
                f"text holds the piece {missing.args[0]!r}, which is not among the {len(self)} known ones: "
                "build the vocabulary with Vocabulary.of over every text that is to be encoded"
            ) from None

    def decode(self, tokens: ArrayLike) -> str:
        """Return the text of ``tokens``; an id outside 0..len - 1 raises IndexError."""
        ids = np.asarray(tokens, dtype=np.int64)
        if ids.size and not (0 <= ids.min() and ids.max() < len(self)):
            raise IndexError(f"tokens reach from {ids.min()} to {ids.max()}: allowed are 0..{len(self) - 1}")
        return "".join(self.pieces[i] for i in ids)


def split(text: str) -> list[str]:
    r"""Cut ``text`` into pieces whose concatenation is ``text``.

    Examples
    --------
    >>> split("x_1 = f(12345)\n    return")
    ['x', '_', '1', ' =', ' f', '(', '123', '45', ')', '\n    ', 'return']
    """
    return _PIECE.findall(text)
