r"""The reduction that leaves least energy in a band, for attention that looks the same from every frame.

With gains f_beta(k) = b + beta (1 - b), b = b(k), and w_k the energy of the values at frequency k, what the
output has in a band is

.. math:: E(\beta) = \sum_{k \in \mathrm{band}} w_k \, (b + \beta (1 - b))^2,

a convex quadratic in beta with minimiser

.. math:: \beta^* = \frac{-\sum w_k\, b\,(1 - b)}{\sum w_k\, (1 - b)^2} < 1 .

*Proof.* E'(beta) = 2 sum w (b + beta (1 - b))(1 - b), and the numerator falls short of the denominator by
sum w (1 - b) > 0. As a grows beta falls from p to 0 without turning, so E falls up to
a* = logit p - logit beta* and rises after it: reweighting more is better up to a*, and only up to there. If
beta* <= 0, more is always better; if beta* >= p, a* <= 0 and any reduction does harm. QED.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike

from tightbound.theory._validation import Array, as_floats
from tightbound.theory.video.frequency_response import (
    frequency_response,
    other_frames_response,
    self_weight_logit,
)


def band_energy(row: ArrayLike, power: ArrayLike, reduction: ArrayLike) -> Array:
    """Return the energy E of the output in a band.

    Parameters
    ----------
    row : array_like, shape (N,)
        First row of the circulant, symmetric logits.
    power : array_like, shape (N,)
        w, the squared moduli of the values' transform inside the band and 0 outside it; not all 0.
    reduction : array_like
        a, of any shape and sign.

    Returns
    -------
    ndarray, of the shape of ``reduction``
        Energies in the units of ``power``.

    Raises
    ------
    TypeError, ValueError
        For a row that is not symmetric, or a power that is negative, all 0, at frequency 0 alone, or of
        another length.

    Examples
    --------
    >>> band_energy([0.0, 0.0, -800.0, 0.0], [0.0, 0.0, 1.0, 0.0], [0.0, 800.0]).round(6).tolist()
    [0.111111, 1.0]
    """
    gains = frequency_response(row, reduction)
    return np.asarray(gains**2 @ _power(power, gains.shape[-1]))


def least_energy_reduction(row: ArrayLike, power: ArrayLike) -> float:
    """Return a*, the reduction with the least energy in the band.

    Parameters
    ----------
    row, power
        As in :func:`band_energy`.

    Returns
    -------
    float
        a*, negative where any reduction does harm and infinite where more is always better.

    Raises
    ------
    TypeError, ValueError
        As in :func:`band_energy`.

    Examples
    --------
    >>> round(least_energy_reduction([0.0, 0.0, -800.0, 0.0], [0.0, 0.0, 1.0, 0.0]), 6)
    -0.693147
    """
    b = other_frames_response(row)
    w = _power(power, b.size)
    numerator, denominator = -(w * b * (1.0 - b)).sum(), (w * (1.0 - b) ** 2).sum()
    if numerator <= 0.0:
        return math.inf
    # logit of the quotient, without its rounding near 1
    return self_weight_logit(row) - math.log(numerator / (denominator - numerator))


def _power(power: ArrayLike, frames: int) -> Array:
    w = as_floats("power", power)
    if w.shape != (frames,):
        raise ValueError(f"power has shape {w.shape}: give one number per frequency, shape {(frames,)}")
    if w.min() < 0.0 or w[1:].max() == 0.0:
        raise ValueError(
            "power is negative somewhere, or 0 at every frequency but 0, whose gain is always 1: give "
            "squared moduli with some energy in the band"
        )
    return w
