"""The environment of a worker: one thread each, and where compiled code is kept."""

from __future__ import annotations

import contextlib
import hashlib
import os
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

import tightbound
from tightbound.simulators._user_cache import user_cache

_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")
_XLA = "--xla_cpu_multi_thread_eigen=false"


def cores() -> int:
    """Return the number of cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def surroundings(*, threads: bool) -> dict[str, str]:
    """Return variables: where compiled code is kept and, for workers, that they have one thread each."""
    wanted = dict.fromkeys(_THREADS, "1") if threads else {}
    flags = os.environ.get("XLA_FLAGS", "")
    if _XLA not in flags:
        wanted["XLA_FLAGS"] = f"{flags} {_XLA}".strip()
    # the size of XLA's pool of threads, which decides the order of some sums
    wanted |= {} if "NPROC" in os.environ else {"NPROC": "1"}
    folder = _cache_folder()
    caches = {
        "JAX_COMPILATION_CACHE_DIR": str(folder / "jax"),
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0.1",
        "NUMBA_CACHE_DIR": str(kernel_cache()),
    }
    return wanted | {name: value for name, value in caches.items() if name not in os.environ}


@contextlib.contextmanager
def applied(wanted: Mapping[str, str]) -> Iterator[None]:
    """Set these variables inside the block; restore them afterwards."""
    before = {name: os.environ.get(name) for name in wanted}
    os.environ.update(wanted)
    try:
        yield
    finally:
        restore(before)


def restore(before: Mapping[str, str | None]) -> None:
    """Give variables back the values of ``before``; None is a variable that was not set."""
    for name, value in before.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value


def kernel_cache() -> Path:
    """Return the folder of compiled Numba code, another one for other sources.

    Numba compares a kernel's own file with what it compiled, not the files of the kernels it calls.
    """
    digest = hashlib.sha256()
    # The layers are links in a checkout, which rglob does not follow from above.
    layers = (layer for root in tightbound.__path__ for layer in Path(root).iterdir() if layer.is_dir())
    for file in sorted(file for layer in layers for file in layer.rglob("_kernel*.py")):
        digest.update(file.read_bytes())
    return _cache_folder() / "numba" / digest.hexdigest()[:16]


def _cache_folder() -> Path:
    """Return the user's cache folder, or a temporary one where that cannot be made."""
    return user_cache() or Path(tempfile.gettempdir()) / "tightbound"
