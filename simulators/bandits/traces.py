"""Position-indexed traces: how many tokens each drafter yields at every position of a text, and their files.

File format, version 1: an ``.npz`` archive without pickled objects, holding

=============  ================================  ==========================================================
array          dtype and shape                   meaning
=============  ================================  ==========================================================
``y``          uint8, (sum of positions, K)      tokens of one round of arm i at position x, 1..max_draft+1
``offsets``    int64, (traces + 1,)              trace j is ``y[offsets[j] : offsets[j + 1]]``
``metadata``   unicode, ()                       a JSON object, below
=============  ================================  ==========================================================

``metadata``: ``format`` "tightbound traces", ``version`` 1, ``arms`` (K names), ``max_draft`` (L),
``costs`` (K numbers in ms per round, or null), ``traces`` (one object ``{"category": str, "source": str}``
per trace).

To record traces from a language model: let it decode each prompt greedily once, ask every drafter at every
position x of the output for its draft, and store 1 + the length of the common prefix of draft and output.
"""

from __future__ import annotations

import json
import os
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pickle import UnpicklingError
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tightbound.simulators.bandits.corpus import Passage
from tightbound.simulators.speculative.text_drafter import TextDrafter, accepted_lengths

FORMAT = "tightbound traces"
VERSION = 1


@dataclass(frozen=True, eq=False)
class Trace:
    """Tokens that each arm yields at each position of one text.

    Parameters
    ----------
    y : array_like of int, shape (positions, K)
        ``y[x, i]`` = 1 + common prefix of arm i's draft at x and the text after x, in 1..max_draft + 1.
    arms : sequence of str
        Names of the K arms.
    max_draft : int
        Longest draft L, in tokens, at most 254.
    category, source : str
        What kind of text, and where it comes from.
    costs : sequence of float, optional
        Time of one round of each arm, in ms.

    Raises
    ------
    ValueError, TypeError
        For entries outside 1..max_draft + 1, shapes that do not fit, or costs that are not positive.

    Examples
    --------
    >>> Trace([[3, 1], [2, 1], [1, 1]], arms=("copy", "guess"), max_draft=2).tokens
    3
    """

    y: NDArray[np.uint8] = field(repr=False)
    arms: tuple[str, ...]
    max_draft: int
    category: str = ""
    source: str = ""
    costs: tuple[float, ...] | None = None

    def __post_init__(self) -> None:
        arms = tuple(self.arms)
        named = not isinstance(self.arms, str) and all(isinstance(name, str) for name in arms)
        if not named or len(set(arms)) < len(arms):
            raise ValueError(
                f"arms is {self.arms!r}: give one distinct name per arm, e.g. ('lookup', 'ngram')"
            )
        if isinstance(self.max_draft, bool) or not isinstance(self.max_draft, (int, np.integer)):
            raise TypeError(f"max_draft is {self.max_draft!r}: give the longest draft in tokens, an integer")
        if not 1 <= self.max_draft <= 254:
            raise ValueError(f"max_draft is {self.max_draft}: allowed are 1..254, so that y fits a byte")
        object.__setattr__(self, "y", _checked_y(self.y, len(arms), int(self.max_draft)))
        object.__setattr__(self, "arms", arms)
        object.__setattr__(self, "max_draft", int(self.max_draft))
        if self.costs is not None:
            object.__setattr__(self, "costs", _checked_costs(self.costs, len(arms)))

    @property
    def tokens(self) -> int:
        """Number of positions."""
        return len(self.y)

    def head(self, tokens: int) -> Trace:
        """Return the trace of the first ``tokens`` positions; IndexError where it is shorter."""
        if tokens > self.tokens:
            raise IndexError(
                f"tokens is {tokens}, but the trace of {self.source or 'this text'} ends before position "
                f"{self.tokens}: ask for at most {self.tokens} tokens or record a longer text"
            )
        return Trace(self.y[:tokens], self.arms, self.max_draft, self.category, self.source, self.costs)


