"""How far a pretrained model is from the exact average, position by position."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from tightbound.theory._validation import Array


@dataclass(frozen=True, eq=False)
class PredictionErrors:
    r"""Distances of predicted laws q from reference laws p, averaged over sequences.

    Attributes
    ----------
    total_variation : ndarray, shape (T,)
        :math:`E\, \frac12 \sum_x |p(x) - q(x)|` at each position.
    divergence : ndarray, shape (T,)
        :math:`E \sum_x p(x) \log(p(x) / q(x))`, in nats. Where p is the exact average, its mean over
        positions is the expected loss of the model minus the Bayes entropy, without the noise of the tokens.
    """

    total_variation: Array
    divergence: Array


def prediction_errors(log_laws: ArrayLike, log_reference: ArrayLike) -> PredictionErrors:
    """Compare predicted with reference laws.

    Parameters
    ----------
    log_laws, log_reference : array_like, shape (B, T, m)
        Logarithms of the model's laws and of the reference, at the same sequences; -inf where a token is
        impossible.

    Returns
    -------
    PredictionErrors

    Raises
    ------
    ValueError
        For different shapes, no sequences, or rows that are no laws.

    Examples
    --------
    >>> errors = prediction_errors(np.log([[[0.5, 0.5]]]), np.log([[[0.75, 0.25]]]))
    >>> errors.total_variation.tolist(), errors.divergence.round(4).tolist()
    ([0.25], [0.1308])
    """
    log_q, log_p = np.asarray(log_laws, np.float64), np.asarray(log_reference, np.float64)
    if log_q.shape != log_p.shape or log_q.ndim != 3 or len(log_q) == 0:
        raise ValueError(
            f"log_laws has shape {log_q.shape} and log_reference {log_p.shape}: give both as (B, T, m)"
        )
    q, p = np.exp(log_q), np.exp(log_p)
    for name, law in (("log_laws", q), ("log_reference", p)):
        if not np.all(np.abs(law.sum(axis=-1) - 1.0) < 1e-6):
            raise ValueError(f"{name} has a row whose probabilities do not sum to one: normalise it")
    impossible = p == 0.0
    ratio = np.where(impossible, 0.0, log_p) - np.where(impossible, 0.0, log_q)
    return PredictionErrors(
        total_variation=0.5 * np.abs(p - q).sum(axis=-1).mean(axis=0),
        divergence=(p * ratio).sum(axis=-1).mean(axis=0),
    )
