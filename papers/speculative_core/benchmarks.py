"""Speed of the kernels beside what their users have now, and beside what the machine allows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from importlib.util import find_spec
from typing import Any

from tightbound.papers.speculative_core import _peers
from tightbound.verification.bench import Benchmark, Row, on_one_and_all
from tightbound.verification.peers import PeerBenchmark


def repeatedly(function: Callable[[], Any], calls: int) -> None:
    """Call a function that is too short for a clock."""
    for _ in range(calls):
        function()


def verification() -> Sequence[Row]:
    """Time one round of verification, after checking that tokens and counts agree."""
    from tightbound.kernels.chain_speculative_sampling import chain_speculative_sampling
    from tightbound.papers.speculative_core import _verification_speed as speed

    rows: list[Row] = []
    for batch, calls, vocabulary in speed.SIZES:
        given = speed.task(batch, vocabulary)
        compiled = partial(chain_speculative_sampling, *given, backend="numba")
        found = compiled()
        speed.check(given, found.output_token_ids, found.output_emitted_draft_token_num.tolist())
        numpy = "NumPy, array operations"
        functions: dict[str, Callable[[], Any]] = {
            numpy: partial(speed.with_numpy, *given),
            "chain_speculative_sampling": compiled,
        }
        if find_spec("torch"):
            peer = _peers.torch_verification(given)
            if peer()[0].tolist() != functions[numpy]()[0]:
                raise ArithmeticError("torch accepts other drafts than NumPy: their speed is not comparable")
            functions["torch, array operations on the whole batch"] = peer
        size = f"B={batch}, g={speed.DRAFTS}, V={vocabulary}, float32"
        if calls > 1:
            size = f"{calls} calls of {size}"
        functions = {name: partial(repeatedly, function, calls) for name, function in functions.items()}
        rows += on_one_and_all(functions, size, numpy, rounds=9)
    return rows


def attention() -> Sequence[Row]:
    """Time attention over 32k keys beside a copy of memory and torch, and over 1024 of them."""
    from tightbound.kernels.decode_attention_splitk import decode_attention_splitk
    from tightbound.kernels.merge_states import merge_states
    from tightbound.kernels.sparse_decode_attention import sparse_decode_attention
    from tightbound.papers.speculative_core import _attention_speed as speed

    def attend(*given: Any) -> Any:
        return merge_states(*decode_attention_splitk(*given, backend="numba"), backend="numba")

    rows: list[Row] = []
    index, tail = speed.kept_keys(speed.KEPT), speed.KEYS - speed.TAIL
    for dtype in ("float32", "float16"):
        q, k, v = given = speed.queries_keys_values(speed.KEYS, dtype)
        speed.check(attend(*given)[0], *given)
        copy, everything = "copy of memory, as many bytes", "decode_attention_splitk, merged"
        functions: dict[str, Callable[[], Any]] = {
            copy: speed.floor(k, v),
            everything: partial(attend, *given),
        }
        if find_spec("torch"):
            peer = _peers.torch_attention(q, k, v)
            speed.check(peer().float().numpy(), *given)
            functions["torch scaled_dot_product_attention"] = peer
        chosen: dict[str, Callable[[], Any]] = {
            everything: functions[everything],
            f"sparse_decode_attention, {speed.KEPT} keys": partial(
                sparse_decode_attention, *given, index, tail, backend="numba"
            ),
        }
        size = f"N={speed.KEYS}, B=1, Hk={speed.KV_HEADS}, G={speed.GROUP}, D={speed.DIM}, {dtype}"
        rows += on_one_and_all(functions, size, copy)
        rows += on_one_and_all(chosen, size, everything)
        speed.forget()
    return rows


def gpu() -> Sequence[Row]:
    """Check and time every Triton kernel on a GPU; see ``_gpu``."""
    from tightbound.papers.speculative_core import _gpu

    return _gpu.benchmark()


BENCHMARKS = (
    Benchmark("kernels-verify", "Chain verification, compiled and in array operations", verification),
    Benchmark("kernels-attention", "Attention over 32k keys beside a copy of memory and torch", attention),
    PeerBenchmark("kernels-peers", "Single operations in other packages", _peers.pairs()),
    Benchmark("gpu", "Triton kernels: checked against float64, then timed beside a copy of memory", gpu),
)
