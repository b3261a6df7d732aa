"""BS-12a..f: speculation lengths for static batches, the substitute for Figure 3."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from tightbound.verification.claim import Claim, NegativeControl, PositiveControl
from tightbound.verification.grid import Cell, Grid, cells
from tightbound.verification.statistics import BoundHolds, Equality, HighProbability, Order

if TYPE_CHECKING:
    from tightbound.simulators.bandits.policies.base import Policy
    from tightbound.simulators.bandits.serving import LengthBandit, Server

LENGTHS = (0, 1, 2, 3, 4)
ROOFLINE = (
    "an analytic roofline of an 8B model (bfloat16, 40 GB accelerator) stands in for the GPU; drafts "
    "accepted independently with probability Beta(6,3) times 1, 0.75 or 0.5 per prompt stand in for EAGLE on "
    "Alpaca prompts; the batch keeps its size until it has 256 tokens per prompt on average"
)

Rule = Callable[[int], Any]
"""Builds the policy for a batch of the given size."""


def _released(batch: int) -> LengthBandit:
    """Lengths 1..4, seven warm-up rounds, one bonus shared by all arms."""
    from tightbound.simulators.bandits.policies.released_ucb import ReleasedUCB

    return _bandit(ReleasedUCB(warmup=7), LENGTHS[1:], batch)


def _ucb_spec(batch: int) -> LengthBandit:
    """Algorithm 4 on throughput, with the radius of the theorem for the reward's range."""
    from tightbound.simulators.bandits.policies.ucb_spec import UCBSpec

    return _bandit(UCBSpec(), LENGTHS, batch)


def _round_robin(batch: int) -> LengthBandit:
    """Learns nothing."""
    from tightbound.simulators.bandits.policies.round_robin import RoundRobin

    return _bandit(RoundRobin(), LENGTHS, batch)


def _bandit(policy: Policy, lengths: tuple[int, ...], batch: int) -> LengthBandit:
    """Give ``policy`` the throughput of a round, in the range that a batch of this size allows."""
    from tightbound.simulators.bandits.serving import LengthBandit, reward_ranges

    server = _server(batch)
    low, high = reward_ranges(server, lengths, (batch,) if batch > 1 else ())[-1]
    return LengthBandit(policy, lengths, ((low, high),))


def _server(batch: int) -> Server:
    """Room for exactly this batch."""
    from tightbound.simulators.bandits.serving import Server, StaticBatch

    model = StaticBatch()
    need = model.prompt + (model.tokens + 2) * (model.max_gamma + 1)
    return Server(max_batch=batch, kv_tokens=batch * need)


def throughputs(cell: Cell, rng: np.random.Generator, rules: Mapping[str, Rule]) -> dict[str, np.ndarray]:
    """Return tokens per second of each sample: ``fixed`` (N, 5) by length, and (N,) for each rule."""
    from tightbound.simulators.bandits.serving import FixedLength, StaticBatch, decode_throughput, serve

    model = StaticBatch(smallest=cell["smallest"], largest=cell["largest"])
    rates = np.zeros((cell["samples"], len(LENGTHS) + len(rules)))
    batch = np.zeros(cell["samples"])
    for row, child in enumerate(rng.spawn(cell["samples"])):
        acceptance = model.draw_acceptance(child)
        batch[row] = acceptance.size
        server = _server(acceptance.size)
        policies = [FixedLength(length) for length in LENGTHS] + [
            rule(acceptance.size) for rule in rules.values()
        ]
        for _ in range(cell["runs"]):
            load = model.draw(acceptance, child)
            for column, policy in enumerate(policies):
                trace = serve(load, policy, server, limit=model.tokens * acceptance.size, rng=0)
                rates[row, column] += decode_throughput(trace) / cell["runs"]
    found = {name: rates[:, len(LENGTHS) + column] for column, name in enumerate(rules)}
    return {"fixed": rates[:, : len(LENGTHS)], "batch": batch, **found}


def _second_best(fixed: np.ndarray) -> np.ndarray:
    return np.asarray(np.sort(fixed, axis=1)[:, -2])


