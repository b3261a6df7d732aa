import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tightbound.kernels.merge_states import bytes_read, merge_state, merge_states

BACKENDS = ("numpy", "numba")
TOLERANCE = {"numpy": 1e-13, "numba": 2e-6}


def states(logits, values, cuts):
    """The state of every part of the keys, and that of all keys, written plainly."""
    parts = []
    for part, value in zip(np.split(logits, cuts), np.split(values, cuts), strict=True):
        if len(part) == 0:
            parts.append((np.zeros(values.shape[1]), -np.inf))
            continue
        weights = np.exp(part - part.max())
        parts.append((weights @ value / weights.sum(), part.max() + np.log(weights.sum())))
    o, lse = zip(*parts, strict=True)
    return np.array(o)[:, None], np.array(lse)[:, None]


@pytest.mark.parametrize("backend", BACKENDS)
@settings(max_examples=15)
@given(data=st.data())
def test_merging_any_parts_gives_softmax_over_all_keys(backend, data):
    rng = np.random.default_rng(data.draw(st.integers(0, 10**6)))
    keys = data.draw(st.integers(1, 40))
    spread = data.draw(st.sampled_from([1.0, 30.0]))
    cuts = np.sort(rng.integers(0, keys + 1, size=data.draw(st.integers(0, 6))))
    logits, values = spread * rng.uniform(-1, 1, keys), rng.standard_normal((keys, 5))
    whole, total = states(logits, values, [])
    o, lse = merge_states(*states(logits, values, cuts), backend=backend)
    np.testing.assert_allclose(o, whole[0], rtol=0, atol=TOLERANCE[backend])
    np.testing.assert_allclose(lse, total[0], rtol=0, atol=5e-6 if backend == "numba" else 1e-13)


def test_the_plain_mean_and_logs_of_base_two_fail_the_same_comparison(rng):
    logits, values = 3 * rng.standard_normal(40), rng.standard_normal((40, 5))
    whole, _ = states(logits, values, [])
    o, lse = states(logits, values, [13])
    assert np.abs(o.mean(axis=0) - whole[0]).max() > 1e-2
    assert np.abs(merge_states(o, lse / np.log(2.0), backend="numpy")[0] - whole[0]).max() > 1e-2


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_part_without_keys_weighs_nothing_whatever_its_output(backend, rng):
    o, lse = rng.standard_normal((3, 2, 4, 6)).astype(np.float32), rng.standard_normal((3, 2, 4))
    lse[1] = -np.inf
    o[1] = np.nan
    merged, total = merge_states(o, lse, backend=backend)
    expected, expected_total = merge_states(o[[0, 2]], lse[[0, 2]], backend=backend)
    np.testing.assert_array_equal(merged, expected)
    np.testing.assert_array_equal(total, expected_total)
    empty, nothing = merge_states(o, np.full((3, 2, 4), -np.inf), backend=backend)
    assert np.all(empty == 0.0)
    assert np.all(np.isneginf(nothing))


@pytest.mark.parametrize("backend", BACKENDS)
def test_merging_commutes_associates_and_keeps_a_single_part(backend, rng):
    o, lse = rng.standard_normal((3, 7, 5)), 20 * rng.standard_normal((3, 7))

    def merge(a, b):
        return merge_state(*a, *b, backend=backend)

    a, b, c = zip(o, lse, strict=True)
    for left, right in ((merge(a, b), merge(b, a)), (merge(merge(a, b), c), merge(a, merge(b, c)))):
        np.testing.assert_allclose(left[0], right[0], rtol=0, atol=TOLERANCE[backend])
        np.testing.assert_allclose(left[1], right[1], rtol=0, atol=TOLERANCE[backend] * 10)
    alone = merge_states(o[:1], lse[:1], backend=backend)
    np.testing.assert_allclose(alone[0], o[0], rtol=1e-6)
    np.testing.assert_allclose(merge_states(o, lse, backend=backend)[0], merge(a, merge(b, c))[0], atol=1e-6)


def test_a_common_shift_moves_the_log_and_nothing_else(rng):
    o, lse = rng.standard_normal((4, 3, 5)), rng.standard_normal((4, 3))
    plain, shifted = merge_states(o, lse, backend="numpy"), merge_states(o, lse + 1000.0, backend="numpy")
    np.testing.assert_allclose(shifted[0], plain[0], rtol=0, atol=1e-12)
    np.testing.assert_allclose(shifted[1] - 1000.0, plain[1], rtol=0, atol=1e-12)


def test_inputs_stay_as_they_are(rng):
    o, lse = rng.standard_normal((4, 3, 5)), rng.standard_normal((4, 3))
    before = o.copy(), lse.copy()
    for backend in BACKENDS:
        merge_states(o, lse, backend=backend)
    np.testing.assert_array_equal(o, before[0])
    np.testing.assert_array_equal(lse, before[1])


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(
    ("o", "lse", "error", "message"),
    [
        (np.zeros((2, 3, 4)), np.zeros((2, 4)), ValueError, r"must be \(S, ..., D\) and \(S, ...\)"),
        (np.zeros((0, 3, 4)), np.zeros((0, 3)), ValueError, "o has no part"),
        (np.zeros((2, 3, 4)), np.full((2, 3), np.nan), ValueError, "lse has entries that are NaN"),
        (np.zeros((2, 3, 4)), np.full((2, 3), np.inf), ValueError, r"NaN or \+inf"),
        (np.full((2, 3, 4), np.nan), np.zeros((2, 3)), ValueError, "o has entries that are NaN"),
        (np.zeros((2, 3, 4), dtype=int), np.zeros((2, 3)), TypeError, "o has dtype int64"),
        ([[1.0]], np.zeros(1), TypeError, "o is a list"),
    ],
)
def test_bad_input(backend, o, lse, error, message):
    with pytest.raises(error, match=message):
        merge_states(o, lse, backend=backend)


def test_two_states_must_have_one_shape():
    with pytest.raises(ValueError, match="must have one shape"):
        merge_state(np.zeros((1, 2)), np.zeros(1), np.zeros((1, 3)), np.zeros(1))


def test_no_rows_are_no_rows():
    for backend in BACKENDS:
        o, lse = merge_states(np.zeros((2, 0, 4)), np.zeros((2, 0)), backend=backend)
        assert o.shape == (0, 4)
        assert lse.shape == (0,)


def test_bytes():
    assert (
        bytes_read(parts=2, rows=3, dim=5) == np.zeros((2, 3, 5), "f4").nbytes + np.zeros((2, 3), "f4").nbytes
    )


def test_triton_in_the_interpreter(interpreter):
    assert interpreter == ""


def test_triton_compiles_and_fits(ahead_of_time):
    assert {row["capability"] for row in ahead_of_time} == {80, 90}
