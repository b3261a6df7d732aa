"""ICL-6: softmax attention is no multiple of the posterior mean, and when in the limit it is.

The printed statement (ICL-6a) asks for one constant whatever the laws of keys and values are. It needs the
mean value to be an eigenfunction of a smoothing operator (ICL-6b, 6c); then it is true, at a rate (ICL-6d,
6e), and so it is with constant 1 where the temperature falls slowly with the number of keys (ICL-6f to 6h).
"""

from __future__ import annotations

import numpy as np

from tightbound.papers.icl_bma.checks._softmax import NONE, PAPER, SOURCE, Arrays
from tightbound.papers.icl_bma.checks.softmax_rate import ICL_6D, ICL_6E, ICL_6I
from tightbound.papers.icl_bma.checks.vanishing_temperature import ICL_6F, ICL_6G, ICL_6H
from tightbound.theory.in_context.sphere_harmonics import harmonic_values, softmax_limit_constant
from tightbound.verification.claim import Claim, NegativeControl, PositiveControl
from tightbound.verification.grid import Cell, Grid, cells
from tightbound.verification.statistics import BoundHolds, Equality

# quadrature over a few hundred nodes, sums of numbers of size at most 1
ROUNDING = 1e-12
NODES = 256


# --- ICL-6a: one constant for all ---------------------------------------------------------------------------


def _cap(angle: np.ndarray) -> np.ndarray:
    return np.asarray(1.0 + 0.9 * np.cos(angle))


def _mean_values(points: np.ndarray, values: str) -> np.ndarray:
    """Return E[v | k] for unit values: constant, the key, its second harmonics, or a mix of these two."""
    first, second = harmonic_values(points, 1), harmonic_values(points, 2)
    named = {
        "constant": harmonic_values(points, 0),
        "first": first,
        "second": second,
        "mixed": np.concatenate([first, second], axis=1) / np.sqrt(2.0),
    }
    return np.asarray(named[values])


