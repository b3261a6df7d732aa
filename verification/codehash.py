"""A fingerprint of the code that a measurement runs, taken from source files without importing them.

What decides whether stored evidence is still good: the source of the module that a function stands in, and of
every module of ``tightbound`` (and of the function's own package or folder) that it imports, directly or not,
at the top or inside functions. The verification layer is left out, except for the seeding: it judges evidence
and does not make it. Data files that a measurement reads are not seen.
"""

from __future__ import annotations

import ast
import functools
import hashlib
import inspect
import re
import sys
import sysconfig
from collections.abc import Callable, Iterator, Mapping
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from typing import Any

import tightbound

_DOTTED = re.compile(r"^tightbound(\.[A-Za-z_]\w*)+$")
_LEFT_OUT = "tightbound.verification"
_KEPT = "tightbound.verification.seeding"


def code_hash(*functions: Callable[..., Any]) -> str:
    """Return the sha256 of everything that decides what ``functions`` compute.

    Parameters
    ----------
    *functions : callables
        Functions, ``functools.partial`` objects of them, or instances with ``__call__``.

    Raises
    ------
    ValueError
        For a function whose source cannot be found.
    """
    digest = hashlib.sha256()
    for function in functions:
        digest.update(f"{_name(function)}\n".encode())
        for part in _parts(function):
            home = sys.modules.get(part.__module__)
            path = getattr(home, "__file__", None)
            if home is None or path is None or not path.endswith(".py"):
                digest.update(_own_source(part).encode())
                continue
            name = home.__spec__.name if home.__spec__ is not None else home.__name__
            for module, source in _closure(name, path):
                digest.update(f"{module} {source}\n".encode())
    return digest.hexdigest()


def closure(module: str) -> tuple[str, ...]:
    """Return the names of the modules of ``tightbound`` that ``module`` (one of them) rests on, sorted.

    Examples
    --------
    >>> closure("tightbound.verification.seeding")
    ('tightbound', 'tightbound.verification.seeding')
    """
    found = _find(module, {})
    if found is None or found.origin is None:
        raise ValueError(f"module is {module!r}: there is no such module in tightbound")
    return tuple(name for name, _ in _closure(module, found.origin))


def _parts(function: Callable[..., Any]) -> list[Any]:
    if isinstance(function, functools.partial):
        inner = [value for value in (*function.args, *function.keywords.values()) if callable(value)]
        return [part for entry in (function.func, *inner) for part in _parts(entry)]
    return [function if inspect.isfunction(function) or inspect.isclass(function) else type(function)]


def _name(function: Any) -> str:
    if isinstance(function, functools.partial):
        keywords = sorted((name, _name(value)) for name, value in function.keywords.items())
        return f"partial({_name(function.func)}, {[_name(value) for value in function.args]}, {keywords})"
    if inspect.isfunction(function) or inspect.isclass(function):
        return f"{function.__module__}:{function.__qualname__}"
    return f"{type(function).__module__}:{type(function).__qualname__}:{function!r}"


def _own_source(function: Any) -> str:
    try:
        return inspect.getsource(function)
    except (OSError, TypeError):
        raise ValueError(
            f"the source of {_name(function)} cannot be found: define it in a file, so that stored evidence "
            "can be told apart when it changes"
        ) from None


@functools.cache
def _closure(module: str, path: str) -> tuple[tuple[str, str], ...]:
    """Names and source hashes of everything that ``module`` in the file ``path`` rests on, sorted."""
    roots = _own_roots(module, path)
    sources = {module: _hash(path)}
    waiting = [(module, path)]
    while waiting:
        name, file = waiting.pop()
        for wanted in _imports(name, file):
            if wanted in sources or not _followed(wanted, roots):
                continue
            found = _find(wanted, roots)
            if found is None or found.origin is None or not found.origin.endswith(".py"):
                continue
            sources[wanted] = _hash(found.origin)
            waiting.append((wanted, found.origin))
    return tuple(sorted(sources.items()))


def _followed(name: str, roots: Mapping[str, list[str]]) -> bool:
    top = name.partition(".")[0]
    if top == "tightbound":
        return name == _KEPT or not (name == _LEFT_OUT or name.startswith(_LEFT_OUT + "."))
    return top in roots or "" in roots


def _own_roots(module: str, path: str) -> dict[str, list[str]]:
    """Where, besides ``tightbound``, imports are followed: the module's own package, or its own folder."""
    top, _, rest = module.partition(".")
    if top == "tightbound":
        return {}
    folder = Path(path).resolve().parent
    is_package = Path(path).name == "__init__.py"
    if rest or is_package:
        return {top: [str(folder.parents[module.count(".") - (not is_package)])]}
    installed = {Path(sysconfig.get_path(kind)).resolve() for kind in ("stdlib", "purelib", "platlib")}
    return {} if folder in installed else {"": [str(folder)]}


def _find(name: str, roots: Mapping[str, list[str]]) -> ModuleSpec | None:
    """Return the spec of ``name``, found folder by folder: nothing is imported, parents included."""
    top = name.partition(".")[0]
    if top == "tightbound":
        return _find_own(name)
    return _descend(PathFinder.find_spec(top, roots.get(top) or roots.get("")), name)


@functools.cache
def _find_own(name: str) -> ModuleSpec | None:
    """Return the spec of a module of ``tightbound``; every claim asks for the same ones."""
    return _descend(tightbound.__spec__, name)


def _descend(spec: ModuleSpec | None, name: str) -> ModuleSpec | None:
    parts = name.split(".")
    for depth in range(2, len(parts) + 1):
        if spec is None or spec.submodule_search_locations is None:
            return None
        spec = PathFinder.find_spec(".".join(parts[:depth]), list(spec.submodule_search_locations))
    return spec


@functools.cache
def _imports(module: str, path: str) -> tuple[str, ...]:
    """Every dotted name that ``module`` may import, its parents included; some may be no modules."""
    tree = ast.parse(Path(path).read_bytes(), filename=path)
    package = module if Path(path).name == "__init__.py" else module.rpartition(".")[0]
    names = {parent for target in _targets(tree, package) for parent in _with_parents(target)}
    names.update(_with_parents(module))
    return tuple(sorted(names))


def _targets(tree: ast.AST, package: str) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                above = package.split(".")[: len(package.split(".")) - node.level + 1]
                base = ".".join([*above, base] if base else above)
            yield base
            yield from (f"{base}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and _DOTTED.match(node.value):
            yield node.value  # a module named in a string, to be imported on demand


def _with_parents(name: str) -> list[str]:
    parts = name.split(".")
    return [".".join(parts[:depth]) for depth in range(1, len(parts) + 1) if parts[0]]


@functools.cache
def _hash(path: str) -> str:
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()


def forget() -> None:
    """Read every file again next time (a process reads each once)."""
    for cached in (_closure, _find_own, _imports, _hash):
        cached.cache_clear()
    sys.path_importer_cache.clear()
