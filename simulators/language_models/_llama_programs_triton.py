"""Triton programs of a transformer's layer for few rows, as many launches as there are dependencies.

Hidden states are float32, weights of half precision. Each program owns a tile of rows and outputs, so a
result depends on the tile's shape but not on what else is in the batch.
"""

from __future__ import annotations

from typing import Any

from tightbound.kernels._triton_language import jit, tl

FEW_ROWS = 512
"""Beyond, a library's products are faster."""


@jit
def _normal_tile(  # type: ignore[no-untyped-def]
    hidden, scale, r, n, live, width, squares, DTYPE: tl.constexpr
):
    """Return a tile of hidden states times the norm's scale, and the sums of squares with its own added."""
    inside = n < width
    x = tl.load(hidden + r[:, None] * width + n[None, :], mask=live[:, None] & inside[None, :], other=0.0)
    s = tl.load(scale + n, mask=inside, other=0.0)
    return (x * s[None, :]).to(DTYPE), squares + tl.sum(x * x, 1)


@jit
def _weights_tile(weights, outputs, n, inside, inputs):  # type: ignore[no-untyped-def]
    """Return weights of some outputs, transposed to (inputs, outputs)."""
    seen = (n < inputs)[:, None] & inside[None, :]
    at = outputs.to(tl.int64)[None, :] * inputs + n[:, None]
    return tl.load(weights + at, mask=seen, other=0.0)


@jit
def project_heads(  # type: ignore[no-untyped-def]
    hidden,
    scale,
    weights,
    cosine,
    sine,
    positions,
    starts,
    q,
    k,
    v,
    keys,
    values,
    eps,
    rows,
    count,
    width,
    heads,
    kv_heads,
    cache_batch,
    cache_head,
    cache_row,
    HALF: tl.constexpr,
    DTYPE: tl.constexpr,
    BLOCK_M: tl.constexpr,
    BLOCK_K: tl.constexpr,
):
    """Norm, projection and rotation of one head (of queries, keys or values) for a tile of rows.

    Row r is row r % ``count`` of request r // ``count``. Keys and values (B, M, Hk, D) go to ``k``, ``v`` and
    into the cache (B, Hk, N, D), at the row's own number from ``starts`` (B,) on.
    """
    h = tl.program_id(1)
    r = tl.program_id(0) * BLOCK_M + tl.arange(0, BLOCK_M)
    live = r < rows
    i = tl.arange(0, HALF)
    even = h * 2 * HALF + 2 * i
    every = i < HALF
    first = tl.zeros([BLOCK_M, HALF], tl.float32)
    second = tl.zeros([BLOCK_M, HALF], tl.float32)
    squares = tl.zeros([BLOCK_M], tl.float32)
    for j in range(0, width, BLOCK_K):
        n = j + tl.arange(0, BLOCK_K)
        x, squares = _normal_tile(hidden, scale, r, n, live, width, squares, DTYPE)
        first += tl.dot(x, _weights_tile(weights, even, n, every, width), input_precision="ieee")
        second += tl.dot(x, _weights_tile(weights, even + 1, n, every, width), input_precision="ieee")
    factor = 1.0 / tl.sqrt(squares / width + eps)
    first = first * factor[:, None]
    second = second * factor[:, None]
    if h < heads + kv_heads:
        place = tl.load(positions + r, mask=live, other=0)
        at = place.to(tl.int64)[:, None] * HALF + i[None, :]
        c = tl.load(cosine + at, mask=live[:, None], other=0.0)
        s = tl.load(sine + at, mask=live[:, None], other=0.0)
        turned = first * c - second * s
        second = first * s + second * c
        first = turned
    x = first.to(DTYPE)
    y = second.to(DTYPE)
    seen = live[:, None] & every[None, :]
    if h < heads:
        at = (r * heads + h).to(tl.int64)[:, None] * (2 * HALF) + 2 * i[None, :]
        tl.store(q + at, x, mask=seen)
        tl.store(q + at + 1, y, mask=seen)
    else:
        g = (h - heads) % kv_heads
        b = r // count
        row = tl.load(starts + b, mask=live, other=0) + r % count
        at = (r * kv_heads + g).to(tl.int64)[:, None] * (2 * HALF) + 2 * i[None, :]
        to = b.to(tl.int64) * cache_batch + g * cache_head + row.to(tl.int64) * cache_row
        to = to[:, None] + 2 * i[None, :]
        if h < heads + kv_heads:
            tl.store(k + at, x, mask=seen)
            tl.store(k + at + 1, y, mask=seen)
            tl.store(keys + to, x, mask=seen)
            tl.store(keys + to + 1, y, mask=seen)
        else:
            tl.store(v + at, x, mask=seen)
            tl.store(v + at + 1, y, mask=seen)
            tl.store(values + to, x, mask=seen)
            tl.store(values + to + 1, y, mask=seen)


