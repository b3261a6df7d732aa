r"""Two attention blocks that turn log-likelihoods in the prompt into the posterior over tasks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import ArrayLike

from tightbound.theory._validation import Array, as_floats, as_integer
from tightbound.theory.in_context.networks._validation import as_log_prior, frozen
from tightbound.theory.in_context.networks.layers import LinearAttention, SoftmaxAttention

Counting = Literal["position", "begin", "linear"]


@dataclass(frozen=True, eq=False)
class PosteriorHead:
    r"""The attention blocks of Bayes' rule.

    .. math:: \pi_\theta \prod_{i \le n} P(s_i|\theta) \Big/ \sum_{\theta'} \cdots
        = \mathrm{softmax}_\theta\Big(n \cdot \frac1n \sum_{i \le n} \ell_i[\theta] + \log\pi_\theta\Big),
        \qquad \ell_i[\theta] = \log P(s_i|\theta)

    *First block.* The query token attends to the demonstrations, whose tokens are :math:`(\ell_i, 1, 0)`,
    with :math:`W_Q = 0`: all weights are equal, so the head returns the mean of the tokens.
    *Second block.* The query token, now :math:`(\ell, 1)` with :math:`\ell` the **sum**, attends to M
    registers with tokens :math:`(e_\theta, \log\pi_\theta)` by :math:`W_Q = W_K = I`. Its scores are
    :math:`\ell[\theta] + \log\pi_\theta`, so its weights are the posterior. Nothing is approximated.

    *Counting.* A softmax head averages and cannot count, so between the blocks the mean has to become a sum:

    ``position``  the query token is multiplied by its position n (a multiplicative positional encoding);
    ``begin``     a first token (0, ..., 0, 1, 1) without evidence joins the context, and its last coordinate,
                  0 in all other tokens, comes back as u = 1/(n+1). So n = 1/u - 1, and dividing the pooled
                  evidence by u gives the sum;
    ``linear``    the first block is unnormalised linear attention, which sums.

    Multiplying by n and dividing by u are products of two coordinates of one token. No single softmax head
    or ReLU layer computes them exactly; they are written here as such.

    *A frozen scale.* With ``scale`` = T in place of n the weights are those of a **tempered** posterior,
    :math:`\propto \pi_\theta \exp(\tfrac{T}{n}\sum_i \ell_i[\theta])`: right at n = T only. This is
    what a head learns that has seen prompts of one length.

    Parameters
    ----------
    pooling : SoftmaxAttention or LinearAttention
        First block.
    reading : SoftmaxAttention
        Second block.
    registers : ndarray, shape (M, M+1)
        Tokens of the tasks.
    counting : {"position", "begin", "linear"}
        How the sum is formed.
    scale : int or None
        The number in place of n; None for n itself.

    See Also
    --------
    posterior_head : writes the weights.
    """

    pooling: SoftmaxAttention | LinearAttention
    reading: SoftmaxAttention
    registers: Array
    counting: Counting
    scale: int | None

    @property
    def tasks(self) -> int:
        """M, number of tasks."""
        return int(self.registers.shape[0])

    def count(self, demonstrations: int) -> float:
        """Return n as the network knows it: the position, or 1/u - 1 from the weight of the first token."""
        n = as_integer("demonstrations", demonstrations, least=0)
        if self.counting != "begin":
            return float(n)
        pooled = self._pooled(np.zeros((n, self.tasks)))
        return float(1.0 / pooled[0, -1] - 1.0)

    def logits(self, log_likelihood: ArrayLike) -> Array:
        """Return the scores of the second block: log posterior up to a constant.

        Parameters
        ----------
        log_likelihood : array_like, shape (..., n, M)
            Tokens of the demonstrations; n may be 0, where the posterior is the prior.

        Returns
        -------
        ndarray, shape (..., M)

        Raises
        ------
        ValueError
            For a shape that does not fit, or entries that are not finite.
        """
        table = self._table(log_likelihood)
        return np.asarray(self.reading.scores(self._evidence(table), self.registers)[..., 0, :])

    def __call__(self, log_likelihood: ArrayLike) -> Array:
        """Return the posterior over tasks, shape (..., M), from tokens of shape (..., n, M)."""
        evidence = self._evidence(self._table(log_likelihood))
        return np.asarray(self.reading(evidence, self.registers)[..., 0, :])

    def _table(self, log_likelihood: ArrayLike) -> Array:
        table = as_floats("log_likelihood", log_likelihood)
        if table.ndim < 2 or table.shape[-1] != self.tasks:
            raise ValueError(
                f"log_likelihood has shape {table.shape}: give one row per demonstration and one column per "
                f"task, (..., n, {self.tasks})"
            )
        return table

    def _evidence(self, table: Array) -> Array:
        """Return the query token after the first block, shape (..., 1, M+1): summed evidence and a one."""
        n, batch = table.shape[-2], table.shape[:-2]
        if n == 0:
            summed = np.zeros((*batch, 1, self.tasks))
        else:
            pooled = self._pooled(table)
            evidence, last = pooled[..., : self.tasks], pooled[..., -1:]
            if self.counting == "linear":
                summed = evidence
            elif self.counting == "begin":
                summed = evidence / last
            else:
                summed = evidence * float(n if self.scale is None else self.scale)
        return np.concatenate([summed, np.ones((*batch, 1, 1))], axis=-1)

    def _pooled(self, table: Array) -> Array:
        """Run the first block: shape (..., 1, M+2)."""
        batch, n = table.shape[:-2], table.shape[-2]
        context = np.concatenate([table, np.ones((*batch, n, 1)), np.zeros((*batch, n, 1))], axis=-1)
        if self.counting == "begin":
            first = np.zeros((*batch, 1, self.tasks + 2))
            first[..., self.tasks :] = 1.0
            context = np.concatenate([first, context], axis=-2)
        query = np.zeros((*batch, 1, self.tasks + 2))
        query[..., self.tasks] = 1.0
        return self.pooling(query, context)


def posterior_head(
    prior: ArrayLike, *, counting: Counting = "position", scale: int | None = None
) -> PosteriorHead:
    r"""Write the weights of the two attention blocks of Bayes' rule.

    Parameters
    ----------
    prior : array_like, shape (M,)
        Law of the task; every entry positive, because its logarithm is a weight.
    counting : {"position", "begin", "linear"}
        How a sum is formed, see :class:`PosteriorHead`; all three give the same function.
    scale : int, optional
        Freeze the count at this number, at least 1; only with ``counting="position"``. Left out, the network
        counts.

    Returns
    -------
    PosteriorHead

    Raises
    ------
    TypeError, ValueError
        For a prior that is no law or has a zero, an unknown way to count, or a scale below 1.

    Examples
    --------
    >>> head = posterior_head([0.5, 0.5])
    >>> head(np.log([[0.8, 0.2], [0.8, 0.2]])).round(4).tolist()
    [0.9412, 0.0588]
    >>> round(posterior_head([0.5, 0.5], counting="begin").count(7), 12)
    7.0
    """
    log_prior = as_log_prior(prior)
    if counting not in get_args(Counting):
        raise ValueError(f"counting is {counting!r}: choose one of {', '.join(get_args(Counting))}")
    frozen_scale = None if scale is None else as_integer("scale", scale, least=1)
    if frozen_scale is not None and counting != "position":
        raise ValueError(f"scale is {scale} with counting={counting!r}: only counting='position' has a scale")
    tasks = log_prior.size
    wide = tasks + 2
    one = np.zeros((wide, 1))
    one[tasks] = 1.0
    pooling = (
        LinearAttention(query=frozen(one), key=frozen(one), value=frozen(np.eye(wide)))
        if counting == "linear"
        else SoftmaxAttention(
            query=frozen(np.zeros((wide, 1))), key=frozen(np.zeros((wide, 1))), value=frozen(np.eye(wide))
        )
    )
    reading = SoftmaxAttention(
        query=frozen(np.eye(tasks + 1)),
        key=frozen(np.eye(tasks + 1)),
        value=frozen(np.eye(tasks + 1)[:, :tasks]),
    )
    registers = frozen(np.column_stack([np.eye(tasks), log_prior]))
    return PosteriorHead(pooling, reading, registers, counting, frozen_scale)
