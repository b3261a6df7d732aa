"""Every algorithm against a plain NumPy version, step by step, and every setting that is refused."""

from dataclasses import dataclass

import numpy as np
import pytest

from tightbound.simulators.graphon_games import (
    GMFGPPO,
    BoltzmannFixedPoint,
    FictitiousPlay,
    FixedPoint,
    MaxBackupMirrorDescent,
    MonoMD,
    OnlineMirrorDescent,
    SampledMonoMD,
    proximal_rate,
    solve,
)
from tightbound.theory.graphon_games import (
    action_values,
    best_response,
    exponential,
    flow,
    frozen_flow,
    mirror_step,
    random_linear,
    worst_policy_distance,
)

GAME = random_linear(
    rng=4, blocks=3, horizon=3, states=3, actions=2, mix=0.4, graphon=exponential(), coupling=-2.0
)
START = np.random.default_rng(0).dirichlet(np.ones(2), size=(3, 3, 3))
STEPS = 4


def softmax(scores):
    shifted = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return shifted / shifted.sum(axis=-1, keepdims=True)


def mono_md(steps):
    logs = np.log(START)
    for t in range(steps):
        q = action_values(GAME, np.exp(logs), flow(GAME, np.exp(logs)), 0.5)
        logs = mirror_step(logs, q, theta=0.5 / (t + 1.0), lam=0.5, beta=0.1)
    return np.exp(logs), None


def gmfg_ppo(steps):
    logs, crowd = np.log(START), flow(GAME, START)
    for _ in range(steps):
        q = action_values(GAME, np.exp(logs), crowd, 0.5)
        logs = mirror_step(logs, q, theta=0.4, lam=0.5, beta=0.05)
        crowd = 0.7 * crowd + 0.3 * frozen_flow(GAME, np.exp(logs), crowd)
    return np.exp(logs), crowd


def fixed_point(steps, lam=0.0):
    policy = START
    for _ in range(steps):
        policy = best_response(GAME, flow(GAME, policy), lam).policy
    return policy, None


def soft_fixed_point(steps):
    return fixed_point(steps, 0.5)


def boltzmann(steps):
    policy = START
    for _ in range(steps):
        policy = softmax(best_response(GAME, flow(GAME, policy), 0.0).action_values / 0.3)
    return policy, None


def fictitious_play(steps):
    crowd = flow(GAME, START)
    occupancy = crowd[..., None] * START
    for t in range(steps):
        answer = best_response(GAME, crowd, 0.5).policy
        law = frozen_flow(GAME, answer, crowd)
        occupancy = occupancy + (law[..., None] * answer - occupancy) / (t + 2.0)
        crowd = crowd + (law - crowd) / (t + 2.0)
    return occupancy / occupancy.sum(axis=-1, keepdims=True), crowd


def online_mirror_descent(steps):
    scores = np.log(START)
    for _ in range(steps):
        policy = softmax(scores)
        scores = scores + 0.7 * action_values(GAME, policy, flow(GAME, policy), 0.0)
    return softmax(scores), None


def max_backup(steps):
    scores = np.log(START)
    for _ in range(steps):
        scores = scores + 0.7 * best_response(GAME, flow(GAME, softmax(scores)), 0.0).action_values
    return softmax(scores), None


PAIRS = {
    "MonoMD": (MonoMD(eta=lambda t: 1.0 / t, lam=0.5, beta=0.1), mono_md),
    "GMFG-PPO": (GMFGPPO(alpha=0.3, eta=0.8, lam=0.5, beta=0.05), gmfg_ppo),
    "fixed point": (FixedPoint(), fixed_point),
    "soft fixed point": (FixedPoint(lam=0.5), soft_fixed_point),
    "Boltzmann": (BoltzmannFixedPoint(temperature=0.3), boltzmann),
    "fictitious play": (FictitiousPlay(lam=0.5), fictitious_play),
    "OMD": (OnlineMirrorDescent(eta=0.7), online_mirror_descent),
    "OMD, maximum": (MaxBackupMirrorDescent(eta=0.7), max_backup),
}


@pytest.mark.parametrize(("algorithm", "plain"), PAIRS.values(), ids=PAIRS)
def test_every_step_equals_the_plain_version(algorithm, plain):
    for steps in range(1, STEPS + 1):
        rule = algorithm
        found = solve(GAME, rule, max_iter=steps, start=START)
        policy, crowd = plain(steps)
        np.testing.assert_allclose(found.policy, policy, atol=1e-12)
        expected = flow(GAME, policy) if crowd is None else crowd
        np.testing.assert_allclose(found.mean_field, expected, atol=1e-12)


def test_ppo_records_the_distance_to_the_best_response():
    found = solve(GAME, GMFGPPO(alpha=0.3, eta=0.8, lam=0.5, beta=0.05), max_iter=2, start=START)
    policy, _ = gmfg_ppo(1)
    answer = best_response(GAME, flow(GAME, START), 0.5).policy
    assert found.history["tracking"][0] == pytest.approx(worst_policy_distance(policy, answer), abs=1e-12)


def test_a_full_step_forgets_a_start_of_probability_zero():
    start = np.zeros_like(START)
    start[..., 0] = 1.0
    found = solve(GAME, MonoMD(eta=1.0, lam=1.0), max_iter=1, start=start)
    assert (found.policy > 0.0).all()


