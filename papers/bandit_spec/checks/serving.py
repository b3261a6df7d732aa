"""BS-12g..m: speculation lengths under load, beyond the paper."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from tightbound.papers.bandit_spec.checks.phase import PHASE
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
    "an analytic roofline of an 8B model stands in for the GPU; Poisson arrivals, log-normal prompts, "
    "geometric outputs and independent acceptance in three categories stand in for users"
)
EDGES = (8, 16, 24, 32, 40, 48, 56)
EVER = 10**9
"""A window that forgets nothing."""


def _traffic(load: float, requests: int) -> PoissonTraffic:
    """Return requests at a share of what the server can carry."""
    from tightbound.simulators.bandits.serving import PoissonTraffic, Server, capacity

    probe = PoissonTraffic(requests=requests, rates=(1.0,))
    return replace(probe, rates=(load * capacity(Server(), probe),))


def _bandit(edges: tuple[int, ...] = (), window: int = EVER, max_batch: int = 64) -> LengthBandit:
    """UCB1 on throughput with a tenth of its bonus, which is wider than the gaps for a whole run."""
    from tightbound.simulators.bandits.policies.sliding_window_ucb import SlidingWindowUCB
    from tightbound.simulators.bandits.serving import LengthBandit, Server, reward_ranges

    ranges = reward_ranges(Server(max_batch=max_batch), LENGTHS, edges)
    return LengthBandit(SlidingWindowUCB(window=window, xi=2 * 0.1**2), LENGTHS, ranges, edges)


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
    """Return load ``before`` until a quarter of the requests have come, then load ``after``."""
    traffic = _traffic(1.0, cell["requests"])
    before, after = (cell[name] * traffic.rates[0] for name in ("before", "after"))
    return replace(traffic, rates=(before, after), phases=(0.25 * cell["requests"] / before,))


def global_against_buckets(cell: Cell, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Time per token of the context-free bandit over that of the bandit per range of batch sizes."""
    return _lag(cell, rng, _bandit(EDGES))


