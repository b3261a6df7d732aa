"""Keys are uniform on the sphere; values have length one and the stated mean."""

import numpy as np
import pytest

from tightbound.simulators.in_context.sphere import axes, noisy_harmonics, sample_attention, uniform_sphere
from tightbound.theory.in_context.sphere_harmonics import harmonic_values, softmax_limit_constant


def test_keys_are_uniform():
    keys = uniform_sphere(4, 20_000, rng=1)[0]
    assert np.allclose(np.linalg.norm(keys, axis=1), 1.0)
    assert np.abs(keys.mean(0)).max() < 0.02
    assert np.allclose(keys.T @ keys / len(keys), np.eye(4) / 4, atol=0.02)


@pytest.mark.parametrize("degree", [1, 2])
def test_values_keep_length_and_mean(degree):
    keys = np.broadcast_to(uniform_sphere(3, 1, rng=2), (20_000, 1, 3))
    values = noisy_harmonics(keys, degree, signal=0.6, rng=3)
    assert np.allclose((values**2).sum(-1), 1.0)
    assert np.allclose(values.mean(0), 0.6 * harmonic_values(keys[0], degree), atol=0.03)
    assert np.array_equal(noisy_harmonics(keys, degree), harmonic_values(keys, degree))


def test_attention_tends_to_the_limit_and_ignores_repeats():
    found = sample_attention(3, 1, 2.0, 4000, signal=0.5, replications=50, rng=4)
    limit = 0.5 * softmax_limit_constant(3, 2.0, 1) * axes(3)
    error = found.std(axis=0, ddof=1) / np.sqrt(50)
    assert np.all(np.abs(found.mean(0) - limit) < 5 * error)
    few = sample_attention(3, 1, 2.0, 40, replications=2, rng=5)
    assert np.array_equal(few, sample_attention(3, 1, 2.0, 400, replications=2, repeats=10, rng=5))


def test_wrong_arguments_name_themselves():
    with pytest.raises(ValueError, match="repeats is 3"):
        sample_attention(2, 1, 1.0, 10, repeats=3)
    with pytest.raises(ValueError, match="dim is 0"):
        uniform_sphere(0, 3)
    with pytest.raises(ValueError, match="signal"):
        noisy_harmonics(np.eye(2), 1, signal=2.0)
