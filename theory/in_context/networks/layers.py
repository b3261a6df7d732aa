r"""The three layers that every network here is made of, each a handful of matrices.

Tokens are rows: ``tokens`` of shape (..., I, d) attend to a ``context`` of shape (..., J, d'), which in a
transformer is the same sequence behind a mask. Attention has no temperature and no :math:`1/\sqrt{d}`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tightbound.theory._validation import Array


@dataclass(frozen=True, eq=False)
class SoftmaxAttention:
    r"""One head of softmax attention.

    .. math:: \mathrm{out}_i = \sum_j \mathrm{softmax}_j\big(x_i W_Q (y_j W_K)^\top\big)\, y_j W_V

    Parameters
    ----------
    query, key, value : ndarray, shapes (d, k), (d', k) and (d', v)
        :math:`W_Q, W_K, W_V`.

    Examples
    --------
    >>> head = SoftmaxAttention(query=np.zeros((1, 1)), key=np.zeros((1, 1)), value=np.ones((1, 1)))
    >>> head(np.array([[0.0]]), np.array([[1.0], [3.0]])).tolist()  # no query: the mean
    [[2.0]]
    """

    query: Array
    key: Array
    value: Array

    def scores(self, tokens: Array, context: Array) -> Array:
        """Return what the softmax is taken of, shape (..., I, J)."""
        return np.asarray((tokens @ self.query) @ (context @ self.key).mT)

    def weights(self, tokens: Array, context: Array) -> Array:
        """Return the attention weights, shape (..., I, J); rows sum to one."""
        scores = self.scores(tokens, context)
        raised = np.exp(scores - scores.max(axis=-1, keepdims=True))
        return np.asarray(raised / raised.sum(axis=-1, keepdims=True))

    def __call__(self, tokens: Array, context: Array) -> Array:
        """Return the output of the head, shape (..., I, v)."""
        return np.asarray(self.weights(tokens, context) @ (context @ self.value))


@dataclass(frozen=True, eq=False)
class LinearAttention:
    r"""One head of linear attention, neither normalised nor scaled.

    .. math:: \mathrm{out}_i = \sum_j \big(x_i W_Q (y_j W_K)^\top\big)\, y_j W_V

    Parameters
    ----------
    query, key, value : ndarray, shapes (d, k), (d', k) and (d', v)
        :math:`W_Q, W_K, W_V`.

    Examples
    --------
    >>> head = LinearAttention(query=np.ones((1, 1)), key=np.ones((1, 1)), value=np.ones((1, 1)))
    >>> head(np.array([[2.0]]), np.array([[1.0], [3.0]])).tolist()
    [[20.0]]
    """

    query: Array
    key: Array
    value: Array

    def __call__(self, tokens: Array, context: Array) -> Array:
        """Return the output of the head, shape (..., I, v)."""
        return np.asarray((tokens @ self.query) @ ((context @ self.key).mT @ (context @ self.value)))


@dataclass(frozen=True, eq=False)
class LinearAttentionBlock:
    r"""Linear attention beside a linear skip connection.

    .. math:: \mathrm{out}_i = x_i W_{\mathrm{skip}} + \mathrm{attention}(x_i)

    Parameters
    ----------
    attention : LinearAttention
        From width d to width v.
    skip : ndarray, shape (d, v)
        The identity in a plain residual block.
    """

    attention: LinearAttention
    skip: Array

    def __call__(self, tokens: Array, context: Array) -> Array:
        """Return the tokens after the block, shape (..., I, v)."""
        return np.asarray(tokens @ self.skip + self.attention(tokens, context))


@dataclass(frozen=True, eq=False)
class ReluLayer:
    r"""One feed-forward layer, token by token.

    .. math:: \mathrm{out} = \mathrm{ReLU}(x A_1 + b_1) A_2

    Parameters
    ----------
    inner, bias, outer : ndarray, shapes (d, w), (w,) and (w, d')
        :math:`A_1, b_1, A_2`; w is the width.

    Examples
    --------
    >>> size = ReluLayer(inner=np.array([[1.0, -1.0]]), bias=np.zeros(2), outer=np.ones((2, 1)))
    >>> size(np.array([-3.0])).tolist()
    [3.0]
    """

    inner: Array
    bias: Array
    outer: Array

    @property
    def width(self) -> int:
        """Number of ReLUs."""
        return int(self.bias.size)

    def __call__(self, tokens: Array) -> Array:
        """Return the output for every token, shape (..., d')."""
        return np.asarray(np.maximum(tokens @ self.inner + self.bias, 0.0) @ self.outer)
