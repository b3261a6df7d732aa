"""The recurrent model: its gradient, what it learns, and that it repeats itself."""

import numpy as np
import pytest

from tightbound.simulators.planning.language_models import sequence_model
from tightbound.simulators.planning.language_models.pretraining import write_documents
from tightbound.simulators.planning.language_models.sequence_model import SequenceModel
from tightbound.theory.planning.expert import expert
from tightbound.theory.planning.reported_trial import reported_trial
from tightbound.theory.planning.tree import HistoryTree

TREE = HistoryTree(reported_trial())
EXPERT = expert(TREE)
FRESH = write_documents(TREE, EXPERT, 200, 3, rng=99)


@pytest.fixture(scope="module")
def trained():
    told = []
    documents = write_documents(TREE, EXPERT, 200, 3, rng=0)
    model = SequenceModel(4, max_iter=60).fit(
        TREE, documents, key=1, progress=lambda n, loss: told.append((n, loss))
    )
    return documents, model, told


def test_it_approaches_the_exact_mixture(trained):
    documents, model, _ = trained
    start = SequenceModel(4, max_iter=1).fit(TREE, documents, key=1)
    assert model.error(TREE, EXPERT, FRESH) < 0.08 < 0.2 < start.error(TREE, EXPERT, FRESH)


def test_progress_is_told_and_losses_fall(trained):
    _, model, told = trained
    assert [n for n, _ in told] == list(range(1, model.num_iter + 1))
    assert [loss for _, loss in told] == model.history.tolist()
    assert np.all(np.diff(model.history) <= 1e-9)
    assert not model.converged


def test_equal_seeds_give_equal_models(trained):
    documents, model, _ = trained
    again = SequenceModel(4, max_iter=60).fit(TREE, documents, key=1)
    assert np.array_equal(again.parameters, model.parameters)
    other = SequenceModel(4, max_iter=1).fit(TREE, documents, key=2)
    assert not np.array_equal(other.parameters, model.parameters)


def test_answers_are_laws_and_read_no_later_token(trained):
    documents, model, _ = trained
    laws = model.laws(TREE, documents)
    assert laws.shape == (200, 3, 1, 2)
    assert laws.sum(axis=-1) == pytest.approx(1.0)
    changed = documents.node.copy()
    changed[:, 2] = changed[::-1, 2]
    later = type(documents)(
        documents.truth,
        documents.task,
        changed,
        documents.subgoal,
        documents.label,
        documents.log_weights,
    )
    assert np.array_equal(model.laws(TREE, later)[:, :2], laws[:, :2])


def test_the_gradient_is_the_derivative():
    import jax

    documents = write_documents(TREE, EXPERT, 5, 2, rng=0)
    tokens, labels = sequence_model._tokens(TREE, documents)
    point = sequence_model._start(tokens.shape[-1], 3, 2, 0)
    step = 1e-6 * np.random.default_rng(1).normal(size=point.size)
    with jax.enable_x64(True):
        loss = sequence_model._functions()[0]
        rise, fall = (float(loss(point + s * step, tokens, labels, 0.1, 3, 2)[0]) for s in (1, -1))
        slope = np.asarray(loss(point, tokens, labels, 0.1, 3, 2)[1])
    assert (rise - fall) / 2 == pytest.approx(float(slope @ step), rel=1e-6)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: SequenceModel(0), ValueError, "hidden is 0: give an integer of at least 1"),
        (lambda: SequenceModel(1.5), TypeError, r"hidden is 1\.5"),
        (lambda: SequenceModel(max_iter=0), ValueError, "max_iter is 0"),
        (lambda: SequenceModel(penalty=-1.0), ValueError, r"penalty is -1\.0: give one number at least 0"),
        (lambda: SequenceModel(tolerance=0.0), ValueError, r"tolerance is 0\.0: give one number above 0"),
        (
            lambda: SequenceModel().fit(TREE, write_documents(TREE, EXPERT, 0, 2)),
            ValueError,
            "needs at least one document",
        ),
        (
            lambda: SequenceModel().fit(TREE, write_documents(TREE, EXPERT, 1, 2), key=-1),
            ValueError,
            "key is -1",
        ),
    ],
)
def test_bad_arguments_are_refused(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_an_error_needs_prompts(trained):
    with pytest.raises(ValueError, match="write at least one document"):
        trained[1].error(TREE, EXPERT, write_documents(TREE, EXPERT, 0, 2))
