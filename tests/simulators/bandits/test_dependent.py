import numpy as np
import pytest

from tightbound.simulators import bandits as b
from tightbound.theory.bandits import stopping_time_curve

A = [[0.0, 1.0, 0.0], [0.3, 0.4, 0.3]]
B = [[0.5, 0.0, 0.5], [0.1, 0.8, 0.1]]


def expected_rounds(laws_of, tokens):
    """E[ST] by enumeration of all paths: laws_of(round, previous) is the law of the next round."""

    def walk(left, rounds, previous):
        if left <= 0:
            return rounds
        law = laws_of(rounds, previous)
        return sum(q * walk(left - y, rounds + 1, y) for y, q in enumerate(law, 1) if q > 0)

    return walk(tokens, 0, 0)


def test_markov_stopping_time_is_the_sum_over_all_paths():
    env = b.StationaryMeanMarkov(A, B)
    assert env.switch == 1
    rounds = env.fixed_arm_stopping_time(np.arange(1, 9))
    for arm in range(2):
        for tokens in range(1, 9):
            exact = expected_rounds(lambda t, y, arm=arm: B[arm] if y > 1 else A[arm], tokens)
            assert rounds[tokens - 1, arm] == pytest.approx(exact, abs=1e-12)


def test_markov_with_equal_laws_is_independent():
    rounds = b.StationaryMeanMarkov(A, A).fixed_arm_stopping_time(np.arange(1, 200))
    np.testing.assert_allclose(rounds[:, 1], stopping_time_curve(A[1], 199)[1:], rtol=1e-12)


def test_markov_rounds_depend_on_the_past_but_their_mean_does_not():
    env = b.StationaryMeanMarkov([[0.0, 1.0, 0.0]], [[0.5, 0.0, 0.5]])
    result = b.simulate(env, b.FixedArm(0), np.arange(1, 60), replications=20000, rng=1)
    assert np.all(np.abs(result.value) < 5 * np.maximum(result.standard_error, 1e-12) + 1e-9)


@pytest.mark.parametrize("change", [0, 1, 3, 50])
def test_drifting_stopping_time_is_the_sum_over_all_paths(change):
    env = b.Drifting(A, [[1.0, 0.0, 0.0], [0.0, 0.0, 1.0]], change=change)
    rounds = env.fixed_arm_stopping_time(np.arange(1, 9))
    for arm in range(2):
        for tokens in range(1, 9):
            exact = expected_rounds(lambda t, y, arm=arm: env.laws[int(t >= change)][arm], tokens)
            assert rounds[tokens - 1, arm] == pytest.approx(exact, abs=1e-12)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: b.StationaryMeanMarkov(A, [[1.0, 0.0, 0.0]] * 2), ["arm 0", "agree", "Drifting"]),
        (lambda: b.StationaryMeanMarkov(A, B[:1]), ["laws_a", "shapes"]),
        (lambda: b.StationaryMeanMarkov(A, B, switch=0), ["switch", "at least 1"]),
        (lambda: b.Drifting(A, B, change=-1), ["change", "at least 0"]),
    ],
)
def test_bad_input_is_named_with_its_remedy(call, words):
    with pytest.raises(ValueError) as caught:  # noqa: PT011
        call()
    for word in words:
        assert word in str(caught.value)
