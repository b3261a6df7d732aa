"""Read the text format of finite partially observable problems that Cassandra's solvers introduced."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from os import PathLike
from pathlib import Path

import numpy as np

from tightbound.simulators.planning.pomdp import POMDP
from tightbound.theory.planning._validation import Array, Integers

SECTIONS = ("discount", "values", "states", "actions", "observations", "start", "T", "O", "R")
ROW_TOLERANCE = 1e-5

_RESERVED = {*SECTIONS, "uniform", "identity", "reset", "reward", "cost", "include", "exclude", "*"}
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_.\-]*")
_LARGEST = 2**26


class PomdpFormatError(ValueError):
    """A text is not a valid ``.POMDP`` file; the message starts with the number of the line."""

    def __init__(self, line: int, problem: str) -> None:
        self.line, self.problem = line, problem
        super().__init__(f"line {line}: {problem}")

    def __reduce__(self) -> tuple[type[PomdpFormatError], tuple[int, str]]:
        return type(self), (self.line, self.problem)


def load_pomdp(path: str | PathLike[str]) -> POMDP:
    """Read a ``.POMDP`` file; see `parse_pomdp`.

    Parameters
    ----------
    path : path
        A text file in UTF-8.

    Returns
    -------
    POMDP
        Its tables.

    Raises
    ------
    PomdpFormatError
        For a text that breaks the format, with the number of the line.
    OSError
        For a file that cannot be read.
    """
    return parse_pomdp(Path(path).read_text(encoding="utf-8"))


def parse_pomdp(text: str) -> POMDP:
    """Read the text of a ``.POMDP`` file.

    The preamble gives ``discount``, ``values`` (reward or cost), ``states``, ``actions`` and ``observations``
    (each by number or by names), then ``start`` (a law, ``uniform``, one state, or ``include`` or ``exclude``
    with a list of states; uniform where left out). ``T``, ``O`` and ``R`` follow as single entries, rows or
    matrices, with ``*`` for all, ``uniform``, ``identity`` and, for rows of T, ``reset``. Later entries
    overwrite earlier ones, ``#`` starts a comment. Rows may miss 1 by 1e-5, as files hold few digits; they
    are divided by their sum.

    Parameters
    ----------
    text : str
        The file.

    Returns
    -------
    POMDP
        Its tables.

    Raises
    ------
    PomdpFormatError
        For a text that breaks the format, with the number of the line.
    TypeError
        For anything but text.

    References
    ----------
    A. R. Cassandra, "POMDP file format", documentation of pomdp-solve: the grammar.

    Examples
    --------
    >>> pomdp = parse_pomdp('''
    ... discount: 0.9
    ... values: reward
    ... states: wet dry
    ... actions: wait
    ... observations: 1
    ... T: wait identity
    ... O: * uniform
    ... R: * : dry : * : * 1
    ... ''')
    >>> pomdp.start.tolist(), pomdp.reward[0, :, 0, 0].tolist()
    ([0.5, 0.5], [0.0, 1.0])
    """
    if not isinstance(text, str):
        raise TypeError(
            f"text is {type(text).__name__}: give the text of a file, or call load_pomdp with its path"
        )
    return _Parser(text).parse()


class _Parser:
    def __init__(self, text: str) -> None:
        self.tokens = [
            (token, number)
            for number, line in enumerate(text.splitlines(), start=1)
            for token in re.findall(r":|[^\s:]+", line.split("#", 1)[0])
        ]
        self.end = max(len(text.splitlines()), 1)
        self.position = 0
        self.discount: float | None = None
        self.sign: float | None = None
        self.names: dict[str, tuple[str, ...]] = {}
        self.start: Array | None = None
        self.tables: dict[str, Array] = {}
        self.lines: dict[str, Integers] = {}

    def parse(self) -> POMDP:
        handlers: dict[str, Callable[[int], None]] = {
            "discount": self._read_discount,
            "values": self._read_values,
            "states": lambda line: self._read_names("states", line),
            "actions": lambda line: self._read_names("actions", line),
            "observations": lambda line: self._read_names("observations", line),
            "start": self._read_start,
            "T": self._read_transition,
            "O": self._read_observation,
            "R": self._read_reward,
        }
        while self.position < len(self.tokens):
            word, line = self._take("a section")
            if word not in handlers:
                raise PomdpFormatError(
                    line,
                    f"{word!r} where a section should start: give one of {', '.join(SECTIONS)}, or remove "
                    "surplus entries of the section before",
                )
            handlers[word](line)
        self._need_preamble(self.end)
        assert self.discount is not None
        states = len(self.names["states"])
        return POMDP(
            discount=self.discount,
            states=self.names["states"],
            actions=self.names["actions"],
            observations=self.names["observations"],
            start=np.full(states, 1.0 / states) if self.start is None else self.start,
            transition=self._laws("T"),
            observation=self._laws("O"),
            reward=self.tables["R"],
        )

    # tokens

    def _peek(self) -> str | None:
        return self.tokens[self.position][0] if self.position < len(self.tokens) else None

    def _take(self, wanted: str) -> tuple[str, int]:
        if self.position >= len(self.tokens):
            raise PomdpFormatError(self.end, f"the file ends where {wanted} should follow: add it")
        self.position += 1
        return self.tokens[self.position - 1]

    def _colon(self, after: str) -> None:
        word, line = self._take(f"':' after {after}")
        if word != ":":
            raise PomdpFormatError(line, f"{word!r} where ':' should follow {after}: add the colon")

    def _another(self) -> bool:
        if self._peek() != ":":
            return False
        self.position += 1
        return True

    def _number(self, wanted: str) -> tuple[float, int]:
        word, line = self._take(wanted)
        try:
            value = float(word)
        except ValueError:
            value = np.nan
        if not np.isfinite(value):
            raise PomdpFormatError(line, f"{word!r} where {wanted} should be: give a finite number")
        return value, line

    def _numbers(self, shape: tuple[int, ...], wanted: str, *, law: bool) -> Array:
        count = int(np.prod(shape))
        values = np.empty(count)
        for k in range(count):
            values[k], line = self._number(f"number {k + 1} of {count} of {wanted}")
            if law and not 0.0 <= values[k] <= 1.0:
                raise PomdpFormatError(line, f"{values[k]} in {wanted}: probabilities lie in [0, 1]")
        return values.reshape(shape)

    def _elements(self, kind: str) -> list[int]:
        names = self.names[kind]
        word, line = self._take(f"one of the {kind}")
        if word == "*":
            return list(range(len(names)))
        return [self._index(kind, word, line)]

    def _index(self, kind: str, word: str, line: int) -> int:
        names = self.names[kind]
        if word in names:
            return names.index(word)
        if word.isdecimal() and int(word) < len(names):
            return int(word)
        shown = ", ".join(names[:8]) + (", ..." if len(names) > 8 else "")
        raise PomdpFormatError(
            line, f"{word!r} is none of the {kind}: give {shown}, an index below {len(names)}, or *"
        )

    def _until_section(self) -> list[tuple[str, int]]:
        first = self.position
        while self.position < len(self.tokens) and self.tokens[self.position][0] not in SECTIONS:
            self.position += 1
        return self.tokens[first : self.position]

    # preamble

    def _once(self, section: str, line: int, given: bool) -> None:
        if given:
            raise PomdpFormatError(line, f"{section} is given a second time: keep one of them")
        self._colon(section)

    def _read_discount(self, line: int) -> None:
        self._once("discount", line, self.discount is not None)
        value, line = self._number("the discount")
        if not 0.0 <= value <= 1.0:
            raise PomdpFormatError(line, f"discount is {value}: give a number from 0 to 1")
        self.discount = value

    def _read_values(self, line: int) -> None:
        self._once("values", line, self.sign is not None)
        word, line = self._take("reward or cost")
        if word not in ("reward", "cost"):
            raise PomdpFormatError(line, f"values is {word!r}: give reward or cost")
        self.sign = 1.0 if word == "reward" else -1.0

    def _read_names(self, kind: str, line: int) -> None:
        self._once(kind, line, kind in self.names)
        words = self._until_section()
        if len(words) == 1 and words[0][0].isdecimal():
            count = int(words[0][0])
            if count < 1:
                raise PomdpFormatError(words[0][1], f"{kind} is {count}: there must be at least one")
            self.names[kind] = tuple(map(str, range(count)))
            return
        if not words:
            raise PomdpFormatError(line, f"{kind} is empty: give how many there are, or their names")
        seen: dict[str, None] = {}
        for word, place in words:
            if not _NAME.fullmatch(word) or word in _RESERVED:
                raise PomdpFormatError(
                    place, f"{word!r} cannot name one of the {kind}: start with a letter, and use no keyword"
                )
            if word in seen:
                raise PomdpFormatError(place, f"{word!r} names two of the {kind}: rename one")
            seen[word] = None
        self.names[kind] = tuple(seen)

    def _read_start(self, line: int) -> None:
        if "states" not in self.names:
            raise PomdpFormatError(line, "start comes before states: move it below")
        if self.tables:
            raise PomdpFormatError(line, "start comes after the first T, O or R: move it above")
        if self.start is not None:
            raise PomdpFormatError(line, "start is given a second time: keep one of them")
        listed = self._peek() in ("include", "exclude")
        mode = self._take("include or exclude")[0] if listed else ""
        self._colon("start")
        states = len(self.names["states"])
        words = self._until_section()
        if not words:
            raise PomdpFormatError(line, "start is empty: give a law, uniform, or states")
        if listed:
            chosen = np.zeros(states, dtype=bool)
            chosen[[self._index("states", word, place) for word, place in words]] = True
            chosen = chosen if mode == "include" else ~chosen
            if not chosen.any():
                raise PomdpFormatError(line, "start excludes every state: leave at least one")
            self.start = chosen / chosen.sum()
        elif words[0][0] == "uniform" and len(words) == 1:
            self.start = np.full(states, 1.0 / states)
        elif len(words) == 1 and not (states == 1 and words[0][0] not in self.names["states"]):
            self.start = np.eye(states)[self._index("states", *words[0])]
        else:
            self.position -= len(words)
            law = self._numbers((states,), "the law of start", law=True)
            if abs(law.sum() - 1.0) > ROW_TOLERANCE:
                raise PomdpFormatError(
                    line, f"start sums to {law.sum()}: a law sums to 1; divide it by its sum"
                )
            self.start = law / law.sum()

    def _need_preamble(self, line: int) -> None:
        given: dict[str, object] = {"discount": self.discount, "values": self.sign, **self.names}
        for section in SECTIONS[:5]:
            if given.get(section) is None:
                raise PomdpFormatError(line, f"{section} is missing: give it above the first T, O or R")
        if self.tables:
            return
        states, actions, observations = (len(self.names[k]) for k in ("states", "actions", "observations"))
        if actions * states * states * observations > _LARGEST:
            raise PomdpFormatError(
                line,
                f"{actions} actions, {states} states and {observations} observations need a reward table of "
                f"more than {_LARGEST} entries: give a smaller problem",
            )
        shapes = {"T": (actions, states, states), "O": (actions, states, observations)}
        self.tables = {name: np.zeros(shape) for name, shape in shapes.items()}
        self.lines = {name: np.zeros(shape[:2], dtype=np.int64) for name, shape in shapes.items()}
        self.tables["R"] = np.zeros((actions, states, states, observations))

    # tables

    def _read_transition(self, line: int) -> None:
        self._read_law("T", line, "states")

    def _read_observation(self, line: int) -> None:
        self._read_law("O", line, "observations")

    def _read_law(self, table: str, line: int, last: str) -> None:
        self._need_preamble(line)
        self._colon(table)
        states, width = len(self.names["states"]), len(self.names[last])
        actions, rows, columns = self._elements("actions"), list(range(states)), list(range(width))
        values: Array | float
        if not self._another():
            values = self._special(
                table, ("uniform", "identity") if table == "T" else ("uniform",), (states, width)
            )
        else:
            rows = self._elements("states")
            if not self._another():
                values = self._special(
                    table, ("uniform", "reset") if table == "T" else ("uniform",), (width,)
                )
            else:
                columns = self._elements(last)
                values = self._numbers((), f"an entry of {table}", law=True)
        self.tables[table][np.ix_(actions, rows, columns)] = values
        self.lines[table][np.ix_(actions, rows)] = line

    def _special(self, table: str, words: Sequence[str], shape: tuple[int, ...]) -> Array:
        word = self._peek()
        if word not in words:
            what = "matrix" if len(shape) == 2 else "row"
            return self._numbers(shape, f"a {what} of {table} (or {' or '.join(words)})", law=True)
        self.position += 1
        if word == "identity":
            return np.eye(shape[-1])
        if word == "reset" and self.start is not None:
            return self.start
        return np.full(shape, 1.0 / shape[-1])

    def _read_reward(self, line: int) -> None:
        self._need_preamble(line)
        assert self.sign is not None
        self._colon("R")
        states, observations = len(self.names["states"]), len(self.names["observations"])
        actions = self._elements("actions")
        self._colon("the action of R")
        before, after, seen = self._elements("states"), list(range(states)), list(range(observations))
        if not self._another():
            values = self._numbers((states, observations), "a matrix of R", law=False)
        else:
            after = self._elements("states")
            if not self._another():
                values = self._numbers((observations,), "a row of R", law=False)
            else:
                seen = self._elements("observations")
                values = self._numbers((), "an entry of R", law=False)
        self.tables["R"][np.ix_(actions, before, after, seen)] = self.sign * values

    def _laws(self, table: str) -> Array:
        values = self.tables[table]
        sums = values.sum(axis=-1)
        wrong = np.argwhere(np.abs(sums - 1.0) > ROW_TOLERANCE)
        if wrong.size:
            action, state = (int(k) for k in wrong[0])
            where = f"row {self.names['actions'][action]} : {self.names['states'][state]} of {table}"
            line = int(self.lines[table][action, state])
            if line == 0:
                raise PomdpFormatError(self.end, f"{where} is never given: add it")
            raise PomdpFormatError(line, f"{where} sums to {float(sums[action, state])!r}: it must sum to 1")
        return np.asarray(values / sums[..., np.newaxis])
