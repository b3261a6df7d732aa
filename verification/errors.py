"""What can go wrong in a run, apart from wrong input."""

from __future__ import annotations

import errno
from pathlib import Path

_FULL = {errno.ENOSPC, errno.EFBIG, getattr(errno, "EDQUOT", errno.ENOSPC)}


class OutputError(OSError):
    """The output folder could not be written; everything finished before is kept."""

    @classmethod
    def of(cls, path: Path, error: OSError) -> OutputError:
        """Return the error for ``path``, with what to do about it."""
        remedy = "free space" if error.errno in _FULL else "make the folder writable or choose another output"
        return cls(
            f"cannot write {path}: {error.strerror or error}; {remedy} and run the same command again: "
            "finished evidence is kept"
        )


class EvidenceError(RuntimeError):
    """A measurement that a figure needs could not be had."""


class NotSendableError(TypeError):
    """A function that another process cannot find by its name."""


class ExecutorError(RuntimeError):
    """What runs units is missing or out of reach: no further one can run; what is finished is kept."""
