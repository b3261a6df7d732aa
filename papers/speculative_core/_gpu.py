"""Every Triton kernel: compared with float64 on fresh random inputs, then timed beside the memory's speed."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from tightbound.papers.speculative_core._gpu_cases import cases
from tightbound.papers.speculative_core._gpu_inputs import LARGE, ODD, Case, Scale
from tightbound.verification import defaults
from tightbound.verification.bench import Row

OUTPUT = defaults.OUTPUT / "gpu.json"
ROUNDS = 30
COPIED = 2**30  # bytes


def benchmark(output: Path = OUTPUT) -> Sequence[Row]:
    """Check and time all kernels and write a report; where there is no GPU, say so in one row.

    Raises
    ------
    ArithmeticError
        If a result is not what the reference says; names the kernel. Nothing is timed then.
    """
    why = absent()
    if why is not None:
        nothing = dict.fromkeys(("median", "low20", "high80"))
        return [{"what": f"not measured: {why}", "size": "", "unit": "", **nothing}]
    seed = time.time_ns() % 2**32
    checked = check_all(ODD, "cuda", seed)
    copied = copy_bandwidth()
    rows: list[dict[str, Any]] = []
    for case in cases(LARGE, "cuda", seed + 1):
        rows += measure(case, check(case, requests=1), copied)
    machine = device() | {"seed": seed, "copy bytes per second": copied}
    output.parent.mkdir(parents=True, exist_ok=True)
    report = {"device": machine, "checked": checked, "measured": rows}
    output.write_text(json.dumps(report, indent=2), encoding="utf-8")
    return rows


def absent() -> str | None:
    """Return what keeps kernels from running on a GPU here, None if nothing does."""
    for package in ("torch", "triton"):
        if find_spec(package) is None:
            return f"{package} is not installed"
    import torch

    return None if torch.cuda.is_available() else "torch sees no CUDA GPU"


def check_all(scale: Scale, device: str, seed: int) -> list[dict[str, Any]]:
    """Compare every kernel with its reference; return kernel, size and ties of each case."""
    return [{"kernel": c.kernel, "size": c.size, "ties": check(c)} for c in cases(scale, device, seed)]


def check(case: Case, requests: int | None = None) -> int:
    """Compare one kernel with its reference, on the first requests or on all; return the number of ties.

    Raises
    ------
    ArithmeticError
        Naming the kernel, its size, and what differs.
    """
    found = _arrays(case.run(*case.tensors, backend="triton"))

    def again(shift: tuple[float, ...]) -> list[Any]:
        given = list(case.tensors)
        for i, by in zip(case.coins, shift, strict=False):  # where there are none, nothing moves
            given[i] = (given[i] + by).clamp(0.0, 1.0 - 2.0**-53)
        some = [
            x.narrow(case.axis, 0, min(requests or x.shape[case.axis], x.shape[case.axis])) for x in given
        ]
        return _arrays(case.run(*(x.cpu() for x in some), backend="numpy"))

    expected = again((0.0,) * len(case.coins))
    first = [b[tuple(map(slice, a.shape))] for a, b in zip(expected, found, strict=True)]
    try:
        return case.compare(expected, first, again)
    except ArithmeticError as error:
        raise ArithmeticError(f"{case.kernel} ({case.size}): {error}") from error


def _arrays(result: Any) -> list[Any]:
    parts = result if isinstance(result, tuple) else (result,)
    return [x if isinstance(x, np.ndarray) else _array(x) for x in parts]


def _array(tensor: Any) -> Any:
    import torch

    return (tensor.float() if tensor.dtype == torch.bfloat16 else tensor).cpu().numpy()


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


def copy_bandwidth() -> float:
    """Return bytes read and written per second when memory is copied."""
    import torch

    source = torch.empty(COPIED, dtype=torch.uint8, device="cuda")
    target = torch.empty_like(source)
    return 2 * COPIED / seconds(lambda: target.copy_(source))[0]


def measure(case: Case, ties: int, copied: float) -> list[dict[str, Any]]:
    """Time one kernel and what can be compared with it."""
    from tightbound.papers.speculative_core import _gpu_peers as peers

    def ours() -> Any:
        return case.timed() if case.timed else case.run(*case.tensors, backend="triton")

    median, low, high = seconds(ours)
    per_second, share = case.bytes / median, case.bytes / median / copied
    said = (
        f"{per_second / 1e9:.0f} GB/s, {100 * share:.0f} % of copy, {case.flops / median / 1e12:.1f} TFLOP/s"
    )
    row = {"size": case.size, "unit": "s", "median": median, "low20": low, "high80": high, "ties": ties}
    row |= {"bytes": case.bytes, "flops": case.flops, "share of copy": share}
    rows = [{"what": f"{case.kernel}: {said}", **row, "ratio_to": case.kernel, "ratio": 1.0}]
    for name, prepare in peers.PEERS.get(case.kernel, {}).items():
        try:
            median_, low, high = seconds(prepare(*case.tensors))
        except Exception as error:  # another package's, whose versions differ
            nothing = dict.fromkeys(("median", "low20", "high80"))
            why = f"{name}: not measured, {type(error).__name__}: {str(error)[:200]}"
            rows.append({"what": why, "size": case.size, "unit": "", **nothing})
            continue
        row = {"size": case.size, "unit": "s", "median": median_, "low20": low, "high80": high}
        rows.append({"what": name, **row, "ratio_to": case.kernel, "ratio": median_ / median})
    return rows


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
    for name in ("tightbound", "torch", "triton", "flashinfer-python"):
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            versions[name] = "not installed"
    return {"gpu": torch.cuda.get_device_name(), "driver": driver, "cuda": torch.version.cuda, **versions}
