import itertools
import re

import numpy as np
import pytest

from tightbound.theory.speculative.tables import PrefixTables, all_texts, total_variation


def test_joint_law_is_the_product_along_each_text(pair):
    model, _ = pair(3, 3, 2)
    joint = model.joint(3)
    assert joint.sum() == pytest.approx(1.0)
    for text in itertools.product(range(3), repeat=3):
        assert joint[text] == pytest.approx(np.prod([model.after(text[:i])[text[i]] for i in range(3)]))


def test_rows_along_texts_are_the_laws_after_their_prefixes(pair):
    model, _ = pair(4, 3, 2)
    texts = all_texts(3, 2)
    rows = model.along(texts, 3)
    assert rows.shape == (9, 3, 3)
    for text, row in zip(texts, rows, strict=True):
        for i in range(3):
            assert row[i].tolist() == model.after(tuple(text[:i])).tolist()


def test_temperatures():
    model = PrefixTables([[0.2, 0.4, 0.4]])
    assert model.greedy().rows[0].tolist() == [0.0, 1.0, 0.0]
    assert model.tempered(1.0).rows[0] == pytest.approx([0.2, 0.4, 0.4])
    assert model.tempered(0.5).rows[0] == pytest.approx(np.array([1.0, 4.0, 4.0]) / 9.0)
    assert model.tempered(1e-4).rows[0] == pytest.approx([0.0, 0.5, 0.5])


def test_the_input_is_neither_shared_nor_frozen():
    law = np.array([0.5, 0.5])
    model = PrefixTables([law])
    law[:] = [1.0, 0.0]
    assert model.rows[0].tolist() == [0.5, 0.5]
    with pytest.raises(ValueError, match="read-only"):
        model.rows[0][0] = 1.0


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: PrefixTables([]), ("rows is empty",)),
        (lambda: PrefixTables([[0.5, 0.4]]), ("rows[0]", "sums to 0.9")),
        (lambda: PrefixTables([[0.5, float("nan")]]), ("rows[0]", "NaN")),
        (lambda: PrefixTables([[-0.5, 1.5]]), ("rows[0]", "must not be negative")),
        (lambda: PrefixTables([[0.5, 0.5], [0.5, 0.5]]), ("rows[1]", "(2, 2)")),
        (lambda: PrefixTables.independent([[0.5, 0.5]], 2), ("law", "(V,)")),
        (lambda: PrefixTables.independent(np.full(100, 0.01), 5), ("smaller vocabulary",)),
        (lambda: PrefixTables([[0.5, 0.5]]).joint(2), ("more tables",)),
        (lambda: PrefixTables([[0.5, 0.5]]).tempered(0.0), ("temperature", "greedy()")),
        (lambda: PrefixTables([[0.5, 0.5]] * 1).along([[]], 2), ("more tables",)),
        (lambda: total_variation([0.5, 0.5], [1.0]), ("first", "one shape")),
    ],
)
def test_bad_input_names_argument_and_remedy(call, words):
    with pytest.raises(ValueError, match=re.escape(words[0])) as caught:
        call()
    assert all(word in str(caught.value) for word in words)


def test_tokens_outside_the_vocabulary_are_refused(pair):
    model, _ = pair(0, 3, 1)
    with pytest.raises(IndexError, match="from 0 to 2"):
        model.along([[3]], 2)
