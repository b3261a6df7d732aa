"""Speed: verification of drafts beside the array formulation that is usual in Python."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib.util import find_spec
from typing import Any

import numpy as np

from tightbound.verification.bench import Benchmark, Row, compare

DRAFTS = 5
VOCABULARIES = (32_000, 128_256)


def task(batch: int, vocabulary: int) -> tuple[Any, ...]:
    """Return laws of float32, drafts, and variates for which the third draft is rejected."""
    rng = np.random.default_rng(0)
    q = rng.dirichlet(np.full(vocabulary, 0.1), (batch, DRAFTS)).astype(np.float32)
    p = rng.dirichlet(np.full(vocabulary, 0.1), (batch, DRAFTS + 1)).astype(np.float32)
    p[:, :2] = q[:, :2]
    ids = q.argmax(axis=-1)
    uniform = np.broadcast_to([0.5, 0.5, 1.0 - 2.0**-53, 0.5, 0.5], (batch, DRAFTS)).copy()
    return q, ids, p, uniform, rng.random(batch)


def with_numpy(q: Any, ids: Any, p: Any, uniform: Any, final: Any) -> list[int]:
    """Verify in whole-array operations: ratios, counts, a clipped difference, a cumulative sum."""
    tokens = []
    for b in range(len(q)):
        at = np.arange(DRAFTS)
        passed = uniform[b] <= p[b, at, ids[b]] / q[b, at, ids[b]]
        n = int(((~passed).cumsum() < 1).sum())
        law = p[b, n]
        if n < DRAFTS:
            law = np.clip(law - q[b, n], 0.0, None)
            law = law / law.sum()
        upto = np.cumsum(law, dtype=np.float64)
        tokens.append(int(np.searchsorted(upto, final[b] * upto[-1], side="right")))
    return tokens


def with_torch(q: Any, ids: Any, p: Any, uniform: Any) -> Callable[[], Any]:
    """Prepare the same in torch; the last token is drawn by ``multinomial``, with torch's own variates."""
    import torch

    torch.set_num_threads(1)
    draft, target, tokens, coins = map(torch.from_numpy, (q, p, ids, uniform))

    def run() -> Any:
        found = []
        for b in range(len(draft)):
            at = torch.arange(DRAFTS)
            passed = coins[b] <= target[b, at, tokens[b]] / draft[b, at, tokens[b]]
            n = int(((~passed).cumsum(-1) < 1).sum())
            law = target[b, n]
            if n < DRAFTS:
                law = torch.clamp(law - draft[b, n], min=0.0)
                law = law / law.sum()
            found.append(torch.multinomial(law, num_samples=1))
        return found

    return run


def verification() -> Sequence[Row]:
    """Time one round of verification with five drafts, on one core, after checking that tokens agree."""
    import numba

    from tightbound.kernels.chain_speculative_sampling import chain_speculative_sampling

    rows: list[Row] = []
    threads = numba.get_num_threads()
    numba.set_num_threads(1)
    try:
        for batch in (1, 8):
            for vocabulary in VOCABULARIES:
                given = task(batch, vocabulary)
                found = chain_speculative_sampling(*given, backend="numba")
                last = found.output_token_ids[np.arange(batch), found.output_emitted_draft_token_num]
                expected = with_numpy(*given)
                if last.tolist() != expected:
                    raise ArithmeticError(f"numba emits {last.tolist()}, NumPy {expected}: not comparable")
                functions: dict[str, Callable[[], Any]] = {
                    "NumPy, array operations": lambda given=given: with_numpy(*given),  # type: ignore[misc]
                    "chain_speculative_sampling (Numba)": lambda given=given: chain_speculative_sampling(  # type: ignore[misc]
                        *given, backend="numba"
                    ),
                }
                if find_spec("torch"):
                    functions["torch, array operations and multinomial"] = with_torch(*given[:4])
                rows += compare(
                    functions,
                    size=f"B={batch}, g={DRAFTS}, V={vocabulary}",
                    ratio_to="NumPy, array operations",
                    rounds=25,
                )
    finally:
        numba.set_num_threads(threads)
    return rows


BENCHMARKS = (
    Benchmark(
        "verification", "One round of chain verification, compiled and in array operations", verification
    ),
)
