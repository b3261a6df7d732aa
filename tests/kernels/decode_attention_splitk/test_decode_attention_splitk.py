import ml_dtypes
import numba
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tightbound.kernels import _kernel_attention
from tightbound.kernels.decode_attention_splitk import bytes_read, decode_attention_splitk, flops
from tightbound.kernels.merge_states import merge_states

BACKENDS = ("numpy", "numba")
TOLERANCE = {"numpy": 1e-13, "numba": 2e-6}
LOG_TOLERANCE = {"numpy": 1e-13, "numba": 5e-6}


def dense(q, k, v, length, scale):
    """Softmax attention of one request, head by head."""
    o, lse = np.zeros(q.shape), np.full(q.shape[:2], -np.inf)
    for m, h in np.ndindex(*q.shape[:2]) if length else ():
        key_head = h // (q.shape[1] // k.shape[1])
        logits = scale * k[:length, key_head] @ q[m, h]
        weights = np.exp(logits - logits.max())
        o[m, h] = weights @ v[:length, key_head] / weights.sum()
        lse[m, h] = logits.max() + np.log(weights.sum())
    return o, lse


def case(rng, batch=2, rows=3, heads=4, kv_heads=2, keys=150, dim=24, dtype=np.float32):
    q = rng.standard_normal((batch, rows, heads, dim)).astype(dtype)
    k = rng.standard_normal((batch, keys, kv_heads, dim)).astype(dtype)
    return q, k, rng.standard_normal(k.shape).astype(dtype)


def whole(*arguments, backend, **keywords):
    return merge_states(*decode_attention_splitk(*arguments, backend=backend, **keywords), backend=backend)


def same(found, expected, backend, factor=1.0):
    np.testing.assert_allclose(found[0], expected[0], rtol=0, atol=factor * TOLERANCE[backend])
    np.testing.assert_allclose(found[1], expected[1], rtol=0, atol=factor * LOG_TOLERANCE[backend])


@pytest.mark.parametrize("backend", BACKENDS)
@settings(max_examples=15)
@given(data=st.data())
def test_merged_splits_are_dense_attention(backend, data):
    draw = data.draw
    rng = np.random.default_rng(draw(st.integers(0, 10**6)))
    kv_heads, group = draw(st.sampled_from([1, 2])), draw(st.sampled_from([1, 3]))
    keys, batch = draw(st.sampled_from([0, 1, 7, 64, 300])), draw(st.sampled_from([1, 3]))
    rows, dim = draw(st.sampled_from([1, 5])), draw(st.sampled_from([1, 16, 20, 64]))
    dtype = draw(st.sampled_from([np.float16, np.float32]))
    q, k, v = case(rng, batch, rows, group * kv_heads, kv_heads, keys, dim, dtype)
    lengths, splits = rng.integers(0, keys + 1, batch), draw(st.sampled_from([None, 1, 2, 9]))
    found = whole(q, k, v, lengths, num_splits=splits, backend=backend)
    for b in range(batch):
        exact = (x[b].astype(float) for x in (q, k, v))
        same((found[0][b], found[1][b]), dense(*exact, lengths[b], dim**-0.5), backend)


@pytest.mark.parametrize(("keys", "rows", "dim"), [(1, 1, 16), (7, 5, 32), (300, 5, 64), (300, 69, 128)])
def test_merging_is_exact_for_logits_up_to_30(keys, rows, dim, rng):
    q, k, v = case(rng, 1, rows, 2, 1, keys, dim, np.float64)
    scale = 30.0 / max(np.abs(np.einsum("mhd,nd->mhn", q[0], k[0, :, 0])).max(), 1.0)
    exact = dense(q[0], k[0], v[0], keys, scale)
    for splits in (1, 4):
        found = whole(q, k, v, sm_scale=scale, num_splits=splits, backend="numpy")
        same((found[0][0], found[1][0]), exact, "numpy")


def test_compiled_splits_are_those_of_the_definition(rng):
    arguments = (*case(rng), np.array([150, 70]))
    expected = decode_attention_splitk(*arguments, num_splits=4, backend="numpy")
    found = decode_attention_splitk(*arguments, num_splits=4, backend="numba")
    assert found[0].dtype == found[1].dtype == np.float32
    same(found, expected, "numba")
    np.testing.assert_array_equal(np.isneginf(found[1][:, 1, 0, 0]), [False, False, True, True])
    assert np.all(found[0][2:, 1] == 0.0)


