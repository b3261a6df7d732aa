"""The count table: counting, the fallback, contexts of every kind."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tightbound.simulators.planning.language_models.count_model import CountModel, count_law

few = settings(deadline=None, derandomize=True, max_examples=25)
samples = st.lists(
    st.tuples(st.integers(0, 3), st.integers(-2, 2), st.integers(0, 2)), min_size=1, max_size=60
)


@few
@given(samples)
def test_arrays_and_tuples_count_alike(drawn):
    rows = np.array(drawn)
    contexts, labels = rows[:, :2], rows[:, 2]
    from_array = CountModel.fit(contexts, labels, labels=3)
    from_tuples = CountModel.fit([tuple(row) for row in contexts.tolist()], labels, labels=3)
    assert {key: row.tolist() for key, row in from_array.table.items()} == {
        key: row.tolist() for key, row in from_tuples.table.items()
    }
    assert from_array.samples == len(drawn)
    assert np.array_equal(from_array.laws(contexts), from_tuples.laws(map(tuple, contexts.tolist())))


@few
@given(samples)
def test_the_table_maximises_the_likelihood(drawn):
    rows = np.array(drawn)
    model = CountModel.fit(rows[:, :2], rows[:, 2], labels=3)
    other = np.random.default_rng(0).dirichlet(np.ones(3), size=len(rows))
    best = {key: model.law(key) for key in model.table}
    rival = {key: other[i] for i, key in enumerate(model.table)}

    def likelihood(laws):
        return sum(np.log(max(laws[tuple(row[:2])][row[2]], 1e-300)) for row in rows.tolist())

    assert likelihood(best) >= likelihood(rival) - 1e-9


def test_no_documents_at_all_answer_uniformly():
    model = CountModel.fit([], [], labels=4)
    assert model.samples == 0
    assert model.law(("any", 1)).tolist() == [0.25] * 4
    assert model.laws([1, 2]).tolist() == [[0.25] * 4] * 2
    assert model.laws([]).shape == (0, 4)
    assert CountModel.fit(np.zeros((0, 2), dtype=np.int64), np.zeros(0), labels=2).samples == 0


def test_the_table_cannot_be_changed_afterwards():
    model = CountModel.fit(["a"], [0], labels=2)
    with pytest.raises(ValueError, match="read-only"):
        model.table["a"][0] = 5.0
    with pytest.raises(TypeError):
        model.table["b"] = np.ones(2)


@pytest.mark.parametrize(
    ("contexts", "seen", "labels", "error", "message"),
    [
        (["a"], [2], 2, ValueError, r"seen runs from 2 to 2: labels lie in 0..1; raise labels"),
        (["a"], [-1], 2, ValueError, "labels lie in 0..1"),
        (["a"], [0.5], 2, TypeError, "seen has .* give integers"),
        (["a", "b"], [0], 2, ValueError, "contexts has 2 entries, seen 1: give one label per context"),
        (np.zeros(3), [0], 2, TypeError, r"contexts has shape \(3,\).* give integers of shape \(N, k\)"),
        (["a"], [0], 0, ValueError, "labels is 0: give an integer of at least 1"),
        (["a"], [0], 1.5, TypeError, "labels is 1.5"),
    ],
)
def test_bad_samples_are_refused(contexts, seen, labels, error, message):
    with pytest.raises(error, match=message):
        CountModel.fit(contexts, seen, labels=labels)


def test_bad_tables_and_counts_are_refused():
    with pytest.raises(ValueError, match=r"table\['a'\] .* give 2 counts"):
        CountModel(2, {"a": [1.0]})
    with pytest.raises(ValueError, match="at least 0"):
        CountModel(1, {"a": [-1.0]})
    with pytest.raises(ValueError, match="at least 1 label"):
        count_law(np.zeros((2, 0)))
    with pytest.raises(ValueError, match="negative, NaN or infinite: give numbers"):
        count_law([np.nan, 1.0])
