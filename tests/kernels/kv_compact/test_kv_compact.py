"""Compaction of a cache: gathers as a second way, in place, every dtype and backend."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tightbound.kernels.kv_compact import kv_compact


def task(rng, batch, nodes, dtype, spare=2):
    start = rng.integers(0, 4, batch)
    k, v = rng.integers(0, 99, (2, batch, 4 + nodes + spare, 2, 3)).astype(dtype)
    number = rng.integers(0, nodes, batch)
    path = np.full((batch, nodes), -1)
    for b in range(batch):
        chosen = np.sort(rng.choice(np.arange(1, nodes), number[b], replace=False))
        path[b, : number[b] + 1] = b * nodes + np.concatenate(([0], chosen))
    return k, v, path, number, start


@settings(max_examples=30)
@given(
    batch=st.integers(1, 3),
    nodes=st.integers(1, 8),
    dtype=st.sampled_from([np.float16, np.float32, np.int8]),
    place=st.booleans(),
    seed=st.integers(0, 1000),
)
def test_rows_are_gathered(batch, nodes, dtype, place, seed):
    k, v, path, number, start = task(np.random.default_rng(seed), batch, nodes, dtype)
    before = k.copy(), v.copy()
    for backend in ("numpy", "numba"):
        mine = before[0].copy(), before[1].copy()
        found = kv_compact(*mine, path, number, start, out=mine if place else None, backend=backend)
        assert (found.k is mine[0]) == place
        assert found.kv_len.tolist() == (start + number + 1).tolist()
        for old, new, given_array in zip(before, found[:2], mine, strict=True):
            assert new.dtype == dtype
            assert place or (given_array == old).all()
            for b in range(batch):
                rows = np.arange(old.shape[1])
                to = slice(start[b], start[b] + number[b] + 1)
                rows[to] = start[b] + path[b, : number[b] + 1] - b * nodes
                assert (new[b] == old[b, rows]).all()


def test_views_of_a_larger_cache(rng):
    k, v, path, number, start = task(rng, 2, 5, np.float32)
    expected = kv_compact(k, v, path, number, start, backend="numpy")
    large = np.zeros((2, 20, 2, 8), np.float32)
    view = large[:, 1 : 1 + k.shape[1], :, 2:5]
    view[:] = k
    kv_compact(view, v, path, number, start, out=(view, v), backend="numba")
    assert (view == expected.k).all()
    assert (large[:, 0] == 0).all()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"v": np.zeros((1, 6, 1, 3))}, "v has shape"),
        (
            {"accept_index": [[1, 2, -1]]},
            r"accept_index\[0\] holds nodes \[1, 2\] of request 0: a path starts at node 0",
        ),
        ({"accept_index": [[0, 0, -1]]}, "ascends"),
        ({"accept_token_num": [3]}, "accept_token_num contains 3"),
        ({"prefix_len": [4]}, r"ends with node 2, in row 6 of 6"),
        ({"out": (np.zeros((1, 6, 1, 2), np.float32),) * 2}, "out has k of shape"),
        ({"k": np.zeros((1, 6, 1, 4))[..., ::2]}, "dense along the last axis"),
    ],
)
def test_bad_input(change, said):
    good = {
        "k": np.zeros((1, 6, 1, 2)),
        "v": np.zeros((1, 6, 1, 2)),
        "accept_index": [[0, 2, -1]],
        "accept_token_num": [1],
        "prefix_len": [3],
    }
    with pytest.raises(ValueError, match=said):
        kv_compact(**(good | change), **({} if "out" in change else {"out": ((good | change)["k"],) * 2}))


def test_triton_in_the_interpreter(interpreter):
    assert interpreter == ""


def test_triton_compiles(ahead_of_time):
    assert len(ahead_of_time) == 2


def test_numba_cuda_in_the_simulator(simulator):
    assert simulator == ""
