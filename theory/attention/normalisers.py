r"""What other normalisers of softmax attention amount to: a temperature, or other learning rates."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import softmax

from tightbound.theory._validation import Array, as_floats, as_positive


def power_softmax(logits: ArrayLike, power: float) -> Array:
    r"""Return attention normalised by the p-norm, as a root of a sharper softmax.

    .. math:: \frac{e^{s_j}}{(\sum_k e^{p s_k})^{1/p}} = \mathrm{softmax}(p\,s)_j^{1/p}

    Parameters
    ----------
    logits : array_like, shape (..., C)
        Logits s.
    power : float
        p, positive.

    Returns
    -------
    ndarray, shape (..., C)
        Rows whose p-th powers sum to one.

    Raises
    ------
    TypeError, ValueError
        For logits that are not finite or a power that is not positive.

    Notes
    -----
    *Proof.* Raise the left side to the power p. ∎

    References
    ----------
    Gu et al., ICLR 2025, arXiv:2410.10781, Appendix D.4.

    Examples
    --------
    >>> power_softmax([0.0, 0.0, 0.0, 0.0], 2.0).tolist()
    [0.5, 0.5, 0.5, 0.5]
    """
    p = as_positive("power", power)
    s = as_floats("logits", logits)
    if s.ndim == 0 or s.shape[-1] == 0:
        raise ValueError(f"logits has shape {s.shape}: its last axis must hold at least one logit")
    return np.asarray(softmax(p * s, axis=-1) ** (1.0 / p))


def equivalent_sgd(scale: float, learning_rate: float, weight_decay: float = 0.0) -> tuple[float, float]:
    r"""Return the SGD settings that undo a scaled normaliser.

    Scores that sum to a instead of 1 multiply the heads' outputs by a. Training that network from
    :math:`W_0` (its output matrices, or its value matrices) equals training the network with a = 1 from
    :math:`W'_0 = a W_0` with

    .. math:: \eta' = a^2 \eta, \qquad \lambda' = \lambda / a^2

    for that matrix: :math:`W'_n = a W_n` after every step.

    Parameters
    ----------
    scale : float
        a, positive.
    learning_rate : float
        eta, positive.
    weight_decay : float, default 0.0
        lambda of the step :math:`W \leftarrow W - \eta (\nabla + \lambda W)`, at least 0.

    Returns
    -------
    learning_rate, weight_decay : float
        eta' and lambda'.

    Raises
    ------
    TypeError, ValueError
        For arguments out of range.

    Notes
    -----
    *Proof.* The two losses are :math:`f(aW)` and :math:`f(W')`. Suppose :math:`W' = aW` and all other weights
    agree. Then so do all activations, hence the gradients of the other weights, and by the chain rule
    :math:`\nabla_W = a \nabla'` with :math:`\nabla' = \nabla f(W')`. The step gives
    :math:`a W - a^2 \eta \nabla' - \eta \lambda a W = W' - \eta' (\nabla' + \lambda' W')`, so the two agree
    after it, too. ∎ Momentum is linear in past gradients and changes nothing; clipping by the joint norm of
    all gradients does break it.

    References
    ----------
    Gu et al., ICLR 2025, arXiv:2410.10781, Appendix D.4.

    Examples
    --------
    >>> equivalent_sgd(2.0, 0.1, 0.4)
    (0.4, 0.1)
    """
    a = as_positive("scale", scale)
    return a * a * as_positive("learning_rate", learning_rate), _decay(weight_decay) / (a * a)


def equivalent_adamw(
    scale: float, learning_rate: float, eps: float, weight_decay: float = 0.0
) -> tuple[float, float, float]:
    r"""Return the AdamW settings that undo a scaled normaliser; see `equivalent_sgd` for the setting.

    .. math:: \eta' = a \eta, \qquad \epsilon' = \epsilon / a, \qquad \lambda' = \lambda / a

    Parameters
    ----------
    scale : float
        a, positive.
    learning_rate : float
        eta, positive.
    eps : float
        Added to the root of the second moment, at least 0.
    weight_decay : float, default 0.0
        lambda of the step :math:`W \leftarrow W - \eta\,\hat m/(\sqrt{\hat v} + \epsilon) - \eta \lambda W`.

    Returns
    -------
    learning_rate, eps, weight_decay : float
        eta', epsilon' and lambda'.

    Raises
    ------
    TypeError, ValueError
        For arguments out of range.

    Notes
    -----
    *Proof.* As for SGD, :math:`\nabla_W = a \nabla'`, so the moments are :math:`m = a m'` and
    :math:`v = a^2 v'`, bias corrections included. The step gives :math:`aW - a \eta\, a \hat m' / (a
    \sqrt{\hat v'} + \epsilon) - \eta \lambda a W = W' - \eta' \hat m' / (\sqrt{\hat v'} + \epsilon/a) -
    \eta' \lambda' W'` with :math:`\eta' \lambda' = \eta \lambda`. ∎

    References
    ----------
    Gu et al., ICLR 2025, arXiv:2410.10781, Appendix D.4. Loshchilov, Hutter, ICLR 2019: AdamW.

    Examples
    --------
    >>> equivalent_adamw(2.0, 0.1, 1e-8, 0.4)
    (0.2, 5e-09, 0.2)
    """
    a = as_positive("scale", scale)
    added = float(as_floats("eps", eps))
    if added < 0.0:
        raise ValueError(f"eps is {added:g}: it is added to a root of squares, so it is at least 0")
    return a * as_positive("learning_rate", learning_rate), added / a, _decay(weight_decay) / a


def _decay(weight_decay: float) -> float:
    lam = float(as_floats("weight_decay", weight_decay))
    if lam < 0.0:
        raise ValueError(f"weight_decay is {lam:g}: it is at least 0; 0 means none")
    return lam
