r"""Finitely many hidden Markov models: the concept says how the state behind the responses moves.

.. math:: z \sim \pi, \quad h_1 \sim \mu_z, \quad h_{t+1} \sim A_z(h_t, \cdot), \quad
    r_t \sim E_z(\cdot \mid h_t, c_t)

The hidden state is drawn once, at the start of the sequence, and runs on through all its demonstrations. A
prompt that joins independent pieces, each with a fresh hidden state, is another model: a `FiniteTasks` whose
likelihood is that of one piece.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from tightbound.theory._log_space import log_sum, safe_log
from tightbound.theory._validation import Array, as_laws
from tightbound.theory.in_context._tasks import (
    as_covariate_law,
    as_covariates,
    as_prior,
    as_sequences,
    readonly,
)


@dataclass(frozen=True, eq=False)
class HMMConcept:
    r"""Finitely many concepts, each a hidden Markov model of the responses.

    .. math:: P(r_1, \dots, r_T \mid c, z) = \sum_{h_1, \dots, h_T} \mu_z(h_1) \prod_{t > 1} A_z(h_{t-1}, h_t)
        \prod_t E_z(r_t \mid h_t, c_t)

    Nothing resets the hidden state within a sequence.

    Parameters
    ----------
    prior : array_like, shape (M,)
        Law of the concept. A task of probability zero keeps its place and never gets weight.
    initial : array_like, shape (M, H)
        Law of the first hidden state.
    transition : array_like, shape (M, H, H)
        ``transition[z, g, h]`` is the probability that h follows g. Zeros are allowed.
    emission : array_like, shape (M, H, C, R)
        ``emission[z, h, c, r]`` is the probability of response r to covariate c in hidden state h.
    covariate : array_like, shape (C,) or (M, C), optional
        Law of the covariates, independent over steps; left out: they come from outside. Stored as (M, C).

    Raises
    ------
    TypeError, ValueError
        For rows that do not sum to one within 1e-10, negative or undefined entries, or shapes that do not fit
        together.

    Warns
    -----
    UnsupportedTaskWarning
        For a task of prior probability zero.

    References
    ----------
    Zhang, Zhang, Yang, Wang, "What and How does In-Context Learning Learn?", AISTATS 2025, arXiv:2305.19420,
    remark after (4.1).

    Examples
    --------
    >>> stay, cycle = [[1.0, 0.0], [0.0, 1.0]], [[0.0, 1.0], [1.0, 0.0]]
    >>> shown = [[[0.9, 0.1]], [[0.1, 0.9]]]
    >>> model = HMMConcept([0.5, 0.5], [[1.0, 0.0]] * 2, [stay, cycle], [shown, shown])
    >>> model.log_likelihoods([0, 0], [0, 0]).round(3).tolist()
    [[-0.105, -0.105], [-0.105, -2.303]]
    """

    prior: Array
    initial: Array
    transition: Array
    emission: Array
    covariate: Array | None = None

    def __init__(
        self,
        prior: ArrayLike,
        initial: ArrayLike,
        transition: ArrayLike,
        emission: ArrayLike,
        covariate: ArrayLike | None = None,
    ) -> None:
        believed, shown = as_prior(prior), as_laws("emission", emission)
        if shown.ndim != 4 or shown.shape[0] != believed.size:
            raise ValueError(
                f"emission has shape {shown.shape}: give one table (H, C, R) per task, "
                f"({believed.size}, H, C, R)"
            )
        first, step = as_laws("initial", initial), as_laws("transition", transition)
        tasks, states, asked = shown.shape[:3]
        for name, array, shape in (
            ("initial", first, (tasks, states)),
            ("transition", step, (tasks, states, states)),
        ):
            if array.shape != shape:
                raise ValueError(f"{name} has shape {array.shape}: beside this emission it must be {shape}")
        law = as_covariate_law(covariate, tasks, asked)
        for name, array in (
            ("prior", believed),
            ("initial", first),
            ("transition", step),
            ("emission", shown),
        ):
            object.__setattr__(self, name, readonly(array))
        object.__setattr__(self, "covariate", None if law is None else readonly(law))

    @property
    def tasks(self) -> int:
        """Number M of tasks."""
        return int(self.prior.size)

    @property
    def hidden_states(self) -> int:
        """Number H of hidden states."""
        return int(self.initial.shape[1])

    @property
    def covariates(self) -> int:
        """Number C of different covariates."""
        return int(self.emission.shape[2])

    @property
    def responses(self) -> int:
        """Number R of different responses."""
        return int(self.emission.shape[3])

    @property
    def log_prior(self) -> Array:
        """Logarithm of the prior, shape (M,); -inf for a task that is excluded."""
        return safe_log(self.prior)

    def log_likelihoods(self, covariates: ArrayLike, responses: ArrayLike) -> Array:
        r"""Return log P(r_t | c_t, S_{t-1}, z), by the forward filter of every task.

        .. math:: \ell_t = \log \sum_h \alpha_t(h) E_z(r_t | h, c_t), \qquad
            \alpha_{t+1}(h') = \sum_h \alpha_t(h) E_z(r_t | h, c_t) e^{-\ell_t} A_z(h, h')

        in log space throughout, where :math:`\alpha_t(h) = P(h_t = h | S_{t-1}, z)`.

        Parameters
        ----------
        covariates, responses : array_like of int, shape (..., T)
            Demonstrations; T may be 0.

        Returns
        -------
        ndarray, shape (..., T, M)
            In nats. Once a task has excluded a response it is -inf, and stays so.

        Raises
        ------
        IndexError, TypeError, ValueError
            For labels out of range, or shapes that differ.
        """
        c, r = as_sequences(self, covariates, responses)
        shown = np.moveaxis(safe_log(self.emission), (2, 3), (0, 1))  # (C, R, M, H)
        step = np.swapaxes(safe_log(self.transition), 1, 2)  # (M, h', h): the sum is over the last axis
        found = np.empty((*c.shape, self.tasks))
        alpha = np.broadcast_to(safe_log(self.initial), (*c.shape[:-1], self.tasks, self.hidden_states))
        for t in range(c.shape[-1]):
            joint = alpha + shown[c[..., t], r[..., t]]
            chance = log_sum(joint)
            found[..., t, :] = chance
            # an excluded task keeps alpha = -inf instead of -inf - (-inf)
            joint = joint - np.where(chance > -np.inf, chance, 0.0)[..., None]
            alpha = log_sum(joint[..., None, :] + step)
        return found

    def log_covariates(self, covariates: ArrayLike) -> Array:
        """Return log P(c_t | z), shape (..., T, M); zeros where covariates come from outside."""
        c = as_covariates(self, covariates)
        if self.covariate is None:
            return np.zeros((*c.shape, self.tasks))
        return np.asarray(safe_log(self.covariate.T)[c])
