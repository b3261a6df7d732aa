"""When, where and from which commit a verdict was found: the part of a record that may differ."""

from __future__ import annotations

import functools
import platform
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tightbound.verification.executors import cores


def stamp(wall_s: float) -> dict[str, Any]:
    """Return the volatile part of a record; ``wall_s`` is the time its measurements took."""
    return {
        "time": datetime.now(UTC).isoformat(timespec="seconds"),
        "wall_s": round(wall_s, 3),
        "platform": _platform(),
        "cores": cores(),
        "git": _checkout(),
    }


@functools.cache
def _platform() -> str:
    return platform.platform()


@functools.cache
def _checkout() -> dict[str, Any] | None:
    """Commit and whether tracked files differ from it; None where the code is not in a checkout."""
    folder = Path(__file__).resolve().parent
    if not any((parent / ".git").exists() for parent in folder.parents):
        return None
    commit = _git(folder, "rev-parse", "HEAD")
    if commit is None:
        return None
    return {"commit": commit, "dirty": bool(_git(folder, "status", "--porcelain", "--untracked-files=no"))}


def _git(folder: Path, *arguments: str) -> str | None:
    try:
        answer = subprocess.run(
            ["git", "-C", str(folder), *arguments], capture_output=True, text=True, timeout=10, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return answer.stdout.strip()
