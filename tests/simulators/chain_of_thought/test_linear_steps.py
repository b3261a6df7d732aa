import numpy as np
import pytest

from tightbound.simulators.chain_of_thought.linear_steps import (
    random_linear_steps,
    sample_linear_demonstrations,
)


def test_steps_follow_their_task():
    problem = random_linear_steps(2, 3, 2, 0.5, rng=1)
    truth = np.array([0, 1] * 200)
    z = sample_linear_demonstrations(problem, truth, 5, 400, rng=2)
    assert z.shape == (400, 5, 4, 2)
    assert np.abs(z[:, :, 0]).max() <= 1.0
    for h in range(3):
        residual = z[:, :, h + 1] - np.einsum("bij,bnj->bni", problem.matrices[truth, h], z[:, :, h])
        # 4000 squares of noise: standard error of their mean is sqrt(2/4000) sigma^2
        assert (residual**2).mean() == pytest.approx(0.25, abs=5 * 0.25 * np.sqrt(2 / residual.size))


def test_a_seed_fixes_everything():
    first, again = (random_linear_steps(2, 1, 3, 1.0, rng=4) for _ in range(2))
    np.testing.assert_array_equal(first.matrices, again.matrices)
    runs = [sample_linear_demonstrations(first, 1, 2, 3, rng=5) for _ in range(2)]
    np.testing.assert_array_equal(*runs)
    np.testing.assert_allclose(np.abs(np.linalg.det(first.matrices)), 1.0)


def test_bad_input():
    with pytest.raises(ValueError, match="steps is 0"):
        random_linear_steps(2, 0, 1, 1.0)
    problem = random_linear_steps(2, 1, 1, 1.0, rng=0)
    assert sample_linear_demonstrations(problem, 0, 0, 2, rng=0).shape == (2, 0, 2, 1)
    with pytest.raises(ValueError, match="n is -1"):
        sample_linear_demonstrations(problem, 0, -1, 1)
    with pytest.raises(ValueError, match="replications is 0"):
        sample_linear_demonstrations(problem, 0, 1, 0)
    with pytest.raises(IndexError, match="truth contains 2"):
        sample_linear_demonstrations(problem, 2, 1, 1)
    with pytest.raises(ValueError, match="truth has shape"):
        sample_linear_demonstrations(problem, [0, 1], 1, 3)