@jit
def add_product(  # type: ignore[no-untyped-def]
    hidden,
    given,
    weights,
    rows,
    outputs,
    inputs,
    DTYPE: tl.constexpr,
    BLOCK_M: tl.constexpr,
    BLOCK_N: tl.constexpr,
    BLOCK_K: tl.constexpr,
):
    """Add the product of given rows (R, inputs) to the hidden states (R, outputs)."""
    r = tl.program_id(0) * BLOCK_M + tl.arange(0, BLOCK_M)
    o = tl.program_id(1) * BLOCK_N + tl.arange(0, BLOCK_N)
    live = r < rows
    inside = o < outputs
    total = tl.zeros([BLOCK_M, BLOCK_N], tl.float32)
    for j in range(0, inputs, BLOCK_K):
        n = j + tl.arange(0, BLOCK_K)
        seen = live[:, None] & (n < inputs)[None, :]
        x = tl.load(given + r[:, None] * inputs + n[None, :], mask=seen, other=0.0).to(DTYPE)
        total += tl.dot(x, _weights_tile(weights, o, n, inside, inputs), input_precision="ieee")
    to = hidden + r[:, None] * outputs + o[None, :]
    seen = live[:, None] & inside[None, :]
    tl.store(to, tl.load(to, mask=seen, other=0.0) + total, mask=seen)


@jit
def gated_product(  # type: ignore[no-untyped-def]
    hidden,
    scale,
    weights,
    gated,
    eps,
    rows,
    width,
    inner,
    DTYPE: tl.constexpr,
    BLOCK_M: tl.constexpr,
    BLOCK_N: tl.constexpr,
    BLOCK_K: tl.constexpr,
):
    """Norm, both products of the MLP, and silu(gate) * up."""
    r = tl.program_id(0) * BLOCK_M + tl.arange(0, BLOCK_M)
    o = tl.program_id(1) * BLOCK_N + tl.arange(0, BLOCK_N)
    live = r < rows
    inside = o < inner
    gate = tl.zeros([BLOCK_M, BLOCK_N], tl.float32)
    up = tl.zeros([BLOCK_M, BLOCK_N], tl.float32)
    squares = tl.zeros([BLOCK_M], tl.float32)
    for j in range(0, width, BLOCK_K):
        n = j + tl.arange(0, BLOCK_K)
        x, squares = _normal_tile(hidden, scale, r, n, live, width, squares, DTYPE)
        gate += tl.dot(x, _weights_tile(weights, o, n, inside, width), input_precision="ieee")
        up += tl.dot(x, _weights_tile(weights, o + inner, n, inside, width), input_precision="ieee")
    factor = 1.0 / tl.sqrt(squares / width + eps)
    gate = gate * factor[:, None]
    both = gate / (1.0 + tl.exp(-gate)) * (up * factor[:, None])
    to = gated + r[:, None] * inner + o[None, :]
    tl.store(to, both.to(DTYPE), mask=live[:, None] & inside[None, :])


@jit
def read_out_product(  # type: ignore[no-untyped-def]
    hidden,
    scale,
    weights,
    logits,
    eps,
    rows,
    width,
    outputs,
    DTYPE: tl.constexpr,
    BLOCK_M: tl.constexpr,
    BLOCK_N: tl.constexpr,
    BLOCK_K: tl.constexpr,
):
    """Norm and the product with the read-out; logits are float32."""
    r = tl.program_id(1) * BLOCK_M + tl.arange(0, BLOCK_M)
    o = tl.program_id(0) * BLOCK_N + tl.arange(0, BLOCK_N)
    live = r < rows
    inside = o < outputs
    total = tl.zeros([BLOCK_M, BLOCK_N], tl.float32)
    squares = tl.zeros([BLOCK_M], tl.float32)
    for j in range(0, width, BLOCK_K):
        n = j + tl.arange(0, BLOCK_K)
        x, squares = _normal_tile(hidden, scale, r, n, live, width, squares, DTYPE)
        total += tl.dot(x, _weights_tile(weights, o, n, inside, width), input_precision="ieee")
    factor = 1.0 / tl.sqrt(squares / width + eps)
    to = logits + r.to(tl.int64)[:, None] * outputs + o[None, :]
    tl.store(to, total * factor[:, None], mask=live[:, None] & inside[None, :])


def _tile(rows: int) -> int:
    """Return rows per program: with few rows what it reads of them counts beside what it reads of weights."""
    return 16 if rows <= 32 else 32 if rows <= 128 else 64


