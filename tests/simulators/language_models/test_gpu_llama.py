"""The engine for a GPU beside that of the CPU: in PyTorch; its programs interpreted and compiled."""

import json
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from tightbound.simulators.language_models import ContextOverflowError, KeySelection, prefill
from tightbound.simulators.language_models.gpu_llama import GpuLlama

ROOT = Path(__file__).parents[3]
REQUIRE = "TIGHTBOUND_REQUIRE_GPU_TOOLCHAIN"
CLOSE = 2e-5
MOST_SHARED = 232_448  # bytes of shared memory that a program can have on Hopper


def need(*packages):
    lacking = [name for name in packages if find_spec(name) is None]
    if lacking and os.environ.get(REQUIRE) == "1":
        raise ModuleNotFoundError(f"{REQUIRE}=1, and {', '.join(lacking)} is not installed")
    if lacking:
        pytest.skip(f"{', '.join(lacking)} is not installed: pip install 'tightbound[gpu]'")


@pytest.fixture(scope="module")
def torch():
    need("torch")
    import torch

    return torch


@pytest.fixture(scope="module")
def pair(small, torch):
    return small, GpuLlama.of(small, device="cpu")


def run(program, **variables):
    paths = {"PYTHONPATH": str(ROOT / ".src"), "TRITON_DEFAULT_FP_FUSION": "1"}
    done = subprocess.run(
        [sys.executable, "-P", *program], env=os.environ | paths | variables, capture_output=True, text=True
    )
    assert not done.returncode, done.stdout + done.stderr
    return done.stdout


def test_every_kind_of_pass_gives_the_logits_of_the_cpu(pair, rng):
    prompts = [rng.integers(0, 37, n) for n in (70, 45)]
    caches = [model.start(2) for model in pair]
    chosen = np.sort(rng.permuted(np.tile(np.arange(40), (3, 2, 2, 1)), axis=-1)[..., :9], axis=-1)
    few = KeySelection(chosen, np.array([50, 44]))
    tree = np.array([[[1, 0, 0, 0], [1, 1, 0, 0], [1, 0, 1, 0], [1, 0, 1, 1]]] * 2, bool)
    tokens, depths = rng.integers(0, 37, (2, 4)), np.array([0, 1, 1, 2])

    def both(run):
        ours, theirs = (run(model, cache) for model, cache in zip(pair, caches, strict=True))
        assert ours.dtype == theirs.dtype == np.float32
        assert np.abs(ours - theirs).max() < CLOSE

    def each(run):
        for cache in caches:
            run(cache)

    both(lambda model, cache: prefill(model, cache, prompts, chunk=32))
    both(lambda model, cache: model.forward(cache, [[3], [5]]))
    both(lambda model, cache: model.forward(cache, [[6], [1]]))
    each(lambda cache: cache.discard())
    both(lambda model, cache: model.forward(cache, tokens, read=[[3, 1], [0, 2]]))
    each(lambda cache: cache.commit([[0, 1, 2], [0, 0, 0]], [3, 1]))
    places = caches[0].lengths[:, np.newaxis] + depths
    both(lambda model, cache: model.forward(cache, tokens, mask=tree, positions=places))
    each(lambda cache: cache.commit([[0, 2, 3]] * 2, [3, 3]))
    both(lambda model, cache: model.forward(cache, [[1], [2]], attend=few))
    both(lambda model, cache: model.forward(cache, [[4], [7]], attend=few))
    each(lambda cache: cache.discard())
    places = caches[0].lengths[:, np.newaxis] + depths
    both(lambda model, cache: model.forward(cache, tokens, attend=few, mask=tree, positions=places))
    each(lambda cache: cache.discard())
    each(lambda cache: cache.select([1]))
    both(lambda model, cache: model.forward(cache, [[9, 9]], run=[0, 2]))
    assert caches[1].lengths.tolist() == caches[0].lengths.tolist()
    assert (caches[1].pending, caches[1].capacity) == (2, caches[0].capacity)


def test_what_is_seen_inside_is_that_of_the_cpu(pair):
    seen = [{}, {}]
    for model, found in zip(pair, seen, strict=True):
        cache = model.start(1, 20)

        def observe(layer, queries, hidden, found=found):
            found[layer] = queries, hidden

        model.forward(cache, [[3, 1, 4, 1, 5]], observe=observe)
        found["rows"] = [part[:, :5] for part in cache.rows(1)]
    for layer, expected in seen[0].items():
        for a, b in zip(expected, seen[1][layer], strict=True):
            assert a.shape == b.shape
            assert np.abs(a - b).max(initial=0.0) < CLOSE
    rng = np.random.default_rng(0)
    keys, values = rng.standard_normal((2, 3, 1, 4, 2, 8)).astype(np.float32)
    caches = [model.start(1, 20) for model in pair]
    for cache in caches:
        cache.append(keys, values)
    found = [model.forward(cache, [[1]]) for model, cache in zip(pair, caches, strict=True)]
    assert np.abs(found[0] - found[1]).max() < CLOSE
    states = rng.standard_normal((2, 24)).astype(np.float32)
    for normalise in (True, False):
        outs = [model.read_out(states, normalise=normalise) for model in pair]
        assert np.abs(outs[0] - outs[1]).max() < CLOSE
    assert np.array_equal(pair[0].embed([3, 4]), pair[1].embed([3, 4]))
    assert pair[0].weight_bytes == pair[1].weight_bytes


