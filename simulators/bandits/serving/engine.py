"""Continuous batching, one round after another."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import numpy as np

from tightbound.simulators.bandits.serving.rules import Rule, TableRule, out_of_range
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
    """Chooses speculation lengths round by round; whatever it learns is in the state.

    A class that also has a method ``kernel_rule(server, rounds)`` is run by it in compiled code, unless it
    returns None: see `tightbound.simulators.bandits.serving.rules`.
    """

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
    left = int(workload.output.sum()) if limit is None else min(int(limit), int(workload.output.sum()))
    run = _Run(workload, server, need, left)
    rule = _rule(policy, server, left)
    if rule is None:
        run.ask(policy, np.random.default_rng(rng))
    else:
        run.follow(rule)
    return run.trace()


def _rule(policy: LengthPolicy, server: Server, rounds: int) -> Rule | None:
    """Return the form of the policy for the compiled loop; one that is inherited may not be what it does."""
    own = vars(type(policy)).get("kernel_rule")
    return None if own is None else own(policy, server, rounds)


class _Run:
    """One run: what the compiled functions read and write."""

    def __init__(self, workload: Workload, server: Server, need: np.ndarray, left: int) -> None:
        from tightbound.simulators.bandits.serving import _kernel_serving as kernel

        latency, size = server.latency, len(workload)
        room, most = min(server.max_batch, size), left + size  # every round delivers a token
        self._kernel = kernel
        self._workload = workload
        self._server = server
        self._requests = kernel.Requests(
            arrival=np.require(workload.arrival, np.float64, ("C", "W")),
            prompt=np.require(workload.prompt, np.int64, ("C", "W")),
            output=np.require(workload.output, np.int64, ("C", "W")),
            need=np.require(need, np.int64, ("C", "W")),
            start=np.require(workload.start, np.int64, ("C", "W")),
            ahead=np.require(workload.ahead, np.uint8, ("C", "W")),
        )
        self._machine = kernel.Machine(
            max_batch=int(server.max_batch),
            kv_tokens=int(server.kv_tokens),
            max_gamma=int(workload.max_gamma),
            weights=float(latency.weight_bytes / latency.bandwidth),
            token=float(latency.token_flop / latency.flop_rate),
            cached=float(latency.kv_bytes / latency.bandwidth),
            overhead=float(latency.overhead),
            switch=float(server.switch_seconds),
            draft=latency.draft_time(np.arange(server.max_batch + 1)),
        )
        self._progress = kernel.Progress(
            admitted=np.full(size, np.inf),
            first=np.full(size, np.inf),
            finished=np.full(size, np.inf),
            done=np.zeros(size, dtype=np.int64),
            active=np.zeros(room, dtype=np.int64),
            lengths=np.zeros(room, dtype=np.int64),
            tokens=np.zeros(room, dtype=np.int64),
            counts=np.zeros(8, dtype=np.int64),
            clock=np.zeros(1),
        )
        self._progress.counts[kernel.LEFT] = left
        self._steps = kernel.Steps(
            start=np.empty(most),
            seconds=np.empty(most),
            prefill=np.empty(most, dtype=np.bool_),
            batch=np.empty(most, dtype=np.int64),
            waiting=np.empty(most, dtype=np.int64),
            blocked=np.empty(most, dtype=np.bool_),
            drafted=np.empty(most, dtype=np.int64),
            delivered=np.empty(most, dtype=np.int64),
            length=np.empty(most, dtype=np.int64),
        )

    def follow(self, rule: Rule) -> None:
        """Run to the end in compiled code."""
        kernel, counts = self._kernel, self._progress.counts
        arguments = self._requests, self._machine, self._progress, self._steps
        if isinstance(rule, TableRule):
            status, reward, state = kernel.run_table(*arguments, rule), 0.0, 0
        else:
            status, reward, state = kernel.run_bandit(*arguments, rule)
            if status == kernel.BAD_REWARD:
                batch = int(self._steps.batch[counts[kernel.STEPS] - 1])
                low, high = rule.ranges[state].tolist()
                raise out_of_range(reward, low, high, batch)
        if status == kernel.BAD_LENGTH:
            _check(int(self._progress.lengths[0]), int(counts[kernel.BATCH]), self._workload.max_gamma)

    def ask(self, policy: LengthPolicy, rng: np.random.Generator) -> None:
        """Run to the end, with a policy that is asked before every round and told after it."""
        kernel, workload, progress = self._kernel, self._workload, self._progress
        arguments = self._requests, self._machine, progress, self._steps
        state = policy.init(self._server, workload.max_gamma, rng)
        while kernel.admit(*arguments):
            batch = int(progress.counts[kernel.BATCH])
            active = progress.active[:batch].copy()
            view = RoundView(
                float(progress.clock[0]),
                active,
                workload.category[active],
                int(progress.counts[kernel.CONTEXT]),
                workload.acceptance[active],
            )
            lengths = policy.choose(state, view)
            _check(lengths, batch, workload.max_gamma)
            progress.lengths[:batch] = lengths
            seconds = kernel.play(*arguments, isinstance(lengths, np.ndarray))
            policy.update(state, view, lengths, progress.tokens[:batch].copy(), seconds)

    def trace(self) -> ServingTrace:
        """Return what happened."""
        taken = int(self._progress.counts[self._kernel.STEPS])
        progress, steps = self._progress, self._steps
        return ServingTrace(
            arrival=self._workload.arrival,
            admitted=progress.admitted,
            first=progress.first,
            finished=progress.finished,
            tokens=progress.done,
            category=self._workload.category,
            **{name: array[:taken].copy() for name, array in steps._asdict().items()},
        )


def _check(lengths: int | np.ndarray, batch: int, max_gamma: int) -> None:
    """Refuse lengths that are not allowed."""
    if isinstance(lengths, np.ndarray):
        allowed = lengths.shape == (batch,) and lengths.min() >= 0 and lengths.max() <= max_gamma
    else:
        allowed = 0 <= lengths <= max_gamma
    if not allowed:
        raise ValueError(
            f"the policy chose {lengths!r} for {batch} requests: allowed is one length or one each, from 0 "
            f"to max_gamma={max_gamma}; lower the policy's lengths or draw the workload with a larger one"
        )
