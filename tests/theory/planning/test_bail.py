import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tightbound.theory.planning.bail import bail, greedy, independent_bail, node_posterior, temper
from tightbound.theory.planning.expert import expert
from tightbound.theory.planning.filtering import posterior
from tightbound.theory.planning.hmdp import HMDP
from tightbound.theory.planning.tree import HistoryTree

common = settings(deadline=None, derandomize=True, max_examples=25)


@common
@given(seed=st.integers(0, 2**32 - 1), count=st.integers(0, 2))
def test_averages_the_experts_over_the_posterior(random_model, seed, count):
    tree = HistoryTree(random_model(seed, 3, 3, 3, 2, 3))
    known = expert(tree)
    rng = np.random.default_rng(seed)
    episodes = [(rng.integers(0, 2, 3), rng.integers(0, 3, 2)) for _ in range(count)]
    policy = bail(tree, known, np.log(posterior(tree.model, episodes)))
    for h, laws in enumerate(policy):
        for node in range(tree.levels[h].size):
            seen, goals = tree.history(h, node)
            weights = posterior(tree.model, episodes, (seen, np.array(goals, dtype=int)))
            expected = sum(weights[z] * known.policy(z)[h][:, node] for z in range(3))
            assert laws[:, node] == pytest.approx(expected, abs=1e-12)


def test_weights_need_no_normalisation_and_may_be_tiny(random_model):
    tree = HistoryTree(random_model(0, 3))
    known = expert(tree)
    weights = np.array([-1.0, -2.0, -900.0])
    for a, b in zip(bail(tree, known, weights), bail(tree, known, weights - 5000.0), strict=True):
        assert a == pytest.approx(b, abs=1e-12)
        assert a.sum(axis=-1) == pytest.approx(1.0, abs=1e-12)


def test_a_point_mass_is_the_expert(random_model):
    tree = HistoryTree(random_model(1, 3))
    known = expert(tree)
    policy = bail(tree, known, [-np.inf, 0.0, -np.inf])
    assert all(np.array_equal(a, b) for a, b in zip(policy, known.policy(1), strict=True))


def test_what_only_a_nearly_excluded_environment_can_explain_still_identifies_it():
    # After subgoal 0 environment z reports z, so weight e^-2000 is enough once it is seen.
    kernel = np.eye(3)[[[1], [2]]][:, np.newaxis].repeat(3, axis=1)
    tree = HistoryTree(HMDP([1.0, 0, 0], kernel, np.eye(3), np.zeros((3, 3))))
    laws = node_posterior(tree, [0.0, -2000.0])
    assert laws[1].T.tolist() == [[1.0, 0.0], [0.0, 1.0]]


def test_where_nothing_can_be_imitated_the_law_is_uniform():
    kernel = np.eye(3)[[[1, 1], [2, 2]]][:, np.newaxis].repeat(3, axis=1)
    tree = HistoryTree(HMDP([1.0, 0, 0], kernel, np.eye(3), np.zeros((3, 3))))
    policy = bail(tree, expert(tree), [0.0, -np.inf])
    impossible = tree.find([0, 2], [0])
    assert policy[1][0, impossible].tolist() == [0.5, 0.5]
    assert policy[1][0, tree.find([0, 1], [0])].tolist() == [1.0, 0.0]
    assert not node_posterior(tree, [0.0, -np.inf])[1][:, impossible].any()


@common
@given(seed=st.integers(0, 2**32 - 1))
def test_actors_prompted_alone_keep_their_marginals(random_model, seed):
    tree = HistoryTree(random_model(seed, 4, 3, 12, 2, 3, actors=(2, 3, 2)))
    known, weights = expert(tree), tree.model.log_prior
    for joint, alone in zip(bail(tree, known, weights), independent_bail(tree, known, weights), strict=True):
        shape = (*joint.shape[:2], 2, 3, 2)
        joint, alone = joint.reshape(shape), alone.reshape(shape)
        assert alone.sum(axis=(2, 3, 4)) == pytest.approx(1.0, abs=1e-12)
        margins = [joint.sum(axis=axes) for axes in ((3, 4), (2, 4), (2, 3))]
        assert alone == pytest.approx(np.einsum("wni,wnj,wnk->wnijk", *margins), abs=1e-13)


def test_one_actor_alone_is_joint(random_model):
    tree = HistoryTree(random_model(5))
    a, b = (f(tree, expert(tree), tree.model.log_prior) for f in (bail, independent_bail))
    assert all(np.array_equal(x, y) for x, y in zip(a, b, strict=True))


def test_decoders():
    laws = [np.array([[[0.2, 0.3, 0.1 + 0.2, 0.2], [0.0, 1.0, 0.0, 0.0]]])]
    assert greedy(laws)[0].tolist() == [[[0, 1, 0, 0], [0, 1, 0, 0]]]
    assert temper(laws, 1.0)[0] == pytest.approx(laws[0], abs=1e-15)
    assert temper(laws, 0.5)[0][0, 0] == pytest.approx(np.array([4, 9, 9, 4]) / 26, abs=1e-15)
    assert temper(laws, 1e-4)[0][0, 0] == pytest.approx([0, 0.5, 0.5, 0], abs=1e-6)
    assert temper(laws, 1e6)[0][0, 0] == pytest.approx(0.25, abs=1e-6)
    assert temper(laws, 1e6)[0][0, 1].tolist() == [0.0, 1.0, 0.0, 0.0]


@pytest.mark.parametrize("temperature", [0, 0.0, -1.0, [1.0, 2.0]])
def test_bad_temperature(temperature):
    with pytest.raises(ValueError, match=r"temperature is .* positive number; for temperature 0 use greedy"):
        temper([np.array([[[0.5, 0.5]]])], temperature)


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ([0.0], r"log_weights has shape \(1,\): .*shape \(2,\)"),
        ([0.0, np.nan], "log_weights is .*give finite numbers or -inf"),
        ([0.0, np.inf], "log_weights is"),
        ([-np.inf, -np.inf], "at least one of them finite; the prior's are in model.log_prior"),
    ],
)
def test_bad_weights(random_model, weights, message):
    model = random_model()
    with pytest.raises(ValueError, match=message):
        bail(model, expert(model), weights)