def expected_gains(cell: Cell, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Return ``gain`` (N, 5): expected throughput of each length over that of no drafts, in closed form."""
    from tightbound.simulators.bandits.serving import StaticBatch
    from tightbound.theory.bandits.serving import speculative_throughput

    model = StaticBatch(smallest=cell["smallest"], largest=cell["largest"])
    context, lengths = model.prompt + model.tokens / 2, np.array(LENGTHS)[:, None]
    gain, batch = np.zeros((cell["samples"], len(LENGTHS))), np.zeros(cell["samples"])
    for row in range(cell["samples"]):
        acceptance = model.draw_acceptance(rng)
        batch[row] = acceptance.size
        rates = speculative_throughput(acceptance.size, lengths, acceptance, context)
        gain[row] = rates.mean(axis=1)
    return {"gain": gain / gain[:, :1], "batch": batch}


def best_length(cell: Cell, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Compare each sample's best length with the one length that is best on average."""
    found = expected_gains(cell, rng)
    common = int(np.argmax(found["gain"].mean(axis=0)))
    return {"greater": found["gain"].max(axis=1), "smaller": found["gain"][:, common], **found}


def longest_is_slower(cell: Cell, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Violated where drafting four tokens is at least as fast as drafting none."""
    found = expected_gains(cell, rng)
    return {"violated": found["gain"][:, 4] >= 1.0, **found}


def released_against_second(cell: Cell, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Violated where the released rule is slower than the second best fixed length."""
    found = throughputs(cell, rng, {"rule": _released})
    return {"violated": found["rule"] < _second_best(found["fixed"]), **found}


def published_against_second(cell: Cell, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Violated where Algorithm 4 is slower than the second best fixed length."""
    found = throughputs(cell, rng, {"rule": _ucb_spec})
    return {"violated": found["rule"] < _second_best(found["fixed"]), **found}


def round_robin_against_second(cell: Cell, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Violated where taking turns is slower than the second best fixed length."""
    found = throughputs(cell, rng, {"rule": _round_robin})
    return {"violated": found["rule"] < _second_best(found["fixed"]), **found}


def released_against_best(cell: Cell, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Throughput of the released rule over that of the sample's best fixed length."""
    found = throughputs(cell, rng, {"rule": _released})
    return {"value": found["rule"] / found["fixed"].max(axis=1), **found}


def round_robin_against_best(cell: Cell, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Throughput of taking turns over that of the sample's best fixed length."""
    found = throughputs(cell, rng, {"rule": _round_robin})
    return {"value": found["rule"] / found["fixed"].max(axis=1), **found}


def closed_form(cell: Cell, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Simulate rounds at a fixed batch and give b mu / T beside their tokens per second."""
    return _closed_form(cell, rng, cell["batch"])


def closed_form_of_one(cell: Cell, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Take the closed form of one request, times the batch: as if requests did not share rounds."""
    return _closed_form(cell, rng, 1)


def _closed_form(cell: Cell, rng: np.random.Generator, shared: int) -> dict[str, np.ndarray]:
    from tightbound.simulators.bandits.serving import FixedLength, Server, serve, workload_from_acceptance
    from tightbound.theory.bandits.serving import RoundLatency, speculative_throughput

    latency = RoundLatency(kv_bytes=0.0)  # without keys and values a round does not depend on the context
    batch, alpha = cell["batch"], cell["alpha"]
    rounds = cell["request_rounds"] // batch
    one = np.ones(batch)
    load = workload_from_acceptance(0 * one, one, 5 * rounds * one + 1, alpha * one, max_gamma=4, rng=rng)
    server = Server(latency=latency, max_batch=batch, kv_tokens=10**12)
    measured, expected = [], []
    for length in LENGTHS:
        trace = serve(load, FixedLength(length), server, limit=(length + 1) * batch * rounds)
        decoding = ~trace.prefill
        measured.append((trace.delivered[decoding] / trace.seconds[decoding])[:rounds])
        expected.append(float(speculative_throughput(shared, length, alpha, 0.0, latency)) * batch / shared)
    return {"value": np.stack(measured, axis=1), "reference": np.array([expected])}


def _nearly_all(cell: Cell) -> float:
    """Return 0.95, the share that counts as close."""
    return 0.95


_QUICK = cells(samples=[320], runs=[1], smallest=[1], largest=[50])
_STANDARD = cells(samples=[500], runs=[1], smallest=[1], largest=[50])
_FULL = cells(samples=[500], runs=[16], smallest=[1], largest=[50])
_GRID = Grid(_QUICK, _STANDARD, _FULL)
_MANY = Grid(
    cells(samples=[2000], smallest=[1], largest=[50]), cells(samples=[20000], smallest=[1], largest=[50])
)


def _between(smallest: int, largest: int) -> Grid:
    """Return the same samples with batches of a narrow range of sizes."""
    return Grid(
        cells(samples=[2000], smallest=[smallest], largest=[largest]),
        cells(samples=[20000], smallest=[smallest], largest=[largest]),
    )


BS_12A = Claim(
    id="BS-12a",
    paper="bandit_spec",
    title="No single speculation length is best for all batches",
    statement=r"in the roofline substitute, E[max_gamma gain] > max_gamma E[gain] + 0.02, gain = expected "
    "throughput of the sample over that at gamma = 0",
    source="Section 6, Figure 3",
    provenance="text",
    statistic=Order(margin=0.02),
    grid=_MANY,
    measure=best_length,
    control=NegativeControl(
        grid=_between(45, 50), because="batches of nearly one size have nearly one best length"
    ),
    substitutes=ROOFLINE,
    seconds={"quick": 1, "standard": 7},
)

BS_12B = Claim(
    id="BS-12b",
    paper="bandit_spec",
    title="Drafting four tokens is slower than drafting none for a share of samples",
    statement=r"in the roofline substitute, P(throughput at gamma = 4 < throughput at gamma = 0) >= 0.1",
    source="Section 6, Figure 3 (the worst length falls below no speculation)",
    provenance="text",
    statistic=HighProbability(delta=0.9),
    grid=_MANY,
    measure=longest_is_slower,
    control=NegativeControl(
        grid=_between(1, 6), because="small batches are bound by memory, so drafts ride along almost for free"
    ),
    substitutes=ROOFLINE,
    seconds={"quick": 1, "standard": 7},
)

BS_12C = Claim(
    id="BS-12c",
    paper="bandit_spec",
    title="The released rule beats the second best length on most samples",
    statement=r"in the roofline substitute, P(released rule < second best of gamma = 0..4) <= 1/2",
    source="Section 6, Figure 3; rule as in the authors' code: lengths 1..4, warm-up 7, one bonus",
    provenance="text",
    statistic=HighProbability(delta=0.5),
    grid=_GRID,
    measure=released_against_second,
    control=NegativeControl(measure=round_robin_against_second, because="taking turns learns nothing"),
    substitutes=ROOFLINE,
    seconds={"quick": 1, "standard": 2, "full": 30},
)

BS_12D = Claim(
    id="BS-12d",
    paper="bandit_spec",
    title="The released rule comes close to the best length of each sample",
    statement=r"in the roofline substitute, E[released rule / best of gamma = 0..4] >= 0.95 in throughput",
    source="Section 6, Figure 3; rule as in the authors' code",
    provenance="text",
    statistic=BoundHolds(method="t", side="lower"),
    grid=_GRID,
    measure=released_against_best,
    bound=_nearly_all,
    control=NegativeControl(
        measure=round_robin_against_best, because="taking turns pays for the bad lengths"
    ),
    substitutes=ROOFLINE,
    seconds={"quick": 1, "standard": 2, "full": 30},
)

BS_12E = Claim(
    id="BS-12e",
    paper="bandit_spec",
    title="In the roofline substitute Algorithm 4 beats the second best length on most samples",
    statement=r"in the roofline substitute, P(UCBSpec < second best of gamma = 0..4) <= 1/2, with the "
    "radius of Algorithm 4 for the range of the throughput",
    source="Section 6, Figure 3, read as a sentence about Algorithm 4",
    provenance="text",
    expected="fail",
    corrected_by="BS-12c",
    counterexample={
        "batch": 1,
        "tokens": 256,
        "reason": "about 100 rounds at a radius wider than the gaps: play is almost uniform",
    },
    statistic=HighProbability(delta=0.5),
    grid=_GRID,
    measure=published_against_second,
    control=PositiveControl(
        measure=released_against_second,
        because="the released rule, greedy after its warm-up, does so on the same samples",
    ),
    substitutes=ROOFLINE,
    seconds={"quick": 1, "standard": 2, "full": 30},
)

BS_12F = Claim(
    id="BS-12f",
    paper="bandit_spec",
    title="At a fixed batch the simulator follows the closed form behind gamma*(b)",
    statement=r"E[tokens per second] = b mu_gamma(alpha) / T(b, gamma) for gamma = 0..4, "
    r"so argmax_gamma is gamma*(b)",
    source="roofline of a round",
    provenance="derived",
    statistic=Equality(rtol=0.02, method="t"),
    grid=Grid(
        cells(batch=[4, 24, 100], alpha=[0.7], request_rounds=[80000]),
        cells(batch=[1, 4, 24, 50, 100, 200], alpha=[0.4, 0.7, 0.9], request_rounds=[200000]),
    ),
    measure=closed_form,
    control=NegativeControl(measure=closed_form_of_one, because="a batch shares one reading of the weights"),
    substitutes="an analytic roofline of an 8B model without keys and values stands in for the GPU",
    seconds={"quick": 0.2, "standard": 3},
)

STATIC_BATCH = (BS_12A, BS_12B, BS_12C, BS_12D, BS_12E, BS_12F)
