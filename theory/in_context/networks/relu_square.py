r"""ReLU networks that square a number in [0, 1]: a deep one and a wide one."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from tightbound.theory._validation import Array, as_floats, as_integer
from tightbound.theory.in_context.networks._validation import frozen
from tightbound.theory.in_context.networks.layers import ReluLayer


@dataclass(frozen=True, eq=False)
class SquareNetwork:
    r"""A ReLU network f with :math:`0 \le f(x) - x^2 \le` ``error`` on [0, 1].

    Parameters
    ----------
    layers : tuple of ReluLayer
        From input to output; the state of a number is (g, f) at first (x, x), and f is read out.
    error : float
        The bound.

    See Also
    --------
    relu_square, interpolated_square : write the weights.
    """

    layers: tuple[ReluLayer, ...]
    error: float

    @property
    def relus(self) -> int:
        """Number of ReLUs in all layers."""
        return sum(layer.width for layer in self.layers)

    def __call__(self, x: ArrayLike) -> Array:
        """Return f(x) for every entry of ``x``.

        Raises
        ------
        ValueError
            For an entry outside [0, 1], where the network approximates nothing.
        """
        array = as_floats("x", x)
        if array.size and (array.min() < 0.0 or array.max() > 1.0):
            worst = array.min() if array.min() < 0.0 else array.max()
            raise ValueError(f"x contains {worst}: the network squares numbers in [0, 1] only; rescale them")
        state = np.stack([array, array], axis=-1)
        for layer in self.layers:
            state = layer(state)
        return np.asarray(state[..., 1])


def relu_square(levels: int) -> SquareNetwork:
    r"""Write the weights of a network of ``levels`` layers whose error falls by 4 with every layer.

    .. math:: g_0 = x, \quad g_l = 2\min(g_{l-1}, 1 - g_{l-1}), \qquad
        f_L = x - \sum_{l=1}^L 4^{-l} g_l, \qquad 0 \le f_L - x^2 \le 4^{-(L+1)}

    Layer l has four ReLUs: :math:`g_l = 2\,\mathrm{ReLU}(g) - 4\,\mathrm{ReLU}(g - \tfrac12) +
    2\,\mathrm{ReLU}(g - 1)` with :math:`g = g_{l-1}`, and one that carries :math:`f_{l-1} \ge 0`, from which
    :math:`4^{-l} g_l` is taken away.

    *Proof of the bound.* Let :math:`I_L` be the piecewise linear interpolation of the square at the multiples
    of :math:`2^{-L}`. Between neighbours a and a + h it exceeds the square by :math:`(x - a)(a + h - x)`,
    which lies in :math:`[0, h^2/4]`: with :math:`h = 2^{-L}` that is :math:`[0, 4^{-(L+1)}]`. It remains that
    :math:`f_L = I_L`. By induction the difference :math:`I_{l-1} - I_l` is linear between multiples of
    :math:`2^{-l}`, zero at the even ones, and at the odd ones, midpoints of intervals of length
    :math:`2^{1-l}`, it is :math:`4^{1-l}/4 = 4^{-l}`. The tent map composed l times has the values 0 and 1
    there and is linear between, so the difference is :math:`4^{-l} g_l`; and :math:`I_0 = x`.

    Parameters
    ----------
    levels : int
        L, at least 0.

    Returns
    -------
    SquareNetwork

    Raises
    ------
    TypeError, ValueError
        For a number of levels that is no integer of at least 0.

    References
    ----------
    Yarotsky, "Error bounds for approximations with deep ReLU networks", Neural Networks 94, 2017,
    Proposition 2.

    Examples
    --------
    >>> square = relu_square(3)
    >>> square([0.0, 0.3, 0.5, 1.0]).tolist()
    [0.0, 0.09375, 0.25, 1.0]
    >>> square.error == 4.0**-4
    True
    """
    count = as_integer("levels", levels, least=0)
    inner = frozen([[1.0, 1.0, 1.0, 0.0], [0.0, 0.0, 0.0, 1.0]])
    bias = frozen([0.0, -0.5, -1.0, 0.0])
    tent = np.array([2.0, -4.0, 2.0, 0.0])
    carry = np.array([0.0, 0.0, 0.0, 1.0])
    layers = tuple(
        ReluLayer(inner, bias, frozen(np.column_stack([tent, carry - 4.0**-level * tent])))
        for level in range(1, count + 1)
    )
    return SquareNetwork(layers, 4.0 ** -(count + 1))


def interpolated_square(pieces: int) -> SquareNetwork:
    r"""Write the weights of one hidden layer that interpolates the square at multiples of 1/pieces.

    .. math:: f(x) = \tfrac1P\,\mathrm{ReLU}(x) + \tfrac2P\sum_{k=1}^{P-1} \mathrm{ReLU}(x - \tfrac kP),
        \qquad 0 \le f(x) - x^2 \le \tfrac{1}{4P^2}

    The slope on the piece from k/P to (k+1)/P is (2k + 1)/P, which grows by 2/P at every knot. No function of
    P linear pieces does better than :math:`1/(8P^2)`: one piece is at least 1/P long, and on a length h the
    square is :math:`h^2/8` from every line. So one layer needs order :math:`2^L` ReLUs for what L layers do
    with 4 L: it is depth that makes the error exponential, not width.

    Parameters
    ----------
    pieces : int
        P, at least 1; the width of the layer.

    Returns
    -------
    SquareNetwork

    Raises
    ------
    TypeError, ValueError
        For a number of pieces that is no integer of at least 1.

    Examples
    --------
    >>> x = np.linspace(0.0, 1.0, 9)
    >>> bool(np.allclose(interpolated_square(4)(x), relu_square(2)(x)))
    True
    """
    count = as_integer("pieces", pieces, least=1)
    slopes = np.full(count, 2.0 / count)
    slopes[0] = 1.0 / count
    layer = ReluLayer(
        inner=frozen(np.vstack([np.ones(count), np.zeros(count)])),
        bias=frozen(-np.arange(count) / count),
        outer=frozen(np.column_stack([np.zeros(count), slopes])),
    )
    return SquareNetwork((layer,), 0.25 / count**2)
