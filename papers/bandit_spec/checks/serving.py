"""BS-12g..n: speculation lengths under load, beyond the paper."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from tightbound.papers.bandit_spec.checks.static_batch import LENGTHS, STATIC_BATCH
from tightbound.verification.claim import Claim, NegativeControl
from tightbound.verification.grid import Cell, Grid, cells
from tightbound.verification.statistics import BoundHolds, Order

if TYPE_CHECKING:
    from tightbound.simulators.bandits.serving import (
        LengthBandit,
        LengthPolicy,
        PoissonTraffic,
        Server,
        ServingResult,
    )

TRAFFIC = (
    "an analytic roofline of an 8B model stands in for the GPU; Poisson arrivals, log-normal prompts, geometric "
    "outputs and independent acceptance in three categories stand in for users"
)
EDGES = (8, 16, 24, 32, 40, 48, 56)
EVER = 10**9
"""A window that forgets nothing."""


def _traffic(load: float, requests: int) -> PoissonTraffic:
    """Requests at a share of what the server can carry."""
    from tightbound.simulators.bandits.serving import PoissonTraffic, Server, capacity

    probe = PoissonTraffic(requests=requests, rates=(1.0,))
    return replace(probe, rates=(load * capacity(Server(), probe),))


def _bandit(edges: tuple[int, ...] = (), window: int = EVER) -> LengthBandit:
    """UCB1 on throughput with a tenth of its bonus: at 1 the bonus exceeds the gaps for the length of a run."""
    from tightbound.simulators.bandits.policies.sliding_window_ucb import SlidingWindowUCB
    from tightbound.simulators.bandits.serving import LengthBandit, Server, reward_ranges

    policy = SlidingWindowUCB(window=window, xi=2 * 0.1**2)
    return LengthBandit(policy, LENGTHS, reward_ranges(Server(), LENGTHS, edges), edges)


def _run(
    traffic: PoissonTraffic, policy: LengthPolicy, cell: Cell, seed: int, server: Server | None = None
) -> ServingResult:
    """Serve the replications of a cell; equal seeds give equal requests."""
    from tightbound.simulators.bandits.serving import Server, simulate_serving

    return simulate_serving(
        traffic,
        policy,
        Server() if server is None else server,
        replications=cell["replications"],
        warmup=cell["warmup"],
        rng=seed,
    )


def _seed(rng: np.random.Generator) -> int:
    return int(rng.integers(2**31))


def best_fixed_length(cell: Cell, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Length with the smallest mean time per token in each replication."""
    return _best_fixed_length(cell, rng, 1.0)


