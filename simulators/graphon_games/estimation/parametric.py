"""Graphons of a known class, fitted by least squares on the identifiable product of rate and graphon."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tightbound.simulators.graphon_games.estimation.pressure import PressureData
from tightbound.theory.graphon_games.graphons import Graphon, exponential, stochastic_block

Floats = NDArray[np.float64]

# Ridge for communities that no reading tells apart, relative to the largest entry of the normal equations.
_JITTER = 1e-12


@dataclass(frozen=True, eq=False)
class ParametricFit:
    r"""A graphon, its factor, and what they say about the agents.

    Attributes
    ----------
    graphon : Graphon
    scale : float
        :math:`\rho`; separately from the graphon it is identified weakly or not at all.
    parameters : dict of float
        Of the graphon.
    risk : float
        Mean squared error of the readings.
    interaction : ndarray, shape (N, N)
        :math:`\rho W(x_i, x_j)` among the agents, which is identified and knows no labels.
    """

    graphon: Graphon
    scale: float
    parameters: dict[str, float]
    risk: float
    interaction: Floats


class Family(Protocol):
    """A class of graphons that can be fitted."""

    def fit(self, data: PressureData, positions: ArrayLike, scale: float | None = None) -> ParametricFit:
        """Return the least-squares member for agents at the positions."""
        ...

    def screen(self, data: PressureData, positions: ArrayLike, scale: float | None = None) -> Floats:
        """Return risks (P,) of arrangements (P, N) of the agents after a first pass over the class."""
        ...


@dataclass(frozen=True)
class ExponentialFamily:
    r"""The graphons :math:`\tanh(\theta x y / 2)`; :math:`\rho` is profiled out in closed form.

    Parameters
    ----------
    least, most : float
        Range of theta. As theta falls, :math:`\rho \tanh(\theta x y/2)` tends to :math:`\rho\theta xy/2`,
        which determines the product only; the factor is kept in [0, 1], as a probability.
    points : int
        Points of the first pass over log theta; a bounded search refines the best.

    Examples
    --------
    >>> x = (np.arange(6) + 0.5) / 6
    >>> crowd = np.random.default_rng(0).random((6, 9))
    >>> readings = 0.8 * exponential(3.0).matrix(x) @ crowd / 6
    >>> data = PressureData.from_readings(crowd, readings, np.ones((6, 9)))
    >>> found = ExponentialFamily().fit(data, x)
    >>> round(found.parameters["theta"], 3), round(found.scale, 3)
    (3.0, 0.8)
    """

    least: float = 0.05
    most: float = 40.0
    points: int = 25

    def __post_init__(self) -> None:
        if not 0.0 < self.least < self.most < np.inf:
            raise ValueError(f"least, most are {self.least}, {self.most}: give 0 < least < most")
        if self.points < 3:
            raise ValueError(f"points is {self.points}: give at least 3 for the first pass over theta")

    def screen(self, data: PressureData, positions: ArrayLike, scale: float | None = None) -> Floats:
        """Return the least risk of each arrangement (P, N) over the first pass, shape (P,)."""
        x = np.asarray(positions, dtype=np.float64)
        products = 0.5 * x[:, :, None] * x[:, None, :]
        risks = np.full(len(x), np.inf)
        for theta in np.geomspace(self.least, self.most, self.points):
            quadratic, linear = data.terms(np.tanh(theta * products))
            risks = np.minimum(risks, _profiled(quadratic, linear, scale))
        return np.asarray((data.energy + risks) / data.count)

    def fit(self, data: PressureData, positions: ArrayLike, scale: float | None = None) -> ParametricFit:
        """Return the least-squares theta, and rho unless ``scale`` gives it.

        Parameters
        ----------
        data : PressureData
        positions : array_like, shape (N,)
        scale : float, optional
            Known factor rho.

        Returns
        -------
        ParametricFit

        Raises
        ------
        ValueError
            For positions that do not fit the data, outside [0, 1], or a factor outside [0, 1].
        """
        from scipy.optimize import minimize_scalar

        x = as_positions(positions, data)
        _check_scale(scale)
        products = 0.5 * np.outer(x, x)
        logs = np.linspace(np.log(self.least), np.log(self.most), self.points)
        quadratic, linear = data.terms(np.tanh(np.exp(logs)[:, None, None] * products))
        best = int(_profiled(quadratic, linear, scale).argmin())
        found = minimize_scalar(
            lambda log: data.fit(np.tanh(np.exp(log) * products), scale)[1],
            bounds=(logs[max(best - 1, 0)], logs[min(best + 1, len(logs) - 1)]),
            method="bounded",
            options={"xatol": 1e-7},
        )
        theta = float(np.exp(found.x))
        graphon = exponential(theta)
        matrix = graphon.matrix(x)
        factor, risk = data.fit(matrix, scale)
        return ParametricFit(graphon, factor, {"theta": theta}, risk, factor * matrix)


@dataclass(frozen=True)
class StochasticBlockFamily:
    r"""Two communities with levels a, b, c; :math:`\rho a, \rho b, \rho c` solve normal equations in [0, 1].

    The boundary k is profiled out over the gaps between neighbouring positions, of which the data know no
    more. With an unknown factor the largest level is set to 1. Where positions are hidden, (a, b, c, k) and
    (c, b, a, 1 - k) are one graphon up to labels: compare interactions, not parameters.

    Examples
    --------
    >>> x = (np.arange(10) + 0.5) / 10
    >>> crowd = np.random.default_rng(0).random((10, 9))
    >>> readings = 0.8 * stochastic_block().matrix(x) @ crowd / 10
    >>> data = PressureData.from_readings(crowd, readings, np.ones((10, 9)))
    >>> found = StochasticBlockFamily().fit(data, x, scale=0.8)
    >>> {name: round(value, 6) for name, value in found.parameters.items()}
    {'a': 0.9, 'b': 0.3, 'c': 0.9, 'k': 0.7}
    """

    def screen(self, data: PressureData, positions: ArrayLike, scale: float | None = None) -> Floats:
        """Return the least risk of each arrangement (P, N) with levels free of limits, shape (P,)."""
        x = np.asarray(positions, dtype=np.float64)
        distinct = np.unique(x)
        first = x[None] < (distinct[:-1] + distinct[1:])[:, None, None] / 2.0
        return np.asarray(np.min([_NormalEquations.of(data, part).risk for part in first], axis=0))

    def fit(self, data: PressureData, positions: ArrayLike, scale: float | None = None) -> ParametricFit:
        """Return the least-squares levels and boundary, and rho unless ``scale`` gives it.

        Parameters
        ----------
        data, positions, scale
            As in :meth:`ExponentialFamily.fit`; a known factor must be positive.

        Returns
        -------
        ParametricFit
        """
        x = as_positions(positions, data)
        _check_scale(scale)
        if scale == 0.0:
            raise ValueError("scale is 0: nothing is seen of the graphon; give a positive factor")
        distinct = np.unique(x)
        if distinct.size < 2:
            raise ValueError("positions are all equal: two communities need at least two positions")
        boundaries = (distinct[:-1] + distinct[1:]) / 2.0
        most = 1.0 if scale is None else scale
        risk, levels, k = np.inf, np.zeros(3), float(boundaries[0])
        free = _NormalEquations.of(data, x[None, :] < boundaries[:, None])
        # without the limits the risk is a lower bound, so most boundaries need no constrained fit
        for index in np.argsort(free.risk, kind="stable"):
            if free.risk[index] >= risk:
                break
            trial, trial_risk = free.within(int(index), most)
            if trial_risk < risk:
                risk, levels, k = trial_risk, trial, float(boundaries[index])
        factor = float(levels.max()) if scale is None else float(scale)
        a, b, c = np.minimum(levels / factor, 1.0).tolist() if factor > 0.0 else (0.0, 0.0, 0.0)
        graphon = stochastic_block(a, b, c, k)
        return ParametricFit(
            graphon, factor, {"a": a, "b": b, "c": c, "k": k}, risk, factor * graphon.matrix(x)
        )


@dataclass(frozen=True, eq=False)
class _NormalEquations:
    """Least squares of the three levels, for every boundary: normal (K, 3, 3), linear and levels (K, 3)."""

    data: PressureData
    normal: Floats
    linear: Floats
    levels: Floats
    risk: Floats

    @classmethod
    def of(cls, data: PressureData, first: NDArray[np.bool_]) -> _NormalEquations:
        """Return the equations of communities (K, N)."""
        one = first.astype(np.float64)
        two = 1.0 - one
        cross = one[:, :, None] * two[:, None, :]
        masks = np.stack(
            [
                one[:, :, None] * one[:, None, :],
                cross + np.swapaxes(cross, 1, 2),
                two[:, :, None] * two[:, None, :],
            ],
            axis=1,
        )
        applied = (masks[:, :, :, None, :] @ data.gram)[:, :, :, 0]
        flat = masks.reshape(len(masks), 3, -1)
        normal = applied.reshape(len(masks), 3, -1) @ np.swapaxes(flat, 1, 2)
        linear = flat @ data.moment.ravel()
        normal = normal + _JITTER * normal.max(axis=(1, 2))[:, None, None] * np.eye(3)
        levels = np.linalg.solve(normal, linear[..., None])[..., 0]
        risk = (data.energy - (linear * levels).sum(axis=1)) / data.count
        return cls(data, normal, linear, levels, np.maximum(risk, 0.0))

    def within(self, index: int, most: float) -> tuple[Floats, float]:
        """Return the best levels in [0, most] of one boundary, and their risk."""
        from scipy.optimize import lsq_linear

        levels, normal, linear = self.levels[index], self.normal[index], self.linear[index]
        if levels.min() < 0.0 or levels.max() > most:
            root = np.linalg.cholesky(normal)
            levels = lsq_linear(root.T, np.linalg.solve(root, linear), bounds=(0.0, most)).x
        risk = float(self.data.energy - 2.0 * linear @ levels + levels @ normal @ levels) / self.data.count
        return levels, max(risk, 0.0)


def _profiled(quadratic: Floats, linear: Floats, scale: float | None) -> Floats:
    """Return what the best factor in [0, 1], or the given one, adds to the energy."""
    safe = np.where(quadratic > 0.0, quadratic, 1.0)
    rho = np.clip(linear / safe, 0.0, 1.0) if scale is None else np.full(quadratic.shape, scale)
    return np.asarray(rho**2 * quadratic - 2.0 * rho * linear)


def as_positions(positions: ArrayLike, data: PressureData) -> Floats:
    """Return checked positions, one per agent of the data."""
    x = np.asarray(positions, dtype=np.float64)
    if x.shape != (data.agents,):
        raise ValueError(f"positions has shape {x.shape}: give one position per agent, ({data.agents},)")
    if not np.all((x >= 0.0) & (x <= 1.0)):
        raise ValueError("positions leave [0, 1] or are NaN: rescale them to [0, 1]")
    return x


def _check_scale(scale: float | None) -> None:
    if scale is not None and not 0.0 <= scale <= 1.0:
        raise ValueError(f"scale is {scale!r}: the factor of the graphon lies in [0, 1]; or leave it out")
