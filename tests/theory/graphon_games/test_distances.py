import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tightbound.theory.graphon_games.distances import (
    flow_distance,
    kl_distance,
    policy_distance,
    worst_policy_distance,
)

common = settings(deadline=None, derandomize=True, max_examples=25)
SHAPE = (3, 4, 2)


def _draw(seed, spread=1.0):
    rng = np.random.default_rng(seed)
    laws = rng.dirichlet(np.full(2, spread), size=(2, 3, 4))
    policies = rng.dirichlet(np.full(3, spread), size=(2, 3, 4, 2))
    return laws, policies


def test_equal_their_sums(rng):
    (mu, nu), (p, q) = _draw(7)
    flows = policies = worst = divergence = 0.0
    for m in range(3):
        for h in range(4):
            flows += sum(abs(mu[m, h, s] - nu[m, h, s]) for s in range(2)) / 3
            rows = [sum(abs(p[m, h, s, a] - q[m, h, s, a]) for a in range(3)) for s in range(2)]
            policies += sum(mu[m, h, s] * rows[s] for s in range(2)) / 3
            worst += max(rows) / 3
            divergence += (
                sum(
                    mu[m, h, s] * q[m, h, s, a] * math.log(q[m, h, s, a] / p[m, h, s, a])
                    for s in range(2)
                    for a in range(3)
                )
                / 3
            )
    assert flow_distance(mu, nu) == pytest.approx(flows, rel=1e-13)
    assert policy_distance(p, q, mu) == pytest.approx(policies, rel=1e-13)
    assert worst_policy_distance(p, q) == pytest.approx(worst, rel=1e-13)
    assert kl_distance(np.log(p), np.log(q), mu) == pytest.approx(divergence, rel=1e-13)


@common
@given(st.integers(0, 2**32 - 1), st.sampled_from([0.3, 1.0, 5.0]))
def test_metric_properties_and_pinsker(seed, spread):
    (mu, nu), (p, q) = _draw(seed, spread)
    assert flow_distance(mu, nu) == flow_distance(nu, mu) <= 2 * 4 + 1e-12
    assert flow_distance(mu, mu) == worst_policy_distance(p, p) == 0.0
    assert policy_distance(p, q, mu) <= worst_policy_distance(p, q) + 1e-12
    p, q = (0.999 * x + 0.001 / 3 for x in (p, q))
    phi = kl_distance(np.log(p), np.log(q), mu)
    assert policy_distance(p, q, mu) <= math.sqrt(2 * 4 * phi) + 1e-12
    assert kl_distance(np.log(p), np.log(p), mu) == 0.0


@pytest.mark.parametrize("step", [1e-2, 1e-5, 1e-8])
def test_divergence_keeps_relative_precision_near_zero(step):
    # KL(1/2 +- step || 1/2) = 2 step^2 + (4/3) step^4 + ...
    q = np.log(np.array([[[[0.5 - step, 0.5 + step]]]]))
    phi = kl_distance(np.log([[[[0.5, 0.5]]]]), q, [[[1.0]]])
    assert phi == pytest.approx(2 * step**2 + 4 / 3 * step**4, rel=1e-7)


def test_probabilities_below_the_smallest_float():
    log_p = np.array([[[[0.0, -2000.0]]]])
    uniform = np.log([[[[0.5, 0.5]]]])
    assert kl_distance(log_p, uniform, [[[1.0]]]) == pytest.approx(1000.0 - math.log(2))
    assert kl_distance(uniform, log_p, [[[1.0]]]) == pytest.approx(math.log(2))


def test_impossible_actions():
    certain = np.array([[[[0.0, -np.inf]]]])
    uniform = np.log([[[[0.5, 0.5]]]])
    assert kl_distance(certain, uniform, [[[1.0]]]) == np.inf
    assert kl_distance(uniform, certain, [[[1.0]]]) == pytest.approx(math.log(2))
    assert kl_distance(certain, certain, [[[1.0]]]) == 0.0
    both = np.concatenate([certain, uniform], axis=2)
    # states the reference never visits do not count
    assert kl_distance(both, np.concatenate([uniform, uniform], axis=2), [[[0.0, 1.0]]]) == 0.0


LAW = np.full((1, 2, 2), 0.5)
POLICY = np.full((1, 2, 2, 2), 0.5)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: flow_distance(LAW, LAW[:, :1]), r"other has shape \(1, 1, 2\): this game needs shape"),
        (lambda: flow_distance(LAW[0], LAW), r"mean_field has shape \(2, 2\): give shape \(M, H, S\)"),
        (lambda: flow_distance(LAW * np.nan, LAW), "mean_field has entries that are NaN"),
        (lambda: flow_distance(LAW, LAW / 2), "other has a row that sums to 0.5"),
        (lambda: policy_distance(POLICY, POLICY[:, :1], LAW), "reference has shape"),
        (lambda: policy_distance(POLICY, POLICY, LAW[:, :1]), "mean_field has shape"),
        (lambda: worst_policy_distance(-POLICY, POLICY), "policy has the entry -0.5"),
        (
            lambda: kl_distance(POLICY, np.log(POLICY), LAW),
            "log_policy has a row whose exponentials .* logarithms",
        ),
        (
            lambda: kl_distance(np.log(POLICY), np.log(POLICY) * np.nan, LAW),
            "log_reference has entries that are NaN",
        ),
        (lambda: kl_distance(np.log(POLICY)[0], np.log(POLICY), LAW), "log_policy has shape"),
    ],
)
def test_bad_values(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_bad_type():
    with pytest.raises(TypeError, match=r"log_reference is .* give logarithms"):
        kl_distance(np.log(POLICY), [[[["a"]]]], LAW)