def best_fixed_length_without_compute_limit(cell: Cell, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Give the server arithmetic for nothing, so that only memory is scarce."""
    return _best_fixed_length(cell, rng, 1e3)


def _best_fixed_length(cell: Cell, rng: np.random.Generator, arithmetic: float) -> dict[str, np.ndarray]:
    from tightbound.simulators.bandits.serving import FixedLength, Server
    from tightbound.theory.bandits.serving import RoundLatency

    latency = RoundLatency()
    server = Server(latency=replace(latency, flop_rate=arithmetic * latency.flop_rate))
    traffic, seed = _traffic(cell["load"], cell["requests"]), _seed(rng)
    runs = [_run(traffic, FixedLength(length), cell, seed, server) for length in LENGTHS]
    tpot = np.stack([run.samples["tpot_mean"] for run in runs], axis=1)
    return {"value": np.argmin(tpot, axis=1).astype(float), "tpot": tpot}


def _stepped(cell: Cell) -> PoissonTraffic:
    """Load ``before`` until half of the requests have come, then load ``after``."""
    traffic = _traffic(1.0, cell["requests"])
    before, after = (cell[name] * traffic.rates[0] for name in ("before", "after"))
    return replace(traffic, rates=(before, after), phases=(0.5 * cell["requests"] / before,))


def global_against_buckets(cell: Cell, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Time per token of the context-free bandit over that of the bandit per range of batch sizes."""
    return _lag(cell, rng, _bandit(EDGES))


def global_against_window(cell: Cell, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Time per token of the context-free bandit over that of its windowed form."""
    return _lag(cell, rng, _bandit(window=300))


def _lag(cell: Cell, rng: np.random.Generator, rival: LengthPolicy) -> dict[str, np.ndarray]:
    traffic, seed = _stepped(cell), _seed(rng)
    slow = _run(traffic, _bandit(), cell, seed).samples
    fast = _run(traffic, rival, cell, seed).samples
    ratio = slow["tpot_mean"] / fast["tpot_mean"]
    return {
        "greater": ratio,
        "smaller": np.ones_like(ratio),
        "global": slow["tpot_mean"],
        "rival": fast["tpot_mean"],
    }


def buckets_against_oracle(cell: Cell, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Throughput of the bandit per range of batch sizes over that of the oracle table, and all else for the figure."""
    return _sweep(cell, rng, "buckets")


def longest_against_oracle(cell: Cell, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Throughput of always four drafts over that of the oracle table."""
    return _sweep(cell, rng, "fixed4")


def _sweep(cell: Cell, rng: np.random.Generator, judged: str) -> dict[str, np.ndarray]:
    from tightbound.simulators.bandits.serving import FixedLength, LengthTable, Server, best_length_table

    traffic, seed = _traffic(cell["load"], cell["requests"]), _seed(rng)
    policies: dict[str, LengthPolicy] = {"oracle": LengthTable(best_length_table(Server(), traffic))}
    if judged == "buckets":
        policies |= {"buckets": _bandit(EDGES), "fixed0": FixedLength(0), "fixed2": FixedLength(2)}
    else:
        policies |= {"fixed4": FixedLength(4)}
    found: dict[str, np.ndarray] = {}
    for name, policy in policies.items():
        samples = _run(traffic, policy, cell, seed).samples
        found |= {
            f"{name}_{metric}": samples[metric]
            for metric in ("throughput", "goodput", "tpot_p50", "ttft_p99")
        }
    return {"value": found[f"{judged}_throughput"] / found["oracle_throughput"], **found}


def requests_against_table(cell: Cell, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Throughput of one learnt length per request over that of the best length per batch."""
    return _ragged(cell, rng, _traffic(cell["load"], cell["requests"]))


def like_requests_against_table(cell: Cell, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Make all requests alike: nearly one acceptance for all."""
    traffic = _traffic(cell["load"], cell["requests"])
    return _ragged(cell, rng, replace(traffic, factors=(0.75,), mixes=((1.0,),), acceptance=(6e4, 3e4)))


def _ragged(cell: Cell, rng: np.random.Generator, traffic: PoissonTraffic) -> dict[str, np.ndarray]:
    from tightbound.simulators.bandits.serving import LengthTable, RequestThompson, Server, best_length_table

    seed = _seed(rng)
    learnt = _run(traffic, RequestThompson(), cell, seed).samples["throughput"]
    table = _run(traffic, LengthTable(best_length_table(Server(), traffic)), cell, seed).samples["throughput"]
    return {"greater": learnt / table, "smaller": np.ones_like(table)}


def gain_with_and_without_stragglers(cell: Cell, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Best gain over no drafts: batch of constant size, against a batch that shrinks as prompts end."""
    from tightbound.simulators.bandits.serving import (
        FixedLength,
        Server,
        StaticBatch,
        decode_throughput,
        serve,
    )
    from tightbound.simulators.bandits.serving import workload_from_acceptance

    model = StaticBatch(smallest=cell["smallest"], largest=cell["largest"])
    gains = np.zeros((cell["samples"], 2))
    for row, child in enumerate(rng.spawn(cell["samples"])):
        acceptance = model.draw_acceptance(child)
        one = np.ones(acceptance.size)
        server = Server(max_batch=acceptance.size, kv_tokens=10**9)
        ends = workload_from_acceptance(
            0 * one, model.prompt * one, (model.tokens + 1) * one, acceptance, max_gamma=4, rng=child
        )
        stays, limit = model.draw(acceptance, child), model.tokens * acceptance.size
        for column, load in enumerate((stays, ends)):
            rates = [decode_throughput(serve(load, FixedLength(g), server, limit=limit)) for g in LENGTHS]
            gains[row, column] = max(rates) / rates[0]
    return {"greater": gains[:, 0], "smaller": gains[:, 1]}


def _sizes(quick: dict[str, int], standard: dict[str, int], **axes: list[float]) -> Grid:
    """Cells at two sizes; the larger one also serves as full."""
    return Grid(
        *(
            cells(**axes, **{name: [value] for name, value in size.items()}, warmup=[0.1])
            for size in (quick, standard)
        )
    )


_LOAD = ({"requests": 300, "replications": 6}, {"requests": 2000, "replications": 12})
_STEP = ({"requests": 800, "replications": 6}, {"requests": 3000, "replications": 16})


def _steps(before: float, after: float) -> Grid:
    """Judge the requests that come after the step, which halves the run."""
    return Grid(
        *(
            cells(
                before=[before],
                after=[after],
                warmup=[0.5],
                **{name: [value] for name, value in size.items()},
            )
            for size in _STEP
        )
    )


BS_12G = Claim(
    id="BS-12g",
    paper="bandit_spec",
    title="At high load the best fixed length falls to 0 or 1",
    statement="in the serving substitute, argmin_gamma of mean time per output token <= 1 at 1.0 and 1.2 of capacity",
    source="serving simulator, beyond the paper",
    provenance="derived",
    statistic=BoundHolds(),
    grid=_sizes(*_LOAD, load=[1.0, 1.2]),
    measure=best_fixed_length,
    bound=lambda cell: 1.0,
    trivial=lambda cell: 4.0,
    control=NegativeControl(
        measure=best_fixed_length_without_compute_limit,
        because="with arithmetic for nothing, drafts cost little at any load",
    ),
    substitutes=TRAFFIC,
    seconds={"quick": 3, "standard": 60},
)

BS_12H = Claim(
    id="BS-12h",
    paper="bandit_spec",
    title="At low load the best fixed length is at least 2",
    statement="in the serving substitute, argmin_gamma of mean time per output token >= 2 at 0.1 and 0.2 of capacity",
    source="serving simulator, beyond the paper",
    provenance="derived",
    statistic=BoundHolds(side="lower"),
    grid=_sizes(*_LOAD, load=[0.1, 0.2]),
    measure=best_fixed_length,
    bound=lambda cell: 2.0,
    trivial=lambda cell: 0.0,
    control=NegativeControl(grid=_sizes(*_LOAD, load=[1.2]), because="at high load arithmetic is scarce"),
    substitutes=TRAFFIC,
    seconds={"quick": 5, "standard": 90},
)

BS_12I = Claim(
    id="BS-12i",
    paper="bandit_spec",
    title="After a load step the context-free bandit lags behind one that learns per range of batch sizes",
    statement="in the serving substitute, E[TPOT(global) / TPOT(per range of b)] > 1.1 after load 0.3 -> 0.95, both UCBSpec "
    "with a tenth of its radius on throughput",
    source="serving simulator, beyond the paper",
    provenance="derived",
    statistic=Order(margin=0.1),
    grid=_steps(0.3, 0.95),
    measure=global_against_buckets,
    control=NegativeControl(grid=_steps(0.95, 0.95), because="without a step the past is a good guide"),
    substitutes=TRAFFIC,
    seconds={"quick": 4, "standard": 40},
)

BS_12J = Claim(
    id="BS-12j",
    paper="bandit_spec",
    title="After a load step a window of 300 rounds recovers too",
    statement="in the serving substitute, E[TPOT(global) / TPOT(windowed)] > 1.1 after load 0.3 -> 0.95",
    source="serving simulator, beyond the paper",
    provenance="derived",
    statistic=Order(margin=0.1),
    grid=_steps(0.3, 0.95),
    measure=global_against_window,
    control=NegativeControl(grid=_steps(0.95, 0.95), because="without a step forgetting buys nothing"),
    substitutes=TRAFFIC,
    seconds={"quick": 4, "standard": 40},
)

BS_12K = Claim(
    id="BS-12k",
    paper="bandit_spec",
    title="Learning per range of batch sizes comes within 5 % of the oracle's throughput at every load",
    statement="in the serving substitute, E[throughput(per range of b) / throughput(oracle table)] >= 0.95",
    source="serving simulator, beyond the paper",
    provenance="derived",
    statistic=BoundHolds(method="t", side="lower"),
    grid=Grid(
        cells(load=[0.3, 0.7, 1.1], requests=[300], replications=[5], warmup=[0.1]),
        cells(load=[0.1 * tenth for tenth in range(2, 13)], requests=[2000], replications=[8], warmup=[0.1]),
    ),
    measure=buckets_against_oracle,
    bound=lambda cell: 0.95,
    control=NegativeControl(
        measure=longest_against_oracle, because="four drafts overload the server near capacity"
    ),
    substitutes=TRAFFIC,
    seconds={"quick": 4, "standard": 90},
)

BS_12L = Claim(
    id="BS-12l",
    paper="bandit_spec",
    title="One learnt length per request beats the best length per batch",
    statement="in the serving substitute, E[throughput(Thompson per request) / throughput(oracle table)] > 1 at 1.2 of "
    "capacity",
    source="serving simulator, beyond the paper",
    provenance="derived",
    statistic=Order(),
    grid=_sizes({"requests": 400, "replications": 8}, {"requests": 2000, "replications": 12}, load=[1.2]),
    measure=requests_against_table,
    control=NegativeControl(
        measure=like_requests_against_table, because="like requests leave nothing to tell apart"
    ),
    substitutes=TRAFFIC,
    seconds={"quick": 4, "standard": 40},
)

BS_12M = Claim(
    id="BS-12m",
    paper="bandit_spec",
    title="Without refilling, stragglers eat the gain of speculation",
    statement="in the roofline substitute, E[best gain at constant batch] > E[best gain when prompts leave at 256 tokens] "
    "+ 0.1",
    source="static batches, beyond the paper",
    provenance="derived",
    statistic=Order(margin=0.1),
    grid=Grid(
        cells(samples=[40], smallest=[8], largest=[50]), cells(samples=[400], smallest=[8], largest=[50])
    ),
    measure=gain_with_and_without_stragglers,
    control=NegativeControl(
        grid=Grid(
            cells(samples=[40], smallest=[1], largest=[1]), cells(samples=[400], smallest=[1], largest=[1])
        ),
        because="a batch of one has no stragglers",
    ),
    substitutes="an analytic roofline of an 8B model stands in for the GPU; independent acceptance for EAGLE drafts",
    seconds={"quick": 2, "standard": 20},
)

SERVING = (*STATIC_BATCH, BS_12G, BS_12H, BS_12I, BS_12J, BS_12K, BS_12L, BS_12M)
