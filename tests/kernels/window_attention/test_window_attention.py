import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tightbound.kernels.window_attention import bytes_read, flops, ring_slots, window_attention

BACKENDS = ("numpy", "numba")
TOLERANCE = {"numpy": 1e-13, "numba": 2e-6}
LOG_TOLERANCE = {"numpy": 1e-13, "numba": 5e-6}


def on_the_history(q, k, v, window, sinks):
    """Windowed attention of the last rows over all keys, row by row."""
    o, lse = np.zeros(q.shape), np.zeros(q.shape[:2])
    for m, h in np.ndindex(*q.shape[:2]):
        now = len(k) - len(q) + m
        kept = [n for n in range(now + 1) if now - n < window or n < sinks]
        key_head = h // (q.shape[1] // k.shape[1])
        logits = k[kept, key_head].astype(float) @ q[m, h].astype(float) / np.sqrt(q.shape[2])
        weights = np.exp(logits - logits.max())
        o[m, h] = weights @ v[kept, key_head].astype(float) / weights.sum()
        lse[m, h] = logits.max() + np.log(weights.sum())
    return o, lse


def ring_of(history, slots, sinks):
    """The ring after all tokens were written one by one; what was never written is NaN."""
    ring = np.full((slots, *history.shape[1:]), np.nan, dtype=history.dtype)
    for n, row in enumerate(history):
        ring[ring_slots(n, slots, sinks=sinks)] = row
    return ring


def case(rng, lengths, slots, sinks=0, rows=1, heads=4, kv_heads=2, dim=16, dtype=np.float32):
    q = rng.standard_normal((len(lengths), rows, heads, dim)).astype(dtype)
    k, v = ([rng.standard_normal((n, kv_heads, dim)).astype(dtype) for n in lengths] for _ in range(2))
    rings = (np.stack([ring_of(x, slots, sinks) for x in histories]) for histories in (k, v))
    return q, k, v, *rings


@pytest.mark.parametrize("backend", BACKENDS)
@settings(max_examples=15)
@given(
    slots=st.sampled_from([8, 70, 133]),
    sinks=st.sampled_from([0, 1, 4]),
    rows=st.sampled_from([1, 4]),
    narrow=st.booleans(),
    dtype=st.sampled_from([np.float16, np.float32]),
    seed=st.integers(0, 10**6),
)
def test_the_ring_gives_what_the_history_gives(backend, slots, sinks, rows, narrow, dtype, seed):
    rng = np.random.default_rng(seed)
    lengths = [rows, int(rng.integers(rows, 3 * slots)), slots, slots + 1]
    q, k, v, k_ring, v_ring = case(rng, lengths, slots, sinks, rows, dtype=dtype)
    window = 1 if narrow else slots - sinks - rows + 1
    o, lse = window_attention(
        q, k_ring, v_ring, np.array(lengths), window=window, sinks=sinks, backend=backend
    )
    rounding = 1e-3 if o.dtype == np.float16 else TOLERANCE[backend]
    for b in range(len(lengths)):
        expected = on_the_history(q[b], k[b], v[b], window, sinks)
        np.testing.assert_allclose(o[b], expected[0], rtol=rounding, atol=rounding)
        np.testing.assert_allclose(lse[b], expected[1], rtol=0, atol=LOG_TOLERANCE[backend])


def test_the_largest_window_is_the_default_and_one_more_is_refused(rng):
    q, k, v, k_ring, v_ring = case(rng, [50], slots=20, sinks=2, rows=3)
    expected = on_the_history(q[0], k[0], v[0], 16, 2)
    found = window_attention(q, k_ring, v_ring, np.array([50]), sinks=2, backend="numpy")
    np.testing.assert_allclose(found[0][0], expected[0], rtol=0, atol=1e-13)
    with pytest.raises(ValueError, match="holds 16 positions for the first of 3 rows"):
        window_attention(q, k_ring, v_ring, np.array([50]), window=17, sinks=2)


def test_a_window_that_is_off_by_one_fails_the_same_comparison(rng):
    q, k, v, k_ring, v_ring = case(rng, [50], slots=20)
    expected = on_the_history(q[0], k[0], v[0], 11, 0)
    found = window_attention(q, k_ring, v_ring, np.array([50]), window=10, backend="numpy")
    assert np.abs(found[0][0] - expected[0]).max() > 1e-2


def test_bytes_are_those_of_the_written_slots_and_stop_growing():
    k_ring = np.empty((1, 20, 2, 16), dtype=np.float16)
    counted = [
        bytes_read(positions=[length], slots=20, kv_heads=2, dim=16, itemsize=2)
        for length in (5, 20, 1000, 64_000)
    ]
    assert counted == [2 * k_ring[:, :5].nbytes, *[2 * k_ring.nbytes] * 3]
    assert flops(positions=[5], slots=20, rows=3, heads=4, dim=16) == 2 * (2 * 5 * 16) * 3 * 4


def test_slots_cycle_behind_the_sinks():
    np.testing.assert_array_equal(ring_slots(np.arange(10), 6, sinks=3), [0, 1, 2, 3, 4, 5, 3, 4, 5, 3])
    assert [ring_slots(n, 3) for n in range(5)] == [0, 1, 2, 0, 1]
    with pytest.raises(ValueError, match="sinks is 3: it must be below the number of slots, 3"):
        ring_slots(0, 3, sinks=3)


def test_inputs_stay_as_they_are(rng):
    q, _, _, k_ring, v_ring = case(rng, [30], slots=20)
    before = [x.copy() for x in (q, k_ring, v_ring)]
    for backend in BACKENDS:
        window_attention(q, k_ring, v_ring, np.array([30]), backend=backend)
    for x, y in zip((q, k_ring, v_ring), before, strict=True):
        np.testing.assert_array_equal(x, y)


@pytest.mark.parametrize("backend", BACKENDS)
def test_bad_input(backend, rng):
    q, _, _, k_ring, v_ring = case(rng, [30, 40], slots=20, rows=2)
    written = np.array([30, 40])
    for error, message, position, extra in (
        (ValueError, "window is 0", written, {"window": 0}),
        (ValueError, "sinks is -1", written, {"sinks": -1}),
        (ValueError, "20 slots for 19 sinks and 2 rows: it needs 1 more", written, {"sinks": 19}),
        (ValueError, "ring_pos contains 1: it counts the 2 rows of q", np.array([1, 5]), {}),
        (ValueError, r"ring_pos has shape \(1,\)", np.array([5]), {}),
        (TypeError, "ring_pos is None", None, {}),
        (TypeError, "ring_pos has dtype float64", np.array([5.0, 5.0]), {}),
    ):
        with pytest.raises(error, match=message):
            window_attention(q, k_ring, v_ring, position, backend=backend, **extra)
    with pytest.raises(ValueError, match="NaN, infinite or too large"):
        window_attention(q, k_ring * np.nan, v_ring, written, backend=backend)


def test_triton_in_the_interpreter(interpreter):
    assert interpreter == ""


def test_triton_compiles_and_fits(ahead_of_time):
    for row in ahead_of_time:
        half, hopper = "fp32" not in row["name"], row["capability"] == 90 and "BLOCK_M=64" in row["name"]
        assert row["wgmma"] == (half and hopper), row
        assert row["mma"] == (half and not hopper), row
