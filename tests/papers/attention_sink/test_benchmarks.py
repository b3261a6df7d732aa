"""The benchmark of a training runs, and its count of operations is that of the products."""

import pytest

from tightbound.papers.attention_sink import benchmarks


def test_products_of_a_step_are_counted_one_by_one():
    rows, batch, length, width, tokens = 1024, 32, 32, 64, 33
    forward = [(rows, width, 3 * width), (rows, width, width), (rows, width, tokens)]
    forward += [(batch * length, width, length), (batch * length, length, width)]
    count = sum(3 * 2 * m * k * n for m, k, n in forward)  # each product has two derivatives
    count += 2 * 2 * rows * tokens * width  # what is looked up has one
    assert benchmarks.products_per_step() == pytest.approx(count)


def test_names_are_unique():
    assert [entry.name for entry in benchmarks.BENCHMARKS] == ["attention-training", "attention-peers"]
