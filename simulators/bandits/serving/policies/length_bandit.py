"""A bandit over speculation lengths whose reward is throughput, with one state per range of batch sizes."""

from __future__ import annotations

import bisect
from dataclasses import dataclass
from typing import Any

import numpy as np

from tightbound.simulators.bandits.policies.base import Policy
from tightbound.simulators.bandits.policies.greedy import Greedy
from tightbound.simulators.bandits.policies.released_ucb import ReleasedUCB
from tightbound.simulators.bandits.policies.round_robin import RoundRobin
from tightbound.simulators.bandits.policies.sliding_window_ucb import SlidingWindowUCB
from tightbound.simulators.bandits.policies.ucb1 import UCB1
from tightbound.simulators.bandits.policies.ucb_spec import UCBSpec
from tightbound.simulators.bandits.serving.engine import RoundView
from tightbound.simulators.bandits.serving.rules import BanditRule, out_of_range
from tightbound.simulators.bandits.serving.server import Server
from tightbound.theory.bandits.serving import roofline_round_time

_STEPS = 100_000  # the policies count tokens, so a reward is rounded to one of this many steps of its range
_COMPILED = (Greedy, ReleasedUCB, RoundRobin, SlidingWindowUCB, UCB1, UCBSpec)


def reward_ranges(
    server: Server, lengths: tuple[int, ...], edges: tuple[int, ...] = ()
) -> tuple[tuple[float, float], ...]:
    r"""Return, per range of batch sizes, tokens per second that no round can leave.

    .. math:: \Big[\min_{b,\gamma} \frac{b}{T(b,\gamma,\text{full cache})+s},\;
              \max_{b,\gamma} \frac{b(\gamma+1)}{T(b,\gamma,0)}\Big]

    Parameters
    ----------
    server : Server
        Latency, largest batch, cache and switching charge s.
    lengths : tuple of int
        The arms.
    edges : tuple of int
        First batch size of every range but the first.

    Returns
    -------
    tuple of (low, high)
        One pair per range.

    Examples
    --------
    >>> low, high = reward_ranges(Server(max_batch=1), (0, 4))[0]
    >>> round(low), round(high)
    (32, 276)
    """
    starts = (1, *edges)
    stops = (*edges, server.max_batch + 1)
    ranges = []
    for begin, end in zip(starts, stops, strict=True):
        size = np.arange(begin, max(end, begin + 1), dtype=np.float64)[:, None]
        arms = np.asarray(lengths)[None, :]
        slow = (
            roofline_round_time(size, arms, server.kv_tokens / size, server.latency) + server.switch_seconds
        )
        fast = roofline_round_time(size, arms, 0.0, server.latency)
        ranges.append((float(np.min(size / slow)), float(np.max(size * (arms + 1) / fast))))
    return tuple(ranges)


@dataclass(frozen=True)
class LengthBandit:
    r"""Feed a bandit policy with throughput, mapped affinely from its range to {1, .., L+1}.

    .. math:: r = \frac{\sum_i Y_i}{\text{seconds}} \in [lo, hi], \qquad
              y = 1 + \Big\lfloor L\,\frac{r - lo}{hi - lo} \Big\rceil, \quad L = 10^5

    With no edges it is the context-free bandit; with edges it learns in each range of batch sizes.

    Parameters
    ----------
    policy : Policy
        One of `tightbound.simulators.bandits.policies` whose index scales with the range of its reward.
    lengths : tuple of int
        Speculation length of each arm.
    ranges : tuple of (float, float)
        Range of the reward in tokens per second, one per range of batch sizes; `reward_ranges` computes it.
    edges : tuple of int
        Increasing batch sizes at which a new range begins, each at least 2.

    Raises
    ------
    ValueError
        For edges out of order, a wrong number of ranges or an empty one; and while running for a reward that
        leaves its range.

    Examples
    --------
    >>> from tightbound.simulators.bandits import UCBSpec
    >>> LengthBandit(UCBSpec(), (0, 4), ((0.0, 300.0),)).lengths
    (0, 4)
    """

    policy: Policy
    lengths: tuple[int, ...]
    ranges: tuple[tuple[float, float], ...]
    edges: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        if not self.lengths or min(self.lengths) < 0:
            raise ValueError(f"lengths is {self.lengths!r}: give at least one length, all at least 0")
        if any(np.diff((1, *self.edges)) <= 0):
            raise ValueError(f"edges is {self.edges!r}: give increasing batch sizes, the first at least 2")
        if len(self.ranges) != len(self.edges) + 1:
            raise ValueError(
                f"ranges has {len(self.ranges)} pairs for {len(self.edges)} edges: "
                "give one pair more than edges"
            )
        if any(not (np.isfinite(low) and np.isfinite(high) and low < high) for low, high in self.ranges):
            raise ValueError(
                f"ranges is {self.ranges!r}: each pair is (low, high) tokens per second with low < high"
            )

    def init(self, server: Server, max_gamma: int, rng: np.random.Generator) -> list[Any]:
        """Return one policy state per range, then the source of coins."""
        return [*(self.policy.init(len(self.lengths), _STEPS) for _ in self.ranges), rng.random]

    def choose(self, state: list[Any], view: RoundView) -> int:
        """Ask the policy of the present range."""
        bucket = bisect.bisect_right(self.edges, view.requests.size)
        return self.lengths[self.policy.choose(state[bucket], state[-1])]

    def update(
        self, state: list[Any], view: RoundView, lengths: int | np.ndarray, tokens: np.ndarray, seconds: float
    ) -> None:
        """Tell the policy of the present range the throughput of the round."""
        bucket = bisect.bisect_right(self.edges, view.requests.size)
        low, high = self.ranges[bucket]
        reward = float(tokens.sum()) / seconds
        if not low <= reward <= high:
            raise out_of_range(reward, low, high, view.requests.size)
        arm = self.lengths.index(int(lengths))
        y = 1 + round(_STEPS * (reward - low) / (high - low))
        state[bucket] = self.policy.update(state[bucket], arm, y)

    def kernel_rule(self, server: Server, rounds: int) -> BanditRule | None:
        """Return the form for the compiled loop, where there is one for the policy."""
        if type(self.policy) not in _COMPILED or len(set(self.lengths)) < len(self.lengths):
            return None
        code, par, vec, scratch = self.policy.kernel_policy(len(self.lengths), _STEPS)
        states = len(self.ranges)
        return BanditRule(
            code=code,
            par=par,
            vec=vec,
            lengths=np.asarray(self.lengths, dtype=np.int64),
            edges=np.asarray(self.edges, dtype=np.int64),
            ranges=np.asarray(self.ranges, dtype=np.float64),
            steps=float(_STEPS),
            memory=np.zeros((states, 5, len(self.lengths))),
            # what a window keeps of a round is two numbers; it needs no room for rounds that never come
            scratch=np.zeros((states, min(scratch, 2 * rounds))),
            rounds=np.zeros(states, dtype=np.int64),
        )
