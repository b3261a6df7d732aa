"""Units of measurement and their files: one claim, one role, one cell, all its replicates in one ``.npz``."""

from __future__ import annotations

import functools
import hashlib
import io
import json
import os
import secrets
import sys
import time
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike

from tightbound import __version__
from tightbound.verification.claim import Assumption, Claim, Measure
from tightbound.verification.codehash import code_hash
from tightbound.verification.errors import OutputError
from tightbound.verification.grid import Cell, Grid, Size
from tightbound.verification.seeding import generator
from tightbound.verification.statistics.base import CellEvidence

FOLDER = "evidence"
ROLES: tuple[Role, ...] = ("measure", "control")
Role = Literal["measure", "control"]

_CONTROL_ONLY = 1 << 20  # index of the first cell that only a control has: the same at every size
_BOUND, _TRIVIAL, _ASSUMPTION, _METADATA = "__bound__", "__trivial__", "__assumption__", "__metadata__"
_KINDS = "biufcU"
_STALE = 3600.0  # seconds after which a temporary file belongs to no living run


class CorruptEvidenceError(ValueError):
    """A file of evidence that cannot be read, or whose content is not what was written."""


@dataclass(frozen=True)
class Unit:
    """What one worker does in one go: measure one cell for a claim or for its control.

    Parameters
    ----------
    claim : str
        Id of the claim.
    role : {"measure", "control"}
        The claim's own measurement, or its control's.
    index : int
        Of the cell, for the seed: equal for a claim and its control in a cell they share.
    cell : dict
        The instance.
    replicates, seed : int
        Calls of ``measure``, and the root of their seeds.
    measure, bound, trivial, assumptions
        Functions of the claim, or what its control puts in their place.
    """

    claim: str
    role: Role
    index: int
    cell: dict[str, Any]
    replicates: int
    seed: int
    measure: Measure
    bound: Callable[[Cell], float] | None
    trivial: Callable[[Cell], float] | None
    assumptions: tuple[Assumption, ...] = ()

    @property
    def functions(self) -> tuple[Callable[..., Any], ...]:
        """Every function that the unit calls."""
        optional = [function for function in (self.bound, self.trivial) if function is not None]
        return (self.measure, *optional, *(assumption.holds for assumption in self.assumptions))

    @functools.cached_property
    def key(self) -> str:
        """Sha256 of everything that decides the outcome: the name of the file."""
        content = {
            "claim": self.claim,
            "role": self.role,
            "index": self.index,
            "cell": self.cell,
            "replicates": self.replicates,
            "seed": self.seed,
            "assumptions": [assumption.name for assumption in self.assumptions],
            "code": code_hash(*self.functions),
            "versions": {name: version for name, version in versions().items() if name != "tightbound"},
        }
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()

    @property
    def file(self) -> str:
        """Path of the unit's evidence, relative to the output folder."""
        return f"{FOLDER}/{self.key}.npz"


@dataclass(frozen=True)
class Evidence:
    """What a unit found.

    Parameters
    ----------
    cell : mapping
        The instance.
    data : mapping from name to array
        Replicates concatenated on axis 0; empty where an assumption does not hold.
    bound, trivial : float or None
        Right-hand side of the claim and the bound that needs no theorem, in this cell.
    assumptions : mapping from name to bool
        Which hypotheses hold.
    about : mapping
        Claim, role, seed, seconds spent, versions: nothing a verdict depends on.
    """

    cell: Cell
    data: Mapping[str, np.ndarray]
    bound: float | None
    trivial: float | None
    assumptions: Mapping[str, bool]
    about: Mapping[str, Any]

    @property
    def sha256(self) -> str:
        """Digest of the arrays and scalars; the time they took is not part of it."""
        return _digest(_pack(self))

    @property
    def for_statistic(self) -> CellEvidence:
        """The part that a statistic judges."""
        return CellEvidence(self.cell, self.data, self.bound, self.trivial)


@functools.cache
def versions() -> dict[str, str]:
    """Return the versions that a measurement depends on, without importing the libraries."""
    found = {"python": f"{sys.version_info.major}.{sys.version_info.minor}", "tightbound": __version__}
    for name in ("numpy", "scipy", "jax", "numba", "optax"):
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            found[name] = "absent"
    return found


