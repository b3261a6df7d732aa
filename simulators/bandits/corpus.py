"""Real text that every CPython carries, as prompts with known outputs: library source and help pages."""

from __future__ import annotations

import builtins
import hashlib
import importlib
import keyword
import re
import sysconfig
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from importlib.machinery import PathFinder
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tightbound.simulators.speculative.text_drafter import checked_count
from tightbound.simulators.speculative.tokenize import Vocabulary, split

CATEGORIES = ("completion", "editing", "prose")

# Single-file modules of CPython 3.11 and later; none of the second list is a variant of one of the first.
TRAIN_MODULES = (
    "argparse ast bdb calendar cmd codecs configparser contextlib copy csv difflib dis enum fractions ftplib "
    "functools gettext gzip hashlib heapq imaplib inspect locale mimetypes optparse os pickle pickletools "
    "platform plistlib posixpath pprint pydoc random selectors shutil smtplib socket subprocess tarfile "
    "threading tokenize"
).split()
TEST_MODULES = (
    "bisect cProfile code codeop doctest filecmp fileinput fnmatch getopt getpass glob graphlib ipaddress "
    "linecache mailbox modulefinder netrc pdb pkgutil poplib pstats pyclbr queue rlcompleter sched "
    "shelve shlex socketserver statistics symtable tempfile textwrap timeit trace traceback turtle typing "
    "uuid warnings wave weakref webbrowser zipapp"
).split()

_REMEDY = (
    "install the interpreter's library sources (a python.org, pyenv, conda or uv build has them; Debian: "
    "libpython3-stdlib) or record traces of a text of your own with record_trace"
)
_IDENTIFIER = re.compile(r"\b[A-Za-z_]{3,}\b")
_FIXED_NAMES = frozenset([*keyword.kwlist, *dir(builtins), "self", "cls"])


@dataclass(frozen=True, eq=False)
class Passage:
    """A prompt and what follows it.

    Parameters
    ----------
    category : str
        One of ``CATEGORIES``.
    source : str
        Module or help topic, and where in it.
    prompt, output : ndarray of int64
        Token ids.
    """

    category: str
    source: str
    prompt: NDArray[np.int64] = field(repr=False)
    output: NDArray[np.int64] = field(repr=False)

    @property
    def text(self) -> NDArray[np.int64]:
        """Prompt and output in one array."""
        return np.concatenate([self.prompt, self.output])


