import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tightbound.theory.planning.bail import bail, greedy
from tightbound.theory.planning.errors import (
    ImpossibleObservationError,
    TreeTooLargeError,
    UnsupportedTruthWarning,
)
from tightbound.theory.planning.evaluation import distinguishability, evaluate, leaf_law
from tightbound.theory.planning.expert import expert
from tightbound.theory.planning.filtering import posterior
from tightbound.theory.planning.forward import forward_regret
from tightbound.theory.planning.hmdp import HMDP
from tightbound.theory.planning.tree import HistoryTree

common = settings(deadline=None, derandomize=True, max_examples=10)


def _imitating(tree, eps=0.0, explore=None):
    known = expert(tree)

    def act(t, log_weights):
        exploit = (1.0 - eps, bail(tree, known, log_weights))
        return [exploit] if explore is None else [exploit, (eps, explore)]

    return act


@common
@given(seed=st.integers(0, 2**32 - 1), truth=st.integers(0, 1), misspecified=st.booleans())
def test_equals_the_sum_over_sequences_of_episodes(random_model, seed, truth, misspecified):
    tree = HistoryTree(random_model(seed, 2, 2, 2, 2, 2, misspecified=misspecified))
    eps, explore, tasks = 0.3, [0.9, 0.1], [0, 1, 1]
    found = forward_regret(tree, truth, 3, _imitating(tree, eps, explore), tasks)
    known = expert(tree)
    episodes = [tuple(np.array(part, int) for part in tree.history(1, leaf)) for leaf in range(tree.leaves)]
    regret, ratio, doubt = np.zeros(3), np.zeros(3), np.zeros(3)
    for t in range(3):
        for past in itertools.product(range(tree.leaves), repeat=t):
            chance = 1.0
            for i in range(t + 1):
                weights = posterior(tree.model, [episodes[leaf] for leaf in past[:i]])
                play = bail(tree, known, np.log(weights))
                policy = [eps * np.array(explore) + (1 - eps) * laws for laws in play]
                if i < t:
                    chance *= leaf_law(tree, policy)[truth, tasks[i], past[i]]
            regret[t] += chance * (known.value - evaluate(tree, policy))[truth, tasks[t]]
            ratio[t] += chance * np.sqrt(weights[1 - truth] / weights[truth])
            doubt[t] += chance * weights[1 - truth]
    assert found.regret == pytest.approx(np.cumsum(regret), abs=1e-12)
    assert found.root_ratio == pytest.approx(ratio, rel=1e-12)
    assert found.doubt == pytest.approx(doubt, abs=1e-12)


def _probed(prior=None, *, reveal=0.5):
    """Two environments: subgoal 0 is safe (1/2), 1 wins in the first only, 2 reveals with probability 1/2."""
    kernel = np.zeros((2, 6, 3, 6))  # start, win, lose, safe, first, second
    kernel[:, :, 0, 3] = 1.0
    for z in range(2):
        kernel[z, :, 1, 1 + z] = 1.0
        kernel[z, :, 2, 4 + z], kernel[z, :, 2, 0] = reveal, 1.0 - reveal
    reward = np.zeros((2, 6))
    reward[1, 1], reward[1, 3] = 1.0, 0.5
    return HMDP([1.0, 0, 0, 0, 0, 0], kernel, np.eye(6), reward, prior)


@pytest.mark.parametrize("eps", [0.0, 0.1, 1.0])
def test_closed_form_of_a_probed_choice(eps):
    """One subgoal, then it is known or not: doubt shrinks by q = (1-eps)/2 + eps/2 per episode."""
    tree = HistoryTree(_probed())
    found = forward_regret(tree, 0, 40, _imitating(tree, eps, np.array([0.0, 0.0, 1.0])))
    t = np.arange(40)
    stay = (1 - eps) * 0.5 + eps * 0.5
    per_episode = eps * 1.0 + (1 - eps) * 0.5 * 0.5 * stay**t
    assert found.regret == pytest.approx(np.cumsum(per_episode), abs=1e-12)
    assert found.doubt == pytest.approx(0.5 * stay**t, abs=1e-12)
    assert found.posteriors <= 2


def test_greedy_can_stay_ignorant_for_ever():
    tree = HistoryTree(_probed([0.4, 0.6]))
    known = expert(tree)
    found = forward_regret(tree, 0, 30, lambda t, w: [(1.0, greedy(bail(tree, known, w)))])
    assert found.regret == pytest.approx(0.5 * np.arange(1, 31), abs=1e-12)


