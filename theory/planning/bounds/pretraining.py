"""Statistical error of a language model that counts."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike

from tightbound.theory.planning._validation import as_integer, as_laws


def count_mle_bound(contexts: ArrayLike, labels: int, samples: int) -> float:
    r"""Bound the expected total-variation error of a count table on fresh prompts.

    .. math:: E\,\mathrm{TV} \le \sum_c p_c \min\Bigl\{1, \sqrt{\frac{G-1}{2Np_c}} + (1 - 1/G)(1-p_c)^N\Bigr\}
              \le \sqrt{\frac{m(G-1)}{2N}} + \sum_c p_c (1-p_c)^N

    Parameters
    ----------
    contexts : array_like, shape (m,)
        Law p of the contexts (prompts, or what prompts are compressed to).
    labels : int
        Number G of labels (subgoals), at least 1.
    samples : int
        Number N of independent pairs (context, label), at least 0. Contexts that were not seen get the
        uniform law.

    Returns
    -------
    float
        The first of the two bounds.

    Raises
    ------
    TypeError, ValueError
        For contexts that are no law, no label, or a negative number of samples.

    Notes
    -----
    *Proof.* Let context c occur n >= 1 times. By Jensen and Cauchy-Schwarz :math:`E\,\mathrm{TV}
    \le \tfrac12 \sum_g \sqrt{p_g(1-p_g)/n} \le \tfrac12\sqrt{(G-1)/n}`. Further :math:`E[n^{-1/2}; n \ge 1]^2
    \le E[1/n; n \ge 1] \le 2 E[1/(n+1)] \le 2/(Np_c)`, the last because
    :math:`E[1/(n+1)] = (1 - (1-p_c)^{N+1})/((N+1)p_c)`. Where c does not occur, with probability
    :math:`(1-p_c)^N`, the uniform law errs by at most 1 - 1/G. Average over c; for the second form
    :math:`\sum_c \sqrt{p_c} \le \sqrt m`. ∎

    Examples
    --------
    >>> round(count_mle_bound([1.0], 2, 50), 6)
    0.1
    """
    law = as_laws("contexts", contexts)
    if law.ndim != 1:
        raise ValueError(f"contexts has shape {law.shape}: give one probability per context, shape (m,)")
    size = as_integer("labels", labels, least=1)
    count = as_integer("samples", samples, least=0)
    mass = law[law > 0.0]
    missed = (1.0 - 1.0 / size) * (1.0 - mass) ** count
    noise = np.sqrt((size - 1) / (2.0 * max(count, 1) * mass)) if count else np.zeros_like(mass)
    return math.fsum(mass * np.minimum(1.0, noise + missed))