def units(claim: Claim, size: Size, seed: int) -> tuple[Unit, ...]:
    """Return the units of ``claim`` at ``size``: its own cells, then its control's."""
    own = claim.grid.at(size)
    control = claim.control
    grid = claim.grid if control.grid is None else control.grid
    return tuple(
        Unit(
            claim.id,
            "measure",
            index,
            dict(cell),
            claim.grid.replicates[size],
            seed,
            claim.measure,
            claim.bound,
            claim.trivial,
            claim.assumptions,
        )
        for index, cell in enumerate(own)
    ) + tuple(
        Unit(
            claim.id,
            "control",
            index,
            dict(cell),
            grid.replicates[size],
            seed,
            control.measure or claim.measure,
            control.bound or claim.bound,
            claim.trivial,
        )
        for index, cell in zip(_shared_indices(own, grid.at(size)), grid.at(size), strict=True)
    )


def measure(unit: Unit) -> Evidence:
    """Run the unit here and now: assumptions first, and only where they hold bound and measurement."""
    start = time.perf_counter()
    cell = MappingProxyType(unit.cell)
    assumptions = {assumption.name: bool(assumption.holds(cell)) for assumption in unit.assumptions}
    data: dict[str, np.ndarray] = {}
    bound = trivial = None
    if all(assumptions.values()):
        bound = _scalar("bound", unit.bound, cell)
        trivial = _scalar("trivial", unit.trivial, cell)
        data = _joined(
            [
                _arrays(
                    _called(
                        "measure",
                        unit.measure,
                        cell,
                        generator(unit.seed, unit.claim, unit.index, replicate),
                    )
                )
                for replicate in range(unit.replicates)
            ]
        )
    about = {
        "claim": unit.claim,
        "role": unit.role,
        "cell": unit.cell,
        "index": unit.index,
        "replicates": unit.replicates,
        "seed": unit.seed,
        "wall_s": round(time.perf_counter() - start, 3),
        "versions": versions(),
    }
    return Evidence(cell, data, bound, trivial, assumptions, about)


def packed(found: Evidence) -> bytes:
    """Return the content of the file that holds ``found``."""
    arrays = _pack(found)
    about = {**found.about, "sha256": _digest(arrays)}
    buffer = io.BytesIO()
    np.savez(buffer, allow_pickle=False, **arrays, **{_METADATA: np.array(json.dumps(about))})
    return buffer.getvalue()


def write(path: Path, found: Evidence, *, token: str = "") -> None:
    """Write ``found`` to ``path``: see ``store``."""
    store(path, packed(found), token=token)


def store(path: Path, content: bytes, *, token: str = "") -> None:
    """Write ``content`` to ``path`` in one step: the file is there whole, or not at all.

    Raises
    ------
    OutputError
        Where the file system refuses, with the file, the reason and what to do.
    """
    temporary = path.with_name(f".{token}-{secrets.token_hex(8)}.tmp")
    try:
        try:
            with temporary.open("xb") as stream:
                stream.write(content)
                stream.flush()
                os.fsync(stream.fileno())
            os.replace(temporary, path)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as error:
        raise OutputError.of(path, error) from None


def read(path: Path) -> Evidence:
    """Read the evidence at ``path``.

    Raises
    ------
    FileNotFoundError
        Where there is none.
    CorruptEvidenceError
        Where the file is damaged, with its name and what is wrong.
    """
    try:
        with path.open("rb") as stream, np.load(stream, allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files}
        about = json.loads(str(arrays.pop(_METADATA)[()]))
        cell = Grid([about["cell"]]).quick[0]
        intact = about["sha256"] == _digest(arrays)
    except FileNotFoundError:
        raise
    except (OSError, ValueError, KeyError, TypeError, EOFError, AttributeError, zipfile.BadZipFile) as error:
        raise CorruptEvidenceError(
            f"{path.name} is no readable evidence ({error}): it is measured again"
        ) from None
    if not intact:
        raise CorruptEvidenceError(f"{path.name} was altered after it was written: it is measured again")
    bound, trivial = (float(arrays[name]) if name in arrays else None for name in (_BOUND, _TRIVIAL))
    assumptions = {
        name.removeprefix(_ASSUMPTION): bool(value)
        for name, value in arrays.items()
        if name.startswith(_ASSUMPTION)
    }
    data = {name: value for name, value in arrays.items() if not name.startswith("__")}
    return Evidence(cell, data, bound, trivial, assumptions, about)