def test_contraction_of_the_root_ratio(random_model):
    """E sqrt(w(z')/w(z)) falls at least by 1 - eps eta per episode, whatever is exploited."""
    tree = HistoryTree(random_model(3, 3, 3, 2, 2, 2, tasks=1))
    explore, eps = np.array([0.5, 0.5]), 0.5
    eta = distinguishability(tree, explore)
    found = forward_regret(tree, 1, 6, _imitating(tree, eps, explore))
    bound = found.root_ratio[0] * (1.0 - eps * eta) ** np.arange(6)
    assert np.all(found.root_ratio <= bound * (1 + 1e-12))


def test_posteriors_that_agree_are_one_state():
    """Noisy probes: the posterior depends on the number of positive ones less that of negative ones."""
    kernel = np.zeros((2, 3, 1, 3))
    kernel[0, :, 0] = [0.0, 0.7, 0.3]
    kernel[1, :, 0] = [0.0, 0.3, 0.7]
    tree = HistoryTree(HMDP([1.0, 0, 0], kernel, np.eye(3), np.zeros((2, 3))))
    found = forward_regret(tree, 0, 60, lambda t, w: [(1.0, [1.0])])
    assert found.posteriors == 61


def test_one_environment_identical_ones_and_no_regret(random_model):
    one = HistoryTree(random_model(0, 1))
    found = forward_regret(one, 0, 5, _imitating(one))
    assert found.regret == pytest.approx(0.0, abs=1e-14)
    assert found.root_ratio.tolist() == found.doubt.tolist() == [0.0] * 5
    model = one.model
    twins = HistoryTree(
        HMDP(model.initial, model.transition.repeat(2, axis=0), model.observation, model.reward)
    )
    found = forward_regret(twins, 1, 5, _imitating(twins))
    assert found.regret == pytest.approx(0.0, abs=1e-14)
    assert found.root_ratio == pytest.approx(1.0, abs=1e-12)
    assert found.posteriors == 1


def test_policies_are_not_confused_when_objects_come_and_go():
    tree = HistoryTree(_probed(reveal=0.0))
    sequence = [[1.0, 0.0, 0.0], [0.0, 0.0, 1.0]] * 20
    found = forward_regret(tree, 1, 40, lambda t, w: [(1.0, list(sequence[t]))])
    assert np.diff(found.regret, prepend=0.0) == pytest.approx([0.0, 0.5] * 20, abs=1e-15)


def test_an_unsupported_truth_warns_and_stays_unknown():
    tree = HistoryTree(_probed([0.0, 1.0], reveal=0.0))
    with pytest.warns(UnsupportedTruthWarning, match="truth is 0: its prior weight is zero.*give it prior"):
        found = forward_regret(tree, 0, 3, _imitating(tree))
    assert found.regret == pytest.approx([0.5, 1.0, 1.5])
    assert found.root_ratio.tolist() == [np.inf] * 3
    assert found.doubt.tolist() == [1.0] * 3


@pytest.mark.filterwarnings("ignore::tightbound.theory.planning.errors.UnsupportedTruthWarning")
def test_what_the_posterior_excludes_is_refused():
    tree = HistoryTree(_probed([0.0, 1.0], reveal=1.0))
    with pytest.raises(ImpossibleObservationError, match="excludes: give the true environment prior weight"):
        forward_regret(tree, 0, 2, lambda t, w: [(1.0, [0.0, 0.0, 1.0])])


def test_bad_arguments(random_model):
    tree = HistoryTree(random_model(0, 2, 3, 2, 2, 3))
    good = _imitating(tree)
    with pytest.raises(ValueError, match="truth is 2: give an integer from 0 to 1"):
        forward_regret(tree, 2, 5, good)
    with pytest.raises(ValueError, match="episodes is 0: give an integer of at least 1"):
        forward_regret(tree, 0, 0, good)
    with pytest.raises(ValueError, match=r"tasks has shape \(2,\): give one task per episode, shape \(5,\)"):
        forward_regret(tree, 0, 5, good, [0, 1])
    with pytest.raises(IndexError, match="tasks contains 7"):
        forward_regret(tree, 0, 1, good, [7])
    with pytest.raises(TreeTooLargeError, match=r"different posteriors.*raise limit, take fewer episodes"):
        forward_regret(tree, 0, 5, good, limit=50)
    for chances in ([0.5], [1.5, -0.5], [np.nan], []):
        with pytest.raises(ValueError, match=r"act returned probabilities .* must sum to 1"):
            forward_regret(tree, 0, 1, lambda t, w, c=chances: [(p, [0.5, 0.5]) for p in c])
