"""What rows of a pass on a device see, and a pass as one graph of launches."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tightbound.simulators.language_models import _gpu_attention as attention
from tightbound.simulators.language_models.gpu_llama import GpuLlama


def over_row(model: GpuLlama, starts: Any, splits: int) -> Any:
    """Return how one row at ``starts`` sees every key up to its own."""
    if model.kernels:
        return attention.OneRow(starts + 1, splits)
    return attention.Masked(starts, _chain(model, len(starts), 1))


def over_chain(model: GpuLlama, starts: Any, rows: int, splits: int) -> Any:
    """Return how rows from ``starts`` on see every key up to their own."""
    mask = _chain(model, len(starts), rows)
    if not model.kernels:
        return attention.Masked(starts, mask)
    return attention.Tree(starts, mask, splits)


def over_kept(model: GpuLlama, index: Any, tail: Any, starts: Any, splits: int) -> Any:
    """Return how one row at ``starts`` sees kept keys and those from ``tail`` on."""
    if model.kernels:
        return attention.Chosen(index, tail, starts + 1, splits)
    return attention.Masked(starts, _chain(model, len(starts), 1), (index, tail))


def by_shapes(model: GpuLlama, keys: Any) -> int:
    """Return the number of splits of a cache (layers, B, Hk, N, D)."""
    return attention.splits(keys.shape[1] * model.config.kv_heads, keys.shape[3])


def _chain(model: GpuLlama, batch: int, rows: int) -> Any:
    import torch

    mask = torch.ones((rows, rows), dtype=torch.bool, device=model.device).tril()
    return mask.expand(batch, -1, -1).contiguous()


def captured(run: Callable[[], Any]) -> Callable[[], None] | str:
    """Return what replays the launches of ``run`` as one graph, or why they could not be captured."""
    import torch

    if not torch.cuda.is_available():
        return "torch sees no CUDA GPU"
    try:
        aside = torch.cuda.Stream()
        aside.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(aside):
            run()  # compiles, and takes memory for libraries
        torch.cuda.current_stream().wait_stream(aside)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            run()
    except RuntimeError as error:
        torch.cuda.synchronize()
        return f"{type(error).__name__}: {str(error).splitlines()[0]}"
    replay: Callable[[], None] = graph.replay
    return replay


def wait(model: GpuLlama) -> None:
    """Wait until the device has done what it was given."""
    if model.device.type == "cuda":
        import torch

        torch.cuda.synchronize()