def test_bad_input_is_refused(pair, small):
    model = pair[1]
    cache = model.start(1, 10)
    with pytest.raises(ContextOverflowError, match="capacity is 1000"):
        model.start(1, 1000)
    with pytest.raises(IndexError, match="tokens"):
        model.forward(cache, [[37]])
    with pytest.raises(ValueError, match="call forward first"):
        cache.commit([[0]], [1])
    model.forward(cache, [[1, 2]])
    zero = np.zeros((3, 1, 4, 2, 8))
    with pytest.raises(ValueError, match="2 rows are pending"):
        cache.append(zero, zero)
    cache.discard()
    with pytest.raises(ValueError, match="keys has shape"):
        cache.append(zero[0], zero)
    with pytest.raises(ValueError, match="NaN or infinite"):
        cache.append(zero, zero + np.nan)
    with pytest.raises(ValueError, match="as many of both"):
        cache.append(zero, zero[:, :, :2])
    for _ in range(2):
        cache.append(zero, zero)
    with pytest.raises(ContextOverflowError, match="would get 4 more"):
        cache.append(zero, zero)
    with pytest.raises(ContextOverflowError, match="room for"):
        model.forward(model.start(1, 10, room=1), np.zeros((1, 30), dtype=int))
    with pytest.raises(ValueError, match="its last axis must be 24"):
        model.read_out(np.zeros(3))
    with pytest.raises(ValueError, match="dtype is 'float64'"):
        GpuLlama.of(small, dtype="float64", device="cpu")
    broken = model.start(1, 10)
    broken.keys[:] = float("nan")
    broken._lengths[:] = 3
    with pytest.raises(ValueError, match="logits are NaN"):
        model.forward(broken, [[1]])


def test_without_a_gpu_kernels_say_what_is_missing(small, torch):
    from tightbound.kernels.backends import BackendUnavailableError

    if torch.cuda.is_available():
        pytest.skip("there is a GPU")
    with pytest.raises(BackendUnavailableError, match="GpuLlama with kernels cannot run here"):
        GpuLlama.of(small, device="cpu", kernels=True)


def test_the_real_model_has_the_logits_of_the_cpu(smollm2, torch):
    """Against the stored numbers of the CPU's engine, in passes of three shapes."""
    from tightbound.papers.sparse_to_dense import _gpu_check

    found = _gpu_check.check(GpuLlama.of(smollm2.model, device="cpu"), "float32")
    assert max(found.values()) < 5e-4


INTERPRETED = """
import json, sys
import numpy as np
from tightbound.simulators.language_models import Llama, LlamaConfig, KeySelection
from tightbound.simulators.language_models.gpu_llama import GpuLlama

config = LlamaConfig(
    vocabulary=19, context=40, width=40, inner=48, layers=1, heads=4, kv_heads=2, head_size=16
)
cpu = Llama.random(config, rng=0)
found = {}
for dtype in ("float32", "float16"):
    models = [cpu, GpuLlama.of(cpu, device="cpu", dtype=dtype, kernels=True)]
    caches = [model.start(2, 30) for model in models]
    apart = found[dtype] = []

    def both(tokens, **how):
        ours, theirs = (m.forward(c, tokens, **how) for m, c in zip(models, caches))
        apart.append(float(np.abs(ours - theirs).max()))

    def each(run):
        for cache in caches:
            run(cache)

    both(np.arange(18).reshape(2, 9) % 19)
    if dtype == "float32":
        continue
    each(lambda cache: cache.commit([range(9)] * 2, [9, 7]))
    both([[3], [5]])
    both([[4], [6]])
    each(lambda cache: cache.discard())
    tree = np.array([[[1, 0, 0], [1, 1, 0], [1, 0, 1]]] * 2, bool)
    both([[1, 2, 3], [4, 5, 6]], mask=tree, positions=caches[0].lengths[:, None] + [0, 1, 1])
    each(lambda cache: cache.commit([[0, 2]] * 2, [2, 2]))
    few = KeySelection(np.tile(np.array([1, 3]), (1, 2, 2, 1)), np.array([5, 4]))
    both([[1], [2]], attend=few)
    both([[1, 2], [4, 5]], attend=few)
print(json.dumps(found))
"""


def test_programs_in_the_interpreter_give_the_logits_of_the_cpu():
    need("torch", "triton")
    found = json.loads(run(["-c", INTERPRETED], TRITON_INTERPRET="1").splitlines()[-1])
    assert max(found["float32"]) < CLOSE
    assert max(found["float16"]) < 2e-2
    assert len(found["float16"]) == 6


def test_programs_compile_for_two_gpus_and_use_tensor_cores():
    need("torch", "triton")
    script = str(ROOT / "tests" / "kernels" / "_ahead_of_time.py")
    module = "tightbound.simulators.language_models._llama_programs_triton"
    lines = run([script, module], TRITON_INTERPRET="0").splitlines()
    rows = [json.loads(line) for line in lines if line.startswith("{")]
    assert len(rows) == 10
    for row in rows:
        assert "error" not in row, row
        assert row["shared"] <= MOST_SHARED, row
        assert row["wgmma"] or row["mma"], row
