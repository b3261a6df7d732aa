"""Every Triton kernel: compared with float64 on fresh random inputs, then timed beside the memory's speed."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from tightbound.papers.speculative_core._gpu_cases import cases
from tightbound.papers.speculative_core._gpu_inputs import LARGE, ODD, Case, Scale
from tightbound.verification import defaults
from tightbound.verification.bench import Row
from tightbound.verification.gpu import absent, copy_bandwidth, copying, device, seconds, untimed

OUTPUT = defaults.OUTPUT / "gpu.json"


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
        return [untimed(f"not measured: {why}")]
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


def measure(case: Case, ties: int, copied: float) -> list[dict[str, Any]]:
    """Time one kernel and what can be compared with it."""
    from tightbound.papers.speculative_core import _gpu_peers as peers

    def ours() -> Any:
        return case.timed() if case.timed else case.run(*case.tensors, backend="triton")

    median, low, high = seconds(ours)
    like = seconds(copying(case.bytes, case.tensors[0].device))[0] / median
    per_second, share = case.bytes / median, case.bytes / median / copied
    said = f"{per_second / 1e9:.0f} GB/s, {100 * share:.0f} % of copy ({100 * like:.0f} % of one as small)"
    said += f", {case.flops / median / 1e12:.1f} TFLOP/s"
    row = {"size": case.size, "unit": "s", "median": median, "low20": low, "high80": high, "ties": ties}
    row |= {"bytes": case.bytes, "flops": case.flops, "share of copy": share}
    row |= {"share of a copy of as many bytes": like}
    rows = [{"what": f"{case.kernel}: {said}", **row, "ratio_to": case.kernel, "ratio": 1.0}]
    for name, prepare in peers.PEERS.get(case.kernel, {}).items():
        try:
            median_, low, high = seconds(prepare(*case.tensors))
        except Exception as error:  # another package's, whose versions differ
            why = f"{name}: not measured, {type(error).__name__}: {str(error)[:200]}"
            rows.append(untimed(why, case.size))
            continue
        row = {"size": case.size, "unit": "s", "median": median_, "low20": low, "high80": high}
        rows.append({"what": name, **row, "ratio_to": case.kernel, "ratio": median_ / median})
    return rows
