r"""Prompts in which every response is rewritten: what the printed proposition asks for, and an exact example.

If all responses are rewritten, only covariates can still identify the task. Under the printed assumptions
this can be made exact: with covariates whose law does not depend on the task the printed condition cannot
hold.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import gammaln, log_expit, logsumexp

from tightbound.theory._validation import Array, as_floats, as_integer, as_laws

_LARGEST_TABLE = 5_000_000


def largest_divergence(symbols: int, floor: float) -> float:
    r"""Return the largest Kullback-Leibler divergence between laws that are bounded below.

    .. math:: \max\{KL(p\|q) : p_i, q_i \ge c_0\} = (a - c_0) \log\frac{a}{c_0}, \qquad
        a = 1 - (m - 1)c_0, \quad\text{ which is } < \log\frac{1}{c_0}

    Parameters
    ----------
    symbols : int
        m, at least 2.
    floor : float
        :math:`c_0`, in (0, 1/m].

    Returns
    -------
    float
        In nats.

    Raises
    ------
    TypeError, ValueError
        For fewer than two symbols, or a floor that no law can keep.

    Notes
    -----
    *Proof.* The divergence is jointly convex, so over a product of two polytopes it is largest at a pair of
    vertices. The vertices of :math:`\{p_i \ge c_0\}` put a on one symbol and :math:`c_0` on the others; two
    different ones are apart by :math:`a\log(a/c_0) + c_0\log(c_0/a)`. Further :math:`a - c_0 < 1` and
    :math:`a \le 1` (a < 1 for m >= 2). ∎

    Examples
    --------
    >>> round(largest_divergence(2, 0.05), 4), round(math.log(1 / 0.05), 4)
    (2.65, 2.9957)
    """
    m = as_integer("symbols", symbols, least=2)
    least = _floor(floor, m)
    top = 1.0 - (m - 1) * least
    return (top - least) * math.log(top / least) if top > least else 0.0


def printed_condition(divergence: ArrayLike, floor: float) -> Array:
    r"""Return by how much a task is identifiable in the printed sense: positive where the condition holds.

    .. math:: a = \min_{z \ne z^*} KL_{pair}(P(\cdot|z^*)\|P(\cdot|z)) - 2\log\frac{1}{c_0}

    Parameters
    ----------
    divergence : array_like
        Divergence of one (covariate, response) pair, in nats, at least 0.
    floor : float
        :math:`c_0` in (0, 1/2]: all conditional probabilities of tokens are at least this.

    Returns
    -------
    ndarray
        a in nats; shape of ``divergence``.

    Raises
    ------
    TypeError, ValueError
        For a negative divergence or a floor outside its range.

    Notes
    -----
    *It cannot hold where covariates do not depend on the task.* Then the covariate part of the divergence is
    0 and the response part is a mean, over covariates, of divergences of one token, each below
    :math:`\log(1/c_0)` by :func:`largest_divergence`. With one token that depends on the task it cannot hold
    either: by the chain rule the pair's divergence is below :math:`2\log(1/c_0)`. It takes at least two.

    References
    ----------
    Zhang, Zhang, Yang, Wang, AISTATS 2025, arXiv:2305.19420, Assumptions 5.2 and G.3.

    Examples
    --------
    >>> printed_condition([largest_divergence(2, 0.05), 13.25], 0.05).round(2).tolist()
    [-3.34, 7.26]
    """
    kl = as_floats("divergence", divergence)
    if np.any(kl < 0.0):
        raise ValueError(f"divergence is {kl.min()}: a divergence is at least 0")
    return np.asarray(kl + 2.0 * math.log(_floor(floor, 2)))


def printed_identification_term(
    examples: ArrayLike, tasks: int, divergence: float, covariate_length: int, floor: float
) -> Array:
    r"""Return the chance of failure in the proof of the printed proposition.

    .. math:: \delta = |\mathcal Z|\, e^{-a\sqrt t/(2b)}, \qquad a = KL_{pair} - 2\log\frac1{c_0}, \quad
        b = (1 + l)\log\frac1{c_0}

    Parameters
    ----------
    examples : array_like
        t, at least 0.
    tasks : int
        Number of tasks, at least 1.
    divergence : float
        Least divergence of a pair, in nats; must make a positive.
    covariate_length : int
        l, tokens of a covariate, at least 1.
    floor : float
        :math:`c_0` in (0, 1/2].

    Returns
    -------
    ndarray
        Shape of ``examples``. Exponential in the root of t, because of how delta is chosen there.

    Raises
    ------
    TypeError, ValueError
        For an argument outside its range, or where the printed condition does not hold.

    References
    ----------
    Zhang, Zhang, Yang, Wang, AISTATS 2025, arXiv:2305.19420, proof of Proposition G.4.

    Examples
    --------
    >>> printed_identification_term([0, 100], 2, 13.25, 4, 0.05).round(3).tolist()
    [2.0, 0.177]
    """
    t = as_floats("examples", examples)
    if np.any(t < 0.0):
        raise ValueError(f"examples is {t.min()}: give a number of pairs, at least 0")
    count = as_integer("tasks", tasks, least=1)
    length = as_integer("covariate_length", covariate_length, least=1)
    margin = float(printed_condition(divergence, floor))
    if margin <= 0.0:
        raise ValueError(
            f"divergence is {divergence}: it must exceed 2 log(1/floor) = {divergence - margin:.6g} for the "
            "printed term to exist; give tasks whose covariates tell them apart"
        )
    return np.asarray(count * np.exp(-margin * np.sqrt(t) / (2.0 * (1 + length) * -math.log(floor))))


@dataclass(frozen=True, eq=False)
class CodewordTasks:
    r"""Tasks whose covariates are noisy codewords and whose responses are noisy labels.

    .. math:: P(c_j \ne w_{zj} \mid z) = P(r \ne y_z \mid z) = c_0, \qquad j = 1, \dots, l

    independent given the task: binary tokens as far apart as a floor on probabilities allows. A token at
    which all codewords agree says nothing; if all codewords are equal, covariates do not depend on the task.

    Parameters
    ----------
    codewords : array_like of 0 and 1, shape (M, l)
        :math:`w_z`.
    labels : array_like of 0 and 1, shape (M,)
        :math:`y_z`.
    floor : float
        :math:`c_0`, in (0, 1/2).
    prior : array_like, shape (M,), optional
        Positive; uniform where left out.

    Raises
    ------
    ValueError
        For entries other than 0 and 1, shapes that do not fit, a floor outside its range, or a prior that is
        not positive.

    Examples
    --------
    >>> tasks = CodewordTasks([[0, 0], [1, 1]], [0, 1], 0.05)
    >>> tasks.covariate_divergence(0).round(3).tolist(), tasks.rewriting_gain(0).round(3).tolist()
    ([0.0, 5.3], [0.0, 2.944])
    >>> tasks.error(20, 0, rewritten=True) < 1e-4
    True
    >>> CodewordTasks([[0], [1]], [0, 1], 0.05).error(20, 0, rewritten=True) > 0.8
    True
    """

    codewords: Array
    labels: Array
    floor: float
    prior: Array

    def __init__(
        self, codewords: ArrayLike, labels: ArrayLike, floor: float, prior: ArrayLike | None = None
    ) -> None:
        words, marks = as_floats("codewords", codewords), as_floats("labels", labels)
        if words.ndim != 2 or words.shape[1] == 0 or marks.shape != words.shape[:1]:
            raise ValueError(
                f"codewords has shape {words.shape}, labels {marks.shape}: give (M, l) with l >= 1, and (M,)"
            )
        for name, array in (("codewords", words), ("labels", marks)):
            if not np.isin(array, (0.0, 1.0)).all():
                raise ValueError(f"{name} must consist of 0 and 1; turn other symbols into bits")
        least = _floor(floor, 2)
        if least == 0.5:
            raise ValueError("floor is 0.5: then all tasks are equal; give a floor below 1/2")
        believed = np.full(len(words), 1.0 / len(words)) if prior is None else as_laws("prior", prior)
        if believed.shape != marks.shape or np.any(believed <= 0.0):
            raise ValueError(
                f"prior has shape {believed.shape} and smallest entry {believed.min()}: give {marks.size} "
                "positive probabilities, and leave out tasks that cannot be"
            )
        object.__setattr__(self, "codewords", words.copy())
        object.__setattr__(self, "labels", marks.copy())
        object.__setattr__(self, "floor", least)
        object.__setattr__(self, "prior", believed.copy())

    @property
    def tasks(self) -> int:
        """M, number of tasks."""
        return len(self.labels)

    @property
    def log_odds(self) -> float:
        """Log ratio of the two probabilities of a bit, log((1 - c_0)/c_0)."""
        return math.log1p(-self.floor) - math.log(self.floor)

    def covariate_laws(self) -> Array:
        """Law of a whole covariate under every task, shape (M, 2^l), bits written from the first on."""
        laws = np.ones((self.tasks, 1))
        for bit in self.codewords.T:
            one = np.where(bit == 1.0, 1.0 - self.floor, self.floor)
            laws = (laws[:, :, None] * np.stack([1.0 - one, one], axis=1)[:, None]).reshape(self.tasks, -1)
        return laws

    def covariate_divergence(self, truth: int) -> Array:
        """Divergence of the covariate law under ``truth`` from that under every task, shape (M,), in nats."""
        apart = (self.codewords != self.codewords[self._task(truth)]).sum(axis=1)
        return np.asarray(apart * (1.0 - 2.0 * self.floor) * self.log_odds)

    def response_divergence(self, truth: int) -> Array:
        """Divergence of the law of an honest response, shape (M,), in nats."""
        apart = self.labels != self.labels[self._task(truth)]
        return np.asarray(apart * (1.0 - 2.0 * self.floor) * self.log_odds)

    def rewriting_gain(self, truth: int) -> Array:
        """Return what the worst rewriting of a response adds to the log odds of every task, shape (M,)."""
        return np.asarray((self.labels != self.labels[self._task(truth)]) * self.log_odds)

    def error(self, examples: int, truth: int, *, rewritten: bool) -> float:
        r"""Return the mean posterior weight of all wrong tasks after t pairs, exactly.

        .. math:: E_{z^*}[1 - \pi_t(z^*)]

        Parameters
        ----------
        examples : int
            t, at least 0.
        truth : int
            :math:`z^*`, from 0 to M - 1.
        rewritten : bool
            Whether every response is replaced by the symbol that is least likely under the truth; otherwise
            responses are honest.

        Returns
        -------
        float
            In [0, 1].

        Raises
        ------
        TypeError, ValueError
            For an argument outside its range, or more than 5 million count vectors.

        Notes
        -----
        Bits that tell the same tasks from the truth are exchangeable, so the posterior depends on how many of
        each group came out wrong: independent binomial counts, which are enumerated.
        """
        t, z = as_integer("examples", examples, least=0), self._task(truth)
        bits = self.codewords != self.codewords[z]
        gain = np.zeros(self.tasks)
        if rewritten:
            gain = t * self.rewriting_gain(z)
        else:
            bits = np.column_stack([bits, self.labels != self.labels[z]])
        patterns, sizes = np.unique(bits, axis=1, return_counts=True)
        told = patterns.any(axis=0)
        patterns, sizes = patterns[:, told], t * sizes[told]
        total = math.prod(int(n) + 1 for n in sizes)
        if total > _LARGEST_TABLE:
            raise ValueError(
                f"examples is {t}: {total} count vectors are more than {_LARGEST_TABLE}; use fewer "
                "examples or codewords with fewer patterns"
            )
        weight = np.zeros(1)
        odds = np.log(self.prior) - math.log(self.prior[z]) + gain
        logs = np.broadcast_to(odds[:, None], (self.tasks, 1))
        for pattern, n in zip(patterns.T, sizes, strict=True):
            wrong = np.arange(n + 1.0)
            chance = gammaln(n + 1.0) - gammaln(wrong + 1.0) - gammaln(n - wrong + 1.0)
            chance += wrong * math.log(self.floor) + (n - wrong) * math.log1p(-self.floor)
            weight = (weight[:, None] + chance).reshape(-1)
            step = np.outer(pattern, (2.0 * wrong - n) * self.log_odds)
            logs = (logs[:, :, None] + step[:, None, :]).reshape(self.tasks, -1)
        others = np.delete(logs, z, axis=0)
        if len(others) == 0:
            return 0.0
        return float(np.exp(logsumexp(weight + log_expit(logsumexp(others, axis=0)))))

    def _task(self, truth: int) -> int:
        z = as_integer("truth", truth, least=0)
        if z >= self.tasks:
            raise ValueError(f"truth is {z}: there are {self.tasks} tasks; give 0 to {self.tasks - 1}")
        return z


def _floor(floor: float, symbols: int) -> float:
    least = float(as_floats("floor", floor))
    if not 0.0 < least <= 1.0 / symbols:
        raise ValueError(f"floor is {floor!r}: laws on {symbols} symbols need 0 < floor <= {1.0 / symbols:g}")
    return least
