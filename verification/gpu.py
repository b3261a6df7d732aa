"""What benchmarks on a GPU share: whether there is one, its clock, the speed of its memory, and its name."""

from __future__ import annotations

from collections.abc import Callable
from importlib import metadata
from importlib.util import find_spec
from typing import Any

import numpy as np

ROUNDS = 30
COPIED = 2**31  # bytes read and written


def absent() -> str | None:
    """Return what keeps kernels from running on a GPU here, None if nothing does."""
    for package in ("torch", "triton"):
        if find_spec(package) is None:
            return f"{package} is not installed"
    import torch

    return None if torch.cuda.is_available() else "torch sees no CUDA GPU"


def untimed(what: str, size: str = "") -> dict[str, Any]:
    """Return the row of a table that says why there is no time."""
    return {"what": what, "size": size, "unit": "", **dict.fromkeys(("median", "low20", "high80"))}


def seconds(run: Callable[[], Any], rounds: int = ROUNDS) -> tuple[float, float, float]:
    """Return median, 20 % and 80 % quantile between two events on the GPU, with nothing in its cache.

    The GPU first waits about a millisecond, so that the CPU is done launching when the clock starts.
    """
    import torch

    cache: Any = torch.cuda.get_device_properties(torch.cuda.current_device()).L2_cache_size
    flush = torch.empty(2 * cache, dtype=torch.uint8, device="cuda")
    for _ in range(3):
        run()
    pairs = [[torch.cuda.Event(enable_timing=True) for _ in range(2)] for _ in range(rounds)]
    for start, end in pairs:
        flush.fill_(1)
        torch.cuda._sleep(2_000_000)  # cycles
        start.record()
        run()
        end.record()
    torch.cuda.synchronize()
    taken = [start.elapsed_time(end) / 1e3 for start, end in pairs]
    median, low, high = np.quantile(taken, [0.5, 0.2, 0.8])
    return float(median), float(low), float(high)


def copying(number: int, device: Any = "cuda") -> Callable[[], Any]:
    """Prepare a copy of memory that reads and writes ``number`` bytes in all."""
    import torch

    source = torch.empty(max(1, number // 2), dtype=torch.uint8, device=device)
    target = torch.empty_like(source)
    return lambda: target.copy_(source)


def copy_bandwidth() -> float:
    """Return bytes read and written per second when much memory is copied."""
    return COPIED / seconds(copying(COPIED))[0]


def device() -> dict[str, Any]:
    """Return the GPU, its driver, and versions."""
    import subprocess

    import torch

    asked = ["nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader"]
    try:
        driver = subprocess.run(asked, capture_output=True, text=True, check=True).stdout.split("\n")[0]
    except (OSError, subprocess.CalledProcessError):
        driver = "unknown"
    versions = {}
    for name in ("tightbound", "torch", "triton", "numba-cuda", "flashinfer-python"):
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            versions[name] = "not installed"
    return {"gpu": torch.cuda.get_device_name(), "driver": driver, "cuda": torch.version.cuda, **versions}
