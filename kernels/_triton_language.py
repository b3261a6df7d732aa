"""Triton's ``jit`` and language.

Where Triton is missing the programs can still be imported (and their documentation read), but not run; that
`tightbound.kernels.backends.implementation` reports.
"""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from typing import Any


def _as_written(function: Any = None, **options: Any) -> Any:
    return (lambda named: named) if function is None else function


_INSTALLED = find_spec("triton") is not None
tl: Any = import_module("triton.language") if _INSTALLED else None
jit: Any = import_module("triton").jit if _INSTALLED else _as_written
