r"""Tasks that each favour one response: the case where the largest regret has a closed form.

.. math:: P_z(r) \propto e^{g\,1\{r = z\}}, \qquad r, z \in \{0, \dots, M-1\}
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from tightbound.theory._validation import Array, as_floats, as_integer
from tightbound.theory.in_context.finite_tasks import FiniteTasks


def symmetric_tasks(tasks: int, gap: float, prior: ArrayLike | None = None) -> FiniteTasks:
    """Return M tasks on M responses and one covariate, each favouring the response with its own number.

    Parameters
    ----------
    tasks : int
        M, at least 2.
    gap : float
        g > 0, by how much the log probability of the favoured response exceeds the others', in nats.
    prior : array_like, shape (M,), optional
        Law of the task; uniform if left out.

    Returns
    -------
    FiniteTasks
        The model.

    Raises
    ------
    TypeError, ValueError
        For numbers out of range, or a prior that is no law.

    Examples
    --------
    >>> symmetric_tasks(2, np.log(9.0)).likelihood[:, 0].round(3).tolist()
    [[0.9, 0.1], [0.1, 0.9]]
    """
    count, favour = as_integer("tasks", tasks, least=2), _gap(gap)
    table = np.where(np.eye(count, dtype=bool), 1.0, np.exp(-favour))
    table /= table.sum(axis=1, keepdims=True)
    return FiniteTasks(np.full(count, 1.0 / count) if prior is None else prior, table[:, None, :])


def symmetric_supremum(tasks: int, gap: float, length: ArrayLike) -> Array:
    r"""Return the largest cumulative regret over all sequences of T demonstrations, for a uniform prior.

    .. math:: \sup_S T\,\mathrm{regret}_T = \log M - \log\big(1 + (M-1) e^{-gT}\big)

    Parameters
    ----------
    tasks : int
        M, at least 2.
    gap : float
        g > 0, in nats.
    length : array_like of int
        T, at least 0 each.

    Returns
    -------
    ndarray
        In nats; shape of ``length``. It rises to log M.

    Raises
    ------
    TypeError, ValueError
        For numbers out of range.

    Notes
    -----
    *Proof.* Let :math:`n_r` count how often response r occurs. The log likelihoods of z' and z differ by
    :math:`g(n_{z'} - n_z)`, so the cumulative regret against z is
    :math:`\log M - \log\sum_{z'} e^{g(n_{z'} - n_z)}`. The sum is at least
    :math:`1 + (M-1)e^{-gT}`, since :math:`n_{z'} \ge 0` and :math:`n_z \le T`, with equality where all T
    responses are z.

    Examples
    --------
    >>> symmetric_supremum(2, np.log(9.0), [0, 1, 8]).round(4).tolist()
    [0.0, 0.5878, 0.6931]
    """
    count, favour = as_integer("tasks", tasks, least=2), _gap(gap)
    steps = as_floats("length", length)
    if np.any(steps < 0.0) or np.any(steps != np.floor(steps)):
        raise ValueError("length has entries that are negative or not whole: give numbers of demonstrations")
    return np.asarray(np.log(count) - np.log1p((count - 1) * np.exp(-favour * steps)))


def _gap(gap: float) -> float:
    favour = as_floats("gap", gap)
    if favour.ndim or favour <= 0.0:
        raise ValueError(f"gap is {gap!r}: give one number above 0, in nats")
    return float(favour)
