import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tightbound.theory.planning.errors import NotDistinguishableError
from tightbound.theory.planning.evaluation import distinguishability, evaluate, hellinger, leaf_law, path_law
from tightbound.theory.planning.hmdp import HMDP
from tightbound.theory.planning.tree import HistoryTree

common = settings(deadline=None, derandomize=True, max_examples=25)


@common
@given(seed=st.integers(0, 2**32 - 1), keep=st.sampled_from([1.0, 0.5]), misspecified=st.booleans())
def test_value_is_the_mean_return_under_the_law_of_episodes(
    random_model, random_policy, seed, keep, misspecified
):
    tree = HistoryTree(random_model(seed, 3, 3, 3, 2, 4, keep=keep, misspecified=misspecified))
    policy = random_policy(tree, np.random.default_rng(seed))
    law = leaf_law(tree, policy)
    assert law.sum(axis=-1) == pytest.approx(1.0, abs=1e-12)
    returns = np.zeros((2, tree.leaves))
    for leaf in range(tree.leaves):
        seen, _ = tree.history(3, leaf)
        returns[:, leaf] = sum(tree.model.reward[h, o] for h, o in enumerate(seen))
    assert evaluate(tree, policy) == pytest.approx((law * returns).sum(axis=-1), abs=1e-12)


def test_law_of_episodes_by_hand(random_model, random_policy):
    tree = HistoryTree(random_model(0, 2, 3, 2, 2, 3))
    policy = random_policy(tree, np.random.default_rng(0))
    leaf = int(tree.find([1, 0, 1], [0, 1]))
    root, middle = tree.find([1], np.zeros(0, int)), tree.find([1, 0], [0])
    expected = policy[0][:, root, 0] * policy[1][:, middle, 1]
    assert path_law(tree, policy)[:, leaf] == pytest.approx(expected, abs=1e-15)


@common
@given(seed=st.integers(0, 2**32 - 1), keep=st.sampled_from([1.0, 0.5]))
def test_hellinger_from_the_laws_of_episodes(random_model, random_policy, seed, keep):
    tree = HistoryTree(random_model(seed, 3, 3, 2, 2, 4, keep=keep))
    policy = random_policy(tree, np.random.default_rng(seed))
    root = np.sqrt(leaf_law(tree, policy))
    expected = (1.0 - np.einsum("awl,bwl->abw", root, root)).min(axis=-1)
    found = hellinger(tree, policy)
    assert found == pytest.approx(expected, abs=1e-13)
    assert np.array_equal(found, found.T)
    assert not np.diag(found).any()
    pairs = expected[np.triu_indices(3, 1)]
    assert distinguishability(tree, policy) == pytest.approx(pairs.min(), abs=1e-13)


def test_uses_the_reporter_that_planners_assume(random_model):
    model = random_model(0, misspecified=True)
    law = [0.5, 0.5]
    expected = hellinger(HMDP(model.initial, model.transition, model.observation, model.reward), law)
    assert hellinger(model, law) == pytest.approx(expected, abs=1e-14)
    assert evaluate(model, law) == pytest.approx(evaluate(model.as_emitted(), law), abs=1e-14)


def _probed(eta):
    """Two environments; subgoal 1 reveals which with probability eta, subgoal 0 nothing."""
    kernel = np.zeros((2, 4, 2, 4))
    kernel[:, :, 0, 1] = 1.0
    for z in range(2):
        kernel[z, :, 1, 2 + z], kernel[z, :, 1, 1] = eta, 1.0 - eta
    return HMDP([1.0, 0, 0, 0], kernel, np.eye(4), np.zeros((2, 4)))


@pytest.mark.parametrize("eta", [1.0, 0.3, 1e-9, 1e-14])
def test_accurate_down_to_tiny_distances(eta):
    assert distinguishability(_probed(eta), [0.0, 1.0]) == pytest.approx(eta, rel=1e-12)


def test_indistinguishable_pairs_are_named(random_model):
    model = _probed(0.5)
    assert distinguishability(model, [1.0, 0.0]) == 0.0
    with pytest.raises(NotDistinguishableError, match=r"\(0, 1\).*give a policy that explores") as caught:
        distinguishability(model, [1.0, 0.0], required=True)
    assert caught.value.pairs == ((0, 1),)
    first = random_model(3, 2, 3, 2, 2, 4)
    twins = first.transition[[0, 1, 0, 0]]
    four = HMDP(first.initial, twins, first.observation, first.reward)
    with pytest.raises(NotDistinguishableError) as caught:
        distinguishability(four, [0.5, 0.5], required=True)
    assert caught.value.pairs == ((0, 2), (0, 3), (2, 3))


def test_equal_laws_that_differ_by_rounding_are_equal(random_model):
    """The same environment with its states in another order: sums are taken in another order."""
    model = random_model(7, 1, 5, 2, 3, 4)
    order = np.array([0, 3, 1, 4, 2])
    there = np.concatenate([np.eye(5), np.eye(5)[order]])
    kernel = np.zeros((2, 3, 10, 2, 10))
    moved = model.transition[0][:, order][..., order]
    for z, block in ((0, model.transition[0]), (1, moved)):
        for s in range(10):
            kernel[z, :, s, :, :5] = block[:, s] if s < 5 and z == 0 else model.transition[0][:, s % 5]
            if z == 1:
                kernel[z, :, s] = 0.0
                kernel[z, :, s, :, 5:] = moved[:, s - 5 if s >= 5 else int(np.argsort(order)[s])]
    joint = HMDP(np.r_[model.initial, np.zeros(5)], kernel, there @ model.observation, model.reward[:, :, 0])
    assert distinguishability(joint, [0.5, 0.5]) == 0.0


def test_a_single_environment_needs_no_telling_apart(random_model):
    assert distinguishability(random_model(0, 1), [0.5, 0.5], required=True) == 1.0


def test_smallest_over_tasks(random_model, random_policy):
    tree = HistoryTree(random_model(1, 2, 3, 2, 2, 3, tasks=2))
    policy = random_policy(tree, np.random.default_rng(1))
    alone = [distinguishability(tree, [laws[[w, w]] for laws in policy]) for w in range(2)]
    assert alone[0] != alone[1]
    assert distinguishability(tree, policy) == min(alone)


def test_bad_policies(random_model):
    for function in (evaluate, leaf_law, path_law, hellinger, distinguishability):
        with pytest.raises(ValueError, match="policy has a row that sums to"):
            function(random_model(), [0.7, 0.7])
