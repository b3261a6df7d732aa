"""What the Triton backends of the attention operations share: tensors, launch sizes, the launch itself."""

from __future__ import annotations

from typing import Any

DIMS = (16, 32, 64, 128, 256)


def as_tensor(name: str, value: Any, storage: str | None = None) -> Any:
    """Return a torch tensor of float32, float16 or bfloat16."""
    import torch

    if not isinstance(value, torch.Tensor):
        raise TypeError(f"{name} is a {type(value).__name__}: backend='triton' takes torch tensors")
    if value.dtype == torch.uint16 and storage == "bfloat16":
        return value.view(torch.bfloat16)
    if value.dtype not in (torch.float16, torch.float32, torch.bfloat16):
        raise TypeError(
            f"{name} has dtype {value.dtype}: backend='triton' takes float16, bfloat16 and float32"
        )
    return value
