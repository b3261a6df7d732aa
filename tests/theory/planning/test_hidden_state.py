import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tightbound.theory.planning.evaluation import evaluate
from tightbound.theory.planning.expert import expert
from tightbound.theory.planning.filtering import belief
from tightbound.theory.planning.hidden_state import most_likely_state, qmdp, state_values
from tightbound.theory.planning.hmdp import HMDP
from tightbound.theory.planning.tree import HistoryTree

common = settings(deadline=None, derandomize=True, max_examples=25)


@common
@given(seed=st.integers(0, 2**32 - 1), keep=st.sampled_from([1.0, 0.6]))
def test_expert_lies_between(random_model, seed, keep):
    tree = HistoryTree(random_model(seed, 2, 3, 3, 2, 4, keep=keep))
    value = expert(tree).value
    assert np.all(state_values(tree.model)[0] >= value - 1e-12)
    for policies in (qmdp(tree), most_likely_state(tree)):
        for z, policy in enumerate(policies):
            assert np.all(evaluate(tree, policy)[z] <= value[z] + 1e-12)


def test_decisions_follow_the_belief(random_model):
    tree = HistoryTree(random_model(8, 2, 3, 3, 2, 4))
    _, q = state_values(tree.model)
    for h in range(3):
        for node in range(tree.levels[h].size):
            seen, goals = tree.history(h, node)
            b = belief(tree.model, seen, np.array(goals, dtype=int))
            for z in range(2):
                expected = (q[h][z] * b[z][:, np.newaxis]).sum(axis=1).argmax(axis=-1)
                assert qmdp(tree)[z][h][:, node].argmax(axis=-1).tolist() == expected.tolist()
                expected = q[h][z][:, b[z].argmax()].argmax(axis=-1)
                assert most_likely_state(tree)[z][h][:, node].argmax(axis=-1).tolist() == expected.tolist()


def test_they_do_not_pay_for_information():
    """Two doors; a step's delay costs a quarter, and listening, not waiting, tells which is right."""
    # States 0, 1: right door unknown; 2, 3: heard; 4: won; 5: lost. Subgoals: open 0, open 1, wait, listen.
    kernel = np.zeros((1, 6, 4, 6))
    for s in range(4):
        right = s % 2
        kernel[0, s, right, 4] = kernel[0, s, 1 - right, 5] = 1.0
        kernel[0, s, 2, s] = kernel[0, s, 3, 2 + right] = 1.0
    kernel[0, 4, :, 4] = kernel[0, 5, :, 5] = 1.0
    report = np.array([[1, 0, 0, 0, 0], [1, 0, 0, 0, 0], [0, 1, 0, 0, 0], [0, 0, 1, 0, 0]])
    report = np.vstack([report, [[0, 0, 0, 1, 0], [0, 0, 0, 0, 1]]])
    reward = np.zeros((3, 5))
    reward[1, 3], reward[2, 3] = 0.25, 0.75  # 1 in all for the right door at once
    tree = HistoryTree(HMDP([0.5, 0.5, 0, 0, 0, 0], kernel, report, reward))
    assert expert(tree).value.item() == pytest.approx(0.75, abs=1e-15)
    assert evaluate(tree, qmdp(tree)[0]).item() == pytest.approx(0.375, abs=1e-15)
    assert evaluate(tree, most_likely_state(tree)[0]).item() == pytest.approx(0.5, abs=1e-15)
    assert state_values(tree.model)[0].item() == 1.0