@dataclass(frozen=True, eq=False)
class Corpus:
    """Training tokens and held-out texts over one vocabulary.

    The text is that of the running interpreter: it differs between Python versions, and ``digest`` says which
    text it was. Numbers measured on it are comparable where the digests are equal.

    Parameters
    ----------
    vocabulary : Vocabulary
        Pieces of all texts, every word with and without a blank before it.
    train : ndarray of int64, shape (tokens,)
        The training split, code and then prose: for datastores and n-gram models.
    code, prose : mapping from name to str
        Held-out modules and help topics; none of them is part of ``train``.
    digest : str
        SHA-256 of all texts, hexadecimal.
    """

    vocabulary: Vocabulary = field(repr=False)
    train: NDArray[np.int64] = field(repr=False)
    code: Mapping[str, str] = field(repr=False)
    prose: Mapping[str, str] = field(repr=False)
    digest: str = ""

    def passages(
        self,
        category: str,
        count: int,
        *,
        prompt_tokens: int = 256,
        output_tokens: int = 512,
        rng: int | np.random.Generator | None = None,
    ) -> tuple[Passage, ...]:
        """Draw prompts with known outputs from the held-out texts.

        Parameters
        ----------
        category : {"completion", "editing", "prose"}
            ``completion``: a place in a module and what follows; ``prose``: the same in a help topic;
            ``editing``: the prompt holds a stretch of code, the output is an edited copy of it (one
            identifier renamed, a few lines deleted, a few lines inserted).
        count : int
            Number of passages.
        prompt_tokens : int
            Length of the prompt in tokens; in ``editing`` the prompt is the stretch of code, a little
            longer than the output.
        output_tokens : int
            Length of the output in tokens.
        rng : None, int or numpy.random.Generator
            Chooses places and edits.

        Returns
        -------
        tuple of Passage

        Raises
        ------
        ValueError
            For an unknown category, a count or length below 1, or lengths that no held-out text reaches.
        """
        if category not in CATEGORIES:
            raise ValueError(f"category is {category!r}: choose one of {', '.join(CATEGORIES)}")
        for name, value in (
            ("count", count),
            ("prompt_tokens", prompt_tokens),
            ("output_tokens", output_tokens),
        ):
            checked_count(name, value)
        generator = np.random.default_rng(rng)
        if category == "editing":
            places = self._long_enough(self.code, output_tokens + output_tokens // 2)
            return tuple(self._edit(places, output_tokens, generator) for _ in range(count))
        held_out = self.code if category == "completion" else self.prose
        texts = self._long_enough(held_out, prompt_tokens + output_tokens)
        return tuple(
            self._slice(category, texts, prompt_tokens, output_tokens, generator) for _ in range(count)
        )

    def _long_enough(self, texts: Mapping[str, str], tokens: int) -> dict[str, NDArray[np.int64]]:
        encoded = {name: _encoded(self, name, text) for name, text in texts.items()}
        kept = {name: ids for name, ids in encoded.items() if ids.size > tokens}
        if not kept:
            longest = max(ids.size for ids in encoded.values())
            raise ValueError(
                f"prompt and output need {tokens} tokens, but the longest held-out text has {longest}: "
                "lower prompt_tokens or output_tokens"
            )
        return kept

    def _slice(
        self,
        category: str,
        texts: Mapping[str, NDArray[np.int64]],
        prompt_tokens: int,
        output_tokens: int,
        rng: np.random.Generator,
    ) -> Passage:
        name = str(rng.choice(list(texts)))
        ids = texts[name]
        start = int(rng.integers(ids.size - prompt_tokens - output_tokens))
        middle = start + prompt_tokens
        return Passage(category, f"{name}:{start}", ids[start:middle], ids[middle : middle + output_tokens])

    def _edit(self, texts: Mapping[str, Any], output_tokens: int, rng: np.random.Generator) -> Passage:
        while True:
            name = str(rng.choice(list(texts)))
            lines = self.code[name].splitlines(keepends=True)
            starts = [i for i, line in enumerate(lines) if line.startswith(("def ", "class "))]
            if not starts:
                continue
            first = int(rng.choice(starts))
            original = _stretch(lines[first:], output_tokens + output_tokens // 4)
            edited = edit(original, lines, rng)
            output = self.vocabulary.encode("".join(edited))
            if output.size >= output_tokens:
                prompt = self.vocabulary.encode("".join(original))
                return Passage("editing", f"{name}:line {first + 1}", prompt, output[:output_tokens])


def edit(original: list[str], module: list[str], rng: np.random.Generator) -> list[str]:
    """Return an edited copy of some lines: one identifier renamed, three lines deleted, three inserted.

    Parameters
    ----------
    original : list of str
        Lines with their ends.
    module : list of str
        Lines from which the inserted ones and the new name are taken.
    rng : numpy.random.Generator
        Chooses the places and names.

    Returns
    -------
    list of str
    """
    text = "".join(original)
    names = [name for name in _IDENTIFIER.findall(text) if name not in _FIXED_NAMES]
    counts = {name: names.count(name) for name in dict.fromkeys(names)}
    often = [name for name, n in counts.items() if n >= 3]
    others = dict.fromkeys(_IDENTIFIER.findall("".join(module)))
    new_names = [name for name in others if name not in counts and name not in _FIXED_NAMES]
    if often and new_names:
        text = re.sub(rf"\b{rng.choice(often)}\b", str(rng.choice(new_names)), text)
    lines = text.splitlines(keepends=True)
    cut = int(rng.integers(1, max(2, len(lines) - 3)))
    del lines[cut : cut + 3]
    source = int(rng.integers(1, max(2, len(module) - 3)))
    place = int(rng.integers(1, max(2, len(lines))))
    lines[place:place] = module[source : source + 3]
    return lines


def _stretch(lines: list[str], tokens: int) -> list[str]:
    """Return the first lines that together have at least ``tokens`` tokens, or all."""
    total = 0
    for i, line in enumerate(lines):
        total += len(split(line))
        if total >= tokens:
            return lines[: i + 1]
    return lines


@lru_cache(maxsize=1)
def load_corpus() -> Corpus:
    """Read the running interpreter's library source and help topics, split into training and held-out texts.

    Held out are the modules named in ``TEST_MODULES`` and every third help topic in alphabetical order, with
    each of its paragraphs wherever it stands.

    Raises
    ------
    FileNotFoundError
        Where the interpreter comes without sources or help topics.

    Examples
    --------
    >>> corpus = load_corpus()
    >>> sorted(set(corpus.code) & set(TRAIN_MODULES))
    []
    """
    train = {name: _source(name) for name in TRAIN_MODULES}
    code = {name: _source(name) for name in TEST_MODULES}
    topics = _topics()
    prose = dict(list(topics.items())[::3])
    # help topics repeat each other's paragraphs: what is held out must not be learnt under another name
    seen = {paragraph.strip() for text in prose.values() for paragraph in text.split("\n\n")}
    for name, text in topics.items():
        kept = [paragraph for paragraph in text.split("\n\n") if paragraph.strip() not in seen]
        train[f"help {name}"] = "\n\n".join(kept)
    digest = hashlib.sha256()
    for name, text in [*train.items(), *code.items(), *prose.items()]:
        digest.update(f"{name}\0{text}\0".encode())
    pieces = Vocabulary.of([*train.values(), *code.values(), *prose.values()]).pieces
    words = [piece.removeprefix(" ") for piece in pieces if re.fullmatch(r" ?[^\W\d]+", piece)]
    both = [form for word in words for form in (word, f" {word}")]
    vocabulary = Vocabulary(tuple(dict.fromkeys([*pieces, *both])))
    return Corpus(
        vocabulary=vocabulary,
        train=np.concatenate([vocabulary.encode(text) for text in train.values()]),
        code=MappingProxyType(code),
        prose=MappingProxyType(prose),
        digest=digest.hexdigest(),
    )


@lru_cache(maxsize=256)
def _encoded(corpus: Corpus, name: str, text: str) -> NDArray[np.int64]:
    return corpus.vocabulary.encode(text)


def _source(name: str) -> str:
    """Return a module's source without importing it, and never that of a namesake elsewhere on the path."""
    spec = PathFinder.find_spec(name, [sysconfig.get_path("stdlib")])
    get_source: Callable[[str], str | None] | None = getattr(spec and spec.loader, "get_source", None)
    try:
        text = get_source(name) if get_source else None
    except OSError:
        text = None
    if not text:
        raise FileNotFoundError(f"this Python has no source of its module {name!r}: {_REMEDY}")
    return text


def _topics() -> dict[str, str]:
    """Return the help topics by name, in alphabetical order."""
    try:
        topics: dict[str, str] = importlib.import_module("pydoc_data.topics").topics
    except ImportError:
        raise FileNotFoundError(f"this Python has no help topics (pydoc_data.topics): {_REMEDY}") from None
    return {name: topics[name] for name in sorted(topics)}
