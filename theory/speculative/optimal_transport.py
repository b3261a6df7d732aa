r"""The most that any rule can accept of k candidates: an optimal transport problem in closed form.

A rule for candidates :math:`x_1, \dots, x_k` of joint law Q that emits tokens of law p is a coupling of Q and
p; it accepts where the token is among the candidates.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from tightbound.theory._validation import Array, as_floats, as_integer, as_laws
from tightbound.theory.speculative.acceptance import as_pair
from tightbound.theory.speculative.tables import all_texts

MOST_SUBSETS_OF = 16
MOST_VARIABLES = 20_000


def optimal_multidraft_acceptance(p: ArrayLike, q: ArrayLike, k: int) -> Array:
    r"""Largest acceptance of k independent candidates, :math:`\alpha^* = 1 + \min_{A} (p(A) - q(A)^k)`.

    **Proof.** Let mass flow from tuples :math:`x^k`, of supply :math:`q(x_1) \cdots q(x_k)`, to tokens y, of
    demand p(y), along the pairs with :math:`y \in \{x_1, \dots, x_k\}`. The most that flows is
    :math:`\alpha^*`: the rest of a coupling is unconstrained. By max-flow min-cut it is the least cut. Cut
    the demand of the tokens in A: this costs p(A), and the tuples that can still reach a token outside A are
    those not contained in A, which costs :math:`1 - q(A)^k`. So
    :math:`\alpha^* = \min_A (p(A) + 1 - q(A)^k)`.

    **A threshold set attains it.** Let A be optimal, z = q(A), :math:`f(z) = z^k`. By convexity
    :math:`f(q(B)) \ge f(z) + f'(z)(q(B) - z)` for every B, so :math:`p(B) - f(q(B))` is at most its
    linearisation :math:`p(B) - f(z) - f'(z)(q(B) - z)`, with equality at A. The linearisation is least for
    :math:`B = \{p < f'(z) q\}`; there its value is at most that at A, hence the true value at B is
    at most the optimum. So it is enough to sort by p/q and to try every prefix: O(V log V). ∎

    For k = 1 it is :math:`1 - TV(p, q)`.

    Parameters
    ----------
    p, q : array_like, shapes (..., V) that broadcast
        Laws of the next token under target and drafter.
    k : int
        Number of candidates, at least 1.

    Returns
    -------
    ndarray, shape (...)

    Raises
    ------
    ValueError
        For rows that are no laws or k below 1.

    References
    ----------
    Sun et al., "SpecTr", NeurIPS 2023 (the transport problem; closed form and proof are ours).

    Examples
    --------
    >>> float(optimal_multidraft_acceptance([0.5, 0.5], [0.75, 0.25], 2))
    0.9375
    """
    target, draft = as_pair(p, q)
    count = as_integer("k", k, least=1)
    with np.errstate(divide="ignore", over="ignore"):
        ratio = np.divide(target, draft, out=np.full(target.shape, np.inf), where=draft > 0.0)
    order = np.argsort(ratio, axis=-1, kind="stable")
    cut = np.cumsum(np.take_along_axis(target, order, axis=-1), axis=-1)
    kept = np.cumsum(np.take_along_axis(draft, order, axis=-1), axis=-1)
    return np.asarray(1.0 + np.minimum((cut - kept**count).min(axis=-1), 0.0))


def optimal_acceptance_of(p: ArrayLike, candidates: ArrayLike) -> float:
    r"""Largest acceptance for candidates of any joint law, :math:`1 + \min_A (p(A) - Q(\text{all in } A))`.

    The proof of :func:`optimal_multidraft_acceptance` up to its cut formula; all :math:`2^V` sets are tried,
    because without independence no threshold set need be optimal.

    Parameters
    ----------
    p : array_like, shape (V,)
        Law of the next token under the target, V at most 16.
    candidates : array_like, shape ``(V,) * k``
        Joint law Q of the candidates.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        For shapes that do not fit or a vocabulary above 16.

    Examples
    --------
    >>> optimal_acceptance_of([0.5, 0.5], np.outer([0.75, 0.25], [0.75, 0.25]))
    0.9375
    """
    target, joint = _as_problem(p, candidates)
    size = target.size
    if size > MOST_SUBSETS_OF:
        raise ValueError(
            f"p is a law over {size} tokens: all subsets are tried, so use at most {MOST_SUBSETS_OF}"
        )
    subsets = (np.arange(2**size)[:, np.newaxis] >> np.arange(size)) & 1
    # sum over one candidate at a time, each within A
    contained = np.broadcast_to(joint.reshape(1, -1), (2**size, joint.size))
    for _ in range(joint.ndim):
        contained = np.einsum("sv,svr->sr", subsets, contained.reshape(2**size, size, -1))
    return float(1.0 + (subsets @ target - contained[:, 0]).min())


def optimal_coupling(p: ArrayLike, candidates: ArrayLike) -> tuple[float, Array]:
    r"""Solve the transport problem as a linear program.

    .. math:: \max_{\pi \ge 0} \sum_{x^k} \sum_{y \in \{x_1 \dots x_k\}} \pi(x^k, y) \quad\text{with}\quad
              \sum_y \pi(x^k, y) = Q(x^k),\ \sum_{x^k} \pi(x^k, y) = p(y)

    One of the equalities follows from the others and is left out: the two sides of it differ by rounding,
    which would make the program infeasible.

    Parameters
    ----------
    p : array_like, shape (V,)
        Law of the next token under the target.
    candidates : array_like, shape ``(V,) * k``
        Joint law Q of the candidates.

    Returns
    -------
    value : float
        The largest acceptance.
    coupling : ndarray, shape ``(V,) * (k + 1)``
        A coupling that attains it; divided by Q it is a verification rule.

    Raises
    ------
    ValueError
        For shapes that do not fit or more than twenty thousand variables.
    RuntimeError
        If the solver does not reach an optimum.

    Examples
    --------
    >>> round(optimal_coupling([0.5, 0.5], np.outer([0.75, 0.25], [0.75, 0.25]))[0], 12)
    0.9375
    """
    from scipy.optimize import linprog
    from scipy.sparse import eye_array, kron, vstack

    target, joint = _as_problem(p, candidates)
    size, tuples = target.size, joint.size
    if tuples * size > MOST_VARIABLES:
        raise ValueError(
            f"the program has {tuples * size} variables, at most {MOST_VARIABLES} are allowed: "
            "use fewer tokens or candidates, or the closed form"
        )
    rows = kron(eye_array(tuples), np.ones((1, size)), format="csr")
    columns = kron(np.ones((1, tuples)), eye_array(size), format="csr")
    among = np.zeros((tuples, size))
    for column in all_texts(size, joint.ndim).T:
        among[np.arange(tuples), column] = 1.0
    solution = linprog(  # type: ignore[call-overload]  # the stubs know no sparse matrices
        -among.ravel(),
        A_eq=vstack([rows, columns[: size - 1]], format="csr"),
        b_eq=np.concatenate((joint.ravel(), target[:-1])),
        bounds=(0.0, None),
        method="highs",
    )
    if solution.status != 0:
        raise RuntimeError(f"the solver ended with: {solution.message}")
    return float(-solution.fun), np.asarray(solution.x, dtype=np.float64).reshape(*joint.shape, size)


def independent_candidates(q: ArrayLike, k: int) -> Array:
    """Joint law of k independent candidates, shape ``(V,) * k``.

    Examples
    --------
    >>> independent_candidates([0.75, 0.25], 2)
    array([[0.5625, 0.1875],
           [0.1875, 0.0625]])
    """
    law = _as_law("q", q)
    joint: Array = np.ones(())
    for _ in range(as_integer("k", k, least=1)):
        joint = np.asarray(joint[..., np.newaxis] * law)
    return joint


def candidates_without_replacement(q: ArrayLike, k: int) -> Array:
    """Joint law of k candidates drawn without replacement, shape ``(V,) * k``.

    Raises
    ------
    ValueError
        For more candidates than q can draw.

    Examples
    --------
    >>> candidates_without_replacement([0.75, 0.25], 2)
    array([[0.  , 0.75],
           [0.25, 0.  ]])
    """
    law = _as_law("q", q)
    count = as_integer("k", k, least=1)
    if count > np.count_nonzero(law):
        raise ValueError(
            f"k is {count}, but q can draw only {np.count_nonzero(law)} different tokens: use a smaller k"
        )
    joint: Array = np.ones(())
    left: Array = law
    for _ in range(count):
        total = left.sum(axis=-1, keepdims=True)
        step = np.divide(left, total, out=np.zeros_like(left), where=total > 0.0)
        joint = np.asarray(joint[..., np.newaxis] * step)
        left = left[..., np.newaxis, :] * (1.0 - np.eye(law.size))
    return joint


def _as_law(name: str, value: ArrayLike) -> Array:
    law = as_laws(name, value)
    if law.ndim != 1:
        raise ValueError(f"{name} has shape {law.shape}: give one law over the tokens, shape (V,)")
    return law


def _as_problem(p: ArrayLike, candidates: ArrayLike) -> tuple[Array, Array]:
    target, joint = _as_law("p", p), as_floats("candidates", candidates)
    if joint.ndim == 0 or set(joint.shape) != {target.size}:
        raise ValueError(
            f"candidates has shape {joint.shape}: it must be (V,) * k with V = {target.size}, the joint law "
            "of k candidates"
        )
    as_laws("candidates", joint.reshape(-1))
    return target, joint