@pytest.mark.parametrize("dim", [24, 32])  # copied, and read in place
def test_the_number_of_splits_and_of_threads_changes_nothing(dim, rng):
    q, k, v = case(rng, batch=1, keys=2000, dim=dim)
    one = whole(q, k, v, num_splits=1, backend="numba")
    for splits in (2, 5, 32):
        same(whole(q, k, v, num_splits=splits, backend="numba"), one, "numba")
    before = numba.get_num_threads()
    states = []
    for threads in (1, before):
        numba.set_num_threads(threads)
        states.append(decode_attention_splitk(q, k, v, backend="numba"))
    np.testing.assert_array_equal(states[0][0], states[1][0])
    np.testing.assert_array_equal(states[0][1], states[1][1])


@pytest.mark.parametrize("backend", BACKENDS)
def test_order_of_keys_and_a_common_shift_of_logits(backend, rng):
    q, k, v = case(rng)
    plain, order = whole(q, k, v, backend=backend), rng.permutation(150)
    same(whole(q, k[:, order], v[:, order], backend=backend), plain, backend)
    moved = whole(q, k + np.float32(1.0), v, backend=backend)
    shift = q.astype(float).sum(axis=-1) / np.sqrt(24)
    # k + 1 is itself rounded to float32
    np.testing.assert_allclose(moved[0], plain[0], rtol=0, atol=3e-6)
    np.testing.assert_allclose(moved[1], plain[1] + shift, rtol=0, atol=1e-5)


@pytest.mark.parametrize("dim", [24, 32])
def test_any_layout_is_read_in_place(dim, rng):
    q, k, v = case(rng, keys=200, dim=dim)
    plain = decode_attention_splitk(q, k, v, backend="numba")
    by_head = (np.ascontiguousarray(x.swapaxes(1, 2)).swapaxes(1, 2) for x in (k, v))
    both = np.stack([k, v], axis=2)
    for keys, values in (by_head, (both[:, :, 0], both[:, :, 1]), (np.asfortranarray(k), v)):
        found = decode_attention_splitk(q, keys, values, backend="numba")
        np.testing.assert_array_equal(found[0], plain[0])
    longer = np.concatenate([k, np.full_like(k, np.nan)], axis=1)
    found = decode_attention_splitk(q, longer, longer, np.array([200, 200]), num_splits=1, backend="numba")
    expected = decode_attention_splitk(q, k, k, num_splits=1, backend="numba")
    np.testing.assert_array_equal(found[0], expected[0])


def test_inputs_stay_as_they_are(rng):
    inputs = case(rng)
    before = [x.copy() for x in inputs]
    for backend in BACKENDS:
        for x in inputs:
            x.setflags(write=backend == "numpy")
        decode_attention_splitk(*inputs, backend=backend)
    for x, y in zip(inputs, before, strict=True):
        np.testing.assert_array_equal(x, y)


@pytest.mark.parametrize("dim", [24, 32])
@pytest.mark.parametrize("backend", BACKENDS)
def test_bfloat16_in_either_storage(backend, dim, rng):
    q, k, v = (x.astype(ml_dtypes.bfloat16) for x in case(rng, dim=dim))
    expected = whole(*(x.astype(np.float64) for x in (q, k, v)), backend="numpy")
    same(whole(q, k, v, backend=backend), expected, backend)
    stored = (x.view(np.uint16) for x in (q, k, v))
    same(whole(*stored, storage="bfloat16", backend=backend), expected, backend)


def test_float16_is_decoded_exactly_with_and_without_help_of_the_processor():
    halves = np.arange(2**16, dtype=np.uint16)
    expected = halves.view(np.float16).astype(np.float32)

    @numba.njit
    def decode(out, halves):
        for i in range(out.size):
            out[i] = _kernel_attention._float_of_half_bits(halves[i])

    @numba.njit
    def read(out, halves):
        _kernel_attention._read(out, halves, 0, out.size)

    for function in (decode, read):
        out = np.empty(2**16, dtype=np.float32)
        function(out, halves)
        np.testing.assert_array_equal(out, expected)


def test_powers_of_two_are_within_two_units_in_the_last_place(rng):
    x = np.concatenate([-rng.uniform(0, 126, 20_000), np.arange(-126.0, 1.0)]).astype(np.float32)
    exact = np.exp2(x.astype(float))
    found = np.array([_kernel_attention._exp2(value) for value in x])
    assert np.max(np.abs(found / exact - 1.0)) < 2 * np.finfo(np.float32).eps
    assert _kernel_attention._exp2(np.float32(-np.inf)) == 0.0
    assert np.isnan(_kernel_attention._exp2(np.float32(np.nan)))


