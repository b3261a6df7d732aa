"""Every Triton kernel: compared with float64 on fresh random inputs, then timed beside the memory's speed."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from functools import partial
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
    """Check all kernels, time those that are right, and write a report; without a GPU say so in one row.

    The report is written after every kernel, so a run that is cut short leaves what it has.

    Raises
    ------
    ArithmeticError
        At the end, if a result was not what the reference says; names all such kernels.
    """
    why = absent()
    if why is not None:
        return [_untimed(f"not measured: {why}", "")]
    seed = time.time_ns() % 2**32
    copied = copy_bandwidth()
    report: dict[str, Any] = {
        "device": device() | {"seed": seed, "copy bytes per second": copied},
        "checked": [],
        "measured": [],
        "wrong": [],
    }

    def attempt(part: str, rows: Callable[[], list[dict[str, Any]]]) -> None:
        try:
            report[part] += rows()
        except ArithmeticError as error:
            report["wrong"].append(str(error))
        output.parent.mkdir(parents=True, exist_ok=True)
        output.write_text(json.dumps(report, indent=2), encoding="utf-8")

    for case in cases(ODD, "cuda", seed):
        for backend in ("triton", "numba_cuda") if case.numba_cuda else ("triton",):
            attempt("checked", partial(_checked, case, backend))
    for case in cases(LARGE, "cuda", seed + 1):
        attempt("measured", partial(_measured, case, copied))
    if report["wrong"]:
        raise ArithmeticError("; ".join(report["wrong"]))
    rows: list[dict[str, Any]] = report["measured"]
    return rows


def _checked(case: Case, backend: str) -> list[dict[str, Any]]:
    return [{"kernel": case.kernel, "size": case.size, "backend": backend, "ties": check(case, backend)}]


def _measured(case: Case, copied: float) -> list[dict[str, Any]]:
    return measure(case, check(case, requests=1), copied)


def _untimed(what: str, size: str) -> dict[str, Any]:
    return {"what": what, "size": size, "unit": "", **dict.fromkeys(("median", "low20", "high80"))}


def absent() -> str | None:
    """Return what keeps kernels from running on a GPU here, None if nothing does."""
    for package in ("torch", "triton"):
        if find_spec(package) is None:
            return f"{package} is not installed"
    import torch

    return None if torch.cuda.is_available() else "torch sees no CUDA GPU"


def check_all(scale: Scale, device: str, seed: int) -> list[dict[str, Any]]:
    """Compare every kernel with its reference; return kernel, size, backend and ties of each case."""
    return [row for case in cases(scale, device, seed) for row in _checked(case, "triton")]


def check(case: Case, backend: str = "triton", requests: int | None = None) -> int:
    """Compare one kernel with its reference, on the first requests or on all; return the number of ties.

    Raises
    ------
    ArithmeticError
        Naming the kernel, its size, and what differs.
    """
    given = case.tensors if backend == "triton" else tuple(x.cpu().numpy() for x in case.tensors)
    found = _arrays(case.run(*given, backend=backend))

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
        raise ArithmeticError(f"{case.kernel} ({case.size}, {backend}): {error}") from error


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
            why = f"{name}: not measured, {type(error).__name__}: {str(error)[:200]}"
            rows.append(_untimed(why, case.size))
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
    for name in ("tightbound", "torch", "triton", "numba-cuda", "flashinfer-python"):
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            versions[name] = "not installed"
    return {"gpu": torch.cuda.get_device_name(), "driver": driver, "cuda": torch.version.cuda, **versions}
