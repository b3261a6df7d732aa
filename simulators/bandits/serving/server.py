"""What serves the requests: an accelerator, its limits and its prices."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np

from tightbound.simulators.bandits.serving.workload import PoissonTraffic
from tightbound.theory.bandits.serving import RoundLatency, speculative_throughput


@dataclass(frozen=True)
class Server:
    """One accelerator that batches continuously.

    Parameters
    ----------
    latency : RoundLatency
        Seconds of a round.
    max_batch : int
        Most requests decoded at once.
    kv_tokens : int
        Tokens of keys and values that fit; a request reserves its prompt, its output and one round.
    switch_seconds : float
        Charged to a round whose largest speculation length differs from that of the round before.

    Raises
    ------
    ValueError
        For a limit below 1 or a negative charge.

    Examples
    --------
    >>> Server().max_batch
    64
    """

    latency: RoundLatency = field(default_factory=RoundLatency)
    max_batch: int = 64
    kv_tokens: int = 160_000
    switch_seconds: float = 0.0

    def __post_init__(self) -> None:
        if self.max_batch < 1 or self.kv_tokens < 1:
            raise ValueError(
                f"max_batch={self.max_batch!r}, kv_tokens={self.kv_tokens!r}: give integers of at least 1"
            )
        if not math.isfinite(self.switch_seconds) or self.switch_seconds < 0:
            raise ValueError(f"switch_seconds is {self.switch_seconds!r}: give a finite number of at least 0")


def mixed_throughput(
    server: Server, traffic: PoissonTraffic, batch: np.ndarray, gamma: int, mix: int = 0
) -> np.ndarray:
    r"""Return tokens per second of a batch drawn from the mix, by the roofline at the mean context.

    .. math:: b\,E[\mu_\gamma(\alpha)] / T(b,\gamma)

    with the moments ``E[alpha^k]`` of the scaled Beta laws in closed form.

    Parameters
    ----------
    server, traffic
        What serves what.
    batch : ndarray
        Batch sizes.
    gamma : int
        One speculation length for the whole batch.
    mix : int, default 0
        State of the mix.

    Returns
    -------
    ndarray
        Of the shape of ``batch``.

    Examples
    --------
    >>> traffic = PoissonTraffic(requests=1, rates=(1.0,))
    >>> mixed_throughput(Server(), traffic, np.array([1, 64]), 0).round().tolist()
    [81.0, 4473.0]
    """
    a, b = traffic.acceptance
    powers = np.arange(1, gamma + 1)
    moments = np.cumprod((a + powers - 1) / (a + b + powers - 1))
    scaled = np.asarray(traffic.factors)[:, None] ** powers * moments
    tokens = 1.0 + float(np.asarray(traffic.mixes[mix]) @ scaled.sum(axis=1))
    context = traffic.prompt.mean + traffic.output.mean / 2
    plain = speculative_throughput(batch, np.full(np.shape(batch), gamma), 0.0, context, server.latency)
    return np.asarray(tokens * plain)


def best_length_table(server: Server, traffic: PoissonTraffic, mix: int = 0) -> tuple[int, ...]:
    """Return the best batch-wide speculation length at every batch size 1..max_batch, known mix.

    Examples
    --------
    >>> best_length_table(Server(), PoissonTraffic(requests=1, rates=(1.0,)))[::16]
    (3, 3, 2, 1)
    """
    sizes = np.arange(1, server.max_batch + 1)
    rates = [mixed_throughput(server, traffic, sizes, gamma, mix) for gamma in range(traffic.max_gamma + 1)]
    return tuple(int(length) for length in np.argmax(np.stack(rates), axis=0))


def capacity(server: Server, traffic: PoissonTraffic) -> float:
    r"""Return requests per second that a full batch sustains with the best fixed length.

    .. math:: \Big(\tfrac{E[\text{output}]}{\max_\gamma b\,\mu_\gamma/T(b,\gamma)}
              + E[\text{prompt}]\,\tfrac{f}{F}\Big)^{-1}

    at ``b = min(max_batch, kv_tokens / E[tokens])``, prompts charged at the arithmetic rate.

    Examples
    --------
    >>> round(capacity(Server(), PoissonTraffic(requests=1, rates=(1.0,))), 1)
    14.9
    """
    need = traffic.prompt.mean + traffic.output.mean + traffic.max_gamma + 1
    batch = np.array([float(min(server.max_batch, max(1, int(server.kv_tokens / need))))])
    best = max(float(mixed_throughput(server, traffic, batch, g)[0]) for g in range(traffic.max_gamma + 1))
    reading = traffic.prompt.mean * server.latency.token_flop / server.latency.flop_rate
    return 1.0 / (traffic.output.mean / best + reading)
