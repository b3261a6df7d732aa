r"""A Gaussian denoiser whose sample is a known mixture of the prompts read along the way.

A block of the latent has the prior :math:`x \sim N(\mu, \tau^2 I)`, mu being what the prompt asks for. Seen
through noise, :math:`z = x + \sigma \varepsilon`, its posterior mean is

.. math:: h = g \mu + (1 - g) z, \qquad g = \frac{\sigma^2}{\sigma^2 + \tau^2}.

Deterministic sampling steps from sigma_s to sigma_{s+1} by :math:`z \leftarrow h + r_s (z - h)`,
:math:`r_s = \sigma_{s+1}/\sigma_s`, and the prompt may differ from step to step: the mean of step s is mu_s.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from tightbound.theory._validation import Array, as_floats, as_indices, as_integer, as_positive


@dataclass(frozen=True, eq=False)
class LinearGaussianDenoiser:
    r"""One block of a latent and the noise levels at which it is denoised.

    Parameters
    ----------
    prior_std : float
        tau: spread of the block around what the prompt asks for. Layout has a large one, detail a small one.
    noise_levels : array_like, shape (S + 1,)
        sigma_0 > ... > sigma_S >= 0, in the units of the latent; S >= 1 steps.

    Raises
    ------
    TypeError, ValueError
        For a spread that is not positive, or levels that do not fall.

    Examples
    --------
    >>> model = LinearGaussianDenoiser(1.0, [2.0, 1.0, 0.0])
    >>> model.steps
    2
    """

    prior_std: float
    noise_levels: Array

    def __post_init__(self) -> None:
        object.__setattr__(self, "prior_std", as_positive("prior_std", self.prior_std))
        levels = as_floats("noise_levels", self.noise_levels).copy()
        if levels.ndim != 1 or levels.size < 2:
            raise ValueError(f"noise_levels has shape {levels.shape}: give at least two levels in a row")
        if np.any(np.diff(levels) >= 0) or levels[-1] < 0:
            raise ValueError("noise_levels must fall strictly and not below 0: sort them, drop repeated ones")
        levels.setflags(write=False)
        object.__setattr__(self, "noise_levels", levels)

    @property
    def steps(self) -> int:
        """Number S of denoising steps."""
        return int(self.noise_levels.size) - 1


def geometric_noise_levels(largest: float, smallest: float, steps: int) -> Array:
    """Return ``steps + 1`` noise levels that fall by one ratio.

    Parameters
    ----------
    largest, smallest : float
        First and last level, largest > smallest > 0.
    steps : int
        S, at least 1.

    Returns
    -------
    ndarray, shape (S + 1,)
        The levels.

    Raises
    ------
    TypeError, ValueError
        For levels that are not positive or do not fall.

    Examples
    --------
    >>> geometric_noise_levels(4.0, 1.0, 2).round(12).tolist()
    [4.0, 2.0, 1.0]
    """
    high, low = as_positive("largest", largest), as_positive("smallest", smallest)
    count = as_integer("steps", steps, least=1)
    if low >= high:
        raise ValueError(f"smallest is {low} and largest {high}: noise must fall; give smallest < largest")
    return np.geomspace(high, low, count + 1)


def step_gains(model: LinearGaussianDenoiser) -> tuple[Array, Array]:
    r"""Return what a step keeps of the latent and what it takes from the prompt.

    .. math:: z \leftarrow a_s z + b_s \mu_s, \qquad b_s = (1 - r_s) g_s, \qquad a_s = 1 - b_s

    *Proof.* :math:`h + r(z - h) = (1-r) h + r z = (1-r) g \mu + [(1-r)(1-g) + r] z`, and the two factors sum
    to (1 - r) + r.

    Parameters
    ----------
    model : LinearGaussianDenoiser
        Block and noise levels.

    Returns
    -------
    keep, take : ndarray, shape (S,)
        a_s and b_s, in [0, 1].

    Examples
    --------
    >>> [gain.tolist() for gain in step_gains(LinearGaussianDenoiser(2.0, [2.0, 1.0]))]
    [[0.75], [0.25]]
    """
    levels = model.noise_levels
    now = levels[:-1]
    # as ratios to the noise, so that tiny levels do not lose their squares
    take = (1.0 - levels[1:] / now) / (1.0 + (model.prior_std / now) ** 2)
    return 1.0 - take, take


def denoise(model: LinearGaussianDenoiser, means: ArrayLike, start: ArrayLike) -> Array:
    """Run the sampler, step by step.

    Parameters
    ----------
    model : LinearGaussianDenoiser
        Block and noise levels.
    means : array_like, shape (S, ...)
        mu_s: what the prompt of each step asks for.
    start : array_like, shape (...)
        The latent at the first noise level.

    Returns
    -------
    ndarray, shape (...)
        The latent at the last noise level.

    Raises
    ------
    ValueError
        For means or a start of the wrong shape, or not finite.

    See Also
    --------
    prompt_weights : the same without running it.

    Examples
    --------
    >>> denoise(LinearGaussianDenoiser(2.0, [2.0, 1.0]), [[4.0]], [0.0]).tolist()
    [1.0]
    """
    asked, latent = as_floats("means", means), as_floats("start", start)
    if asked.shape != (model.steps, *latent.shape):
        raise ValueError(
            f"means has shape {asked.shape}: with {model.steps} steps and a start of shape {latent.shape} "
            f"give {(model.steps, *latent.shape)}"
        )
    for keep, take, mean in zip(*step_gains(model), asked, strict=True):
        latent = keep * latent + take * mean
    return latent


def prompt_weights(model: LinearGaussianDenoiser) -> tuple[Array, float]:
    r"""Return how much the prompt of every step, and the first noise, weigh in the sample.

    .. math:: z_S = \sum_s w_s \mu_s + \Big(\prod_s a_s\Big) z_0, \qquad w_s = b_s \prod_{u > s} a_u,
              \qquad \sum_s w_s + \prod_s a_s = 1.

    *Proof.* Unroll :math:`z \leftarrow a_s z + b_s \mu_s`; since a_s + b_s = 1 every step is a weighted mean,
    so the weights of the whole are those of a weighted mean too.

    *Which steps matter.* By this formula :math:`w_s/w_{s+1} = \frac{1-r_s}{1-r_{s+1}} \big[g_s/g_{s+1}
    - (1 - r_{s+1}) g_s\big]`. Both g_s/g_{s+1} and -g_s rise with tau while sigma_s > sigma_{s+1}. So the
    ratio of weights of two blocks is monotone in s: the block with the larger prior spread settles earlier,
    and the share :math:`\sum_{s \ge s_0} w_s / \sum_s w_s` of the last steps falls as tau rises, for every
    s_0 and all noise levels.

    Parameters
    ----------
    model : LinearGaussianDenoiser
        Block and noise levels.

    Returns
    -------
    weights : ndarray, shape (S,)
        w_s, at least 0.
    remainder : float
        Weight of the first latent.

    Examples
    --------
    >>> weights, remainder = prompt_weights(LinearGaussianDenoiser(1.0, [2.0, 1.0, 0.5]))
    >>> weights.round(12).tolist(), round(remainder, 12)
    ([0.3, 0.25], 0.45)
    """
    keep, take = step_gains(model)
    from_here = np.cumprod(keep[::-1])[::-1]
    return take * np.append(from_here[1:], 1.0), float(from_here[0])


def gate_influence(model: LinearGaussianDenoiser, steps: Iterable[int]) -> float:
    r"""Return the share of all prompt weight that lies on some steps.

    .. math:: \sum_{s \in \text{gate}} w_s \Big/ \sum_s w_s

    A prompt that changes in those steps only moves the sample by this share of what it moves it by if it
    changes in all of them: the sample is linear in the means.

    Parameters
    ----------
    model : LinearGaussianDenoiser
        Block and noise levels.
    steps : iterable of int
        Steps of the gate, from 0 to S - 1; one named twice counts once.

    Returns
    -------
    float
        Between 0 and 1.

    Raises
    ------
    TypeError, IndexError
        For a step that does not exist.

    Examples
    --------
    >>> round(gate_influence(LinearGaussianDenoiser(1.0, [2.0, 1.0, 0.5]), [1]), 4)
    0.4545
    """
    chosen = np.unique(as_indices("steps", list(steps), model.steps))
    weights = prompt_weights(model)[0]
    return float(weights[chosen].sum() / weights.sum())


def peak_noise_level(prior_std: float, ratio: float) -> float:
    r"""Return the noise level at which the weight of the prompt starts to fall, for one ratio of levels.

    .. math:: \sigma^* = \tau \sqrt{1 + r} / r

    The weight is largest at the first step whose level is at most sigma*; for many small steps that is
    :math:`\sqrt 2\,\tau`.

    *Proof.* With one ratio, :math:`w_s \ge w_{s+1}` iff :math:`g_s - (1-r) g_s g_{s+1} \ge g_{s+1}`, that is
    :math:`1/g_{s+1} - 1/g_s \ge 1 - r`. As :math:`1/g = 1 + \tau^2/\sigma^2` and sigma_{s+1} = r sigma_s, the
    left side is :math:`(\tau^2/\sigma_s^2)(r^{-2} - 1)`, so the condition reads
    :math:`\sigma_s^2 \le \tau^2 (1 + r)/r^2`. Levels fall, so it holds from some step on and not before.

    Parameters
    ----------
    prior_std : float
        tau.
    ratio : float
        r = sigma_{s+1}/sigma_s, in (0, 1).

    Returns
    -------
    float
        sigma*, in the units of tau.

    Raises
    ------
    TypeError, ValueError
        For a spread that is not positive or a ratio outside (0, 1).

    Examples
    --------
    >>> round(peak_noise_level(1.0, 0.999), 2)
    1.42
    """
    tau, r = as_positive("prior_std", prior_std), as_positive("ratio", ratio)
    if r >= 1.0:
        raise ValueError(f"ratio is {r}: noise must fall from step to step; give a ratio below 1")
    return tau * math.sqrt(1.0 + r) / r
