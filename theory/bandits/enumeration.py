r"""Exact expectations of EXP3Spec on a table, and of histories, by running through every path.

EXP3Spec plays :math:`p_{t,i} \propto \exp(-\eta_t \sum_{s<t} Z_{i,s})` with
:math:`\eta_t = \sqrt{\log K/(tK)}` and :math:`Z_{i,t} = 1\{I_t = i\} (L + 1 - y_{i,t}) / (L p_{t,i})`.
Importance weights have heavy tails, which no sampling resolves; the tree of all choices does.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tightbound.theory._validation import as_integer
from tightbound.theory.bandits._validation import Array, as_laws
from tightbound.theory.bandits.laws import kl

_FRONTIER = 1 << 16
_SMALLEST = 1e-290

History = tuple[tuple[int, int], ...]
Policy = Callable[[History], ArrayLike]


@dataclass(frozen=True, eq=False)
class Exp3Law:
    """Exact expectations of EXP3Spec on one table; every sum runs over rounds t = 1, ..., ST.

    Parameters
    ----------
    arm_stopping_times, arm_overshoots : ndarray of int, shape (K,)
        Rounds and tokens beyond the budget of each fixed arm.
    expected_stopping_time, expected_overshoot : float
        E[ST] and E[O].
    expected_pulls : ndarray, shape (K,)
        E[n_i].
    played_losses : ndarray, shape (K,)
        E sum of 1{I_t = i} z_{i,t}, with z = (L + 1 - y) / L.
    arm_losses : ndarray, shape (K,)
        E sum of z_{i,t}, played or not.
    estimated_losses : ndarray, shape (K,)
        E sum of Z_{i,t}, the importance-weighted estimate.
    losses_between_clocks : ndarray, shape (K,)
        E of the sum of z_{i,t} over rounds after ST_i up to ST, less that over rounds after ST up to ST_i.
    learning_rates, weighted_learning_rates : float
        E sum of eta_t, and E sum of eta_t / p_{t, I_t}.
    chance_early, deficit : float
        P(ST < min_i ST_i) and E[(min_i ST_i - ST)^+].
    skipped : float
        Expected number of (round, arm) pairs left out because p fell below 1e-290. Such a pair has no weight
        of its own, yet adds z to an exact estimate: the two lemmas below hold up to this number.
    paths : int
        Number of paths followed to the end.
    """

    arm_stopping_times: NDArray[np.int64]
    arm_overshoots: NDArray[np.int64]
    expected_stopping_time: float
    expected_overshoot: float
    expected_pulls: Array
    played_losses: Array
    arm_losses: Array
    estimated_losses: Array
    losses_between_clocks: Array
    learning_rates: float
    weighted_learning_rates: float
    chance_early: float
    deficit: float
    skipped: float
    paths: int

    @property
    def regret(self) -> float:
        """Stopping-time regret E[ST] - min_i ST_i, in rounds."""
        return self.expected_stopping_time - float(self.arm_stopping_times.min())


def exp3spec_law(table: ArrayLike, max_draft: int, tokens: int) -> Exp3Law:
    r"""Run EXP3Spec through every path on a table fixed in advance.

    Two lemmas and one identity tie the fields together, for every table and every arm i:

    * :math:`E \sum_{t \le ST} \eta_t / p_{t,I_t} = K\, E \sum_{t \le ST} \eta_t`,
    * :math:`E \sum_{t \le ST} Z_{i,t} = E \sum_{t \le ST} z_{i,t}`,
    * :math:`\frac{L+1}{L}(E[ST] - ST_i)
      = E \sum_{t \le ST} z_{I_t,t} - \sum_{t \le ST_i} z_{i,t} + \frac{E[O] - O_i}{L}`,

    the last since :math:`L \sum_{t \le ST} z_{I_t,t} = (L + 1) ST - (B + O)` on every path. Where generation
    is cut at the budget O and O_i vanish and the identity is the printed one.

    Parameters
    ----------
    table : array_like of int, shape (rounds, K)
        Tokens y_{i,t} in 1, ..., L+1.
    max_draft : int
        Draft length L, in tokens, at least 1.
    tokens : int
        Budget B, at least 1. The tree has up to K^B leaves; two arms with B = 26 at mean 2 or more take
        seconds.

    Returns
    -------
    Exp3Law
        The expectations.

    Raises
    ------
    ValueError
        For entries outside 1, ..., L+1.
    IndexError
        Where the table ends before every path has reached the budget.

    References
    ----------
    Hou et al., "BanditSpec", ICML 2025 (arXiv 2505.15141v2), Algorithm 9, Lemmas D.1 and D.2, equation (54).

    Examples
    --------
    >>> round(exp3spec_law([[2, 1]] * 2, 1, 2).expected_stopping_time, 12)
    1.5
    """
    length, budget = as_integer("max_draft", max_draft, least=1), as_integer("tokens", tokens, least=1)
    y = _as_table(table, length)
    arms = y.shape[1]
    z = (length + 1.0 - y) / length
    so_far = np.vstack((np.zeros((1, arms), dtype=np.int64), np.cumsum(y, axis=0)))
    if np.any(so_far[-1] < budget):
        _table_ended(y.shape[0], budget)
    arm_times = np.argmax(so_far >= budget, axis=0)
    arm_over = so_far[arm_times, np.arange(arms)] - budget
    z_sum = np.vstack((np.zeros((1, arms)), np.cumsum(z, axis=0)))
    eta = np.sqrt(np.log(arms) / (np.arange(1, y.shape[0] + 1) * arms))
    eta_sum = np.concatenate(([0.0], np.cumsum(eta)))
    best = int(arm_times.min())

    totals = {name: np.zeros(arms) for name in ("pulls", "played", "arm", "estimated", "between")}
    stopping = over = rates = weighted = early = deficit = skipped = 0.0
    paths = 0
    # One frontier = all paths alive after t rounds: probability, tokens, estimated losses. Wide ones are
    # split and the rest waits on the stack, so memory stays bounded.
    stack = [(0, np.ones(1), np.zeros(1, dtype=np.int64), np.zeros((1, arms)))]
    while stack:
        t, mass, have, loss = stack.pop()
        if mass.size > _FRONTIER:
            half = mass.size // 2
            stack.append((t, mass[half:], have[half:], loss[half:]))
            mass, have, loss = mass[:half], have[:half], loss[:half]
        if t == y.shape[0]:
            _table_ended(t, budget)
        score = np.exp(-eta[t] * (loss - loss.min(axis=1, keepdims=True)))
        p = score / score.sum(axis=1, keepdims=True)
        children = []
        for i in range(arms):
            alive = p[:, i] >= _SMALLEST
            skipped += float(mass[~alive].sum())
            chance, drawn = mass[alive] * p[alive, i], p[alive, i]
            estimate = z[t, i] / drawn
            totals["pulls"][i] += chance.sum()
            totals["played"][i] += chance.sum() * z[t, i]
            totals["estimated"][i] += float(chance @ estimate)
            weighted += eta[t] * float(chance @ (1.0 / drawn))
            tokens_now = have[alive] + y[t, i]
            ended = tokens_now >= budget
            mass_ended = float(chance[ended].sum())
            stopping += (t + 1) * mass_ended
            over += float(chance[ended] @ (tokens_now[ended] - budget))
            rates += eta_sum[t + 1] * mass_ended
            totals["arm"] += mass_ended * z_sum[t + 1]
            totals["between"] += mass_ended * (z_sum[t + 1] - z_sum[arm_times, np.arange(arms)])
            early += mass_ended * (t + 1 < best)
            deficit += mass_ended * max(best - (t + 1), 0)
            paths += int(np.count_nonzero(ended))
            new_loss = loss[alive][~ended]
            new_loss[:, i] += estimate[~ended]
            children.append((chance[~ended], tokens_now[~ended], new_loss))
        masses, haves, losses = zip(*children, strict=True)
        if sum(part.size for part in masses):
            stack.append((t + 1, np.concatenate(masses), np.concatenate(haves), np.concatenate(losses)))
    return Exp3Law(
        arm_stopping_times=arm_times,
        arm_overshoots=arm_over,
        expected_stopping_time=stopping,
        expected_overshoot=over,
        expected_pulls=totals["pulls"],
        played_losses=totals["played"],
        arm_losses=totals["arm"],
        estimated_losses=totals["estimated"],
        losses_between_clocks=totals["between"],
        learning_rates=rates,
        weighted_learning_rates=weighted,
        chance_early=early,
        deficit=deficit,
        skipped=skipped,
        paths=paths,
    )


def _as_table(table: ArrayLike, max_draft: int) -> NDArray[np.int64]:
    """Return the table as integers in 1, ..., L+1."""
    y = np.asarray(table)
    if y.ndim != 2 or y.size == 0:
        raise ValueError(
            f"table has shape {y.shape}: give shape (rounds, K) with at least one round and one arm"
        )
    if not np.issubdtype(y.dtype, np.integer):
        raise TypeError(f"table has dtype {y.dtype}: tokens per round are integers; convert with astype(int)")
    if y.min() < 1 or y.max() > max_draft + 1:
        raise ValueError(
            f"table has entries from {y.min()} to {y.max()}: "
            f"a round yields 1 to max_draft + 1 = {max_draft + 1} tokens"
        )
    return y.astype(np.int64)


def _table_ended(rounds: int, budget: int) -> None:
    """Report a table that is too short."""
    raise IndexError(
        f"table has {rounds} rounds and some path has not reached {budget} tokens: "
        f"give at least {budget} rounds"
    )


@dataclass(frozen=True, eq=False)
class DivergenceDecomposition:
    """Both sides of the divergence decomposition at the stopping time.

    Parameters
    ----------
    divergence : float
        KL of the law of the whole history under the laws from that under the alternative, in nats.
    decomposition : float
        Sum over the arms of E[n_i] times the divergence of one round, in nats.
    expected_pulls : ndarray, shape (K,)
        E[n_i] at the stopping time under the laws.
    histories : int
        Number of histories with positive probability.
    """

    divergence: float
    decomposition: float
    expected_pulls: Array
    histories: int


def divergence_decomposition(
    laws: ArrayLike, alternative: ArrayLike, policy: Policy, tokens: int
) -> DivergenceDecomposition:
    r"""Enumerate all histories up to the stopping time under two environments.

    .. math:: \mathrm{KL}(P_\nu^{H_{ST}}, P_{\nu'}^{H_{ST}}) = \sum_i E_\nu[n_i]\, \mathrm{KL}(\nu_i, \nu'_i).

    Parameters
    ----------
    laws, alternative : array_like, shape (K, L+1)
        Laws of Y = 1, ..., L+1 of every arm in the two environments; ``alternative`` must charge what
        ``laws`` charges.
    policy : callable ``history -> probabilities``
        Called with the tuple of past (arm, tokens) pairs; returns the probabilities of the arms, shape (K,).
    tokens : int
        Budget B. The number of histories grows like 3^B for two arms and L = 2; keep B below 10.

    Returns
    -------
    DivergenceDecomposition
        Left and right side.

    Raises
    ------
    ValueError
        For laws of different shapes, an alternative that excludes what ``laws`` allows, or a policy that
        returns no law.

    References
    ----------
    Hou et al., "BanditSpec", ICML 2025, Lemma D.7; Kaufmann, Cappe, Garivier, JMLR 17, 2016, Lemma 1.

    Examples
    --------
    >>> both = divergence_decomposition([[0.5, 0.5]], [[0.25, 0.75]], lambda history: [1.0], 2)
    >>> round(both.divergence, 6), round(both.decomposition, 6)
    (0.215762, 0.215762)
    """
    q, other = as_laws("laws", laws, 2), as_laws("alternative", alternative, 2)
    if q.shape != other.shape:
        raise ValueError(
            f"laws has shape {q.shape} and alternative {other.shape}: give the same arms and lengths"
        )
    if np.any((q > 0.0) & (other == 0.0)):
        raise ValueError(
            "alternative excludes tokens that laws allows: the divergence is infinite; make it positive"
        )
    budget = as_integer("tokens", tokens, least=1)
    leaves = _histories(q, policy, lambda history: sum(y for _, y in history) >= budget)
    pulls = np.zeros(q.shape[0])
    terms = []
    for history, probability in leaves:
        ratio = 1.0
        for arm, y in history:
            pulls[arm] += probability
            ratio *= q[arm, y - 1] / other[arm, y - 1]
        terms.append(probability * math.log(ratio))
    per_round = np.array([kl(a, b) for a, b in zip(q, other, strict=True)])
    return DivergenceDecomposition(math.fsum(terms), float(pulls @ per_round), pulls, len(leaves))


def expected_pulls_after(laws: ArrayLike, policy: Policy, rounds: int) -> Array:
    r"""Return the expected pulls :math:`E[n_{i,h}]` after a fixed number h of rounds, by enumeration.

    Parameters
    ----------
    laws : array_like, shape (K, L+1)
        Laws of Y = 1, ..., L+1 of every arm.
    policy : callable ``history -> probabilities``
        As in :func:`divergence_decomposition`.
    rounds : int
        Number of rounds h, at least 1.

    Returns
    -------
    ndarray, shape (K,)
        Expected pulls; they sum to ``rounds``.

    Examples
    --------
    >>> expected_pulls_after([[0.5, 0.5]], lambda history: [1.0], 3)
    array([3.])
    """
    q, horizon = as_laws("laws", laws, 2), as_integer("rounds", rounds, least=1)
    pulls = np.zeros(q.shape[0])
    for history, probability in _histories(q, policy, lambda past: len(past) >= horizon):
        for arm, _ in history:
            pulls[arm] += probability
    return pulls


def _histories(q: Array, policy: Policy, ended: Callable[[History], bool]) -> list[tuple[History, float]]:
    """Return every history at which play has ended, with its probability."""
    leaves: list[tuple[History, float]] = []
    stack: list[tuple[History, float]] = [((), 1.0)]
    while stack:
        history, probability = stack.pop()
        if history and ended(history):
            leaves.append((history, probability))
            continue
        weights = _as_weights(policy(history), q.shape[0])
        for arm in np.flatnonzero(weights):
            for y in np.flatnonzero(q[arm]):
                child = (*history, (int(arm), int(y) + 1))
                stack.append((child, probability * float(weights[arm] * q[arm, y])))
    return leaves


def _as_weights(weights: ArrayLike, arms: int) -> Array:
    """Return the policy's probabilities over the arms."""
    array = np.asarray(weights, dtype=np.float64)
    if array.shape != (arms,) or not np.all(array >= 0.0) or abs(float(array.sum()) - 1.0) > 1e-12:
        raise ValueError(f"policy returned {weights!r}: return {arms} probabilities that sum to 1")
    return array
