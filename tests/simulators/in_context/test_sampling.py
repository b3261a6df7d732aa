"""Samples follow their tables, and the adversary is as bad as enumeration finds."""

import numpy as np
import pytest

from tightbound.simulators.in_context.adversary import greedy_adversary
from tightbound.simulators.in_context.sampling import sample
from tightbound.theory.in_context.errors import UnsupportedTaskWarning
from tightbound.theory.in_context.evidence import log_evidence
from tightbound.theory.in_context.finite_tasks import FiniteTasks
from tightbound.theory.in_context.hmm_concept import HMMConcept
from tightbound.theory.in_context.regret import regret


def random_tasks(seed, law=None):
    rng = np.random.default_rng(seed)
    return FiniteTasks(rng.dirichlet(np.ones(3)), rng.dirichlet(np.ones(3), size=(3, 2)), law)


def random_hmm(seed):
    rng = np.random.default_rng(seed)
    return HMMConcept(
        rng.dirichlet(np.ones(3)),
        rng.dirichlet(np.ones(2), size=3),
        rng.dirichlet(np.ones(2), size=(3, 2)),
        rng.dirichlet(np.ones(2), size=(3, 2, 2)),
        [0.3, 0.7],
    )


@pytest.mark.parametrize(
    "model",
    [random_hmm(0), random_tasks(1, [[0.2, 0.8], [0.5, 0.5], [0.9, 0.1]])],
    ids=["hidden", "independent"],
)
def test_frequencies_of_whole_sequences_are_their_probabilities(model):
    count = 100_000
    _, c, r = sample(model, 2, count, rng=0)
    base = model.covariates * model.responses
    seen = np.bincount((c * model.responses + r) @ [base, 1], minlength=base**2)
    both = np.indices((base,) * 2).reshape(2, -1).T
    chance = np.exp(log_evidence(model, both // model.responses, both % model.responses))
    # 36 cells at most, 5 standard errors each: a false alarm in about 2e-5
    assert np.all(np.abs(seen / count - chance) <= 5.0 * np.sqrt(chance / count))


def test_truths_follow_the_prior_and_outside_covariates_are_uniform():
    truth, c, _ = sample(random_tasks(2), 3, 50_000, rng=1)
    prior = random_tasks(2).prior
    assert np.bincount(truth, minlength=3) / 50_000 == pytest.approx(prior, abs=0.012)
    assert c.mean() == pytest.approx(0.5, abs=0.007)


def test_same_seed_same_sample_and_shapes():
    first, second = (sample(random_hmm(3), 5, 4, rng=7) for _ in range(2))
    for a, b in zip(first, second, strict=True):
        assert np.array_equal(a, b)
    assert [array.shape for array in first] == [(4,), (4, 5), (4, 5)]
    assert sample(random_hmm(3), 0, 4, rng=7)[2].shape == (4, 0)


def test_zero_probabilities_are_never_drawn():
    tasks = FiniteTasks([1.0], [[[0.0, 0.5, 0.0, 0.5, 0.0]]])
    assert set(np.unique(sample(tasks, 1000, 5, rng=0)[2])) == {1, 3}


def test_a_truth_that_the_prior_excludes_needs_leave():
    with pytest.warns(UnsupportedTaskWarning):
        tasks = FiniteTasks([1.0, 0.0], [[[0.5, 0.5]], [[0.0, 1.0]]])
    with pytest.raises(ValueError, match="truth contains task 1"):
        sample(tasks, 3, 2, rng=0, truth=[0, 1])
    assert sample(tasks, 3, 2, rng=0, truth=1, allow_misspecified=True)[2].tolist() == [[1, 1, 1]] * 2


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"length": -1}, ValueError, "length is -1"),
        ({"replications": 0}, ValueError, "replications is 0"),
        ({"length": 2.5}, TypeError, "length is 2.5"),
        ({"truth": [0, 1]}, ValueError, "truth has shape"),
        ({"truth": 3}, IndexError, "truth contains 3"),
    ],
)
def test_bad_requests(options, error, message):
    with pytest.raises(error, match=message):
        sample(random_tasks(0), **{"length": 3, "replications": 3} | options)


@pytest.mark.parametrize("seed", [0, 4, 7])
def test_each_greedy_step_is_the_worst_of_all_after_those_before(seed):
    tasks = random_tasks(seed)
    c, r = greedy_adversary(tasks, 5, rng=0)
    both = np.indices((2, 3)).reshape(2, -1)
    for t in range(5):
        every = [
            regret(tasks, [*c[:t], asked], [*r[:t], answered])[-1]
            for asked, answered in zip(*both, strict=True)
        ]
        assert regret(tasks, c[: t + 1], r[: t + 1])[-1] == pytest.approx(max(every), abs=1e-12)


def test_greed_nears_the_bound_and_skips_the_impossible():
    tasks = FiniteTasks([0.7, 0.3], [[[0.6, 0.4, 0.0]], [[0.4, 0.6, 0.0]]])
    c, r = greedy_adversary(tasks, 60, rng=0)
    assert 2 not in r
    assert 60 * regret(tasks, c, r)[-1] == pytest.approx(np.log(1 / 0.3), rel=1e-6)
    assert greedy_adversary(tasks, 0, rng=0)[0].shape == (0,)
