r"""A sink is a bias of the keys: exact identities of softmax attention with an extra column.

With logits :math:`s_{ij}` on the tokens that row i sees, a slot of logit :math:`s_{i*}` and value
:math:`v_*`, and :math:`\mathrm{LSE}_i = \log\sum_j e^{s_{ij}}`,

.. math:: \mathrm{out}_i = g_i \sum_j \mathrm{softmax}(s_i)_j v_j + (1 - g_i) v_*, \qquad
          g_i = \sigma(\mathrm{LSE}_i - s_{i*}).

*Proof.* The sum of all weights is :math:`e^{\mathrm{LSE}_i} + e^{s_{i*}}`; divide numerator and denominator
by :math:`e^{\mathrm{LSE}_i}`. The tokens' share of it is :math:`1/(1 + e^{s_{i*} - \mathrm{LSE}_i}) = g_i`. ∎

So with :math:`v_* = 0` (a key bias) the slot takes the attention :math:`1 - g_i` and adds nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import expit, logsumexp, softmax

from tightbound.theory._validation import Array, as_floats, as_indices
from tightbound.theory.attention.architecture import Architecture, Parameters
from tightbound.theory.attention.transformer import forward


def gate(logits: ArrayLike, slot_logits: ArrayLike) -> Array:
    r"""Return the share of attention that stays on the tokens.

    .. math:: g_i = \sigma(\mathrm{LSE}_i - s_{i*}) = 1 - A_{i*}

    Parameters
    ----------
    logits : array_like, shape (..., R, C)
        Logits of the tokens, ``-inf`` where a row does not see a column.
    slot_logits : array_like, shape (..., R)
        Logits of the slot.

    Returns
    -------
    ndarray, shape (..., R)
        In [0, 1].

    Raises
    ------
    ValueError
        For shapes that do not fit, or logits that are NaN, ``+inf``, or ``-inf`` along a whole row.

    References
    ----------
    Derived; Gu et al., ICLR 2025, arXiv:2410.10781, for the biases of keys and values.

    Examples
    --------
    >>> gate([[0.0, -np.inf], [0.0, 0.0]], [0.0, 0.0]).round(6).tolist()
    [0.5, 0.666667]
    """
    s, slot = _logits(logits), as_floats("slot_logits", slot_logits)
    _check_rows(s, slot)
    return np.asarray(expit(logsumexp(s, axis=-1) - slot))


def gated_output(
    logits: ArrayLike, slot_logits: ArrayLike, values: ArrayLike, slot_value: ArrayLike = 0.0
) -> Array:
    r"""Return the output of attention with a slot, as gated attention without one.

    .. math:: g_i \sum_j \mathrm{softmax}(s_i)_j v_j + (1 - g_i) v_*

    Parameters
    ----------
    logits : array_like, shape (..., R, C)
        Logits of the tokens, ``-inf`` where a row does not see a column.
    slot_logits : array_like, shape (..., R)
        Logits of the slot.
    values : array_like, shape (..., C, d)
        Values of the tokens.
    slot_value : array_like, shape (d,) or scalar, default 0.0
        Value of the slot.

    Returns
    -------
    ndarray, shape (..., R, d)
        Outputs.

    Raises
    ------
    ValueError
        As `gate`.

    Examples
    --------
    >>> gated_output([[0.0]], [np.log(3.0)], [[8.0]], [4.0]).round(12).tolist()
    [[5.0]]
    """
    s, slot, v = _logits(logits), as_floats("slot_logits", slot_logits), as_floats("values", values)
    kept = gate(s, slot)[..., None]
    lost = expit(slot - logsumexp(s, axis=-1))[..., None]
    return np.asarray(kept * (softmax(s, axis=-1) @ v) + lost * as_floats("slot_value", slot_value))


def slot_scores(logits: ArrayLike, slot_logits: ArrayLike) -> Array:
    r"""Return softmax attention with the slot as column 0, by its definition.

    Parameters
    ----------
    logits : array_like, shape (..., R, C)
        Logits of the tokens, ``-inf`` where a row does not see a column.
    slot_logits : array_like, shape (..., R)
        Logits of the slot.

    Returns
    -------
    ndarray, shape (..., R, 1 + C)
        Rows sum to one.

    Raises
    ------
    ValueError
        As `gate`.

    Examples
    --------
    >>> slot_scores([[0.0]], [np.log(3.0)]).round(12).tolist()
    [[0.75, 0.25]]
    """
    s, slot = _logits(logits), as_floats("slot_logits", slot_logits)
    _check_rows(s, slot)
    return np.asarray(softmax(np.concatenate([slot[..., None], s], axis=-1), axis=-1))


def off_by_one_scores(logits: ArrayLike) -> Array:
    r"""Return attention whose normaliser has one added: a key bias with the key zero.

    .. math:: A_{ij} = \frac{e^{s_{ij}}}{1 + \sum_{j'} e^{s_{ij'}}}, \qquad
              1 - \sum_j A_{ij} = \frac{1}{1 + \sum_{j'} e^{s_{ij'}}}

    Parameters
    ----------
    logits : array_like, shape (..., R, C)
        Logits, ``-inf`` where a row does not see a column.

    Returns
    -------
    ndarray, shape (..., R, C)
        Rows sum to less than one.

    Raises
    ------
    ValueError
        As `gate`.

    Notes
    -----
    *Proof* that it is a key bias: :math:`k_* = 0` gives :math:`s_{i*} = 0`, whose exponential is the 1. ∎

    References
    ----------
    Miller, "Attention is off by one", 2023.

    Examples
    --------
    >>> off_by_one_scores([[0.0, 0.0]]).round(6).tolist()
    [[0.333333, 0.333333]]
    """
    s = _logits(logits)
    return np.asarray(np.exp(s - np.logaddexp(0.0, logsumexp(s, axis=-1, keepdims=True))))


def token_as_slot(
    architecture: Architecture, parameters: Mapping[str, ArrayLike], token: int
) -> tuple[Architecture, Parameters]:
    r"""Return the network with bias slots that acts on :math:`x_1, \dots, x_T` as after the token x_0.

    Parameters
    ----------
    architecture : Architecture
        Without slot, window or prefix, of context at least 2.
    parameters : mapping from str to array_like
        Its parameters.
    token : int
        x_0.

    Returns
    -------
    Architecture
        With ``bias_slot="key_value"`` and one token of context less.
    dict from str to ndarray
        The same parameters, and in each block and head the key and value of x_0 alone.

    Raises
    ------
    TypeError, ValueError, IndexError
        For a network with a slot, window or prefix, or a token out of range.

    Notes
    -----
    *Proof* that states, scores and logits of x_1, ..., x_T are the same. Row 0 attends to itself only, so by
    induction over the blocks its stream is that of x_0 alone, whatever follows. Hence in each head x_0 gives
    the later rows one fixed key and one fixed value, which is a bias of keys and values. The tokens keep
    their positions 1, ..., T, and the slot stands at 0, so every position code acts as before. The argument
    uses neither the softmax nor where the norms stand. With a prefix row 0 would see the rest. ∎

    So a sink token in front of every sequence is a bias of keys and values tied across the blocks through
    one embedding.

    References
    ----------
    Derived. Xiao et al., "Efficient streaming language models with attention sinks", ICLR 2024: sink token.

    Examples
    --------
    >>> network = Architecture(vocabulary=5, context=4, width=4, position="rotary")
    >>> weights = network.init(0)
    >>> slotted, tied = token_as_slot(network, weights, 4)
    >>> one, two = forward(network, weights, [[4, 1, 2]]), forward(slotted, tied, [[1, 2]])
    >>> bool(np.allclose(one.logits[:, 1:], two.logits))
    True
    """
    if architecture.slots or architecture.bias_slot or architecture.window or architecture.prefix:
        raise ValueError(
            "architecture has a slot, a window or a prefix: a token is a bias slot only where every later "
            "row sees it and it sees nothing; use a plain causal network"
        )
    if architecture.context < 2:
        raise ValueError("architecture has context 1: give one of at least 2, for x_0 and what follows")
    first = as_indices("token", np.asarray(token), architecture.vocabulary).reshape(1, 1)
    alone = forward(architecture, parameters, first)
    found = {name: as_floats(name, value) for name, value in parameters.items()}
    found |= {"slot_key": alone.keys[:, 0, :, 0].copy(), "slot_value": alone.values[:, 0, :, 0].copy()}
    return replace(architecture, bias_slot="key_value", context=architecture.context - 1), found


def _logits(value: ArrayLike) -> Array:
    s = np.asarray(value, dtype=np.float64)
    if s.ndim < 2 or s.size == 0:
        raise ValueError(f"logits has shape {s.shape}: give rows and columns, (..., R, C)")
    if np.any(np.isnan(s)) or np.any(s == np.inf):
        raise ValueError("logits has entries that are NaN or +inf: only -inf is allowed, for a hidden column")
    if np.any(np.all(s == -np.inf, axis=-1)):
        raise ValueError("logits has a row of -inf only: let each row see at least one column")
    return s


def _check_rows(logits: Array, slot_logits: Array) -> None:
    if slot_logits.shape != logits.shape[:-1]:
        raise ValueError(
            f"slot_logits has shape {slot_logits.shape}: give one per row of logits, {logits.shape[:-1]}"
        )
