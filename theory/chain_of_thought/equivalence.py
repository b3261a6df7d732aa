"""Which tasks need not be told apart."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tightbound.theory._validation import as_indices
from tightbound.theory.chain_of_thought.discrete_chain import DiscreteChain

AGREEMENT = 1e-12


def as_truth(chain: DiscreteChain, truth: int, *, allow_misspecified: bool = False) -> int:
    """Return the index of the true task.

    Raises
    ------
    TypeError, IndexError
        For what is no task.
    ValueError
        For a task of prior probability zero, unless ``allow_misspecified``.
    """
    found = as_indices("truth", truth, chain.tasks)
    if found.ndim:
        raise ValueError(f"truth has shape {found.shape}: give one task, an integer")
    if chain.prior[found] == 0.0 and not allow_misspecified:
        raise ValueError(
            f"truth is task {int(found)}, which has prior probability 0, so no prompt can identify it: "
            "give it a positive prior, or allow_misspecified=True where the error may not vanish"
        )
    return int(found)


def equivalence_class(chain: DiscreteChain, truth: int) -> NDArray[np.bool_]:
    r"""Return which tasks answer as the true one does.

    .. math:: \Theta_{eq}(\theta^*) = \{\theta : P_\theta(y | z_0) = P_{\theta^*}(y | z_0)
        \text{ for all } y \text{ and all } z_0 \text{ with } f_{\theta^*}(z_0) > 0\}

    Their steps in between may differ.

    Parameters
    ----------
    chain : DiscreteChain
        The tasks.
    truth : int
        The true task.

    Returns
    -------
    ndarray of bool, shape (M,)
        True for members; the truth is one. Probabilities count as equal within 1e-12, the rounding of the
        matrix products.

    Examples
    --------
    >>> stay, swap = [[0.9, 0.1], [0.1, 0.9]], [[0.1, 0.9], [0.9, 0.1]]
    >>> chain = DiscreteChain([0.4, 0.4, 0.2], [[stay, stay], [swap, swap], [stay, swap]])
    >>> equivalence_class(chain, 0).tolist()
    [True, True, False]
    """
    true = as_truth(chain, truth, allow_misspecified=True)
    asked = chain.query[true] > 0.0
    answers = chain.answer_table()[:, asked]
    return np.asarray(np.all(np.abs(answers - answers[true]) <= AGREEMENT, axis=(1, 2)))
