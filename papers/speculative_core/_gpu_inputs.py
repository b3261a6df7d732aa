"""Sizes, random tensors, and what one kernel is given and held to."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Scale:
    """Sizes of the inputs of all kernels."""

    batch: int
    drafts: int
    vocabulary: int
    nodes: int
    keys: int
    kept: int
    kv_heads: int
    group: int
    dim: int
    dtypes: tuple[str, ...]


TINY = Scale(2, 3, 150, 5, 150, 33, 2, 2, 16, ("float32", "float16"))
ODD = Scale(5, 5, 50_257, 45, 4099, 301, 3, 3, 64, ("float32", "float16", "bfloat16"))
LARGE = Scale(16, 5, 128_256, 69, 32_768, 1024, 8, 4, 128, ("float16", "bfloat16"))


@dataclass(frozen=True)
class Case:
    """One kernel at one size.

    Parameters
    ----------
    kernel, size : str
        What is printed.
    run : callable ``(*tensors, backend) -> tensor or tuple of tensors``
        The operation.
    tensors : tuple
        Its arguments, on the device.
    compare : callable ``(expected, found, again) -> int``
        Counts ties and raises ``ArithmeticError`` for what is none; ``again(shift)`` repeats the reference.
    bytes, flops : int
        Of the roofline.
    axis : int
        Axis of requests.
    coins : tuple of int
        Which arguments are variates, that ``again`` moves.
    timed : callable, optional
        What is timed instead of ``run``.
    numba_cuda : bool
        Whether the operation also runs there, on these dtypes.
    """

    kernel: str
    size: str
    run: Callable[..., Any]
    tensors: tuple[Any, ...]
    compare: Callable[..., int]
    bytes: int
    flops: int
    axis: int = 0
    coins: tuple[int, ...] = ()
    timed: Callable[[], Any] | None = None
    numba_cuda: bool = False


class Maker:
    """Random tensors on one device."""

    def __init__(self, scale: Scale, device: str, seed: int) -> None:
        import torch

        self.scale, self.device = scale, device
        self.generator = torch.Generator(device=device).manual_seed(seed)

    def normal(self, *shape: int, dtype: str = "float32") -> Any:
        """Return standard normals."""
        import torch

        found = torch.randn(shape, generator=self.generator, device=self.device)
        return found.to(getattr(torch, dtype))

    def uniform(self, *shape: int) -> Any:
        """Return variates in [0, 1)."""
        import torch

        return torch.rand(shape, generator=self.generator, device=self.device, dtype=torch.float64)

    def integers(self, low: int, high: int, *shape: int) -> Any:
        """Return integers from low to high - 1."""
        import torch

        return torch.randint(low, high, shape, generator=self.generator, device=self.device)

    def laws(self, *shape: int) -> tuple[Any, Any]:
        """Return two laws of float32 that agree in part."""
        logits = 3.0 * self.normal(*shape)
        return logits.softmax(-1), (logits + 0.7 * self.normal(*shape)).softmax(-1)

    def draws(self, laws: Any) -> Any:
        """Return a token from each law."""
        import torch

        rows = laws.reshape(-1, laws.shape[-1])
        return torch.multinomial(rows, 1, generator=self.generator).reshape(laws.shape[:-1])

    def lengths(self) -> Any:
        """Return keys of each request: all of a large cache, else fewer in every second one."""
        import torch

        s = self.scale
        full = torch.full((s.batch,), s.keys, device=self.device, dtype=torch.int32)
        if s is not LARGE:
            full[1::2] = s.keys - s.keys // 3
        return full

    def trees(self) -> tuple[Any, Any]:
        """Return parents of random trees, and candidates of a few tokens."""
        import torch

        s = self.scale
        rows = [[-1, *(int(self.integers(0, i, 1)) for i in range(1, s.nodes))] for _ in range(s.batch)]
        parents = torch.tensor(rows, device=self.device, dtype=torch.int32)
        return parents, self.integers(0, 8, s.batch, s.nodes).int()
