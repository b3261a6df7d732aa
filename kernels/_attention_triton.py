"""What the Triton backends of the attention operations share: tensors, block sizes, the launch."""

from __future__ import annotations

import math
import os
from typing import Any

from tightbound.kernels._attention_arguments import CHUNK, Sizes
from tightbound.kernels._kernel_attention_triton import attention
from tightbound.theory._validation import as_integer

DIMS = (16, 32, 64, 128, 256)
AT_ONCE = 264  # programs: two for each multiprocessor of an H100 or H200
BUSY = 0.95
MOST_SPLITS = 8  # where there are enough programs without: merging costs too
LOG2E = 1.4426950408889634


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


def computed(dtype: Any) -> Any:
    """Return the dtype that programs compute and store where ``dtype`` is meant.

    The interpreter computes with the bit patterns of bfloat16 and truncates on storing: float32 there.
    """
    import torch

    interpreted = os.environ.get("TRITON_INTERPRET") == "1"
    return torch.float32 if interpreted and dtype == torch.bfloat16 else dtype


def tensors(named: dict[str, Any], n: Sizes, storage: str | None) -> list[Any]:
    """Return queries, keys and values of one dtype whose last axis is dense."""
    found = [as_tensor(name, value, storage) for name, value in named.items()]
    dtypes = {str(x.dtype) for x in found}
    if len(dtypes) > 1:
        raise TypeError(f"{', '.join(named)} have dtypes {', '.join(sorted(dtypes))}: give all in one")
    if n.dim not in DIMS:
        raise ValueError(f"D is {n.dim}: backend='triton' takes {', '.join(map(str, DIMS))}; pad with zeros")
    return [x if x.stride(3) == 1 else x.contiguous() for x in found]


def as_integers(name: str, value: Any, like: Any, shape: tuple[int, ...]) -> Any:
    """Return a tensor of int32 or int64 beside ``like``, None for None."""
    import torch

    if value is None:
        return None
    found = torch.as_tensor(value, device=like.device)
    if found.dtype not in (torch.int32, torch.int64):
        raise TypeError(f"{name} has dtype {found.dtype}: give int32 or int64")
    if tuple(found.shape) != shape:
        raise ValueError(f"{name} has shape {tuple(found.shape)}: it must be {shape}")
    return found.contiguous()


def as_mask(name: str, value: Any, shape: tuple[int, int, int]) -> Any:
    """Return a mask (B, M, T) of bytes."""
    import torch

    if not isinstance(value, torch.Tensor) or value.dtype.is_floating_point:
        raise TypeError(f"{name} must be a torch tensor of bool or integers: backend='triton' takes no other")
    if tuple(value.shape) != shape:
        raise ValueError(f"{name} has shape {tuple(value.shape)}: it must be (B, M, keys) = {shape}")
    shown = value if value.dtype == torch.bool else value != 0
    return shown.contiguous().view(torch.uint8)


