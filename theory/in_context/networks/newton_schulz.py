r"""Linear attention that solves ridge regression by Newton and Schulz's iteration."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from tightbound.theory._validation import Array, as_floats, as_integer
from tightbound.theory.in_context.networks._validation import as_prompt, frozen
from tightbound.theory.in_context.networks.layers import LinearAttention, LinearAttentionBlock
from tightbound.theory.in_context.networks.linear_attention import contraction_factor


@dataclass(frozen=True, eq=False)
class NewtonSchulzNetwork:
    r"""Registers that hold a matrix and square its error in every two blocks.

    .. math:: Z_{k+1} = 2 Z_k - Z_k G Z_k, \qquad G = X^\top X + \lambda I, \quad Z_0 = c I

    Register i (of d) is the token :math:`(e_i, G_i, b_i, Z_i, P_i)` of width 4d + 1, where the index picks a
    row. ``gather`` attends to the demonstrations :math:`(x_t, y_t)` and adds :math:`\sum_t x_{ti} x_t` to
    :math:`G_i`, at first :math:`\lambda e_i`, and :math:`\sum_t x_{ti} y_t` to :math:`b_i`. An iteration is
    two blocks among the registers: ``product`` writes :math:`P_i = \sum_j G_{ij} Z_j`, and ``update`` writes
    :math:`Z_i \leftarrow 2 Z_i - \sum_j Z_{ij} P_j`. At the end ``read`` lets a query q collect
    :math:`\sum_i \langle q, Z_i\rangle b_i = q Z X^\top y`, Z being symmetric.

    *Rate.* :math:`E_k = I - G Z_k` satisfies :math:`E_{k+1} = I - 2GZ_k + (GZ_k)^2 = E_k^2`, all matrices
    being polynomials in G. With :math:`c = 2/(\mu + L)` the norm of :math:`E_0` is
    :math:`\rho = (L - \mu)/(L + \mu)`, and :math:`Z_k X^\top y = Z_k G w^* = (I - E_k) w^*`, so

    .. math:: |f_q - \langle q, w^*\rangle| \le \|q\|\,\|w^*\|\,\rho^{2^k} :

    doubly exponential in depth.

    Parameters
    ----------
    registers : ndarray, shape (d, 4d+1)
        The tokens of the registers before the first block.
    gather, product, update : LinearAttentionBlock
        The blocks; ``product`` and ``update`` are used again in every iteration.
    read : LinearAttention
        The read-out.
    iterations : int
        How often the error is squared; the network has 2 iterations + 2 blocks.

    See Also
    --------
    newton_schulz_network : writes the weights.
    """

    registers: Array
    gather: LinearAttentionBlock
    product: LinearAttentionBlock
    update: LinearAttentionBlock
    read: LinearAttention
    iterations: int

    def __call__(self, inputs: ArrayLike, targets: ArrayLike, queries: ArrayLike) -> Array:
        """Return the prediction for every query after every iteration.

        Parameters
        ----------
        inputs, targets, queries : array_like, shapes (..., T, d), (..., T) and (..., Q, d)
            Demonstrations and queries.

        Returns
        -------
        ndarray, shape (..., iterations + 1, Q)

        Raises
        ------
        ValueError
            For shapes that do not fit, or entries that are not finite.
        """
        x, y, q = as_prompt(inputs, targets, queries, self.registers.shape[0])
        tokens = self.gather(self.registers, np.concatenate([x, y[..., None]], axis=-1))
        found = [self.read(q, tokens)[..., 0]]
        for _ in range(self.iterations):
            tokens = self.product(tokens, tokens)
            tokens = self.update(tokens, tokens)
            found.append(self.read(q, tokens)[..., 0])
        return np.stack(found, axis=-2)


def newton_schulz_network(
    dim: int, iterations: int, smallest: float, largest: float, *, ridge: float = 0.0
) -> NewtonSchulzNetwork:
    r"""Write the weights of a network that squares the error of an inverse.

    Parameters
    ----------
    dim : int
        d, number of features, at least 1.
    iterations : int
        Number of squarings, at least 0.
    smallest, largest : float
        Bounds :math:`0 < \mu \le L` on the eigenvalues of G, as `spectrum` returns them.
    ridge : float
        :math:`\lambda \ge 0`.

    Returns
    -------
    NewtonSchulzNetwork

    Raises
    ------
    TypeError, ValueError
        For an argument outside its range.

    References
    ----------
    Schulz, "Iterative Berechnung der reziproken Matrix", ZAMM 13, 1933.

    Examples
    --------
    >>> network = newton_schulz_network(1, 3, smallest=1.0, largest=3.0)
    >>> network([[1.0]], [3.0], [[1.0]])[:, 0].tolist()  # 3 (1 - 2^-1), 3 (1 - 2^-2), 3 (1 - 2^-4), ...
    [1.5, 2.25, 2.8125, 2.98828125]
    """
    d, count = as_integer("dim", dim, least=1), as_integer("iterations", iterations, least=0)
    contraction_factor(smallest, largest)  # checks both
    lam = float(as_floats("ridge", ridge))
    if lam < 0.0:
        raise ValueError(f"ridge is {lam}: give a number of at least 0")
    width = 4 * d + 1
    index, gram, side, inverse, scratch = (
        slice(0, d),
        slice(d, 2 * d),
        slice(2 * d, 2 * d + 1),
        slice(2 * d + 1, 3 * d + 1),
        slice(3 * d + 1, width),
    )

    def pick(part: slice) -> Array:
        return np.eye(width)[:, part]

    def move(source: slice, goal: slice, sign: float) -> Array:
        return sign * pick(source) @ pick(goal).T

    registers = np.zeros((d, width))
    registers[:, index], registers[:, gram] = np.eye(d), lam * np.eye(d)
    registers[:, inverse] = 2.0 / (smallest + largest) * np.eye(d)
    write = np.zeros((d + 1, width))
    write[:d, gram], write[d:, side] = np.eye(d), 1.0
    without, doubled = np.eye(width), np.eye(width)
    without[scratch, scratch] = 0.0
    doubled[inverse, inverse] *= 2.0
    return NewtonSchulzNetwork(
        registers=frozen(registers),
        gather=_block(pick(index), np.eye(d + 1)[:, :d], write, np.eye(width)),
        product=_block(pick(gram), pick(index), move(inverse, scratch, 1.0), without),
        update=_block(pick(inverse), pick(index), move(scratch, inverse, -1.0), doubled),
        read=LinearAttention(frozen(np.eye(d)), frozen(pick(inverse)), frozen(pick(side))),
        iterations=count,
    )


def _block(query: Array, key: Array, value: Array, skip: Array) -> LinearAttentionBlock:
    return LinearAttentionBlock(LinearAttention(frozen(query), frozen(key), frozen(value)), frozen(skip))
