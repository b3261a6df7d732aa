import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tightbound.theory.graphon_games.best_response import best_response
from tightbound.theory.graphon_games.exploitability import exploitability
from tightbound.theory.graphon_games.flow import flow
from tightbound.theory.graphon_games.games.random_linear import random_linear
from tightbound.theory.graphon_games.games.sis import sis
from tightbound.theory.graphon_games.identities import (
    exploitability_as_divergence,
    neighbourhood_variance,
    performance_difference,
)
from tightbound.theory.graphon_games.values import policy_value

common = settings(deadline=None, derandomize=True, max_examples=25)


def _log_softmax(x):
    return x - np.log(np.exp(x).sum(axis=-1, keepdims=True))


@common
@given(st.integers(0, 2**32 - 1), st.sampled_from([0.05, 0.5, 3.0]), st.sampled_from([0.0, 0.7]))
def test_exploitability_is_a_divergence_for_any_kernel(seed, lam, mix):
    rng = np.random.default_rng(seed)
    game = random_linear(rng=rng, blocks=4, mix=mix, coupling=rng.uniform(-3, 3))
    log_pi = _log_softmax(2 * rng.standard_normal((4, 4, 4, 3)))
    found = exploitability_as_divergence(game, log_pi, lam)
    assert found == pytest.approx(exploitability(game, np.exp(log_pi), lam), abs=1e-12)


def test_the_divergence_resolves_what_the_difference_cannot():
    game = random_linear(rng=0, coupling=0.0)
    best = best_response(game, flow(game, game.uniform_policy()), 1.0).log_policy
    tilt = np.zeros_like(best)
    tilt[..., 0] = 1e-9
    found = exploitability_as_divergence(game, _log_softmax(best + tilt), 1.0)
    assert 1e-20 < found < 1e-17


@common
@given(st.integers(0, 2**32 - 1), st.sampled_from([0.0, 0.3]), st.sampled_from([0.0, 0.7]))
def test_performance_difference(seed, lam, mix):
    rng = np.random.default_rng(seed)
    game = random_linear(rng=rng, blocks=3, mix=mix)
    log_p, log_q = (_log_softmax(2 * rng.standard_normal((3, 4, 4, 3))) for _ in range(2))
    crowd = rng.dirichlet(np.ones(4), size=(3, 4))
    p, q = np.exp(log_p), np.exp(log_q)
    expected = (policy_value(game, p, crowd, lam) - policy_value(game, q, crowd, lam)).mean()
    assert performance_difference(game, log_p, log_q, crowd, lam) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("adjacency", ["weighted", "sampled"])
def test_neighbourhood_variance_by_enumeration(adjacency, rng):
    n = 3
    w = rng.random((n, n))
    w = (w + w.T) / 2
    p = rng.random(n)
    row, mean, square = 1, 0.0, 0.0
    for x in np.ndindex(*(2,) * n):
        for edge in np.ndindex(*(2,) * n):
            chance = math.prod(p[j] if x[j] else 1 - p[j] for j in range(n))
            chance *= math.prod(w[row, j] if edge[j] else 1 - w[row, j] for j in range(n))
            a = edge if adjacency == "sampled" else w[row]
            z = sum(a[j] * x[j] for j in range(n)) / n
            mean += chance * z
            square += chance * z * z
    found = neighbourhood_variance(w, p, adjacency)
    assert found[row] == pytest.approx(square - mean**2, abs=1e-14)


@common
@given(st.integers(0, 2**32 - 1))
def test_sampling_edges_never_lowers_the_variance(seed):
    rng = np.random.default_rng(seed)
    w = rng.random((5, 5))
    w, p = (w + w.T) / 2, rng.random((5, 3))
    weighted, sampled = (neighbourhood_variance(w, p, kind) for kind in ("weighted", "sampled"))
    assert weighted.shape == (5, 3)
    assert np.all(sampled >= weighted - 1e-15)


GAME = sis(blocks=2, horizon=2)
UNIFORM = np.log(GAME.uniform_policy())
FLOW = flow(GAME, np.exp(UNIFORM))
CLOSED = np.log(np.full_like(UNIFORM, 0.5))
CLOSED[..., 0], CLOSED[..., 1] = 0.0, -np.inf


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: exploitability_as_divergence(GAME, UNIFORM, 0.0), "lam is 0: .* give lam > 0"),
        (
            lambda: exploitability_as_divergence(GAME, np.exp(UNIFORM), 1.0),
            "log_policy has a row whose exponentials",
        ),
        (
            lambda: performance_difference(GAME, UNIFORM, CLOSED, FLOW, 1.0),
            "log_reference has an action .* full support",
        ),
        (lambda: performance_difference(GAME, UNIFORM, UNIFORM, FLOW, -1.0), "lam is -1.0"),
        (
            lambda: neighbourhood_variance([[0.5]], [0.5], "weighted"),
            r"weights has shape \(1, 1\): .* at least 2",
        ),
        (
            lambda: neighbourhood_variance(np.eye(2), [0.5], "weighted"),
            r"probabilities has shape \(1,\): give \(2,\)",
        ),
        (
            lambda: neighbourhood_variance(2 * np.eye(2), [0.5, 0.5], "sampled"),
            r"weights has entries in \[0, 2\]",
        ),
        (
            lambda: neighbourhood_variance(np.eye(2), [0.5, 1.5], "sampled"),
            r"probabilities has entries .*1.5",
        ),
        (lambda: neighbourhood_variance(np.eye(2), [0.5, 0.5], "degree"), "adjacency is 'degree': choose"),
    ],
)
def test_bad_values(call, message):
    with pytest.raises(ValueError, match=message):
        call()
