import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tightbound.theory.planning.bail import bail
from tightbound.theory.planning.expert import expert
from tightbound.theory.planning.filtering import posterior
from tightbound.theory.planning.pretraining_joint import pretraining_joint
from tightbound.theory.planning.tree import HistoryTree

common = settings(deadline=None, derandomize=True, max_examples=10)


def _even(environment, episode, documents):
    return np.full((len(documents), 2), 0.5)


def test_documents_are_all_that_can_be_written(random_model):
    model = random_model(0, 2, 3, 2, 2, 3)
    found = pretraining_joint(model, _even, past=2, started=2)
    assert found.documents.shape == (32 * 32 * 8, 5 + 5 + 3)
    assert len(np.unique(found.documents, axis=0)) == len(found.documents)
    assert found.joint.sum(axis=1) == pytest.approx(model.prior, abs=1e-12)
    seen, goals = found.episode(1)
    assert np.array_equal(seen[:, 1], found.documents[:, 7])
    assert np.array_equal(goals[:, 0], found.documents[:, 6])
    assert found.episode(2)[0].shape == (len(found.documents), 2)


@common
@given(seed=st.integers(0, 2**32 - 1), keep=st.sampled_from([1.0, 0.6]), started=st.integers(1, 2))
def test_posterior_of_documents_is_bayes_rule(random_model, seed, keep, started):
    model = random_model(seed, 3, 3, 2, 2, 3, keep=keep)
    rng = np.random.default_rng(seed)
    table: dict[tuple[int, int], np.ndarray] = {}

    def behaviour(environment, episode, documents):
        return table.setdefault(documents.shape, rng.dirichlet(np.ones(2), len(documents)))

    found = pretraining_joint(model, behaviour, past=1, started=started)
    assert found.joint.sum() == pytest.approx(1.0, abs=1e-12)
    conditional = found.joint / found.joint.sum(axis=0)
    past, now = found.episode(0), found.episode(1)
    for d in rng.permutation(len(found.documents))[:10]:
        expected = posterior(model, [(past[0][d], past[1][d])], (now[0][d], now[1][d]))
        assert conditional[:, d] == pytest.approx(expected, abs=1e-12)


def test_labels_are_the_averaged_experts(random_model):
    tree = HistoryTree(random_model(4, 2, 3, 2, 2, 3))
    known = expert(tree)
    found = pretraining_joint(tree.model, _even, past=1, started=2)
    law = found.label_law(tree, known, task=1)
    seen, goals = found.episode(0)
    nodes = tree.find(*found.episode(1))
    for d in range(0, len(law), 17):
        weights = np.log(posterior(tree.model, [(seen[d], goals[d])]))
        assert law[d] == pytest.approx(bail(tree, known, weights)[1][1, nodes[d]], abs=1e-12)


def test_reports_as_the_reporter_really_does(random_model):
    model = random_model(2, 2, 3, 2, 2, 3, misspecified=True)
    found = pretraining_joint(model, _even, past=0, started=1)
    assert found.joint.sum(axis=0) == pytest.approx(model.initial @ model.emission, abs=1e-14)


def test_bad_arguments(random_model):
    model = random_model()
    with pytest.raises(ValueError, match="past is -1"):
        pretraining_joint(model, _even, past=-1, started=1)
    with pytest.raises(ValueError, match="started is 3: give an integer from 1 to 2"):
        pretraining_joint(model, _even, past=0, started=3)
    with pytest.raises(ValueError, match="behaviour's law has a row that sums to"):
        pretraining_joint(model, lambda z, t, d: np.ones((len(d), 2)), past=0, started=2)
    with pytest.raises(ValueError, match=r"behaviour's law has shape .*\(D, G\) = \(2, 2\)"):
        pretraining_joint(model, lambda z, t, d: np.ones((3, 2)) / 2, past=0, started=2)
    with pytest.raises(ValueError, match="index is 1"):
        pretraining_joint(model, _even, past=0, started=1).episode(1)
