"""An exception in one line that is the same in every process and on every machine."""

from __future__ import annotations

import importlib
import traceback
from pathlib import Path

_INNERMOST = 3
_SILENT = (Path(__file__).parent, Path(importlib.__file__).parent)  # their own frames tell the reader nothing


def told(error: BaseException) -> str:
    """Return type, message and the innermost places of ``error``: file names without folders."""
    message = str(error).strip()
    head = f"{type(error).__name__}: {message}" if message else type(error).__name__
    frames = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if Path(frame.filename).parent not in _SILENT and not frame.filename.startswith("<")
    ]
    frames = frames[-_INNERMOST:]
    places = " < ".join(
        f"{Path(frame.filename).name}:{frame.lineno} {frame.name}" for frame in reversed(frames)
    )
    return f"{head} ({places})" if places else head
