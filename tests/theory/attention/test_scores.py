import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tightbound.theory.attention.architecture import NORMALISERS
from tightbound.theory.attention.masks import visible
from tightbound.theory.attention.scores import attention_scores, proxy_scores

CAUSAL = visible(6)
PAIRS = [(name, some) for name, allowed in NORMALISERS.items() for some in allowed]


def by_definition(query, key, operation, normaliser, power):
    """The general form, with plain exponentials."""
    logits = query @ key.T / query.shape[1] ** 0.5

    def elu1(x):
        return np.where(x > 0, x + 1, np.exp(x))

    similarity = {
        "softmax": lambda: np.exp(logits),
        "sigmoid": lambda: 1 / (1 + np.exp(-logits)),
        "relu": lambda: np.maximum(logits, 0),
        "elu1": lambda: elu1(logits),
        "kernel_elu": lambda: elu1(query) @ elu1(key).T / query.shape[1] ** 0.5,
        "identity": lambda: logits,
        "mlp": lambda: np.tanh(query) @ np.tanh(key).T / query.shape[1] ** 0.5,
    }[operation]()
    similarity = np.where(CAUSAL, similarity, 0)
    sums = similarity.sum(axis=1, keepdims=True)
    if normaliser == "sum":
        return similarity / sums
    if normaliser == "max_abs":
        return similarity / np.maximum(np.abs(sums), 1)
    if normaliser == "power":
        return similarity / (similarity**power).sum(axis=1, keepdims=True) ** (1 / power)
    return similarity


@pytest.mark.parametrize(("operation", "normaliser"), PAIRS)
def test_every_operation_is_its_definition(operation, normaliser, rng):
    query, key = 2.0 * rng.normal(size=(2, 6, 4))
    found = attention_scores(
        query,
        key,
        operation=operation,
        normaliser=normaliser,
        power=2.0,
        visible=CAUSAL,
        kernel=np.tanh if operation == "mlp" else None,
    )
    np.testing.assert_allclose(found, by_definition(query, key, operation, normaliser, 2.0), atol=1e-14)
    assert np.all(found[~CAUSAL] == 0.0)


@given(st.sampled_from(["softmax", "sigmoid", "elu1", "kernel_elu"]), st.floats(0.1, 20.0))
def test_rows_sum_to_the_scale(operation, scale):
    query, key = np.random.default_rng(1).normal(size=(2, 6, 4))
    found = attention_scores(query, key, operation=operation, scale=scale, visible=CAUSAL)
    np.testing.assert_allclose(found.sum(axis=1), scale)


def test_large_logits_stay_finite():
    query, key = np.full((1, 1), 1e3), np.array([[1.0], [0.999], [-1.0]])
    np.testing.assert_allclose(attention_scores(query, key)[0, :2].sum(), 1.0)
    rows = attention_scores(-query, key, operation="sigmoid")  # all logits of the first two far below 0
    np.testing.assert_allclose(rows.sum(), 1.0)
    power = attention_scores(query, key, normaliser="power", power=2.0)
    np.testing.assert_allclose((power**2).sum(), 1.0)


def test_a_bias_adds_to_the_logits(rng):
    query, key, bias = rng.normal(size=(5, 3)), rng.normal(size=(4, 3)), rng.normal(size=(5, 4))
    expected = np.exp(query @ key.T / 3**0.5 + bias)
    found = attention_scores(query, key, bias=bias)
    np.testing.assert_allclose(found, expected / expected.sum(axis=1, keepdims=True))


def test_leading_axes_broadcast(rng):
    query, key = rng.normal(size=(2, 3, 5, 4)), rng.normal(size=(3, 6, 4))
    found = attention_scores(query, key)
    np.testing.assert_allclose(found[1, 2], attention_scores(query[1, 2], key[2]))


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"visible": np.eye(2, 3, dtype=bool) * False}, ValueError, "hides every column from row"),
        ({"visible": np.ones((2, 3))}, TypeError, "visible has dtype"),
        ({"normaliser": "none"}, ValueError, "softmax: sum/power"),
        ({"operation": "exp"}, ValueError, "operation is 'exp'"),
        ({"operation": "mlp", "normaliser": "none"}, ValueError, "needs one"),
        ({"kernel": np.tanh}, ValueError, "no other takes one"),
        ({"operation": "identity", "normaliser": "none", "bias": 1.0}, ValueError, "no logit to bias"),
        ({"scale": 0.0}, ValueError, "scale"),
        ({"normaliser": "power", "power": 0.0}, ValueError, "power"),
        ({"query": np.full((2, 4), np.nan)}, ValueError, "query has entries"),
        ({"query": np.ones((2, 3))}, ValueError, "same d"),
        ({"key": np.ones((0, 4))}, ValueError, "empty"),
        ({"query": np.full((2, 4), 1e200), "key": np.full((3, 4), 1e200)}, FloatingPointError, "overflow"),
        (
            {"query": np.full((2, 4), -800.0), "key": np.ones((3, 4)), "operation": "kernel_elu"},
            FloatingPointError,
            "underflow",
        ),
    ],
)
def test_bad_input(options, error, words):
    arguments = {"query": np.ones((2, 4)), "key": np.ones((3, 4))} | options
    with pytest.raises(error, match=words):
        attention_scores(arguments.pop("query"), arguments.pop("key"), **arguments)


def test_the_proxy_turns_almost_nothing_into_a_sink():
    scores = np.full((4, 4), 1e-30)
    scores[:, 0] = 1e-6
    assert np.all(proxy_scores(scores)[:, 0] > 0.98)
    with pytest.raises(FloatingPointError, match="NaN"):
        proxy_scores([[np.nan, 1.0]])


@given(st.lists(st.floats(-10, 10), min_size=3, max_size=3))
def test_proxy_rows_sum_to_at_most_one(row):
    found = proxy_scores([row])
    assert np.all(found >= 0.0)
    assert found.sum() <= 1.0 + 1e-12
