"""Laws of prompt and output lengths."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol

import numpy as np


class LengthLaw(Protocol):
    """Draws numbers of tokens."""

    @property
    def mean(self) -> float:
        """Expected number of tokens."""
        ...

    def draw(self, rng: np.random.Generator, size: int) -> np.ndarray:
        """Return ``size`` independent lengths, integers of at least 1."""
        ...


@dataclass(frozen=True)
class GeometricLength:
    """Lengths of an output that ends after each token with the same probability ``1/mean``.

    Parameters
    ----------
    mean : float
        Expected tokens, at least 1.

    Raises
    ------
    ValueError
        For a mean below 1 or not finite.

    Examples
    --------
    >>> GeometricLength(1.0).draw(np.random.default_rng(0), 3).tolist()
    [1, 1, 1]
    """

    mean: float

    def __post_init__(self) -> None:
        if not math.isfinite(self.mean) or self.mean < 1:
            raise ValueError(
                f"mean is {self.mean!r}: a request has at least 1 token; give a finite mean of at least 1"
            )

    def draw(self, rng: np.random.Generator, size: int) -> np.ndarray:
        """Return ``size`` independent lengths."""
        return rng.geometric(1.0 / self.mean, size).astype(np.int64)


@dataclass(frozen=True)
class LogNormalLength:
    """Log-normal lengths, rounded up and cut at ``longest``.

    Parameters
    ----------
    median : float
        Median tokens before rounding, above 0.
    spread : float
        Standard deviation of the logarithm, at least 0.
    longest : int
        Largest length, at least 1.

    Raises
    ------
    ValueError
        For an argument outside its range.

    Examples
    --------
    >>> LogNormalLength(200.0, 0.0, 1000).draw(np.random.default_rng(0), 2).tolist()
    [200, 200]
    """

    median: float
    spread: float
    longest: int

    def __post_init__(self) -> None:
        if not math.isfinite(self.median) or self.median <= 0:
            raise ValueError(f"median is {self.median!r}: give a finite number of tokens above 0")
        if not math.isfinite(self.spread) or self.spread < 0:
            raise ValueError(f"spread is {self.spread!r}: give a finite standard deviation of at least 0")
        if self.longest < 1:
            raise ValueError(f"longest is {self.longest!r}: give an integer of at least 1")

    @property
    def mean(self) -> float:
        """Expected tokens before rounding, with the part above ``longest`` set to it."""
        if self.spread == 0:
            return min(self.median, float(self.longest))
        z = (math.log(self.longest) - math.log(self.median)) / self.spread
        below = self.median * math.exp(self.spread**2 / 2) * _normal_cdf(z - self.spread)
        return below + self.longest * (1.0 - _normal_cdf(z))

    def draw(self, rng: np.random.Generator, size: int) -> np.ndarray:
        """Return ``size`` independent lengths."""
        lengths = np.ceil(self.median * np.exp(self.spread * rng.standard_normal(size)))
        return np.clip(lengths, 1, self.longest).astype(np.int64)


@dataclass(frozen=True)
class EmpiricalLength:
    """Lengths drawn with replacement from measured ones.

    Parameters
    ----------
    values : tuple of int
        Measured lengths, each at least 1.

    Raises
    ------
    ValueError
        For no values or a value below 1.

    Examples
    --------
    >>> EmpiricalLength((256,)).draw(np.random.default_rng(0), 2).tolist()
    [256, 256]
    """

    values: tuple[int, ...]

    def __post_init__(self) -> None:
        if not self.values or min(self.values) < 1:
            raise ValueError(
                "values holds no length or one below 1: give at least one integer, all at least 1"
            )

    @property
    def mean(self) -> float:
        """Expected tokens."""
        return float(np.mean(self.values))

    def draw(self, rng: np.random.Generator, size: int) -> np.ndarray:
        """Return ``size`` independent lengths."""
        return rng.choice(np.asarray(self.values, dtype=np.int64), size)


def _normal_cdf(z: float) -> float:
    """Return the standard normal distribution function at ``z``."""
    return 0.5 * (1.0 + math.erf(z / math.sqrt(2.0)))
