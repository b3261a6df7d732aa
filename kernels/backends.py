"""Which implementation of an operation runs.

Every operation has one public function with a keyword ``backend``:

============  ==========================================  =================================================
backend       arrays                                      needs
============  ==========================================  =================================================
"numpy"       NumPy (torch tensors on the CPU are read)   nothing: float64, the definition
"numba"       NumPy (torch tensors on the CPU are read)   nothing
"triton"      torch, on a GPU                             ``pip install 'tightbound[gpu]'`` and a CUDA GPU
"numba_cuda"  NumPy                                       a CUDA GPU and numba's CUDA target
"auto"        either                                      triton for tensors on a GPU, numba for all else
============  ==========================================  =================================================

The environment variable ``TIGHTBOUND_KERNELS`` replaces "auto". Triton runs without a GPU in its interpreter
(``TRITON_INTERPRET=1``), numba_cuda in its simulator (``NUMBA_ENABLE_CUDASIM=1``); both are meant for tests.
"""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable, Mapping
from functools import cache
from importlib.util import find_spec
from typing import Any

BACKENDS = ("auto", "numpy", "numba", "triton", "numba_cuda")


class BackendUnavailableError(RuntimeError):
    """A backend was asked for by name and cannot run here."""


def on_gpu(array: Any) -> bool:
    """Whether ``array`` is a torch tensor on a GPU."""
    return bool(getattr(array, "is_cuda", False))


def implementation(
    operation: str, backend: str, modules: Mapping[str, str], array: Any = None
) -> Callable[..., Any]:
    """Return the function that carries out an operation.

    Parameters
    ----------
    operation : str
        Name of the public function, which is that of the function in every module.
    backend : str
        One of ``BACKENDS``.
    modules : mapping from backend to module
        Where the operation is implemented, in full, e.g. ``tightbound.kernels.merge_states.numba_cpu``.
    array : array, optional
        One of the inputs; "auto" looks where it lies.

    Returns
    -------
    callable
        Imported only now.

    Raises
    ------
    ValueError
        For a backend that does not exist, or not for this operation.
    BackendUnavailableError
        For one that cannot run here, with what to install.
    """
    source = "backend"
    if backend == "auto":
        backend = os.environ.get("TIGHTBOUND_KERNELS", "auto")
        source = "the environment variable TIGHTBOUND_KERNELS"
    if backend not in BACKENDS:
        raise ValueError(f"{source} is {backend!r}: choose one of {', '.join(BACKENDS)}")
    if backend == "auto":
        backend = "triton" if on_gpu(array) and "triton" in modules and missing("triton") is None else "numba"
    if backend not in modules:
        raise ValueError(f"{source} is {backend!r}: {operation} runs on {', '.join(modules)}; choose one")
    lacking = missing(backend)
    if lacking is not None:
        raise BackendUnavailableError(f"{operation}: backend {backend!r} cannot run here: {lacking}")
    return _function(modules[backend], operation)


@cache
def _function(module: str, name: str) -> Callable[..., Any]:
    found: Callable[..., Any] = getattr(importlib.import_module(module), name)
    return found


def missing(backend: str) -> str | None:
    """Return what keeps a backend from running here, with the remedy; None where nothing does."""
    if backend == "triton":
        for package in ("torch", "triton"):
            if find_spec(package) is None:
                return f"{package} is not installed; pip install 'tightbound[gpu]'"
        if os.environ.get("TRITON_INTERPRET") == "1":
            return None
        import torch

        if not torch.cuda.is_available():
            return "torch sees no CUDA GPU; use backend='numba', or set TRITON_INTERPRET=1 to interpret"
    if backend == "numba_cuda":
        cuda: Any = importlib.import_module("numba.cuda")
        if os.environ.get("NUMBA_ENABLE_CUDASIM") != "1" and not cuda.is_available():
            return "numba sees no CUDA GPU; use backend='numba', or set NUMBA_ENABLE_CUDASIM=1 to simulate"
    return None
