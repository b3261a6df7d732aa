import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tightbound.verification.holm import adjusted_p_values, holm

families = st.dictionaries(st.text("abcdefgh", min_size=1), st.floats(0.0, 1.0), max_size=8)


def test_steps_down_from_the_smallest():
    p_values = {"a": 0.04, "b": 0.001, "c": 0.02, "d": 0.03}
    assert adjusted_p_values(p_values) == pytest.approx({"a": 0.06, "b": 0.004, "c": 0.06, "d": 0.06})
    assert holm(p_values, 0.05) == {"a": False, "b": True, "c": False, "d": False}


def test_missing_members_count():
    assert holm({"a": 0.02}, 0.05) == {"a": True}
    assert holm({"a": 0.02}, 0.05, family=3) == {"a": False}
    assert holm({"a": 0.01, "b": 0.02}, 0.05, family=3) == {"a": True, "b": True}
    assert holm({}, 0.05, family=3) == {}


@settings(deadline=None, derandomize=True, max_examples=50)
@given(families, st.integers(0, 5), st.floats(0.001, 0.5))
def test_agrees_with_the_sequential_rule(p_values, missing, level):
    size = len(p_values) + missing
    expected, rejecting = {}, True
    for step, name in enumerate(sorted(p_values, key=p_values.get)):
        rejecting = rejecting and (size - step) * p_values[name] <= level
        expected[name] = rejecting
    assert holm(p_values, level, size) == expected


@settings(deadline=None, derandomize=True, max_examples=50)
@given(families, st.integers(0, 5))
def test_adjustment_only_raises_and_a_larger_family_never_rejects_more(p_values, missing):
    plain, larger = adjusted_p_values(p_values), adjusted_p_values(p_values, len(p_values) + missing)
    assert list(plain) == list(p_values)
    for name, p in p_values.items():
        assert p <= plain[name] <= larger[name] <= 1.0


def test_missing_members_with_p_one_change_nothing():
    known = {"a": 0.004, "b": 0.02}
    complete = adjusted_p_values({**known, "c": 1.0, "d": 1.0})
    assert adjusted_p_values(known, family=4) == {name: complete[name] for name in known}


@pytest.mark.parametrize("correlation", [0.0, 0.9])
def test_any_false_rejection_stays_at_the_level(correlation, rng):
    """Ten true claims, dependent or not."""
    from scipy.special import ndtr

    n = 4000
    shared, own = rng.normal(size=(n, 1)), rng.normal(size=(n, 10))
    p_values = ndtr(np.sqrt(correlation) * shared + np.sqrt(1 - correlation) * own)
    wrong = np.mean([any(holm(dict(enumerate(row)), 0.05).values()) for row in p_values])
    assert wrong <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / n)


def test_true_claims_are_protected_beside_false_ones(rng):
    """Five false claims at once raise the threshold for the five true ones and still keep the level."""
    n = 4000
    p_values = rng.uniform(size=(n, 5))
    wrong = np.mean(
        [
            any(holm({**dict.fromkeys("vwxyz", 0.0), **dict(enumerate(row))}, 0.05)[i] for i in range(5))
            for row in p_values
        ]
    )
    assert wrong <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / n)


@pytest.mark.parametrize("p", [-0.1, 1.1, float("nan")])
def test_bad_p_values(p):
    with pytest.raises(ValueError, match=r"the p-value of BS-1 is .*give a number from 0 to 1"):
        holm({"BS-1": p}, 0.05)


def test_bad_family_and_level():
    with pytest.raises(ValueError, match="family is 1 but 2 p-values were given: count every member"):
        holm({"a": 0.1, "b": 0.2}, 0.05, family=1)
    for level in (0.0, 1.0, float("nan")):
        with pytest.raises(ValueError, match=r"level is .*give a number strictly between 0 and 1"):
            holm({"a": 0.1}, level)