def test_sampled_steps_near_exact_ones_with_many_episodes():
    exact = solve(GAME, MonoMD(eta=0.5, lam=1.0), max_iter=1)
    sampled = solve(GAME, SampledMonoMD(eta=0.5, lam=1.0, agents=3, episodes=20_000), max_iter=1, key=3)
    # The worst of 54 cells has some 600 visits, so its Q is off by less than 5 * 1.5 / sqrt(600).
    assert np.abs(sampled.policy - exact.policy).max() < 0.5 * 5.0 * 1.5 / np.sqrt(600) / 4.0
    other = solve(GAME, SampledMonoMD(eta=0.5, lam=1.0, agents=3, episodes=20_000), max_iter=1, key=4)
    assert not np.array_equal(sampled.policy, other.policy)


@dataclass(frozen=True)
class Reluctant(FixedPoint):
    """An algorithm of one's own: mix the best response into the policy."""

    share: float = 0.5

    def rates(self, iterations):
        return {"share": np.full(iterations, self.share)}

    def step(self, state, iteration):
        import jax.numpy as jnp

        answer, extra = super().step(state, iteration)
        share = iteration.rates["share"]
        new = (1.0 - share) * jnp.exp(state["log_policy"]) + share * jnp.exp(answer["log_policy"])
        return {"log_policy": jnp.log(new)}, {**extra, "share": share}


def test_an_algorithm_of_ones_own():
    found = solve(GAME, Reluctant(lam=0.5, share=0.25), max_iter=2, start=START)
    policy = START
    for _ in range(2):
        policy = 0.75 * policy + 0.25 * best_response(GAME, flow(GAME, policy), 0.5).policy
    np.testing.assert_allclose(found.policy, policy, atol=1e-12)
    np.testing.assert_array_equal(found.history["share"], np.full(3, 0.25))


def test_the_proximal_rate_gives_the_proximal_step():
    # pi' ~ pi^(1/(1 + lam eta)) exp(eta Q / (1 + lam eta)) maximises the proximal objective
    assert proximal_rate(2.0, 0.5) == pytest.approx(1.0)
    theta = 0.5 * proximal_rate(3.0, 0.5)
    assert theta == pytest.approx(1.5 / 2.5)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: MonoMD(eta=0.5, lam=0.0),
            r"lam is 0\.0: regularised mirror descent needs lam > 0; .*FictitiousPlay",
        ),
        (lambda: MonoMD(eta=0.5, lam=-1.0), r"lam is -1\.0"),
        (lambda: MonoMD(eta=0.5, lam=float("nan")), "lam is nan"),
        (lambda: MonoMD(eta=3.0, lam=0.5), r"eta is 3\.0 .*allowed is \(0, 2\]; change the schedule"),
        (lambda: MonoMD(eta=0.0, lam=0.5), r"eta is 0\.0"),
        (lambda: MonoMD(eta=0.5, lam=1.0, beta=1.5), r"beta is 1\.5 .*allowed is \[0, 1\]"),
        (lambda: MonoMD(eta=0.5, lam=1.0, beta=-0.1), r"beta is -0\.1"),
        (lambda: GMFGPPO(alpha=1.5, eta=0.5, lam=1.0), r"alpha is 1\.5 .*allowed is \[0, 1\]"),
        (lambda: GMFGPPO(alpha=-0.5, eta=0.5, lam=1.0), r"alpha is -0\.5"),
        (lambda: GMFGPPO(alpha=0.5, eta=0.5, lam=0.0), r"lam is 0\.0"),
        (lambda: SampledMonoMD(eta=0.5, lam=1.0, agents=1), "agents is 1: give at least 2"),
        (lambda: SampledMonoMD(eta=0.5, lam=1.0, episodes=0), "episodes is 0: each agent needs at least 1"),
        (lambda: FixedPoint(lam=-1.0), r"lam is -1\.0: the entropy weight"),
        (lambda: FictitiousPlay(lam=float("inf")), "lam is inf"),
        (
            lambda: BoltzmannFixedPoint(temperature=0.0),
            r"temperature is 0\.0: give a positive number, or FixedPoint",
        ),
        (lambda: BoltzmannFixedPoint(lam=1.0), r"lam is 1\.0: the Boltzmann iteration"),
        (lambda: OnlineMirrorDescent(eta=-1.0), r"eta is -1\.0"),
        (lambda: OnlineMirrorDescent(eta=1.0, lam=-1.0), r"lam is -1\.0"),
        (lambda: proximal_rate(0.0, 1.0), r"eta is 0\.0: give a positive number"),
    ],
)
def test_bad_settings_are_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_bad_schedules_are_refused_when_their_length_is_known():
    with pytest.raises(ValueError, match=r"eta is 4\.0 at iteration 1"):
        solve(GAME, MonoMD(eta=lambda t: 4.0 / t, lam=1.0), max_iter=3)
    with pytest.raises(ValueError, match=r"eta has shape \(2,\): give a number, at least 3 numbers"):
        solve(GAME, MonoMD(eta=[0.5, 0.5], lam=1.0), max_iter=3)
    with pytest.raises(ValueError, match="alpha is nan"):
        solve(GAME, GMFGPPO(alpha=lambda t: t * np.nan, eta=0.5, lam=1.0), max_iter=3)