def record_trace(
    drafters: Mapping[str, TextDrafter],
    text: ArrayLike,
    start: int,
    *,
    category: str = "",
    source: str = "",
    costs: Sequence[float] | None = None,
) -> Trace:
    """Record what every drafter yields at every position of one text.

    ``y[x, i] = 1 + common prefix of draft_i(text[: start + x]) and text[start + x :]``: the round that greedy
    speculative decoding would run at x if the target model wrote ``text``.

    Parameters
    ----------
    drafters : mapping from str to TextDrafter
        The arms, by name.
    text : array_like of int, shape (start + positions,)
        Prompt and output.
    start : int
        Length of the prompt in tokens.
    category, source : str
        Kept with the trace.
    costs : sequence of float, optional
        Time of one round of each arm, in ms.

    Returns
    -------
    Trace

    Examples
    --------
    >>> from tightbound.simulators.speculative import PromptLookup, SuffixAutomaton
    >>> arms = {"lookup": PromptLookup(max_draft=4), "suffix": SuffixAutomaton(max_draft=4)}
    >>> record_trace(arms, [1, 2, 3, 4, 1, 2, 3, 9], start=5).y.tolist()
    [[3, 3], [2, 2], [1, 1]]
    """
    if not drafters:
        raise ValueError("drafters is empty: give at least one arm, e.g. {'lookup': PromptLookup()}")
    yields = [accepted_lengths(drafter.drafts(text, start), text, start) for drafter in drafters.values()]
    return Trace(
        np.stack(yields, axis=1),
        tuple(drafters),
        max(drafter.max_draft for drafter in drafters.values()),
        category,
        source,
        None if costs is None else tuple(costs),
    )


def record_traces(
    drafters: Mapping[str, TextDrafter], passages: Iterable[Passage], *, costs: Sequence[float] | None = None
) -> tuple[Trace, ...]:
    """Record one trace per passage; see :func:`record_trace`."""
    return tuple(
        record_trace(drafters, p.text, p.prompt.size, category=p.category, source=p.source, costs=costs)
        for p in passages
    )


def save_traces(path: str | os.PathLike[str], traces: Iterable[Trace]) -> None:
    """Write traces of the same arms to one ``.npz`` file, in the format at the top of this module.

    Parameters
    ----------
    path : path
        File to write; an existing one is replaced.
    traces : iterable of Trace
        At least one; arms, ``max_draft`` and costs must agree.

    Raises
    ------
    ValueError
        For no traces, or traces of different arms.
    """
    chosen = tuple(traces)
    if not chosen:
        raise ValueError("traces is empty: give at least one Trace")
    shared = {(trace.arms, trace.max_draft, trace.costs) for trace in chosen}
    if len(shared) > 1:
        raise ValueError(
            f"traces differ in arms, max_draft or costs ({len(shared)} kinds): "
            "save each kind to a file of its own"
        )
    metadata = {
        "format": FORMAT,
        "version": VERSION,
        "arms": chosen[0].arms,
        "max_draft": chosen[0].max_draft,
        "costs": chosen[0].costs,
        "traces": [{"category": trace.category, "source": trace.source} for trace in chosen],
    }
    with open(path, "wb") as file:
        np.savez_compressed(
            file,
            y=np.concatenate([trace.y for trace in chosen]),
            offsets=np.cumsum([0, *(trace.tokens for trace in chosen)], dtype=np.int64),
            metadata=np.array(json.dumps(metadata)),
        )


def load_traces(path: str | os.PathLike[str]) -> tuple[Trace, ...]:
    """Read a file of :func:`save_traces`, or one recorded elsewhere in the same format.

    Parameters
    ----------
    path : path
        An ``.npz`` file.

    Returns
    -------
    tuple of Trace

    Raises
    ------
    ValueError
        Naming the file and the key at fault: not an archive, pickled objects, a key missing, a wrong dtype or
        shape, y outside 1..max_draft + 1, metadata that is not the JSON object described above.
    """
    where = os.fspath(path)
    arrays = _arrays(where)
    y, offsets = arrays["y"], arrays["offsets"]
    if y.dtype != np.uint8 or y.ndim != 2:
        raise ValueError(f"{where}: y is {y.dtype} of shape {y.shape}; it must be uint8, (positions, K)")
    if offsets.dtype != np.int64 or offsets.ndim != 1 or offsets.size < 2:
        raise ValueError(
            f"{where}: offsets is {offsets.dtype} of shape {offsets.shape}; it must be int64, (traces + 1,)"
        )
    if offsets[0] != 0 or offsets[-1] != len(y) or np.any(np.diff(offsets) < 1):
        raise ValueError(f"{where}: offsets must rise from 0 to the {len(y)} rows of y, by at least 1 each")
    about = _metadata(where, arrays["metadata"], offsets.size - 1)
    if y.shape[1] != len(about["arms"]):
        raise ValueError(f"{where}: y has {y.shape[1]} columns, but metadata names {len(about['arms'])} arms")
    try:
        return tuple(
            Trace(
                y[offsets[j] : offsets[j + 1]],
                tuple(about["arms"]),
                about["max_draft"],
                str(one["category"]),
                str(one["source"]),
                None if about["costs"] is None else tuple(about["costs"]),
            )
            for j, one in enumerate(about["traces"])
        )
    except (TypeError, ValueError) as error:
        raise ValueError(f"{where}: {error}") from error


