"""What a bug report needs to know about the machine and the libraries."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
from importlib import metadata

import tightbound

LIBRARIES = (
    "numpy",
    "scipy",
    "numba",
    "llvmlite",
    "jax",
    "jaxlib",
    "optax",
    "cvxpy",
    "networkx",
    "matplotlib",
    "rich",
    "cyclopts",
    "torch",
    "triton",
    "distributed",
    "submitit",
)

VARIABLES = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "NUMBA_NUM_THREADS",
    "NUMBA_CACHE_DIR",
    "XLA_FLAGS",
    "JAX_PLATFORMS",
    "TIGHTBOUND_KERNELS",
)


def environment(*, devices: bool = False) -> dict[str, str]:
    """Return names and values in the order in which they are read; imports none of the libraries it lists.

    Parameters
    ----------
    devices : bool
        Also ask JAX and PyTorch which devices they see. This imports them and takes seconds.
    """
    found = {
        "tightbound": tightbound.__version__,
        "python": f"{platform.python_version()} ({platform.python_implementation()})",
        "platform": platform.platform(),
        "processors": _processors(),
        **{name: _version(name) for name in LIBRARIES},
        **{name: os.environ.get(name, "not set") for name in VARIABLES},
        "gpu": _gpus(),
    }
    if devices:
        found["jax devices"] = _jax_devices()
        found["torch devices"] = _torch_devices()
    return found


def _processors() -> str:
    total = os.cpu_count() or 1
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else total
    return str(total) if usable == total else f"{total}, of which this process may use {usable}"


def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return "not installed"


def _gpus() -> str:
    command = shutil.which("nvidia-smi")
    if command is None:
        return "none found (no nvidia-smi)"
    query = [command, "--query-gpu=name,driver_version", "--format=csv,noheader"]
    try:
        answer = subprocess.run(query, capture_output=True, text=True, timeout=20, check=True)
    except (OSError, subprocess.SubprocessError) as error:
        return f"nvidia-smi did not answer ({type(error).__name__})"
    return "; ".join(answer.stdout.strip().splitlines()) or "none found"


def _jax_devices() -> str:
    import jax

    return ", ".join(str(device) for device in jax.devices())


def _torch_devices() -> str:
    try:
        import torch  # type: ignore[import-not-found, unused-ignore]
    except ModuleNotFoundError:
        return "torch is not installed"
    names = [torch.cuda.get_device_name(index) for index in range(torch.cuda.device_count())]
    return ", ".join(names) or "cpu"
