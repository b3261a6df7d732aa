"""Checkpoints of a training: one file of plain arrays, whole or not there, never of another training."""

from __future__ import annotations

import io
import os
import secrets
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

_FINGERPRINT = "fingerprint"


class CheckpointError(ValueError):
    """A checkpoint cannot be used: it is damaged, or of another training."""


def save(path: Path, arrays: Mapping[str, np.ndarray], fingerprint: str) -> None:
    """Write arrays to ``path`` in one step: the file is there whole, or the one before is.

    Parameters
    ----------
    path : Path
        The file; its folder must exist.
    arrays : mapping from name to array
        What to keep; no arrays of objects.
    fingerprint : str
        What the arrays belong to; `load` compares it.

    Raises
    ------
    OSError
        Where the file system refuses; nothing is left behind.
    """
    temporary = path.with_name(f".{path.name}-{secrets.token_hex(8)}.tmp")
    try:
        with temporary.open("xb") as stream:
            entries: dict[str, Any] = {**arrays, _FINGERPRINT: np.array(fingerprint)}
            np.savez(stream, allow_pickle=False, **entries)
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def load(path: Path, fingerprint: str) -> dict[str, np.ndarray]:
    """Read the arrays of a checkpoint.

    Parameters
    ----------
    path : Path
        The file.
    fingerprint : str
        What it must belong to.

    Returns
    -------
    dict from name to array

    Raises
    ------
    CheckpointError
        For a file that is damaged or belongs to another training. The file is left as it is.
    FileNotFoundError
        Where there is none.
    """
    found = peek(path)
    own = str(found.pop(_FINGERPRINT))
    if own != fingerprint:
        raise CheckpointError(
            f"checkpoint {path} belongs to another training ({_difference(own, fingerprint)}): it was left "
            "as it is; name another file, or give the arguments it was made with"
        )
    return found


def peek(path: Path) -> dict[str, np.ndarray]:
    """Read the arrays of a checkpoint, whatever it belongs to; ``"fingerprint"`` among them says what.

    Raises
    ------
    CheckpointError
        For a file that is damaged or no checkpoint. The file is left as it is.
    FileNotFoundError
        Where there is none.
    """
    try:
        content = io.BytesIO(path.read_bytes())
        with np.load(content, allow_pickle=False) as stored:
            found = {name: stored[name] for name in stored.files}
        str(found[_FINGERPRINT])
        return found
    except FileNotFoundError:
        raise
    except (zipfile.BadZipFile, zlib.error, ValueError, KeyError, EOFError, OSError, AttributeError) as error:
        raise CheckpointError(
            f"checkpoint {path} is not whole or no checkpoint ({error}): it was left as it is; remove it to "
            "start again, or name another file"
        ) from error


def _difference(own: str, asked: str) -> str:
    """Say what differs between two fingerprints, which hold one ``name=value`` per line."""
    before, now = (
        dict(line.split("=", 1) for line in text.splitlines() if "=" in line) for text in (own, asked)
    )
    names = [name for name in {**before, **now} if before.get(name) != now.get(name)]
    return (
        "; ".join(f"{name} was {before.get(name)}, now {now.get(name)}" for name in names) or "unknown kind"
    )
