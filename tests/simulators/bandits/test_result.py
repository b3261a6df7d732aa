import numpy as np
import pytest

from tightbound.simulators import bandits as b


def result_of(regret):
    shape = regret.shape
    zeros = np.zeros(shape, dtype=np.int64)
    return b.RegretResult(
        tokens=np.arange(1, shape[1] + 1),
        pulls=zeros[..., np.newaxis],
        stopping_time=zeros,
        overshoot=zeros,
        regret=regret,
        best_stopping_time=np.zeros(shape[1]),
    )


def test_the_t_interval_has_its_coverage():
    rng = np.random.default_rng(1)
    hits = 0
    for _ in range(2000):
        low, high = result_of(rng.normal(3.0, 2.0, size=(8, 1))).interval(0.9)
        hits += bool(low[0] <= 3.0 <= high[0])
    assert abs(hits / 2000 - 0.9) < 5 * np.sqrt(0.09 / 2000)


def test_the_bootstrap_brackets_a_mixture():
    rng = np.random.default_rng(1)
    mixture = np.where(rng.random((4000, 2)) < 0.1, 100.0, 0.0)
    low, high = result_of(mixture).interval(0.99, method="bootstrap")
    assert np.all((low < 10.0) & (high > 10.0))
    assert np.all(high - low < 5.0)


def test_value_and_standard_error():
    result = result_of(np.array([[1.0], [3.0]]))
    assert (result.value[0], result.standard_error[0]) == (2.0, 1.0)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda r: r.interval(1.0), ["level"]),
        (lambda r: r.interval(0.9, method="normal"), ["method", "'t' or 'bootstrap'"]),
    ],
)
def test_bad_input_is_named_with_its_remedy(call, words):
    with pytest.raises(ValueError) as caught:  # noqa: PT011
        call(result_of(np.zeros((3, 1))))
    for word in words:
        assert word in str(caught.value)


def test_a_single_replication_has_no_standard_error():
    with pytest.raises(ValueError, match=r"replications is 1.*at least 2"):
        _ = result_of(np.zeros((1, 1))).standard_error
