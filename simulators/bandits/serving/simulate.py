"""Independent replications of a serving run, with standard errors."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from tightbound.simulators.bandits.serving.engine import LengthPolicy, serve
from tightbound.simulators.bandits.serving.metrics import METRICS, ServiceObjective, summarise
from tightbound.simulators.bandits.serving.server import Server
from tightbound.simulators.bandits.serving.workload import PoissonTraffic


@dataclass(frozen=True)
class ServingResult:
    """Metrics of independent replications.

    Parameters
    ----------
    samples : mapping from metric to ndarray
        (R,) one value per replication; names and units as in `summarise`.
    """

    samples: Mapping[str, np.ndarray]

    @property
    def value(self) -> dict[str, float]:
        """Mean of each metric over replications."""
        return {name: float(values.mean()) for name, values in self.samples.items()}

    @property
    def standard_error(self) -> dict[str, float]:
        """Standard error of each mean; infinite for one replication."""
        return {
            name: float(values.std(ddof=1) / math.sqrt(values.size)) if values.size > 1 else math.inf
            for name, values in self.samples.items()
        }


def simulate_serving(
    traffic: PoissonTraffic,
    policy: LengthPolicy,
    server: Server,
    *,
    replications: int,
    objective: ServiceObjective | None = None,
    warmup: float = 0.1,
    rng: int | np.random.Generator | None = None,
) -> ServingResult:
    r"""Serve independent draws of the traffic and return the metrics of each.

    .. math:: \bar m = \frac1R\sum_r m_r, \qquad \mathrm{se} = \sqrt{\frac{1}{R(R-1)}\sum_r (m_r-\bar m)^2}

    Each replication has a generator of its own for its requests and another for the policy, so two policies
    given the same integer ``rng`` meet the same requests and their results are paired.

    Parameters
    ----------
    traffic : PoissonTraffic
        Law of the requests.
    policy : LengthPolicy
        Chooses speculation lengths; starts afresh in each replication.
    server : Server
        Latency and limits.
    replications : int
        Independent runs, at least 1.
    objective : ServiceObjective, optional
        Limits behind goodput.
    warmup : float, default 0.1
        Share of requests that are not counted.
    rng : None, int or Generator
        Source of all randomness.

    Returns
    -------
    ServingResult

    Raises
    ------
    ValueError
        For no replications, or whatever `serve` and `summarise` refuse.

    Examples
    --------
    >>> from tightbound.simulators.bandits.serving import FixedLength
    >>> traffic = PoissonTraffic(requests=150, rates=(1.0,))
    >>> result = simulate_serving(traffic, FixedLength(4), Server(), replications=2, rng=0)
    >>> result.samples["tpot_p50"].shape
    (2,)
    """
    if replications < 1:
        raise ValueError(f"replications is {replications!r}: give an integer of at least 1")
    runs = []
    for child in np.random.default_rng(rng).spawn(replications):
        requests, choices = child.spawn(2)
        trace = serve(traffic.draw(requests), policy, server, rng=choices)
        runs.append(summarise(trace, objective, warmup=warmup))
    return ServingResult({name: np.array([run[name] for run in runs]) for name in METRICS})
