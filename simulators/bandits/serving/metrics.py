"""What a user and an operator feel: throughput, waiting, pace, goodput."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from tightbound.simulators.bandits.serving.engine import ServingTrace


@dataclass(frozen=True)
class ServiceObjective:
    """What counts as well served.

    Parameters
    ----------
    ttft : float
        Most seconds from arrival to the first token.
    tpot : float
        Most seconds per token after the first, averaged over the request.

    Raises
    ------
    ValueError
        For a limit that is not above 0.

    Examples
    --------
    >>> ServiceObjective(ttft=1.0, tpot=0.05).tpot
    0.05
    """

    ttft: float = 1.0
    tpot: float = 0.03

    def __post_init__(self) -> None:
        if not (self.ttft > 0 and self.tpot > 0):
            raise ValueError(f"ttft={self.ttft!r}, tpot={self.tpot!r}: give seconds above 0")


METRICS = (
    "throughput",
    "goodput",
    "ttft_mean",
    "ttft_p50",
    "ttft_p99",
    "tpot_mean",
    "tpot_p50",
    "tpot_p99",
    "mean_batch",
    "mean_length",
)


def summarise(
    trace: ServingTrace, objective: ServiceObjective | None = None, *, warmup: float = 0.1
) -> dict[str, float]:
    """Return the metrics of one run over the requests that arrive after the warm-up.

    Parameters
    ----------
    trace : ServingTrace
        One run.
    objective : ServiceObjective, optional
        Limits behind goodput.
    warmup : float, default 0.1
        Share of requests, in [0, 1), that are served but not counted.

    Returns
    -------
    dict
        ``throughput`` and ``goodput`` in tokens and requests per second between the first counted arrival and
        the last arrival; ``ttft_*`` and ``tpot_*`` in seconds over all counted requests (those of one token
        have no pace); ``mean_batch`` and ``mean_length`` over rounds, weighted by time.

    Raises
    ------
    ValueError
        For a warm-up outside [0, 1), or a run so short that no time passes between counted arrivals.

    Examples
    --------
    >>> from tightbound.simulators.bandits.serving import FixedLength, PoissonTraffic, Server, serve
    >>> run = serve(PoissonTraffic(requests=200, rates=(1.0,)).draw(0), FixedLength(4), Server())
    >>> sorted(summarise(run)) == sorted(METRICS)
    True
    """
    if not 0 <= warmup < 1:
        raise ValueError(f"warmup is {warmup!r}: give a share of requests in [0, 1)")
    objective = ServiceObjective() if objective is None else objective
    counted = np.arange(trace.arrival.size) >= int(warmup * trace.arrival.size)
    begin, end = float(trace.arrival[counted][0]), float(trace.arrival[-1])
    if not end > begin:
        raise ValueError("no time passes between the counted arrivals: serve more requests or lower warmup")
    ends = trace.start + trace.seconds
    inside = (ends > begin) & (ends <= end)
    rounds = inside & ~trace.prefill
    ttft = (trace.first - trace.arrival)[counted]
    several = counted & (trace.tokens > 1)
    tpot = (trace.finished - trace.first)[several] / (trace.tokens[several] - 1)
    good = (trace.first - trace.arrival <= objective.ttft) & (
        trace.finished - trace.first <= objective.tpot * np.maximum(trace.tokens - 1, 1)
    )
    values = {
        "throughput": trace.delivered[inside].sum() / (end - begin),
        "goodput": good[counted].sum() / (end - begin),
        "ttft_mean": ttft.mean(),
        "ttft_p50": np.quantile(ttft, 0.5),
        "ttft_p99": np.quantile(ttft, 0.99),
        "tpot_mean": tpot.mean() if tpot.size else math.inf,
        "tpot_p50": np.quantile(tpot, 0.5) if tpot.size else math.inf,
        "tpot_p99": np.quantile(tpot, 0.99) if tpot.size else math.inf,
        "mean_batch": _weighted(trace.batch[rounds], trace.seconds[rounds]),
        "mean_length": _weighted((trace.drafted / trace.batch)[rounds], trace.seconds[rounds]),
    }
    return {name: float(value) for name, value in values.items()}


def _weighted(values: np.ndarray, weights: np.ndarray) -> float:
    """Mean by time; 0 where nothing ran."""
    total = float(weights.sum())
    return float(values @ weights) / total if total > 0 else 0.0