def _arrays(where: str) -> dict[str, NDArray[Any]]:
    """Return the three arrays of a trace file."""
    try:
        with open(where, "rb") as file:
            archive = np.load(file, allow_pickle=False)
            if not isinstance(archive, np.lib.npyio.NpzFile):
                raise ValueError("a single array, not an archive")
            missing = {"y", "offsets", "metadata"} - set(archive.files)
            if missing:
                found = ", ".join(archive.files)
                raise ValueError(f"no array named {', '.join(sorted(missing))} (found {found})")
            return {name: archive[name] for name in ("y", "offsets", "metadata")}
    except (ValueError, AttributeError, EOFError, UnpicklingError, zipfile.BadZipFile) as error:
        raise ValueError(
            f"{where}: not a trace file: {error}; write it with save_traces, "
            "or with numpy.savez from plain arrays"
        ) from error


def _metadata(where: str, array: NDArray[Any], traces: int) -> dict[str, Any]:
    """Return the checked metadata of a trace file."""
    if array.shape != () or array.dtype.kind != "U":
        raise ValueError(
            f"{where}: metadata is {array.dtype} of shape {array.shape}; it must be one string: "
            "numpy.array(json.dumps(...))"
        )
    try:
        about = json.loads(str(array))
    except json.JSONDecodeError as error:
        raise ValueError(f"{where}: metadata is not JSON ({error}); write it with json.dumps") from error
    if not isinstance(about, dict) or about.get("format") != FORMAT or about.get("version") != VERSION:
        raise ValueError(f"{where}: metadata must be an object with format {FORMAT!r} and version {VERSION}")
    absent = [key for key in ("arms", "max_draft", "costs", "traces") if key not in about]
    if absent:
        raise ValueError(f"{where}: metadata has no {', '.join(absent)}; every key of the format is required")
    entries = about["traces"]
    if not isinstance(entries, list) or len(entries) != traces:
        raise ValueError(f"{where}: metadata must list {traces} traces, one per interval of offsets")
    if not all(isinstance(one, dict) and {"category", "source"} <= set(one) for one in entries):
        raise ValueError(f"{where}: each entry of metadata's traces needs a category and a source")
    if not isinstance(about["arms"], list):
        raise ValueError(f"{where}: metadata's arms is {about['arms']!r}; it must be a list of names")
    return about


def _checked_y(y: ArrayLike, arms: int, max_draft: int) -> NDArray[np.uint8]:
    """Return ``y`` as uint8 of shape (positions, arms), every entry in 1..max_draft + 1."""
    array: NDArray[Any] = np.asarray(y)
    if not np.issubdtype(array.dtype, np.integer):
        raise TypeError(f"y has dtype {array.dtype}: give integer token counts, e.g. uint8")
    if array.ndim != 2 or array.shape[1] != arms or array.size == 0:
        raise ValueError(
            f"y has shape {array.shape}: give one row per position and one column for each of the {arms} arms"
        )
    wrong = np.argwhere((array < 1) | (array > max_draft + 1))
    if wrong.size:
        x, arm = wrong[0]
        raise ValueError(
            f"y[{x}, {arm}] is {array[x, arm]}: allowed are 1..{max_draft + 1} (max_draft + 1); "
            "count the target's own token, and raise max_draft if drafts were longer"
        )
    return np.ascontiguousarray(array, dtype=np.uint8)


def _checked_costs(costs: Sequence[float], arms: int) -> tuple[float, ...]:
    """Return one positive finite cost per arm."""
    try:
        values = np.asarray(costs, dtype=np.float64)
    except (TypeError, ValueError):
        raise TypeError(f"costs is {costs!r}: give one number per arm, in ms per round") from None
    if values.shape != (arms,) or not np.all(np.isfinite(values) & (values > 0)):
        raise ValueError(
            f"costs is {costs!r}: give one positive number (ms per round) for each of {arms} arms"
        )
    return tuple(values.tolist())
