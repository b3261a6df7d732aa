"""Claims on pretraining: their parts, and that claim and control differ in what they say they do."""

import numpy as np
import pytest

from tightbound.papers.bail_planner.checks import (
    contrastive,
    language_model_error,
    pretraining,
    recurrent,
)
from tightbound.papers.bail_planner.checks.pretraining import PRETRAINING
from tightbound.theory.planning.count_error import context_free_floor
from tightbound.theory.planning.evaluation import evaluate
from tightbound.theory.planning.expert import expert
from tightbound.theory.planning.instances.lock import lock
from tightbound.theory.planning.reported_trial import reported_trial
from tightbound.theory.planning.tree import HistoryTree


def generator():
    return np.random.default_rng(0)


def test_ids_are_different_and_substitutes_are_named():
    ids = [claim.id for claim in PRETRAINING]
    assert len(set(ids)) == len(ids) == 17
    assert all(claim.substitutes and claim.seconds for claim in PRETRAINING)


@pytest.mark.parametrize("noise", ["uniform", "adversarial"])
@pytest.mark.parametrize("delta", [0.0, 0.1, 0.5])
def test_the_closed_form_of_the_plateau_is_the_loss_of_the_noisy_expert(noise, delta):
    tree = HistoryTree(lock(language_model_error.DEPTH))
    best = expert(tree)
    policy = []
    for h, answers in enumerate(best.policy(0)):
        noisy = np.full_like(answers, 0.5)
        if noise == "adversarial":
            noisy = np.eye(2)[best.action_value[h][0].argmin(axis=-1)]
        policy.append((1 - delta) * answers + delta * noisy)
    cell = {"instance": "LOCK", "noise": noise}
    found = language_model_error._expected(cell, np.array([delta]))[0]
    assert found == pytest.approx(best.value[0, 0] - evaluate(tree, policy)[0, 0], abs=1e-12)


def test_prompts_of_documents_have_the_posterior_as_label():
    contexts, labels = pretraining._prompts({"prompts": "documents", "size": 3})
    assert contexts.sum() == pytest.approx(1.0)
    assert contexts @ labels == pytest.approx([0.5, 0.5])
    assert contexts.size == 9  # two tries of +-2 or +-4 units lead to every even number up to 8
    assert 0.1 < context_free_floor(contexts, labels) < 0.3


def test_one_more_document_set_is_as_good_as_perfect_when_it_is_large():
    cell = {"length": 8, "documents": (256,), "truth": 0, "episodes": 200, "runs": 2}
    found = pretraining.distance_to_floor(cell, generator())
    assert np.all(np.abs(found["value"] - found["reference"]) < 0.01)
    ignoring = pretraining.distance_without_the_past(cell, generator())
    assert np.all(ignoring["value"] > 0.2)


def test_fewer_and_more_documents_are_pairs():
    cell = {**pretraining.END_TO_END, "truth": 0, "episodes": 100, "runs": 2}
    found = pretraining.fewer_and_more_documents(cell, generator())
    assert found["share"].shape == (2, 5)
    assert np.array_equal(found["greater"], found["share"][:, [0, 1]])
    assert np.array_equal(found["smaller"], found["share"][:, [3, 4]])


def test_errors_online_and_offline_differ_only_without_coverage():
    cell = {"length": 8, "truth": 0, "documents": 200, "episodes": 300, "runs": 1}
    covered = language_model_error.table_regret(cell, generator())
    assert covered["online"][0] < 0.02
    assert covered["offline"][0] < 0.03
    uncovered = language_model_error.uncovered_table_regret(cell, generator())
    assert uncovered["offline"][0] < 0.05 < 0.3 < uncovered["online"][0]


def test_uncorrected_ratios_are_biased_and_normalising_repairs_them():
    cell = {"states": 3, "observations": 4, "rate": 0.2, "samples": 1000}
    found = contrastive.normalised(cell, generator())
    assert found["value"] == pytest.approx(found["reference"], abs=1e-12)
    biased = contrastive.not_normalised(cell, generator())
    assert biased["value"] == pytest.approx(biased["reference"] / 4)


def test_the_exact_mixture_is_the_posterior_where_there_is_one_decision():
    tree = HistoryTree(reported_trial())
    assert tree.levels[0].size == 1
    assert expert(tree).subgoal[0][:, 0, 0].tolist() == [1, 0]
    cell = {"length": 2, "hidden": 2, "iterations": 1, "documents": (4,), "runs": 1}
    found = recurrent.recurrent_error(cell, generator())
    assert found["bound"][0] == pytest.approx(0.5 * found["floor"][0])