def residual_of_best_constant(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Relative distance of the mean value from the nearest multiple of what attention tends to."""
    from tightbound.theory.in_context.smoothing_operator import circle_smoothing_operator

    density = _cap if cell["keys"] == "cap" else None
    operator = circle_smoothing_operator(NODES, cell["kappa"], density)
    mean = _mean_values(operator.points, cell["values"])
    smooth = operator.apply(mean)
    constant, residual = operator.best_constant(mean)
    tried = np.linspace(1.0, 12.0, 111)
    left = mean[:, None] - tried[:, None] * smooth[:, None]
    square = operator.law @ (left**2).sum(axis=2) / (operator.law @ (mean**2).sum(axis=1))
    return {"value": residual, "constant": constant, "tried": tried, "residuals": np.sqrt(square)}


def rounding(cell: Cell) -> float:
    """Return what is 0 to rounding."""
    return ROUNDING


ICL_6A = Claim(
    id="ICL-6a",
    paper=PAPER,
    title="One constant turns softmax attention into the posterior mean, for all keys and values (printed)",
    statement=r"\lim attn^\dagger(q, K_T, V_T) = C \lim attn(q, K_T, V_T) for all unit q, an absolute C > 0",
    source="Proposition 4.3, with unit keys and values and the Gaussian kernel",
    provenance="text",
    statistic=BoundHolds(method="exact", slack=0.0),
    grid=Grid(
        quick=[
            {"keys": "uniform", "values": "mixed", "kappa": 1.0},
            {"keys": "cap", "values": "first", "kappa": 1.0},
        ]
    ),
    measure=residual_of_best_constant,
    bound=rounding,
    control=PositiveControl(
        grid=Grid(quick=cells(keys=["uniform"], values=["constant", "first", "second"], kappa=[1.0])),
        because="with uniform keys and values of one degree there is a constant, another one for each degree",
    ),
    expected="fail",
    corrected_by="ICL-6b",
    counterexample={
        "keys": "uniform on the circle",
        "values": "(cos a, sin a, cos 2a, sin 2a) / sqrt(2), without noise",
        "constants": "I_0/I_1 = 2.24 for the first two coordinates, I_0/I_2 = 9.33 for the others",
    },
    substitutes=NONE,
    seconds={"quick": 0.05, "standard": 0.05},
)


# --- ICL-6b, ICL-6c: the operator ---------------------------------------------------------------------------


def _smoothed(cell: Cell, tilt: float) -> Arrays:
    """Return P m and C_l m for a harmonic m, under a law of keys with density 1 + tilt x."""
    from scipy.special import eval_chebyt, eval_gegenbauer

    from tightbound.theory.in_context.smoothing_operator import zonal_smoothing_operator

    dim, degree = cell["dim"], cell["degree"]
    operator = zonal_smoothing_operator(dim, cell["nodes"], cell["kappa"], lambda x: 1.0 + tilt * x)
    x = operator.points[:, 0]
    order = 0.5 * dim - 1.0
    if dim == 2:
        m = eval_chebyt(degree, x)
    else:
        m = eval_gegenbauer(degree, order, x) / eval_gegenbauer(degree, order, 1.0)
    return {
        "value": operator.apply(m),
        "reference": softmax_limit_constant(dim, cell["kappa"], degree) * m,
    }


def uniform_keys(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Smoothed harmonic of uniform keys, by quadrature, beside the Bessel ratio times the harmonic."""
    return _smoothed(cell, 0.0)


def cap_keys(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the same for keys that crowd around a pole."""
    return _smoothed(cell, 0.9)


def _harmonic_cells(dims: list[int]) -> tuple[Cell, ...]:
    return cells(dim=dims, degree=[0, 1, 2, 5], kappa=[0.1, 1.0, 10.0, 100.0], nodes=[64])


ICL_6B = Claim(
    id="ICL-6b",
    paper=PAPER,
    title="With uniform keys and values of one degree l, attention tends to C_l times their mean",
    statement=r"P Y = C_l Y, C_l = I_{d/2-1+l}(\kappa) / I_{d/2-1}(\kappa); "
    r"so \lim attn^\dagger = \lim attn / C_l",
    source=SOURCE + "; its degree-1 case is Proposition E.1",
    provenance="derived",
    statistic=Equality(atol=ROUNDING),
    grid=Grid(
        quick=_harmonic_cells([2, 3, 4, 8]),
        full=_harmonic_cells([2, 3, 4, 5, 8, 16]),
    ),
    measure=uniform_keys,
    control=NegativeControl(
        measure=cap_keys,
        because="keys that crowd around a pole pull every output towards it",
    ),
    substitutes=NONE,
    seconds={"quick": 0.5, "standard": 0.5},
)


def _finite_laws(cell: Cell, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Return random keys, shape (n, N, d), and their probabilities."""
    from tightbound.simulators.in_context.sphere import uniform_sphere

    keys = uniform_sphere(cell["dim"], cell["keys"], batch=cell["instances"], rng=rng)
    return keys, rng.dirichlet(np.ones(cell["keys"]), size=cell["instances"])


def spectrum(cell: Cell, rng: np.random.Generator) -> Arrays:
    """How far eigenvalues exceed 1 or fall below 0, over random laws on finitely many keys."""
    from tightbound.theory.in_context.smoothing_operator import smoothing_operator

    laws = zip(*_finite_laws(cell, rng), strict=True)
    found = np.array([smoothing_operator(keys, cell["kappa"], law).eigenvalues() for keys, law in laws])
    return {"value": np.stack([found.max(axis=1) - 1.0, -found.min(axis=1)], axis=1)}


def spectrum_of_windows(cell: Cell, rng: np.random.Generator) -> Arrays:
    """Return the same for attention that averages all keys within 60 degrees."""
    from tightbound.theory.in_context.smoothing_operator import SmoothingOperator

    laws = zip(*_finite_laws(cell, rng), strict=True)
    near = [SmoothingOperator(keys, law, (keys @ keys.T >= 0.5).astype(float)) for keys, law in laws]
    found = np.array([operator.eigenvalues() for operator in near])
    return {"value": np.stack([found.max(axis=1) - 1.0, -found.min(axis=1)], axis=1)}


def zero(cell: Cell) -> float:
    """Return 0."""
    return 0.0


ICL_6C = Claim(
    id="ICL-6c",
    paper=PAPER,
    title="The operator of softmax attention has its spectrum in [0, 1], so a constant is at least 1",
    statement=r"0 <= \lambda(P) <= 1 for every law of keys; hence C = 1/\lambda >= 1",
    source=SOURCE + "; the constant in its proof is below 1",
    provenance="derived",
    statistic=BoundHolds(method="exact", slack=ROUNDING),
    grid=Grid(
        quick=cells(dim=[2, 4], kappa=[1.0, 10.0], keys=[40], instances=[20]),
        standard=cells(dim=[2, 4], kappa=[1.0, 10.0], keys=[100], instances=[100]),
        full=cells(dim=[2, 4, 16], kappa=[0.1, 1.0, 10.0], keys=[300], instances=[100]),
    ),
    measure=spectrum,
    bound=zero,
    control=NegativeControl(
        measure=spectrum_of_windows,
        because="a window is no positive definite kernel: averaging over it has negative eigenvalues",
    ),
    substitutes=NONE,
    seconds={"quick": 0.05, "standard": 0.5},
)

SOFTMAX_LIMIT = (ICL_6A, ICL_6B, ICL_6C, ICL_6D, ICL_6E, ICL_6F, ICL_6G, ICL_6H, ICL_6I)
