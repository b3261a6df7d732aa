"""Sampling of the Gaussian linear concept, its features and its values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from tightbound.simulators.in_context.sphere import uniform_sphere
from tightbound.theory._validation import Array, as_floats, as_integer
from tightbound.theory.in_context.gaussian_linear import GaussianLinear

FeatureLaw = Literal["normal", "sphere"]


@dataclass(frozen=True, eq=False)
class GaussianSequences:
    """Sequences drawn from a :class:`GaussianLinear`.

    Parameters
    ----------
    features : ndarray, shape (B, T, d_phi)
        One row per step.
    values : ndarray, shape (B, T, d_v)
        What was seen.
    concept : ndarray, shape (B, d_v, d_phi)
        The map that produced each sequence.
    """

    features: Array
    values: Array
    concept: Array


def sample_features(
    problem: GaussianLinear,
    length: int,
    *,
    batch: int = 1,
    law: FeatureLaw = "normal",
    rng: int | np.random.Generator | None = None,
) -> Array:
    """Draw independent features.

    Parameters
    ----------
    problem : GaussianLinear
        Gives the dimension.
    length, batch : int
        T >= 0 steps in each of B >= 1 sequences.
    law : {"normal", "sphere"}
        Standard normal, or uniform on the unit sphere.
    rng : None, int or Generator
        Source of randomness.

    Returns
    -------
    ndarray, shape (B, T, d_phi)
        The features.

    Raises
    ------
    TypeError, ValueError
        For a size below its least value, or another law.

    Examples
    --------
    >>> sample_features(GaussianLinear(3), 5, batch=2, law="sphere", rng=0).shape
    (2, 5, 3)
    """
    steps, sequences = as_integer("length", length, least=0), as_integer("batch", batch, least=1)
    if law not in ("normal", "sphere"):
        raise ValueError(f"law is {law!r}: choose 'normal' or 'sphere'")
    if law == "sphere":
        return uniform_sphere(problem.feature_dim, steps, batch=sequences, rng=rng)
    return np.random.default_rng(rng).standard_normal((sequences, steps, problem.feature_dim))


def sample_concept(
    problem: GaussianLinear, *, batch: int = 1, rng: int | np.random.Generator | None = None
) -> Array:
    """Draw concepts from the prior.

    Parameters
    ----------
    problem : GaussianLinear
        Gives shape and prior variance.
    batch : int
        Number of concepts, at least 1.
    rng : None, int or Generator
        Source of randomness.

    Returns
    -------
    ndarray, shape (B, d_v, d_phi)
        The concepts.

    Examples
    --------
    >>> sample_concept(GaussianLinear(3, value_dim=2), batch=4, rng=0).shape
    (4, 2, 3)
    """
    shape = (as_integer("batch", batch, least=1), problem.value_dim, problem.feature_dim)
    return np.asarray(np.sqrt(problem.prior_variance) * np.random.default_rng(rng).standard_normal(shape))


def sample_values(
    problem: GaussianLinear,
    features: ArrayLike,
    concept: ArrayLike,
    *,
    rng: int | np.random.Generator | None = None,
) -> Array:
    """Draw values given features and concepts.

    Parameters
    ----------
    problem : GaussianLinear
        Gives the noise variance.
    features : array_like, shape (..., T, d_phi)
        One row per step.
    concept : array_like, shape (..., d_v, d_phi)
        One for all sequences, or one for each.
    rng : None, int or Generator
        Source of randomness.

    Returns
    -------
    ndarray, shape (..., T, d_v)
        The values.

    Raises
    ------
    ValueError
        For shapes that do not fit, or entries that are not finite.

    Examples
    --------
    >>> problem = GaussianLinear(2, noise_variance=1e-12)
    >>> sample_values(problem, [[1.0, 2.0]], [[3.0, 4.0]], rng=0).round(3).tolist()
    [[11.0]]
    """
    phi, z = as_floats("features", features), as_floats("concept", concept)
    if phi.ndim < 2 or phi.shape[-1] != problem.feature_dim:
        raise ValueError(
            f"features has shape {phi.shape}: its last axes must be (T, {problem.feature_dim}); give one row "
            "per step"
        )
    if z.ndim < 2 or z.shape[-2:] != (problem.value_dim, problem.feature_dim):
        raise ValueError(
            f"concept has shape {z.shape}: its last axes must be {(problem.value_dim, problem.feature_dim)}; "
            "draw it with sample_concept"
        )
    clean = phi @ z.mT
    noise = np.random.default_rng(rng).standard_normal(clean.shape)
    return np.asarray(clean + np.sqrt(problem.noise_variance) * noise)


def sample_sequences(
    problem: GaussianLinear,
    length: int,
    *,
    batch: int = 1,
    law: FeatureLaw = "normal",
    concept: ArrayLike | None = None,
    rng: int | np.random.Generator | None = None,
) -> GaussianSequences:
    """Draw features, a concept for each sequence, and values.

    Parameters
    ----------
    problem : GaussianLinear
        The model.
    length, batch : int
        T >= 0 steps in each of B >= 1 sequences.
    law : {"normal", "sphere"}
        Law of the features.
    concept : array_like, shape (d_v, d_phi) or (B, d_v, d_phi), optional
        Fixed concepts; drawn from the prior where left out.
    rng : None, int or Generator
        Source of randomness.

    Returns
    -------
    GaussianSequences
        Features, values and concepts.

    Raises
    ------
    TypeError, ValueError
        For a size below its least value, another law, or a concept of another shape.

    Examples
    --------
    >>> drawn = sample_sequences(GaussianLinear(3, value_dim=2), 7, batch=4, rng=0)
    >>> drawn.features.shape, drawn.values.shape, drawn.concept.shape
    ((4, 7, 3), (4, 7, 2), (4, 2, 3))
    """
    generator = np.random.default_rng(rng)
    phi = sample_features(problem, length, batch=batch, law=law, rng=generator)
    shape = (len(phi), problem.value_dim, problem.feature_dim)
    if concept is None:
        z = sample_concept(problem, batch=len(phi), rng=generator)
    else:
        given = as_floats("concept", concept)
        if given.shape not in (shape, shape[1:]):
            raise ValueError(
                f"concept has shape {given.shape}: give one for all sequences, shape {shape[1:]}, or one for "
                f"each, shape {shape}"
            )
        z = np.broadcast_to(given, shape).copy()
    return GaussianSequences(phi, sample_values(problem, phi, z, rng=generator), z)
