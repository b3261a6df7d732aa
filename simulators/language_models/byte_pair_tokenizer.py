r"""Byte-level byte-pair encoding as GPT-2 introduced it, from the entries of a GGUF file.

A text is cut into control tokens (where asked for), digits, and pieces; each piece is written in bytes, and
neighbouring parts are joined in the order of a list of merges until none applies.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from tightbound.theory._validation import Integers, as_indices

_CONTROL = 3
_USER_DEFINED = 4
_SPACES = "\t\n\v\f\r \x85\xa0\u1680\u2028\u2029\u202f\u205f\u3000" + "".join(map(chr, range(0x2000, 0x200B)))
# Applied to a shadow of the text in which every other letter is "x", digit "0", space "\t" and sign "!".
_PIECE = re.compile(
    r"'(?:s|t|re|ve|m|ll|d)| ?[A-Za-z]+| ?[0-9]+| ?[^\t\n\v\f\r A-Za-z0-9]+"
    r"|[\t\n\v\f\r ]+(?![^\t\n\v\f\r ])|[\t\n\v\f\r ]+"
)
_DIGIT = re.compile(r"[0-9]|[^0-9]+")


class _Shadow(dict[int, int]):
    """Characters of ASCII that stand for others of the same kind."""

    def __missing__(self, code: int) -> int:
        character, category = chr(code), unicodedata.category(chr(code))
        if character in _SPACES:
            kind = "\t"
        elif code < 128:
            kind = character
        else:
            kind = {"L": "x", "N": "0"}.get(category[0], "!")
        self[code] = ord(kind)
        return self[code]


_SHADOW = _Shadow({ord(" "): ord(" "), ord("\n"): ord("\n")})


def split(text: str, *, single_digits: bool) -> list[str]:
    r"""Cut ``text`` into pieces whose concatenation is ``text``.

    Parameters
    ----------
    text : str
    single_digits : bool
        Whether every digit is a piece of its own, without the space before it.

    Examples
    --------
    >>> split("It's 42 €,\n\n  no?", single_digits=True)
    ['It', "'s", ' ', '4', '2', ' €,', '\n\n ', ' no', '?']
    >>> split("It's 42", single_digits=False)
    ['It', "'s", ' 42']
    """
    shadow = text.translate(_SHADOW)
    parts = [match.span() for match in _DIGIT.finditer(shadow)] if single_digits else [(0, len(text))]
    return [
        text[start + match.start() : start + match.end()]
        for start, end in parts
        for match in _PIECE.finditer(shadow[start:end])
    ]


def _byte_names() -> dict[int, str]:
    """How vocabularies spell bytes: printable ones of Latin-1 as they are, others from code 256 on."""
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [byte for byte in range(256) if byte not in set(printable)]
    return {byte: chr(byte) for byte in printable} | {byte: chr(256 + i) for i, byte in enumerate(others)}


_NAMES = _byte_names()
_BYTES = {name: byte for byte, name in _NAMES.items()}


@dataclass(frozen=True)
class BytePairTokenizer:
    """Texts to token ids and back; ``decode(encode(text)) == text``.

    Parameters
    ----------
    tokens : tuple of str
        Spelling of each token id, bytes as GPT-2 spells them.
    merges : tuple of (str, str)
        Pairs to join, the first ones first.
    control : tuple of int
        Ids of control tokens, which are spelt as they are.
    begin, end : int or None
        Ids of the tokens that begin a text and end one.
    single_digits : bool
        Whether every digit is a piece of its own.

    References
    ----------
    Sennrich, Haddow and Birch, "Neural machine translation of rare words with subword units", ACL 2016.
    Radford et al., "Language models are unsupervised multitask learners", 2019.

    Examples
    --------
    >>> letters = tuple(_NAMES.values())
    >>> merges = (("h", "e"), ("he", "l"))
    >>> words = BytePairTokenizer((*letters, "he", "hel", "<end>"), merges, (258,), end=258)
    >>> ids = words.encode("hello")
    >>> [words.tokens[i] for i in ids], words.decode(ids)
    (['hel', 'l', 'o'], 'hello')
    >>> words.encode("he<end>", special=True)
    array([256, 258])
    """

    tokens: tuple[str, ...]
    merges: tuple[tuple[str, str], ...]
    control: tuple[int, ...] = ()
    begin: int | None = None
    end: int | None = None
    single_digits: bool = True
    _known: dict[str, list[int]] = field(default_factory=dict, repr=False, compare=False)

    @classmethod
    def from_gguf(cls, fields: Mapping[str, Any]) -> BytePairTokenizer:
        """Return the tokeniser that a GGUF file describes.

        Parameters
        ----------
        fields : mapping from str
            ``tokenizer`` of a `tightbound.simulators.language_models.gguf_checkpoint.GGUFCheckpoint`.

        Raises
        ------
        ValueError
            For a kind of tokeniser that is not byte-level byte-pair encoding, or one that cuts texts in a
            way that is not known here.
        """
        kind, cut = fields.get("ggml.model"), fields.get("ggml.pre", "gpt-2")
        if kind != "gpt2" or cut not in _CUTS:
            raise ValueError(
                f"the file has a tokeniser of kind {kind!r} that cuts texts like {cut!r}: known is 'gpt2' "
                f"with {sorted(_CUTS)}"
            )
        special = (_CONTROL, _USER_DEFINED)
        return cls(
            tuple(fields["ggml.tokens"]),
            tuple((left, right) for left, right in (pair.split(" ") for pair in fields["ggml.merges"])),
            tuple(i for i, mark in enumerate(fields.get("ggml.token_type", ())) if mark in special),
            fields.get("ggml.bos_token_id"),
            fields.get("ggml.eos_token_id"),
            _CUTS[cut],
        )

    @property
    def vocabulary(self) -> int:
        """Number of different tokens."""
        return len(self.tokens)

    @cached_property
    def _ids(self) -> dict[str, int]:
        return {token: i for i, token in enumerate(self.tokens)}

    @cached_property
    def _ranks(self) -> dict[tuple[str, str], int]:
        return {pair: rank for rank, pair in enumerate(self.merges)}

    @cached_property
    def _marks(self) -> re.Pattern[str] | None:
        spelt = sorted((self.tokens[i] for i in self.control), key=len, reverse=True)
        return re.compile("(" + "|".join(map(re.escape, spelt)) + ")") if spelt else None

    def encode(self, text: str, *, special: bool = False) -> Integers:
        """Return the token ids of ``text``, shape (T,).

        Parameters
        ----------
        text : str
        special : bool, default False
            Whether spellings of control tokens stand for them. Otherwise they are text like any other, so
            that what a user writes cannot end a turn.

        Raises
        ------
        TypeError
            For anything that is no str.
        ValueError
            For a character whose bytes have no token, or half a surrogate pair, which has no bytes.
        """
        if not isinstance(text, str):
            raise TypeError(f"text is {text!r}: give a str")
        parts = self._marks.split(text) if special and self._marks else [text]
        found: list[int] = []
        for i, part in enumerate(parts):
            if i % 2:
                found.append(self._ids[part])
                continue
            for piece in split(part, single_digits=self.single_digits):
                ids = self._known.get(piece)
                if ids is None:
                    ids = self._known[piece] = self._join(piece)
                found += ids
        return np.array(found, dtype=np.int64)

    def _join(self, piece: str) -> list[int]:
        """Merge the bytes of one piece."""
        parts = [_NAMES[byte] for byte in piece.encode()]
        ranks = self._ranks
        while len(parts) > 1:
            pairs = list(pairwise(parts))
            best = min(pairs, key=lambda pair: ranks.get(pair, len(ranks)))
            if best not in ranks:
                break
            joined, i = [], 0
            while i < len(parts):
                if i < len(pairs) and pairs[i] == best:
                    joined.append(parts[i] + parts[i + 1])
                    i += 2
                else:
                    joined.append(parts[i])
                    i += 1
            parts = joined
        lacking = [part for part in parts if part not in self._ids]
        if lacking:
            raise ValueError(
                f"text contains {piece!r} and the vocabulary has no token for {lacking[0]!r} (a byte as "
                "it spells them): remove or replace the character"
            )
        return [self._ids[part] for part in parts]

    def decode_bytes(self, tokens: ArrayLike) -> bytes:
        """Return the bytes of ``tokens``, control tokens as they are spelt; a character may be cut.

        Raises
        ------
        IndexError
            For an id that is not in the vocabulary.
        """
        ids = as_indices("tokens", np.ravel(tokens), self.vocabulary)
        control = set(self.control)
        return b"".join(
            self.tokens[i].encode() if i in control else bytes(map(_BYTES.__getitem__, self.tokens[i]))
            for i in ids.tolist()
        )

    def decode(self, tokens: ArrayLike) -> str:
        """Return the text of ``tokens``; bytes that are no whole character become U+FFFD."""
        return self.decode_bytes(tokens).decode(errors="replace")


_CUTS: dict[str, bool] = {"gpt-2": False, "smollm": True}
"""Whether each digit is a piece, by the name that files give to the way of cutting."""


def chat(messages: Sequence[tuple[str, str]], *, reply: bool = True) -> str:
    r"""Return a conversation in ChatML, to be encoded with ``special=True``.

    Parameters
    ----------
    messages : sequence of (role, text)
        Roles are "system", "user" and "assistant".
    reply : bool
        Whether a reply of the assistant is to follow.

    Raises
    ------
    ValueError
        If there is no message or a text contains one of ChatML's two marks, which would forge a turn.

    Examples
    --------
    >>> chat([("user", "Hello")])
    '<|im_start|>user\nHello<|im_end|>\n<|im_start|>assistant\n'
    """
    if not messages:
        raise ValueError("messages is empty: give at least one (role, text)")
    for role, text in messages:
        if any(mark in part for mark in ("<|im_start|>", "<|im_end|>") for part in (role, text)):
            raise ValueError(f"the message of {role!r} contains a mark of ChatML: remove it from the text")
    turns = "".join(f"<|im_start|>{role}\n{text}<|im_end|>\n" for role, text in messages)
    return turns + ("<|im_start|>assistant\n" if reply else "")
