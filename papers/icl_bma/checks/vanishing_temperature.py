"""ICL-6f, ICL-6g, ICL-6h: softmax attention at a temperature that falls with the number of keys."""

from __future__ import annotations

import numpy as np

from tightbound.papers.icl_bma.checks._softmax import NONE, PAPER, SOURCE, Arrays, lengths
from tightbound.theory.in_context.softmax_limit import (
    softmax_bias_and_spread,
    softmax_mean_square_bound,
    vanishing_temperature,
)
from tightbound.verification.claim import Claim, NegativeControl
from tightbound.verification.grid import Cell, Grid, cells
from tightbound.verification.statistics import BoundHolds, Slope

# mean of the sign in front of a value: 1 would leave no noise
SIGNAL = 0.8


def _scheduled(cell: Cell, rng: np.random.Generator, kappas: np.ndarray, repeats: int = 1) -> Arrays:
    """Return squared errors as an estimate of m itself, mean over queries, shape (R, T), and their bound."""
    from tightbound.simulators.in_context.sphere import axes, sample_attention

    dim, keys = cell["dim"], np.array(cell["keys"])
    target = SIGNAL * axes(dim)
    found = [
        sample_attention(
            dim,
            1,
            float(kappa),
            int(count),
            signal=SIGNAL,
            replications=cell["runs"],
            repeats=repeats,
            rng=rng,
        )
        for kappa, count in zip(kappas, keys, strict=True)
    ]
    errors = np.stack([((one - target) ** 2).sum(axis=2).mean(axis=1) for one in found], axis=1)
    bound = softmax_mean_square_bound(dim, kappas, 1, keys, signal=SIGNAL)
    return {"value": errors, "keys": keys, "bound": bound[None]}


def _rate(cell: Cell) -> np.ndarray:
    """Return T^(4/(d+3)), whose inverse is the order of the mean square error."""
    return np.asarray(np.array(cell["keys"], dtype=np.float64) ** (4.0 / (cell["dim"] + 3.0)))


def vanishing_errors(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Squared errors on the schedule, over x = T^(4/(d+3))."""
    kappas = vanishing_temperature(cell["dim"], np.array(cell["keys"]))
    return _scheduled(cell, rng, kappas) | {"x": _rate(cell)}


def fixed_temperature_errors(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the same with the temperature of the shortest prompt at all lengths."""
    kappa = vanishing_temperature(cell["dim"], cell["keys"][0])
    return _scheduled(cell, rng, np.full(len(cell["keys"]), kappa)) | {"x": _rate(cell)}


ICL_6F = Claim(
    id="ICL-6f",
    paper=PAPER,
    title="Where the temperature falls like T^(-2/(d+3)), attention tends to the mean value, with constant 1",
    statement=r"d \log E|attn(q) - m(q)|^2 / d \log T^{4/(d+3)} = -1 +- 0.2 at \kappa_T = T^{2/(d+3)}",
    source=SOURCE,
    provenance="derived",
    statistic=Slope(target=-1.0, side="two-sided", tolerance=0.2, method="delta"),
    # in four dimensions the bias, which has no noise, is most of the error
    grid=Grid(
        quick=cells(dim=[2], keys=lengths(400, 4), runs=[200])
        + cells(dim=[4], keys=lengths(400, 4), runs=[60]),
        standard=cells(dim=[2, 4], keys=lengths(400, 5), runs=[200]),
        full=cells(dim=[2, 3, 4, 6], keys=lengths(400, 6), runs=[500]),
    ),
    measure=vanishing_errors,
    control=NegativeControl(
        measure=fixed_temperature_errors,
        because="at a fixed temperature attention tends to a smoothed mean value, and a bias stays",
    ),
    substitutes=NONE,
    seconds={"quick": 2.2, "standard": 18},
)


def bounded_errors(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Squared errors on the schedule beside their bound; trivial is the squared diameter."""
    kappas = vanishing_temperature(cell["dim"], np.array(cell["keys"]))
    found = _scheduled(cell, rng, kappas)
    return found | {"trivial": np.full((1, len(kappas)), (1.0 + SIGNAL) ** 2)}


def repeated_pairs(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the same where each pair of key and value is written down 20 times."""
    kappas = vanishing_temperature(cell["dim"], np.array(cell["keys"]))
    return _scheduled(cell, rng, kappas, repeats=20)


ICL_6G = Claim(
    id="ICL-6g",
    paper=PAPER,
    title="The error of softmax attention is within an explicit bound at every number of keys",
    statement=r"E|attn(q) - m(q)|^2 <= (b + r)^2, b = s (1 - C_1(\kappa)), "
    r"r^2 = \min_a V / ((1-a)^2 T) + (1 + s C_1)^2 e^{-a^2 T / (2 \varrho)}",
    source=SOURCE,
    provenance="derived",
    statistic=BoundHolds(method="t"),
    grid=Grid(
        quick=cells(dim=[2, 4], keys=lengths(400, 4), runs=[50]),
        standard=cells(dim=[2, 4], keys=lengths(400, 5), runs=[100]),
        full=cells(dim=[2, 3, 4, 6], keys=lengths(400, 6), runs=[200]),
    ),
    measure=bounded_errors,
    control=NegativeControl(
        measure=repeated_pairs,
        grid=Grid(quick=cells(dim=[2, 4], keys=lengths(400, 4), runs=[80])),
        because="pairs written down 20 times are not independent: T keys then count as T/20",
    ),
    substitutes=NONE,
    seconds={"quick": 0.6, "standard": 4},
)


def _balanced(cell: Cell) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return inverse temperatures, the numbers of keys they belong to, and x = T^(4/(d+3)) = kappa^2."""
    kappas = np.array(cell["kappas"], dtype=np.float64)
    return kappas, kappas ** (0.5 * (cell["dim"] + 3.0)), kappas**2


def bound_on_the_schedule(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the bound itself on the schedule, over x = T^(4/(d+3))."""
    kappas, keys, x = _balanced(cell)
    return {"value": softmax_mean_square_bound(cell["dim"], kappas, 1, keys, signal=SIGNAL)[None], "x": x}


def bound_at_fast_temperature(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the leading terms of the error where the temperature falls half as fast again."""
    kappas, keys, x = _balanced(cell)
    bias, spread = softmax_bias_and_spread(cell["dim"], kappas**1.5, 1, signal=SIGNAL)
    return {"value": (bias**2 + spread / keys)[None], "x": x}


ICL_6H = Claim(
    id="ICL-6h",
    paper=PAPER,
    title="On that schedule the bound falls like T^(-4/(d+3)) in every dimension",
    statement=r"d \log (b + r)^2 / d \log T^{4/(d+3)} = -1 +- 0.02 for \kappa_T from 10^3 to 10^7",
    source=SOURCE,
    provenance="derived",
    statistic=Slope(target=-1.0, side="two-sided", tolerance=0.02, method="exact"),
    grid=Grid(quick=cells(dim=[2, 3, 4, 8], kappas=[tuple(10**k for k in range(3, 8))])),
    measure=bound_on_the_schedule,
    control=NegativeControl(
        measure=bound_at_fast_temperature,
        because="where the temperature falls like T^(-3/(d+3)), too few keys count and noise decides",
    ),
    substitutes=NONE,
    seconds={"quick": 0.05, "standard": 0.05},
)
