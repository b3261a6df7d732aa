"""What holds where nothing else is asked for; apart from the runner, which takes long to import."""

from __future__ import annotations

from pathlib import Path

OUTPUT = Path(".tightbound")
SEED = 0
LEVEL = 0.01
