"""Distances by position, against sums written out."""

import numpy as np
import pytest

from tightbound.simulators.in_context.pretraining.prediction_errors import prediction_errors


def test_distances_are_means_over_sequences(rng):
    p, q = rng.dirichlet(np.ones(3), size=(2, 5, 4)).reshape(2, 5, 4, 3)
    found = prediction_errors(np.log(q), np.log(p))
    for t in range(4):
        assert found.total_variation[t] == pytest.approx(
            np.mean([0.5 * abs(p[b, t] - q[b, t]).sum() for b in range(5)])
        )
        assert found.divergence[t] == pytest.approx(
            np.mean([sum(p[b, t, x] * np.log(p[b, t, x] / q[b, t, x]) for x in range(3)) for b in range(5)])
        )


def test_impossible_tokens_cost_nothing_and_missing_ones_everything():
    with np.errstate(divide="ignore"):
        sure, half = np.log([[[1.0, 0.0]]]), np.log([[[0.5, 0.5]]])
    assert prediction_errors(half, sure).divergence[0] == pytest.approx(np.log(2))
    assert prediction_errors(sure, sure).divergence[0] == 0.0
    assert prediction_errors(sure, half).divergence[0] == np.inf


@pytest.mark.parametrize(
    ("laws", "words"),
    [
        (np.zeros((1, 1, 2)), "do not sum to one"),
        (np.zeros((1, 2)), "shape"),
        (np.full((1, 1, 2), np.nan), "sum"),
    ],
)
def test_bad_laws_are_refused(laws, words):
    with pytest.raises(ValueError, match=words):
        prediction_errors(laws, np.log([[[0.5, 0.5]]]))
