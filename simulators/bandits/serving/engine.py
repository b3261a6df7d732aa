"""Continuous batching, one round after another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import numpy as np

from tightbound.simulators.bandits.serving.server import Server
from tightbound.simulators.bandits.serving.workload import Workload


class RoundView(NamedTuple):
    """What a policy sees before a round."""

    time: float
    requests: np.ndarray
    """(b,) indices of the requests in the batch."""
    category: np.ndarray
    """(b,) category of each."""
    context: int
    """Cached tokens over the whole batch."""
    acceptance: np.ndarray
    """(b,) latent acceptance probabilities, for oracles only."""


class LengthPolicy(Protocol):
    """Chooses speculation lengths round by round; whatever it learns is in the state."""

    def init(self, server: Server, max_gamma: int, rng: np.random.Generator) -> Any:
        """Return the state before the first round."""
        ...

    def choose(self, state: Any, view: RoundView) -> int | np.ndarray:
        """Return one length for the batch, or (b,) lengths, each from 0 to ``max_gamma``."""
        ...

    def update(
        self, state: Any, view: RoundView, lengths: int | np.ndarray, tokens: np.ndarray, seconds: float
    ) -> None:
        """Learn from (b,) ``tokens`` (accepted drafts plus one) that took ``seconds``."""
        ...


@dataclass(frozen=True, eq=False)
class ServingTrace:
    """Everything that happened, request by request and step by step.

    Parameters
    ----------
    arrival, admitted, first, finished : ndarray
        (N,) seconds: arrival, start of prefill, first token, last token.
    tokens : ndarray of int
        (N,) tokens delivered.
    category : ndarray of int
        (N,) categories.
    start, seconds : ndarray
        (S,) begin and length of each step.
    prefill : ndarray of bool
        (S,) whether the step reads prompts; otherwise it is a round.
    batch, waiting : ndarray of int
        (S,) requests worked on, and requests that have arrived but are not admitted, when the step begins.
    blocked : ndarray of bool
        (S,) whether the first waiting request does not fit (full batch or full cache).
    drafted, delivered : ndarray of int
        (S,) drafted tokens and tokens delivered by the step.
    length : ndarray of int
        (S,) largest speculation length of the round, -1 for prefill.
    """

    arrival: np.ndarray
    admitted: np.ndarray
    first: np.ndarray
    finished: np.ndarray
    tokens: np.ndarray
    category: np.ndarray
    start: np.ndarray
    seconds: np.ndarray
    prefill: np.ndarray
    batch: np.ndarray
    waiting: np.ndarray
    blocked: np.ndarray
    drafted: np.ndarray
    delivered: np.ndarray
    length: np.ndarray


def serve(
    workload: Workload,
    policy: LengthPolicy,
    server: Server,
    *,
    limit: int | None = None,
    rng: int | np.random.Generator | None = None,
) -> ServingTrace:
    """Serve every request and return what happened.

    First come, first served. Waiting requests join between rounds while the batch and the cache have room;
    their prompts are read in one step, which also yields their first token. Each round drafts, verifies and
    delivers; tokens beyond the end of an output are dropped, but the policy sees them.

    Parameters
    ----------
    workload : Workload
        The requests.
    policy : LengthPolicy
        Chooses the lengths.
    server : Server
        Latency and limits.
    limit : int, optional
        Stop after the round in which the rounds have delivered this many tokens; what has not happened to a
        request by then has time infinity.
    rng : None, int or Generator
        Randomness of the policy; the requests are fixed.

    Returns
    -------
    ServingTrace

    Raises
    ------
    ValueError
        If a request can never fit, ``limit`` is below 1, or the policy returns a length outside 0..max_gamma.

    Examples
    --------
    >>> from tightbound.simulators.bandits.serving.policies.fixed import FixedLength
    >>> from tightbound.simulators.bandits.serving.workload import workload_from_acceptance
    >>> load = workload_from_acceptance([0.0], [10], [7], [0.0], max_gamma=2, rng=0)
    >>> serve(load, FixedLength(2), Server()).tokens.tolist()
    [7]
    """
    need = workload.prompt + workload.output + workload.max_gamma + 1
    if int(need.max()) > server.kv_tokens:
        raise ValueError(
            f"kv_tokens is {server.kv_tokens}, but one request reserves {int(need.max())}: "
            "raise kv_tokens or shorten the requests"
        )
    if limit is not None and limit < 1:
        raise ValueError(f"limit is {limit!r}: give at least 1 token, or leave it out to serve every request")
    size = len(workload)
    left = int(workload.output.sum()) if limit is None else int(limit)
    state = policy.init(server, workload.max_gamma, np.random.default_rng(rng))
    prices = _Prices(server)
    arrival, output = workload.arrival, workload.output
    admitted, first, finished = np.full((3, size), np.inf)
    done = np.zeros(size, dtype=np.int64)
    active = np.zeros(0, dtype=np.int64)
    steps: list[tuple[float, float, bool, int, int, bool, int, int, int]] = []
    now, head, arrived, reserved, context, previous = 0.0, 0, 0, 0, 0, 0
    while left > 0 and (head < size or active.size):
        if active.size == 0 and head == arrived and now < arrival[head]:
            now = float(arrival[head])
        arrived = int(np.searchsorted(arrival, now, side="right"))
        begin = head
        while head < arrived and active.size + head - begin < server.max_batch:
            if reserved + need[head] > server.kv_tokens:
                break
            reserved += int(need[head])
            head += 1
        if head > begin:
            joined = np.arange(begin, head)
            prompts = int(workload.prompt[joined].sum())
            seconds = float(server.latency.verify_time(prompts, 0))
            blocked = head < arrived
            steps.append((now, seconds, True, joined.size, arrived - head, blocked, 0, joined.size, -1))
            admitted[joined] = now
            now += seconds
            first[joined] = now
            done[joined] = 1
            context += prompts + joined.size
            active, reserved, context = _retire(
                np.concatenate((active, joined)), done, workload, need, finished, now, reserved, context
            )
            continue
        view = RoundView(now, active, workload.category[active], context, workload.acceptance[active])
        lengths = policy.choose(state, view)
        longest, drafted = _checked(lengths, active.size, workload.max_gamma)
        tokens = (
            np.minimum(workload.ahead[workload.start[active] + done[active]], lengths).astype(np.int64) + 1
        )
        seconds = prices.round(lengths, active.size, longest, drafted, context)
        if longest != previous:
            seconds += server.switch_seconds
        previous = longest
        policy.update(state, view, lengths, tokens, seconds)
        useful = np.minimum(tokens, output[active] - done[active])
        delivered = int(useful.sum())
        full = active.size == server.max_batch or (
            head < size and reserved + int(need[head]) > server.kv_tokens
        )
        steps.append((now, seconds, False, active.size, arrived - head, full, drafted, delivered, longest))
        now += seconds
        done[active] += useful
        context += delivered
        left -= delivered
        active, reserved, context = _retire(active, done, workload, need, finished, now, reserved, context)
    start, spent, prefill, batch, waiting, blocked_steps, drafts, deliveries, longests = zip(
        *steps, strict=True
    )
    return ServingTrace(
        arrival=arrival,
        admitted=admitted,
        first=first,
        finished=finished,
        tokens=done,
        category=workload.category,
        start=np.array(start),
        seconds=np.array(spent),
        prefill=np.array(prefill),
        batch=np.array(batch),
        waiting=np.array(waiting),
        blocked=np.array(blocked_steps),
        drafted=np.array(drafts),
        delivered=np.array(deliveries),
        length=np.array(longests),
    )


class _Prices:
    """Seconds of a round in plain floats; the array functions of `RoundLatency` are slow on one number."""

    def __init__(self, server: Server) -> None:
        latency = server.latency
        self.draft: Sequence[float] = latency.draft_time(np.arange(server.max_batch + 1)).tolist()
        self.weights = latency.weight_bytes / latency.bandwidth
        self.token = latency.token_flop / latency.flop_rate
        self.cached = latency.kv_bytes / latency.bandwidth
        self.overhead = latency.overhead

    def round(self, lengths: int | np.ndarray, batch: int, longest: int, drafted: int, context: int) -> float:
        """Draft step k runs the requests that draft at least k tokens."""
        seconds = max(self.weights, self.token * (batch + drafted)) + self.cached * context + self.overhead
        if isinstance(lengths, np.ndarray):
            for step in range(1, longest + 1):
                seconds += self.draft[int(np.count_nonzero(lengths >= step))]
            return seconds
        return seconds + longest * self.draft[batch]


def _checked(lengths: int | np.ndarray, batch: int, max_gamma: int) -> tuple[int, int]:
    """Return the largest length and the drafted tokens, or refuse."""
    if isinstance(lengths, np.ndarray):
        if lengths.shape == (batch,) and lengths.min() >= 0 and lengths.max() <= max_gamma:
            return int(lengths.max()), int(lengths.sum())
    elif 0 <= lengths <= max_gamma:
        return int(lengths), int(lengths) * batch
    raise ValueError(
        f"the policy chose {lengths!r} for {batch} requests: allowed is one length or one each, from 0 "
        f"to max_gamma={max_gamma}; lower the policy's lengths or draw the workload with a larger max_gamma"
    )


def _retire(
    active: np.ndarray,
    done: np.ndarray,
    workload: Workload,
    need: np.ndarray,
    finished: np.ndarray,
    now: float,
    reserved: int,
    context: int,
) -> tuple[np.ndarray, int, int]:
    """Take finished requests out of the batch and free their cache."""
    over = done[active] >= workload.output[active]
    if not over.any():
        return active, reserved, context
    gone = active[over]
    finished[gone] = now
    reserved -= int(need[gone].sum())
    context -= int((workload.prompt[gone] + workload.output[gone]).sum())
    return active[~over], reserved, context
