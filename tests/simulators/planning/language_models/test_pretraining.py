"""Documents follow their law, labels identify the environment, contexts keep what they promise."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tightbound.simulators.planning.exact_regret import exact_regret
from tightbound.simulators.planning.language_models.count_model import CountModel
from tightbound.simulators.planning.language_models.count_planner import CountPlanner
from tightbound.simulators.planning.language_models.pretraining import (
    PromptContexts,
    pretraining_error,
    write_documents,
)
from tightbound.simulators.planning.planners.bail import BAIL
from tightbound.simulators.planning.simulate import simulate
from tightbound.theory.planning.evaluation import leaf_law
from tightbound.theory.planning.expert import expert
from tightbound.theory.planning.filtering import posterior
from tightbound.theory.planning.hmdp import HMDP
from tightbound.theory.planning.tree import HistoryTree

few = settings(deadline=None, derandomize=True, max_examples=15)


def random_tree(seed=0, environments=2, states=2, subgoals=2, observations=2, horizon=3, tasks=2):
    rng = np.random.default_rng(seed)
    return HistoryTree(
        HMDP(
            rng.dirichlet(np.ones(states)),
            rng.dirichlet(np.ones(states), size=(environments, states, subgoals)),
            rng.dirichlet(np.ones(observations), size=states),
            rng.uniform(size=(horizon, observations, tasks)),
            rng.dirichlet(np.full(environments, 5.0)),
        )
    )


TREE = random_tree()
EXPERT = expert(TREE)


def test_episodes_follow_the_behaviour_in_their_environment():
    law = np.array([0.7, 0.3])
    drawn = write_documents(TREE, EXPERT, 20_000, 2, behaviour=law, rng=0)
    expected = leaf_law(TREE, law)[:, 0]
    for z in range(2):
        leaves = drawn.node[drawn.truth == z][:, 1, -1]
        counts = np.bincount(leaves, minlength=TREE.leaves)
        spread = np.sqrt(leaves.size * expected[z]) + 1.0
        assert np.all(np.abs(counts - leaves.size * expected[z]) < 5 * spread)
    share = TREE.model.prior[0]
    assert abs((drawn.truth == 0).mean() - share) < 5 * np.sqrt(share / 20_000)


def test_labels_are_the_experts_and_weights_the_exact_posterior():
    drawn = write_documents(TREE, EXPERT, 5, 3, rng=1)
    for n in range(5):
        past = []
        for t in range(3):
            weights = np.exp(drawn.log_weights[n, t])
            assert weights / weights.sum() == pytest.approx(posterior(TREE.model, past), abs=1e-12)
            for h in range(2):
                task, node = drawn.task[n, t], drawn.node[n, t, h]
                assert drawn.label[n, t, h] == EXPERT.subgoal[h][drawn.truth[n], task, node]
            seen, goals = TREE.history(2, int(drawn.node[n, t, 2]))
            assert goals == drawn.subgoal[n, t].tolist()
            past.append((seen, goals))


def test_behaviour_and_tasks_can_be_given():
    drawn = write_documents(TREE, EXPERT, 50, 2, behaviour=[0.0, 1.0], tasks=[1.0, 0.0], rng=0)
    assert np.all(drawn.subgoal == 1)
    assert np.all(drawn.task == 0)
    again = write_documents(TREE, EXPERT, 50, 2, behaviour=[0.0, 1.0], tasks=[1.0, 0.0], rng=0)
    assert np.array_equal(drawn.node, again.node)


def test_no_documents_give_the_uniform_planner():
    contexts = PromptContexts(1.0, 3)
    nothing = write_documents(TREE, EXPERT, 0, 4, rng=0)
    model = contexts.fit(TREE, nothing)
    assert nothing.prompts == model.samples == 0
    (laws, _) = CountPlanner(model, contexts, TREE).parameters(TREE.model)
    assert np.all(laws == 0.5)


@few
@given(st.integers(0, 2**32 - 1), st.integers(2, 4))
def test_contexts_round_log_odds(seed, environments):
    rng = np.random.default_rng(seed)
    contexts = PromptContexts(0.5, 4)
    weights = rng.dirichlet(np.ones(environments), size=20)
    found = contexts.bins(weights)
    assert np.all((found >= 0) & (found < contexts.size(environments)))
    odds = np.log(weights[:, :-1]) - np.log1p(-weights[:, :-1])
    digits = np.clip(np.round(odds / 0.5), -4, 4) + 4
    assert np.array_equal(found, (digits * 9 ** np.arange(environments - 1)).sum(axis=1))


def test_contexts_without_radius_forget_the_past():
    contexts = PromptContexts(1.0, 0)
    assert contexts.size(5) == 1
    assert contexts.bins(np.eye(3)).tolist() == [0, 0, 0]


def test_the_table_learns_the_mixture_of_experts():
    contexts = PromptContexts(0.25, 40)
    fresh = write_documents(TREE, EXPERT, 300, 3, rng=9)
    errors = [
        pretraining_error(TREE, EXPERT, contexts.fit(TREE, drawn), contexts, fresh)
        for drawn in (write_documents(TREE, EXPERT, n, 3, rng=1) for n in (0, 30, 1000, 30_000))
    ]
    assert errors == sorted(errors, reverse=True)
    assert errors[-1] < 0.02


def test_the_planner_plans_nearly_as_the_exact_mixture_when_well_trained():
    contexts = PromptContexts(0.25, 40)
    model = contexts.fit(TREE, write_documents(TREE, EXPERT, 20_000, 3, rng=1))
    planner = CountPlanner(model, contexts, TREE)
    exact = exact_regret(TREE, 0, 3, planner).regret[-1]
    assert exact == pytest.approx(exact_regret(TREE, 0, 3, BAIL()).regret[-1], abs=0.01)
    sampled = simulate(TREE, 0, 3, planner, replications=2000, key=0).regret[:, -1]
    assert abs(sampled.mean() - exact) < 5 * sampled.std() / np.sqrt(2000) + 1e-12


def test_a_model_with_other_histories_is_refused():
    contexts = PromptContexts(1.0, 1)
    planner = CountPlanner(CountModel(2, {}), contexts, TREE)
    with pytest.raises(ValueError, match="write documents of a model with the same possible histories"):
        planner.parameters(random_tree(observations=3).model)
    assert len(planner.parameters(random_tree(seed=5).model)) == 2
    with pytest.raises(ValueError, match="model has 3 labels, tree 2 subgoals: fit the table"):
        CountPlanner(CountModel(3, {}), contexts, TREE)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: write_documents(TREE, EXPERT, -1, 1), ValueError, "documents is -1"),
        (lambda: write_documents(TREE, EXPERT, 1, 0), ValueError, "episodes is 0"),
        (lambda: write_documents(TREE, EXPERT, 1.0, 1), TypeError, r"documents is 1\.0"),
        (
            lambda: write_documents(TREE, EXPERT, 1, 1, tasks=[1.0]),
            ValueError,
            "give one probability per task",
        ),
        (lambda: write_documents(TREE, EXPERT, 1, 1, behaviour=[1.0]), ValueError, "policy has shape"),
        (lambda: PromptContexts(0.0, 1), ValueError, r"step is 0\.0: give one number above 0"),
        (lambda: PromptContexts(1.0, -1), ValueError, "radius is -1"),
        (lambda: PromptContexts(1.0, 100), ValueError, "lower radius or step"),
        (
            lambda: pretraining_error(
                TREE,
                EXPERT,
                CountModel(2, {}),
                PromptContexts(1.0, 1),
                write_documents(TREE, EXPERT, 0, 1),
            ),
            ValueError,
            "no prompts: write at least one",
        ),
    ],
)
def test_bad_arguments_are_refused(call, error, message):
    with pytest.raises(error, match=message):
        call()
