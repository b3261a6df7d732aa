"""English text that every installation has: Python's own help topics and the docstrings of its library."""

from __future__ import annotations

import ast
import sysconfig
import zlib
from collections.abc import Iterable, Iterator
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

HELD_OUT = 16
"""One file in so many is kept from training."""
LEAST = 200
"""Shorter texts are left out, in characters."""
SPACE = "\n\n"
"""Between texts."""


class Texts(NamedTuple):
    """Texts, split by the file that they come from.

    Parameters
    ----------
    training, held_out : tuple of str
        In the order of their files' names.
    """

    training: tuple[str, ...]
    held_out: tuple[str, ...]


@cache
def texts(packages: tuple[str, ...] = ("numpy", "scipy")) -> Texts:
    """Return all topics, and all docstrings of the standard library and of some packages.

    Parameters
    ----------
    packages : tuple of str
        Packages besides the standard library, by their names; those that are not installed are left out.
    """
    return _split([*_topics(), *_docstrings_of(packages)])


@cache
def topics() -> Texts:
    """Return Python's help topics alone."""
    return _split(_topics())


def held_out(name: str) -> bool:
    """Whether a file is kept from training; its name decides.

    Examples
    --------
    >>> [held_out(name) for name in ("scipy/stats/_entropy.py", "topic:while")]
    [False, False]
    """
    return zlib.crc32(name.encode()) % HELD_OUT == 0


def _split(named: Iterable[tuple[str, str]]) -> Texts:
    found: tuple[list[str], list[str]] = ([], [])
    for name, text in named:
        if len(text) >= LEAST:
            found[held_out(name)].append(text)
    return Texts(tuple(found[0]), tuple(found[1]))


def _topics() -> Iterator[tuple[str, str]]:
    from pydoc_data import topics

    for topic in sorted(topics.topics):
        yield f"topic:{topic}", topics.topics[topic]


def _docstrings_of(packages: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    roots = [("", Path(sysconfig.get_path("stdlib")))]
    for package in packages:
        spec = find_spec(package)
        for folder in spec.submodule_search_locations or () if spec else ():
            roots.append((f"{package}/", Path(folder)))
    for prefix, root in roots:
        for path in sorted(root.rglob("*.py")):
            inside = path.relative_to(root)
            if not {"test", "tests", "site-packages", "idlelib", "lib2to3"} & set(inside.parts):
                yield prefix + inside.as_posix(), _docstrings(path)


def _docstrings(path: Path) -> str:
    import warnings

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of old escapes in code that is not ours
            tree = ast.parse(path.read_bytes())
    except (SyntaxError, ValueError):
        return ""
    kinds = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    found = (ast.get_docstring(node) for node in ast.walk(tree) if isinstance(node, kinds))
    return SPACE.join(text for text in found if text)