def test_the_highest_of_a_row_is_found_by_its_bits(rng):
    highest = _kernel_attention._highest
    for row in (rng.standard_normal((50, 37)).astype(np.float32), -rng.random((50, 37), dtype=np.float32)):
        np.testing.assert_array_equal([highest(x, 20) for x in row], row[:, :20].max(axis=1))
    row = np.array([-np.inf, -3.0, -0.0, -7.0, 5.0], dtype=np.float32)
    assert [highest(row, n) for n in range(6)] == [-np.inf, -np.inf, -3.0, 0.0, 0.0, 5.0]


@pytest.mark.parametrize("backend", BACKENDS)
def test_bad_input(backend, rng):
    q, k, v = case(rng)

    def refused(error, message, *arguments, **keywords):
        with pytest.raises(error, match=message):
            decode_attention_splitk(*arguments, backend=backend, **keywords)

    refused(ValueError, "q has shape .* four axes", q[0], k, v)
    refused(ValueError, "k has shape .* and v has", q, k, v[:, :-1])
    refused(ValueError, r"first axes \(requests\)", q[:1], k, v)
    refused(ValueError, r"last axes \(head size\)", q[..., :-1], k, v)
    refused(ValueError, "q has 3 heads and k has 2", q[:, :, :3], k, v)
    refused(ValueError, "only N may be 0", q[:, :0], k, v)
    refused(ValueError, "kv_len contains 151: give integers from 0 to 150", q, k, v, np.array([151, 0]))
    refused(ValueError, "kv_len contains -1", q, k, v, np.array([-1, 0]))
    refused(ValueError, r"kv_len has shape \(1,\)", q, k, v, np.array([3]))
    refused(TypeError, "kv_len has dtype float64", q, k, v, np.array([3.0, 4.0]))
    refused(ValueError, "sm_scale is 0.0", q, k, v, sm_scale=0.0)
    refused(ValueError, "num_splits is 0", q, k, v, num_splits=0)
    refused(TypeError, "q is a list", [[1.0]], k, v)
    refused(TypeError, "k has dtype int64", q, k.astype(int), v)
    refused(TypeError, "uint16: say storage='bfloat16'", q, k.astype(np.uint16), v)
    refused(ValueError, "storage is 'fp8'", q, k, v, storage="fp8")
    refused(ValueError, "NaN, infinite or too large", q, np.full_like(k, np.nan), v)
    refused(ValueError, "NaN, infinite or too large", q, k, np.full_like(v, np.inf))


@pytest.mark.parametrize("sign", [1.0, -1.0])
@pytest.mark.parametrize("dim", [24, 32])
def test_one_number_that_is_none_is_found(dim, sign, rng):
    q, k, v = case(rng, batch=1, dim=dim)
    for which, bad in ((k, np.nan), (v, np.nan), (v, np.inf)):
        kept, which[0, 70, 1, 3] = which[0, 70, 1, 3].copy(), np.copysign(bad, sign)
        with pytest.raises(ValueError, match="NaN, infinite or too large"):
            decode_attention_splitk(q, k, v, backend="numba")
        which[0, 70, 1, 3] = kept


def test_keys_and_values_have_one_dtype(rng):
    q, k, v = case(rng)
    with pytest.raises(TypeError, match="different dtypes"):
        decode_attention_splitk(q, k, v.astype(np.float16), backend="numba")


def test_bytes_are_those_of_the_keys_that_are_read_and_flops_those_of_two_products(rng):
    _, k, v = case(rng, dtype=np.float16)
    read = k[0, :150].nbytes + v[0, :150].nbytes + k[1, :7].nbytes + v[1, :7].nbytes
    assert bytes_read(lengths=[150, 7], kv_heads=2, dim=24, itemsize=2) == read
    assert flops(lengths=[150, 7], rows=3, heads=4, dim=24) == 2 * (2 * 157 * 24) * 3 * 4


def test_triton_in_the_interpreter(interpreter):
    assert interpreter == ""


def test_triton_uses_tensor_cores_where_promised(ahead_of_time):
    assert {row["capability"] for row in ahead_of_time} == {80, 90}
    for row in ahead_of_time:
        half = "fp32" not in row["name"]
        hopper = row["capability"] == 90 and "BLOCK_M=64" in row["name"]
        assert row["wgmma"] == (half and hopper), row
        assert row["mma"] == (half and not hopper), row
        assert row["capability"] == 90 or row["shared"] <= 166_912, row  # what an A100 has


def test_what_was_added_up_stays_where_the_maximum_stays(ahead_of_time):
    # a maximum scaled in every block is a product less its rounding: 7e-6 in lse after 8192 keys
    assert all(row["rescaled"] for row in ahead_of_time)
