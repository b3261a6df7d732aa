r"""Positions that nobody told: exact search for a few agents, sorting and local swaps for many.

The risk is minimised over the graphon and over how a set of positions is handed out to the agents.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import permutations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tightbound.simulators.graphon_games.estimation.parametric import Family, ParametricFit, as_positions
from tightbound.simulators.graphon_games.estimation.pressure import PressureData

Floats = NDArray[np.float64]

_MOST_AGENTS = 7
_REFINED = 64
_REACH = 3
_PASSES = 30


@dataclass(frozen=True, eq=False)
class HiddenFit:
    """A fit together with the positions that were handed out.

    Attributes
    ----------
    fit : ParametricFit
    positions : ndarray, shape (N,)
        Position given to each agent; a permutation of the slots.
    """

    fit: ParametricFit
    positions: Floats


def search_positions(
    data: PressureData, family: Family, slots: ArrayLike, scale: float | None = None
) -> HiddenFit:
    """Return the best fit over all permutations of the slots.

    Every permutation is screened by a first pass over the class, and the 64 best that differ in risk are
    fitted in full. Two blocks part 7 agents in 63 ways, so for blocks no partition is left out; for
    the exponential class the permutation is exact up to the first pass over theta.

    Parameters
    ----------
    data : PressureData
        Of at most 7 agents.
    family : Family
    slots : array_like, shape (N,)
        Positions to hand out, e.g. midpoints.
    scale : float, optional
        Known factor of the graphon.

    Returns
    -------
    HiddenFit

    Raises
    ------
    ValueError
        For more than 7 agents or slots that do not fit.

    Examples
    --------
    >>> from tightbound.simulators.graphon_games.estimation.parametric import ExponentialFamily
    >>> from tightbound.theory.graphon_games import exponential
    >>> x = np.array([0.9, 0.1, 0.5])
    >>> crowd = np.random.default_rng(0).random((3, 9))
    >>> readings = exponential(3.0).matrix(x) @ crowd / 3
    >>> data = PressureData.from_readings(crowd, readings, np.ones((3, 9)))
    >>> search_positions(data, ExponentialFamily(), [0.1, 0.5, 0.9]).positions
    array([0.9, 0.1, 0.5])
    """
    x = as_positions(slots, data)
    if data.agents > _MOST_AGENTS:
        raise ValueError(
            f"data has {data.agents} agents: at most {_MOST_AGENTS} are searched exactly; use sort_positions"
        )
    orders = np.array(list(permutations(range(data.agents))))
    risks = family.screen(data, x[orders], scale)
    ranked = np.argsort(risks, kind="stable")
    # permutations within a community change nothing but round-off
    new = np.diff(risks[ranked], prepend=-np.inf) > 1e-13 * data.energy / data.count
    chosen = [x[orders[index]] for index in ranked[new][:_REFINED]]
    fits = [HiddenFit(family.fit(data, given, scale), given) for given in chosen]
    return min(fits, key=lambda found: found.fit.risk)


def sort_positions(
    data: PressureData, family: Family, slots: ArrayLike, scale: float | None = None
) -> HiddenFit:
    """Return the fit after sorting agents by their pressure, both ways, and swapping neighbours.

    Sorting is right where the pressure is strictly monotone in the position, as for the exponential and the
    uniform-attachment graphon; for blocks it puts one community first. Where the graphon is constant no
    statistic can work: positions are then not identifiable, and any order has the same risk.

    Parameters
    ----------
    data, family, slots, scale
        As in :func:`search_positions`, for any number of agents.

    Returns
    -------
    HiddenFit

    Notes
    -----
    After the sort, two agents up to three places apart are swapped where that lowers the risk at the fitted
    graphon; then the graphon is refitted, until nothing changes. The risk never rises.

    Examples
    --------
    >>> from tightbound.simulators.graphon_games.estimation.parametric import ExponentialFamily
    >>> from tightbound.theory.graphon_games import exponential
    >>> x = np.array([0.9, 0.1, 0.5])
    >>> crowd = np.random.default_rng(0).random((3, 9))
    >>> readings = exponential(3.0).matrix(x) @ crowd / 3
    >>> data = PressureData.from_readings(crowd, readings, np.ones((3, 9)))
    >>> sort_positions(data, ExponentialFamily(), [0.1, 0.5, 0.9]).positions
    array([0.9, 0.1, 0.5])
    """
    x = np.sort(as_positions(slots, data))
    ranks = np.argsort(np.argsort(data.relative, kind="stable"), kind="stable")
    both = [_swapped(data, family, given, scale) for given in (x[ranks], x[::-1][ranks])]
    return min(both, key=lambda found: found.fit.risk)


def _swapped(data: PressureData, family: Family, start: Floats, scale: float | None) -> HiddenFit:
    """Return the fit where no swap of agents close in order lowers the risk."""
    fit, given = family.fit(data, start, scale), start
    for _ in range(_PASSES):
        trial = _pass(data, fit, given)
        refit = family.fit(data, trial, scale)
        if not refit.risk < fit.risk:
            break
        fit, given = refit, trial
    return HiddenFit(fit, given)


def _pass(data: PressureData, fit: ParametricFit, start: Floats) -> Floats:
    """Return positions after one pass of swaps at a fixed graphon."""
    given = start.copy()
    matrix = fit.interaction.copy()
    risk = data.risk(matrix)
    order = np.argsort(given, kind="stable")
    for reach in range(1, _REACH + 1):
        for place in range(data.agents - reach):
            i, j = int(order[place]), int(order[place + reach])
            swap = np.arange(data.agents)
            swap[[i, j]] = j, i
            trial = matrix[np.ix_(swap, swap)]
            new = data.risk(trial)
            if new < risk:
                matrix, risk = trial, new
                given = given[swap]
                order[place], order[place + reach] = j, i
    return given