def global_against_longest(cell: Cell, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Put the rule that always drafts four tokens in the place of the rival."""
    from tightbound.simulators.bandits.serving import FixedLength

    return _lag(cell, rng, FixedLength(4))


def _lag(cell: Cell, rng: np.random.Generator, rival: LengthPolicy) -> dict[str, np.ndarray]:
    traffic, seed = _stepped(cell), _seed(rng)
    slow = _run(traffic, _bandit(), cell, seed).samples["tpot_mean"]
    fast = _run(traffic, rival, cell, seed).samples["tpot_mean"]
    return {"greater": slow / fast, "smaller": np.ones_like(slow), "global": slow, "rival": fast}


def window_against_ever(cell: Cell, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Tokens per second with a window of 300 over those without, at batch 16, while the mix drifts."""
    return _drift(cell, rng, _bandit(window=300, max_batch=16))


def nothing_against_ever(cell: Cell, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Draft nothing instead of forgetting."""
    from tightbound.simulators.bandits.serving import FixedLength

    return _drift(cell, rng, FixedLength(0))


def _drift(cell: Cell, rng: np.random.Generator, rival: LengthPolicy) -> dict[str, np.ndarray]:
    from tightbound.simulators.bandits.serving import PoissonTraffic, Server, serve

    mixes = ((1.0, 0.0), (0.0, 1.0))
    traffic = PoissonTraffic(
        requests=cell["requests"], rates=(10.0,), factors=(1.0, 0.2), mixes=mixes, holding=cell["holding"]
    )
    server = Server(max_batch=16)  # less than what arrives, so the batch stays full
    rates = np.zeros((cell["replications"], 2))
    for row, child in enumerate(rng.spawn(cell["replications"])):
        load = traffic.draw(child)
        for column, policy in enumerate((rival, _bandit(max_batch=16))):
            trace = serve(load, policy, server, rng=0)
            rates[row, column] = trace.tokens.sum() / trace.finished.max()
    ratio = rates[:, 0] / rates[:, 1]
    return {"greater": ratio, "smaller": np.ones_like(ratio), "rates": rates}


def buckets_against_oracle(cell: Cell, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Throughput of the bandit per range of batch sizes over that of the oracle table."""
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
    from tightbound.simulators.bandits.serving import RequestThompson

    return _ragged(cell, rng, RequestThompson())


def longest_against_table(cell: Cell, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Draft four tokens for every request."""
    from tightbound.simulators.bandits.serving import FixedLength

    return _ragged(cell, rng, FixedLength(4))


def _ragged(cell: Cell, rng: np.random.Generator, policy: LengthPolicy) -> dict[str, np.ndarray]:
    from tightbound.simulators.bandits.serving import LengthTable, Server, best_length_table

    traffic, seed = _traffic(cell["load"], cell["requests"]), _seed(rng)
    learnt = _run(traffic, policy, cell, seed).samples["throughput"]
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
        workload_from_acceptance,
    )

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


def _loads(requests: int, standard: int, replications: int, *loads: float) -> Grid:
    """Cells at two sizes; the larger one also serves as full."""
    return Grid(
        cells(load=loads, requests=[requests], replications=[replications], warmup=[0.1]),
        cells(load=loads, requests=[standard], replications=[2 * replications], warmup=[0.1]),
    )


def _four(cell: Cell) -> float:
    """Return 4."""
    return 4.0


def _nearly_all(cell: Cell) -> float:
    """Return 0.95, the share that counts as close."""
    return 0.95


def _one(cell: Cell) -> float:
    """Return 1."""
    return 1.0


def _two(cell: Cell) -> float:
    """Return 2."""
    return 2.0


def _zero(cell: Cell) -> float:
    """Return 0."""
    return 0.0


BS_12G = Claim(
    id="BS-12g",
    paper="bandit_spec",
    title="At high load the best fixed length falls to 0 or 1",
    statement="in the serving substitute, argmin_gamma of mean time per token <= 1 at load 1.0 and 1.2",
    source="serving simulator, beyond the paper",
    provenance="derived",
    statistic=BoundHolds(),
    grid=_loads(300, 1500, 6, 1.0, 1.2),
    measure=best_fixed_length,
    bound=_one,
    trivial=_four,
    control=NegativeControl(
        measure=best_fixed_length_without_compute_limit,
        because="with arithmetic for nothing, drafts are cheap",
    ),
    substitutes=TRAFFIC,
    seconds={"quick": 0.5, "standard": 3},
)

BS_12H = Claim(
    id="BS-12h",
    paper="bandit_spec",
    title="At low load the best fixed length is at least 2",
    statement="in the serving substitute, argmin_gamma of mean time per token >= 2 at load 0.1 and 0.2",
    source="serving simulator, beyond the paper",
    provenance="derived",
    statistic=BoundHolds(side="lower"),
    grid=_loads(100, 800, 6, 0.1, 0.2),
    measure=best_fixed_length,
    bound=_two,
    trivial=_zero,
    control=NegativeControl(grid=_loads(300, 1500, 6, 1.2), because="at high load arithmetic is scarce"),
    substitutes=TRAFFIC,
    seconds={"quick": 0.3, "standard": 2},
)

BS_12I = Claim(
    id="BS-12i",
    paper="bandit_spec",
    title="After a load step the context-free bandit lags behind one that learns per range of batch sizes",
    statement="in the serving substitute, E[TPOT(global) / TPOT(per range of b)] > 1 after load 0.3 -> 0.95, "
    "both UCB1 on throughput with a tenth of its bonus",
    source="serving simulator, beyond the paper",
    provenance="derived",
    statistic=Order(),
    grid=Grid(
        cells(before=[0.3], after=[0.95], requests=[600], replications=[56], warmup=[0.25]),
        cells(before=[0.3], after=[0.95], requests=[2400], replications=[60], warmup=[0.25]),
    ),
    measure=global_against_buckets,
    control=NegativeControl(
        measure=global_against_longest,
        because="four drafts overload the server after the step",
    ),
    substitutes=TRAFFIC,
    seconds={"quick": 1, "standard": 4},
)

BS_12J = Claim(
    id="BS-12j",
    paper="bandit_spec",
    title="When the mix of requests drifts, a window of 300 rounds recovers",
    statement="in the serving substitute, E[throughput(windowed) / throughput(all history)] > 1 at batch 16 "
    "while the mix moves between acceptance factors 1 and 0.2",
    source="serving simulator, beyond the paper",
    provenance="derived",
    statistic=Order(),
    grid=Grid(
        cells(requests=[300], holding=[10.0], replications=[150]),
        cells(requests=[1600], holding=[10.0], replications=[150]),
    ),
    measure=window_against_ever,
    control=NegativeControl(
        measure=nothing_against_ever, because="drafting nothing forgoes the gain in either mix"
    ),
    substitutes=TRAFFIC,
    seconds={"quick": 1.5, "standard": 6},
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
        cells(load=[0.3, 0.7, 1.1], requests=[300], replications=[8], warmup=[0.1]),
        cells(load=[0.1 * tenth for tenth in range(2, 13)], requests=[2000], replications=[8], warmup=[0.1]),
    ),
    measure=buckets_against_oracle,
    bound=_nearly_all,
    control=NegativeControl(
        measure=longest_against_oracle, because="four drafts overload the server near capacity"
    ),
    substitutes=TRAFFIC,
    seconds={"quick": 0.5, "standard": 9},
)

BS_12L = Claim(
    id="BS-12l",
    paper="bandit_spec",
    title="One learnt length per request beats the best length per batch",
    statement="in the serving substitute, E[throughput(Thompson per request) / throughput(oracle table)] > 1 "
    "at load 1.2",
    source="serving simulator, beyond the paper",
    provenance="derived",
    statistic=Order(),
    grid=_loads(400, 2000, 12, 1.2),
    measure=requests_against_table,
    control=NegativeControl(measure=longest_against_table, because="long drafts overload a full batch"),
    substitutes=TRAFFIC,
    seconds={"quick": 4, "standard": 27},
)

BS_12M = Claim(
    id="BS-12m",
    paper="bandit_spec",
    title="Without refilling, stragglers eat the gain of speculation",
    statement="in the roofline substitute, E[best gain at constant batch] > E[best gain when prompts leave "
    "at 256 tokens] + 0.1",
    source="static batches, beyond the paper",
    provenance="derived",
    statistic=Order(margin=0.1),
    grid=Grid(
        cells(samples=[40], smallest=[8], largest=[50]), cells(samples=[400], smallest=[8], largest=[50])
    ),
    measure=gain_with_and_without_stragglers,
    control=NegativeControl(
        grid=Grid(
            cells(samples=[80], smallest=[1], largest=[1]), cells(samples=[400], smallest=[1], largest=[1])
        ),
        because="a batch of one has no stragglers",
    ),
    substitutes="an analytic roofline of an 8B model stands in for the GPU, independent acceptance for EAGLE",
    seconds={"quick": 0.2, "standard": 2},
)

SERVING = (*STATIC_BATCH, BS_12G, BS_12H, BS_12I, BS_12J, BS_12K, BS_12L, BS_12M, *PHASE)