def blocks(rows: int, dim: int, itemsize: int, *, chosen: bool = False) -> dict[str, int]:
    """Return tile sizes and launch options for ``rows`` packed rows.

    Tiles of 64 rows where tiles of 128 would be empty by a tenth more. float32 has no tensor cores at full
    precision: its tiles are what the registers of a program hold. Keys that are ``chosen`` wait for their
    indices, which takes stages: with fewer than five the next keys are asked for only after the present
    ones were used.
    """
    if itemsize == 2:
        most, block_n, stages = (128 if dim <= 128 else 64), (64 if dim <= 128 else 32), 3
    else:
        most, block_n, stages = min(64, 4096 // dim), (32 if dim <= 64 else 16), 2
    if chosen:
        stages = 5
    if most == 128 and 64 * math.ceil(rows / 64) < 0.9 * 128 * math.ceil(rows / 128):
        most = 64
    block_m = min(most, max(16, 1 << (rows - 1).bit_length()))
    warps = 8 if block_m == 128 or itemsize == 4 else 4
    return {"BLOCK_M": block_m, "BLOCK_N": block_n, "num_warps": warps, "num_stages": stages}


def splits(num_splits: Any, n: Sizes, itemsize: int, keys: int | None = None) -> int:
    """Return ``num_splits``, or the fewest of at least ``CHUNK`` keys that keep the GPU busy.

    Programs run ``AT_ONCE``, then the next as many: a last round of few leaves the rest of the GPU idle. The
    fewest splits count that use ``BUSY`` of all rounds, else those that use most.
    """
    if num_splits is not None:
        return as_integer("num_splits", num_splits, least=1)
    tile = blocks(n.rows * n.group, n.dim, itemsize)["BLOCK_M"]
    programs = n.batch * n.kv_heads * math.ceil(n.rows * n.group / tile)
    most = min((n.keys if keys is None else keys) // CHUNK, max(MOST_SPLITS, AT_ONCE // programs))
    counts = range(1, most + 1)

    def busy(count: int) -> float:
        return programs * count / (AT_ONCE * math.ceil(programs * count / AT_ONCE))

    return next((count for count in counts if busy(count) >= BUSY), max(counts, key=busy, default=1))


def attend(
    q: Any,
    n: Sizes,
    scale: float,
    *,
    cache: tuple[Any, Any, Any] | None = None,
    splits: int = 0,
    chosen: tuple[Any, Any] | None = None,
    ring: tuple[int, int] | None = None,
    tree: tuple[Any, Any, Any] | None = None,
    dtype: Any = None,
) -> tuple[Any, Any]:
    """Return o (S, B, M, H, D) in ``dtype`` (float32) and lse (S, B, M, H).

    ``cache`` is (k, v, lengths), read in ``splits`` splits; ``chosen`` (index, tail_start) and ``ring``
    (window, sinks) say which of its keys. All keys count where ``lengths`` is None; ``tail_start`` is one
    number or (B,): filling a tensor would be one more launch. ``tree`` is (k, v, mask), one more split. See
    `_kernel_attention_triton.attention`.
    """
    import torch

    k, v, lengths = cache or (q, q, None)
    index, tail_start = chosen or (q, 0)
    one_start = isinstance(tail_start, int)
    window, sinks = ring or (0, 0)
    k_tree, v_tree, mask = tree or (q, q, q)
    parts = splits + (tree is not None)
    inside = computed(q.dtype)
    o = torch.empty(
        (parts, n.batch, n.rows, n.heads, n.dim), dtype=computed(dtype or torch.float32), device=q.device
    )
    lse = torch.empty((parts, n.batch, n.rows, n.heads), dtype=torch.float32, device=q.device)
    launch = blocks(n.rows * n.group, n.dim, q.element_size(), chosen=chosen is not None)
    tiles = -(-n.rows * n.group // launch["BLOCK_M"])
    attention[(parts * tiles, n.kv_heads, n.batch)](
        q.contiguous(),
        k,
        v,
        index,
        q if one_start else tail_start,
        q if lengths is None else lengths,
        k_tree,
        v_tree,
        mask,
        o,
        lse,
        scale * LOG2E,
        n.batch,
        n.rows,
        n.heads,
        n.kv_heads,
        k.shape[1],
        index.shape[2],
        tail_start if one_start else 0,
        k_tree.shape[1],
        splits,
        window,
        sinks,
        *k.stride()[:3],
        *v.stride()[:3],
        *k_tree.stride()[:3],
        *v_tree.stride()[:3],
        D=n.dim,
        CACHE=cache is not None,
        CHOSEN=chosen is not None,
        RING=ring is not None,
        TREE=tree is not None,
        HAS_LENGTHS=lengths is not None,
        HAS_STARTS=not one_start,
        WIDEN=inside != q.dtype,
        **launch,
    )
    return o if dtype is None else o.to(dtype), lse


def variants(
    some: bool = False, *, cache: bool = True, chosen: bool = False, ring: bool = False, tree: bool = False
) -> list[Any]:
    """Return the variants of an operation to compile ahead of time: dtype, D, and 16 or 64 packed rows.

    ``some``: one with and one without tensor cores, where another operation compiles all of the same loop.
    """
    names = "q k v index tail_start lengths k_tree v_tree mask o lse factor".split()
    sizes = "batch rows heads kv_heads keys chosen start tree_keys splits window sinks".split()
    strides = [f"{x}_{axis}" for x in ("k", "v", "k_tree", "v_tree") for axis in ("batch", "key", "head")]
    found = []
    for kind, itemsize in (("fp16", 2), ("bf16", 2), ("fp32", 4)):
        types = dict.fromkeys(names, f"*{kind}:16") | dict.fromkeys(sizes, "i32")
        types |= dict.fromkeys(strides, "i64:16")
        types |= {"index": "*i32:16", "tail_start": "*i32:16", "lengths": "*i32:16", "mask": "*u8:16"}
        types |= {"o": "*fp32:16", "lse": "*fp32:16", "factor": "fp32"}
        for dim in (64, 128):
            for rows in (16, 64):
                launch = blocks(rows, dim, itemsize, chosen=chosen)
                options = {name: launch.pop(name) for name in ("num_warps", "num_stages")}
                flags = {"CACHE": cache, "CHOSEN": chosen, "RING": ring, "TREE": tree, "WIDEN": False}
                flags |= {"HAS_LENGTHS": cache, "HAS_STARTS": chosen}
                name = f"{kind} D={dim} BLOCK_M={launch['BLOCK_M']}"
                found.append((name, attention, types, {"D": dim} | launch | flags, options))
    return [found[i] for i in (3, 11)] if some else found
