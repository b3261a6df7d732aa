"""Attention of a pass on a device: by the kernels, or in PyTorch alone where there are none.

Each class is what all layers of one pass share; it is called as ``(layer, q, k, v, keys, values)`` with the
rows' own q (B, M, H, D), k, v (B, M, Hk, D) and the cache (B, Hk, N, D) they have been put into, and returns
(B, M, H, D). Numbers of keys are tensors on the device, and splits depend on shapes alone, so a captured
graph of launches stays right when it is replayed for longer texts.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

PROGRAMS = 264  # two for each multiprocessor of an H100 or H200
MOST_SPLITS = 32  # merging takes one after the other
LEAST_KEYS = 64


def splits(parts: int, keys: int) -> int:
    """Return into how many splits the keys of ``parts`` pairs of sequence and key head are cut."""
    return max(1, min(-(-PROGRAMS // parts), keys // LEAST_KEYS, MOST_SPLITS))


@dataclass(frozen=True, eq=False)
class Prompt:
    """All rows that a sequence has, each seeing those before it."""

    def __call__(self, layer: int, q: Any, k: Any, v: Any, keys: Any, values: Any) -> Any:
        """Return the output (B, M, H, D)."""
        import torch

        group = q.shape[2] // k.shape[2]
        k, v = (x.repeat_interleave(group, 2) for x in (k, v))  # the fastest implementation takes no groups
        parts = (x.transpose(1, 2) for x in (q, k, v))
        return torch.nn.functional.scaled_dot_product_attention(*parts, is_causal=True).transpose(1, 2)


@dataclass(frozen=True, eq=False)
class Masked:
    """Any rows over any keys, in PyTorch.

    Parameters
    ----------
    lengths : tensor of int, shape (B,)
        Committed rows.
    mask : tensor of bool, shape (B, M, T)
        Which of the T pending rows, its own included, each row sees.
    chosen : pair of tensors of int, shapes (layers, B, Hk, K) and (B,), optional
        Committed keys to read, and from where on all are read.
    """

    lengths: Any
    mask: Any
    chosen: tuple[Any, Any] | None = None

    def __call__(self, layer: int, q: Any, k: Any, v: Any, keys: Any, values: Any) -> Any:
        """Return the output (B, M, H, D)."""
        import torch

        batch, kv_heads, room, _ = keys.shape
        rows, pending = self.mask.shape[1:]
        slot = torch.arange(room, device=q.device)
        lengths = self.lengths.long()[:, None]
        seen = (slot < lengths)[:, None].expand(batch, kv_heads, room)
        if self.chosen is not None:
            index, tail = self.chosen
            listed = torch.zeros((batch, kv_heads, room), dtype=torch.bool, device=q.device)
            listed.scatter_(2, index[layer].long(), True)
            seen = (seen & (listed | (slot >= tail.long()[:, None])[:, None])).clone()
        whole = seen[:, :, None].repeat(1, 1, rows, 1)
        at = (lengths + torch.arange(pending, device=q.device))[:, None, None]
        at = at.expand(batch, kv_heads, rows, pending)
        whole.scatter_(3, at, self.mask[:, None].expand(batch, kv_heads, rows, pending))
        whole = whole.repeat_interleave(q.shape[2] // kv_heads, 1)
        found = torch.nn.functional.scaled_dot_product_attention(
            q.transpose(1, 2), keys, values, attn_mask=whole, enable_gqa=True
        )
        return found.transpose(1, 2)


@dataclass(frozen=True, eq=False)
class OneRow:
    """A row that sees every key up to its own.

    Parameters
    ----------
    ends : tensor of int32, shape (B,)
        Keys of each sequence, that of the row included.
    splits : int
        See `splits`.
    """

    ends: Any
    splits: int

    def __call__(self, layer: int, q: Any, k: Any, v: Any, keys: Any, values: Any) -> Any:
        """Return the output (B, 1, H, D) in float32."""
        from tightbound.kernels.decode_attention_splitk import decode_attention_splitk
        from tightbound.kernels.merge_states import merge_states

        parts = decode_attention_splitk(
            q, *_cache(keys, values), self.ends, num_splits=self.splits, backend="triton"
        )
        return merge_states(*parts, backend="triton")[0]


@dataclass(frozen=True, eq=False)
class Chosen:
    """A row that sees chosen keys, and every key from a place on up to its own.

    Parameters
    ----------
    index : tensor of int32, shape (layers, B, Hk, K)
    tail_start, ends : tensor of int32, shape (B,)
    splits : int
    """

    index: Any
    tail_start: Any
    ends: Any
    splits: int

    def __call__(self, layer: int, q: Any, k: Any, v: Any, keys: Any, values: Any) -> Any:
        """Return the output (B, 1, H, D)."""
        from tightbound.kernels.sparse_decode_attention import sparse_decode_attention

        found = sparse_decode_attention(
            q,
            *_cache(keys, values),
            self.index[layer],
            self.tail_start,
            self.ends,
            num_splits=self.splits,
            backend="triton",
        )
        return found[0]


@dataclass(frozen=True, eq=False)
class Tree:
    """Rows that see all committed keys, or chosen ones, and each other under a mask.

    Parameters
    ----------
    lengths : tensor of int32, shape (B,)
        Committed rows.
    mask : tensor of bool or uint8, shape (B, M, T)
        Which of the T pending rows each row sees. If T is M, they are the rows themselves.
    splits : int
    chosen : pair of tensors of int32, optional
        See `Masked`.
    """

    lengths: Any
    mask: Any
    splits: int
    chosen: tuple[Any, Any] | None = None

    def __call__(self, layer: int, q: Any, k: Any, v: Any, keys: Any, values: Any) -> Any:
        """Return the output (B, M, H, D)."""
        from tightbound.kernels.hybrid_tree_attention import hybrid_tree_attention
        from tightbound.kernels.merge_states import merge_states
        from tightbound.kernels.sparse_decode_attention import sparse_decode_attention
        from tightbound.kernels.tree_attention import tree_attention

        rows, pending = self.mask.shape[1:]
        if pending > rows:
            k, v = (self._pending(x, pending) for x in (keys, values))
        cache = _cache(keys, values)
        if self.chosen is None:
            return hybrid_tree_attention(
                q, *cache, self.lengths, k, v, self.mask, num_splits=self.splits, backend="triton"
            )[0]
        import torch

        index, tail = self.chosen
        far = sparse_decode_attention(q, *cache, index[layer], tail, self.lengths, backend="triton")
        near = tree_attention(q, k, v, self.mask, backend="triton")
        o, lse = (torch.stack([a.float(), b.float()]) for a, b in zip(far, near, strict=True))
        return merge_states(o, lse, backend="triton")[0]

    def _pending(self, cache: Any, count: int) -> Any:
        """Return the pending rows (B, T, Hk, D) of a layer."""
        import torch

        sequence = torch.arange(len(cache), device=cache.device)[:, None]
        row = self.lengths.long()[:, None] + torch.arange(count, device=cache.device)
        return cache[sequence, :, row]


def _cache(keys: Any, values: Any) -> tuple[Any, Any]:
    """Return a layer's cache as the kernels take it, (B, N, Hk, D)."""
    return keys.transpose(1, 2), values.transpose(1, 2)
