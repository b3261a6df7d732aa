"""The parts of a transformer's layer that are not attention, in PyTorch: on the CPU, or for many rows."""

from __future__ import annotations

from typing import Any


def normal(hidden: Any, scale: Any, eps: float, dtype: Any) -> Any:
    """Return normalised hidden states in ``dtype``."""
    import torch

    mean = hidden.square().mean(-1, keepdim=True)
    return (hidden * torch.rsqrt(mean + eps) * scale).to(dtype)


def project(
    hidden: Any,
    scale: Any,
    weights: Any,
    eps: float,
    rotation: tuple[Any, Any],
    positions: Any,
    starts: Any,
    keys: Any,
    values: Any,
    heads: int,
) -> tuple[Any, Any, Any]:
    """Return q (B, M, H, D), k and v (B, M, Hk, D) of rows, with k and v in the cache.

    Parameters
    ----------
    hidden : tensor of float32, shape (B M, width)
    scale, weights, eps
        Of the norm, and of queries, keys and values.
    rotation : pair of tensors of float32, shape (positions, D / 2)
        Cosines and sines.
    positions : tensor of int, shape (B, M)
    starts : tensor of int, shape (B,)
        Row of the cache that the first row of each sequence gets.
    keys, values : tensor, shape (B, Hk, N, D)
        The cache of the layer.
    heads : int
        Query heads.
    """
    import torch

    (batch, count), kv_heads = positions.shape, keys.shape[1]
    found = torch.nn.functional.linear(normal(hidden, scale, eps, weights.dtype), weights)
    found = found.view(batch, count, heads + 2 * kv_heads, -1)
    turned = found[:, :, : heads + kv_heads].float().unflatten(-1, (-1, 2))
    c, s = (part[positions.long()][:, :, None] for part in rotation)
    x, y = turned.unbind(-1)
    turned = torch.stack([x * c - y * s, x * s + y * c], -1).flatten(-2).to(weights.dtype)
    q, k, v = turned[:, :, :heads], turned[:, :, heads:], found[:, :, heads + kv_heads :]
    sequence = torch.arange(batch, device=hidden.device)[:, None]
    row = starts.long()[:, None] + torch.arange(count, device=hidden.device)
    keys[sequence, :, row], values[sequence, :, row] = k, v
    return q, k, v


def add(hidden: Any, given: Any, weights: Any) -> None:
    """Add the product with weights (outputs, inputs) of given rows to hidden states in place."""
    import torch

    hidden += torch.nn.functional.linear(given.to(weights.dtype), weights)


def gate(hidden: Any, scale: Any, weights: Any, eps: float) -> Any:
    """Return silu(gate) * up (R, inner) of normalised hidden states."""
    import torch

    both = torch.nn.functional.linear(normal(hidden, scale, eps, weights.dtype), weights)
    first, second = both.chunk(2, -1)
    return torch.nn.functional.silu(first) * second


def read_out(hidden: Any, scale: Any, weights: Any, eps: float) -> Any:
    """Return logits (R, outputs) in float32 of normalised hidden states."""
    import torch

    return torch.nn.functional.linear(normal(hidden, scale, eps, weights.dtype), weights).float()
