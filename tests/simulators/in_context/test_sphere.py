"""Keys are uniform on the sphere; values have length one and the stated mean."""

import numpy as np
import pytest

from tightbound.simulators.in_context.sphere import noisy_harmonics, uniform_sphere
from tightbound.theory.in_context.sphere_harmonics import harmonic_values


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


def test_wrong_arguments_name_themselves():
    with pytest.raises(ValueError, match="dim is 0"):
        uniform_sphere(0, 3)
    with pytest.raises(ValueError, match="signal"):
        noisy_harmonics(np.eye(2), 1, signal=2.0)
