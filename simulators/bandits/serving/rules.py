"""Policies in the form that the compiled loop reads."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class TableRule(NamedTuple):
    """A length that depends on the size of the batch and on nothing else."""

    lengths: NDArray[np.int64]
    """(max_batch + 1,) entry ``b`` serves batch size ``b``."""


class BanditRule(NamedTuple):
    """A bandit without coins, fed with throughput: one state for each range of batch sizes."""

    code: int
    """Which policy, as in `tightbound.simulators.bandits.codes`."""
    par: NDArray[np.float64]
    """Numbers of the policy."""
    vec: NDArray[np.float64]
    """Its numbers per arm."""
    lengths: NDArray[np.int64]
    """(K,) speculation length of each arm."""
    edges: NDArray[np.int64]
    """(E,) batch sizes at which a new range begins."""
    ranges: NDArray[np.float64]
    """(E + 1, 2) least and largest reward, in tokens per second."""
    steps: float
    """Steps into which the range of the reward is cut."""
    memory: NDArray[np.float64]
    """(E + 1, 5, K) what is known of each arm."""
    scratch: NDArray[np.float64]
    """(E + 1, S) whatever else the policy keeps."""
    rounds: NDArray[np.int64]
    """(E + 1,) rounds in each range so far."""


Rule = TableRule | BanditRule


def out_of_range(reward: float, low: float, high: float, batch: int) -> ValueError:
    """Return what is to be said of a reward outside [low, high]."""
    return ValueError(
        f"the reward {reward:.6g} tokens/s left its range [{low:.6g}, {high:.6g}] at batch size "
        f"{batch}: widen the range, e.g. with reward_ranges(server, lengths, edges)"
    )