def _dtype(weights: Any) -> Any:
    import torch

    return {torch.float16: tl.float16, torch.bfloat16: tl.bfloat16, torch.float32: tl.float32}[weights.dtype]


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
    """Return q (B, M, H, D), k and v (B, M, Hk, D) of rows, with k and v in the cache; see `_llama_torch`."""
    (batch, count), (_, kv_heads, _, dim) = positions.shape, keys.shape
    q = weights.new_empty((batch, count, heads, dim))
    k, v = weights.new_empty((2, batch, count, kv_heads, dim))
    rows, block = batch * count, _tile(batch * count)
    project_heads[(-(-rows // block), heads + 2 * kv_heads)](
        hidden,
        scale,
        weights,
        *rotation,
        positions.contiguous(),
        starts,
        q,
        k,
        v,
        keys,
        values,
        eps,
        rows,
        count,
        hidden.shape[1],
        heads,
        kv_heads,
        *keys.stride()[:3],
        HALF=dim // 2,
        DTYPE=_dtype(weights),
        BLOCK_M=block,
        BLOCK_K=64,
        num_warps=4,
        num_stages=4 if weights.element_size() == 2 else 2,
    )
    return q, k, v


def add(hidden: Any, given: Any, weights: Any) -> None:
    """Add the product with weights (outputs, inputs) of given rows to hidden states in place."""
    rows, inputs = given.shape
    block, wide = _tile(rows), 32
    add_product[(-(-rows // block), -(-weights.shape[0] // wide))](
        hidden,
        given.contiguous(),
        weights,
        rows,
        weights.shape[0],
        inputs,
        DTYPE=_dtype(weights),
        BLOCK_M=block,
        BLOCK_N=wide,
        BLOCK_K=128 if weights.element_size() == 2 else 64,
        num_warps=4,
        num_stages=3 if weights.element_size() == 2 else 2,
    )


def gate(hidden: Any, scale: Any, weights: Any, eps: float) -> Any:
    """Return silu(gate) * up (R, inner) of normalised hidden states."""
    rows, inner = hidden.shape[0], weights.shape[0] // 2
    gated, block, wide = weights.new_empty((rows, inner)), _tile(rows), 32
    gated_product[(-(-rows // block), -(-inner // wide))](
        hidden,
        scale,
        weights,
        gated,
        eps,
        rows,
        hidden.shape[1],
        inner,
        DTYPE=_dtype(weights),
        BLOCK_M=block,
        BLOCK_N=wide,
        BLOCK_K=64,
        num_warps=4,
        num_stages=4 if weights.element_size() == 2 else 2,
    )
    return gated


def read_out(hidden: Any, scale: Any, weights: Any, eps: float) -> Any:
    """Return logits (R, outputs) in float32 of normalised hidden states."""
    rows, outputs = hidden.shape[0], weights.shape[0]
    block, wide = _tile(rows), 128 if weights.element_size() == 2 else 32
    logits = hidden.new_empty((rows, outputs))
    read_out_product[(-(-outputs // wide), -(-rows // block))](
        hidden,
        scale,
        weights,
        logits,
        eps,
        rows,
        hidden.shape[1],
        outputs,
        DTYPE=_dtype(weights),
        BLOCK_M=block,
        BLOCK_N=wide,
        BLOCK_K=64,
        num_warps=4,
        num_stages=4 if weights.element_size() == 2 else 2,
    )
    return logits


def _variants() -> list[Any]:
    """Return variants to compile ahead of time: tiles with most rows, and one with few."""
    halves = "weights q k v keys values gated given".split()
    singles = "hidden scale cosine sine logits".split()
    sizes = "rows count width heads kv_heads outputs inputs inner".split()
    strides = "cache_batch cache_head cache_row".split()
    types = dict.fromkeys(halves, "*fp16:16") | dict.fromkeys(singles, "*fp32:16")
    types |= dict.fromkeys(sizes, "i32") | dict.fromkeys(strides, "i64:16")
    types |= {
        "positions": "*i32:16",
        "starts": "*i32:16",
        "eps": "fp32",
        "width": "i32:16",
        "inputs": "i32:16",
    }
    found = []
    for name, block, program, constants in (
        ("heads", 16, project_heads, {"HALF": 32, "BLOCK_K": 64}),
        ("heads", 64, project_heads, {"HALF": 32, "BLOCK_K": 64}),
        ("add", 64, add_product, {"BLOCK_N": 32, "BLOCK_K": 128}),
        ("gate", 64, gated_product, {"BLOCK_N": 32, "BLOCK_K": 64}),
        ("read-out", 64, read_out_product, {"BLOCK_N": 128, "BLOCK_K": 64}),
    ):
        options = {"num_warps": 4, "num_stages": 3 if name == "add" else 4}
        flags = constants | {"DTYPE": tl.float16, "BLOCK_M": block}
        found.append((f"{name} BLOCK_M={block}", program, types, flags, options))
    return found


VARIANTS = _variants() if tl is not None else []