def sweep(folder: Path, token: str | None = None) -> None:
    """Remove temporary files: those of the run ``token``, or those too old to belong to any run."""
    for leftover in folder.glob(".*.tmp" if token is None else f".{token}-*.tmp"):
        try:
            if token is not None or time.time() - leftover.stat().st_mtime > _STALE:
                leftover.unlink()
        except OSError:
            continue


def _shared_indices(own: tuple[Cell, ...], control: tuple[Cell, ...]) -> list[int]:
    """Index of each control cell: that of the equal cell of the claim, or one that only controls have."""
    free: dict[str, list[int]] = {}
    for index, cell in enumerate(own):
        free.setdefault(_canonical(cell), []).append(index)
    indices = []
    for position, cell in enumerate(control):
        same = free.get(_canonical(cell))
        indices.append(same.pop(0) if same else _CONTROL_ONLY + position)
    return indices


def _canonical(cell: Cell) -> str:
    return json.dumps(dict(cell), sort_keys=True)


def _scalar(name: str, function: Callable[[Cell], float] | None, cell: Cell) -> float | None:
    if function is None:
        return None
    found = _called(name, function, cell)
    try:
        value = float(found)
    except (TypeError, ValueError):
        raise TypeError(f"{name}(cell) returned {found!r}: return a number") from None
    if np.isnan(value):
        raise ValueError(f"{name}(cell) returned nan: return a number, or inf where nothing is claimed")
    return value


def _called(name: str, function: Callable[..., Any], *given: Any) -> Any:
    """Call a function of a claim; one that takes other arguments is told which it gets."""
    try:
        return function(*given)
    except TypeError as error:
        if error.__traceback__ is None or error.__traceback__.tb_next is not None:
            raise  # from inside the function
        arguments = ", ".join(("cell", "rng")[: len(given)])
        raise TypeError(f"{error}: it is called as {name}({arguments})") from error


def _arrays(measured: Mapping[str, ArrayLike]) -> dict[str, np.ndarray]:
    """Return what one call of measure gave, as arrays with replications on axis 0."""
    if not isinstance(measured, Mapping) or not measured:
        raise TypeError(
            f"measure returned {measured!r}: return a mapping from names to arrays, e.g. {{'value': x}}"
        )
    found = {}
    for name, value in measured.items():
        if not isinstance(name, str) or not name or name.startswith("__"):
            raise ValueError(f"measure returned an array named {name!r}: use a string without leading '__'")
        array = np.atleast_1d(np.asarray(value))
        if array.dtype.kind not in _KINDS:
            raise TypeError(
                f"measure returned {name} with dtype {array.dtype}: return an array of numbers, booleans or "
                "strings whose rows all have one shape"
            )
        found[name] = array
    return found


def _joined(replicates: list[dict[str, np.ndarray]]) -> dict[str, np.ndarray]:
    first = replicates[0]
    for other in replicates[1:]:
        if set(other) != set(first):
            raise ValueError(
                f"measure returned {sorted(first)} in one replicate and {sorted(other)} in another: "
                "return the same names every time"
            )
        for name in first:
            if other[name].shape[1:] != first[name].shape[1:]:
                raise ValueError(
                    f"measure returned {name} with shape {first[name].shape} in one replicate and "
                    f"{other[name].shape} in another: only axis 0, the replications, may differ"
                )
    return {name: np.concatenate([replicate[name] for replicate in replicates]) for name in first}


def _pack(found: Evidence) -> dict[str, np.ndarray]:
    packed = dict(found.data)
    for name, value in ((_BOUND, found.bound), (_TRIVIAL, found.trivial)):
        if value is not None:
            packed[name] = np.array(value, dtype=np.float64)
    return packed | {_ASSUMPTION + name: np.array(value) for name, value in found.assumptions.items()}


def _digest(packed: Mapping[str, np.ndarray]) -> str:
    digest = hashlib.sha256()
    for name in sorted(packed):
        array = np.ascontiguousarray(packed[name])
        digest.update(f"{name} {array.dtype.str} {packed[name].shape}\n".encode())
        digest.update(array.tobytes())
    return digest.hexdigest()
