"""Speed: TiARA over many sites and heads beside plain softmax attention on the same logits and values."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from tightbound.verification.bench import Benchmark, Row, compare
from tightbound.verification.peers import Match, Pair, Peer, PeerBenchmark, agree

FRAMES, HEADS, CHANNELS = 64, 8, 40
SETTINGS: dict[str, Any] = {"alpha": 6.0, "window_length": 8, "slow_below": 28, "abnormal_above": 33}
TOLERANCE = 1e-5


def inputs(sites: int) -> tuple[Any, Any]:
    """Return standard normal logits and values in float32."""
    rng = np.random.default_rng(0)
    logits = rng.standard_normal((sites, HEADS, FRAMES, FRAMES), dtype=np.float32)
    return logits, rng.standard_normal((sites, HEADS, FRAMES, CHANNELS), dtype=np.float32)


def check(logits: Any, values: Any) -> None:
    """Raise unless the compiled loops agree with the definition in float64."""
    from tightbound.simulators.video.tiara import softmax_attention, tiara
    from tightbound.theory.video.tiara import tiara as definition

    few = logits[:4], values[:4]
    for found, alpha in ((tiara(*few, **SETTINGS), SETTINGS["alpha"]), (softmax_attention(*few), 0.0)):
        apart = float(np.abs(found - definition(*few, **{**SETTINGS, "alpha": alpha})).max())
        if not apart <= TOLERANCE:
            raise ArithmeticError(f"outputs are {apart:.1e} from float64: their speed means nothing")


def compiled(sites: int = 4096) -> Sequence[Row]:
    """Time one layer of a long video on all cores."""
    from tightbound.simulators.video.tiara import softmax_attention, tiara, tiara_weights
    from tightbound.theory.video.tiara import Reweighting

    logits, values = inputs(sites)
    check(logits, values)
    plain = "softmax_attention"
    functions: dict[str, Callable[[], Any]] = {
        plain: lambda: softmax_attention(logits, values),
        "tiara": lambda: tiara(logits, values, **SETTINGS),
        "tiara_weights (writes the weights)": lambda: tiara_weights(logits, Reweighting(**SETTINGS)),
    }
    size = f"N={FRAMES}, {sites} sites, {HEADS} heads, C={CHANNELS}"
    return compare(functions, size=size, ratio_to=plain, rounds=5)


def reference(sites: int = 64) -> Sequence[Row]:
    """Time the definition in NumPy beside the compiled loops."""
    from tightbound.simulators.video.tiara import tiara
    from tightbound.theory.video.tiara import tiara as definition

    logits, values = inputs(sites)
    check(logits, values)
    return compare(
        {
            "simulators.video.tiara": lambda: tiara(logits, values, **SETTINGS),
            "theory.video.tiara": lambda: definition(logits, values, **SETTINGS),
        },
        size=f"N={FRAMES}, {sites} sites, {HEADS} heads, C={CHANNELS}",
        ratio_to="simulators.video.tiara",
        rounds=5,
    )


def with_torch(logits: Any, values: Any) -> Callable[[], Any]:
    """Prepare softmax and product of torch, site by site in blocks that fit the cache."""
    import torch

    s, v = (torch.from_numpy(x).reshape(-1, *x.shape[2:]) for x in (logits, values))
    out = torch.empty_like(v)

    def run() -> Any:
        for i in range(0, len(s), 64):
            torch.bmm(s[i : i + 64].softmax(dim=-1), v[i : i + 64], out=out[i : i + 64])
        return out

    return run


def match(sites: int = 512) -> Match:
    """Return plain softmax attention on given logits, here and in torch."""
    from tightbound.simulators.video.tiara import softmax_attention

    logits, values = inputs(sites)
    theirs = with_torch(logits, values)
    found = theirs().numpy().reshape(values.shape)
    agreement = agree(found, softmax_attention(logits, values), TOLERANCE)
    return Match(lambda: softmax_attention(logits, values), theirs, agreement)


PROBLEM = f"softmax attention on given logits, N={FRAMES}, 512 sites, {HEADS} heads, C={CHANNELS}, float32"

BENCHMARKS = (
    Benchmark("tiara", "TiARA beside plain softmax attention, 64 frames, 4096 sites, 8 heads", compiled),
    Benchmark("tiara-numpy", "TiARA compiled beside its definition in NumPy", reference),
    PeerBenchmark(
        "tiara-peers",
        "Attention on given logits in other packages",
        [Pair(PROBLEM, "softmax_attention", "softmax and bmm in blocks", Peer("torch", ["torch"]), match)],
    ),
)
