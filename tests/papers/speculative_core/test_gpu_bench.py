"""The GPU benchmark as far as it goes without a GPU: every kernel against float64 in Triton's interpreter."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from tightbound.papers.speculative_core import _gpu, _gpu_compare
from tightbound.papers.speculative_core.benchmarks import BENCHMARKS
from tightbound.verification.report import bench as report

ROOT = Path(__file__).parents[3]
KERNELS = {path.parent.name for path in (ROOT / "kernels").glob("*/triton_gpu.py")}
CHECK = """
import json
from tightbound.papers.speculative_core import _gpu, _gpu_peers
from tightbound.papers.speculative_core._gpu_cases import cases
from tightbound.papers.speculative_core._gpu_inputs import TINY

_gpu.seconds = lambda run: (run(), (2.0, 1.0, 3.0))[1]  # for want of a clock on a GPU
_gpu_peers.PEERS = {"probs_from_logits": {"softmax": _gpu_peers.softmax, "broken": lambda logits: 1 / 0}}
first = next(c for c in cases(TINY, "cpu", 1) if c.kernel == "probs_from_logits")
measured = _gpu.measure(first, _gpu.check(first, requests=1), 1.0)
print(json.dumps([_gpu.check_all(TINY, "cpu", 0), measured], allow_nan=False))
"""

LAUNCHES = """
import json
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from triton.runtime import interpreter
from tightbound.kernels import _inputs

_inputs.here = lambda array: False  # as of tensors on a GPU, whose values are not looked at
from tightbound.papers.speculative_core._gpu_cases import cases
from tightbound.papers.speculative_core._gpu_inputs import TINY

FREE = "empty new_empty empty_like view _unsafe_view expand detach select unbind slice lift_fresh".split()
launched, launching = [], [False]


class Launches(TorchDispatchMode):
    def __torch_dispatch__(self, function, types, arguments=(), named=None):
        name = function.overloadpacket.__name__
        if not launching[0] and name not in FREE:
            launched.append(name)
        return function(*arguments, **(named or {}))


run = interpreter.GridExecutor.__call__


def launch(self, *arguments, **named):
    launched.append("program")
    launching[0] = True
    run(self, *arguments, **named)
    launching[0] = False


interpreter.GridExecutor.__call__ = launch
found = {}
for case in cases(TINY, "cpu", 0):
    launched.clear()
    with Launches():
        case.timed() if case.timed else case.run(*case.tensors, backend="triton")
    found[case.kernel] = list(launched)
print(json.dumps(found))
"""
PROGRAMS = {
    "chain_speculative_sampling": 2,
    "chain_speculative_sampling, chosen drafts": 2,
    "block_speculative_sampling": 3,
    "build_tree": 1,
    "verify_tree_greedy": 1,
    "tree_speculative_sampling_target_only": 3,
    "tree_rejection_sampling, with replacement": 1,
    "tree_rejection_sampling, without replacement": 1,
    "kv_compact": 2,
    "probs_from_logits": 2,
    "probs_from_logits, top-p": 6,
    "probs_from_logits, top-k and top-p": 2,
    "beam_tree_step": 4,
    "decode_attention_splitk, merged": 2,
    "decode_attention_splitk, rows of a tree": 2,
    "window_attention": 2,
    "tree_attention": 1,
    "hybrid_tree_attention": 2,
    "sparse_decode_attention": 1,  # one split at this size, which needs no merging
    "attention_mass": 3,
    "topk_select": 2,
    "merge_states": 1,
    "merge_states, states of two bytes": 1,
}
FILLS = ("verify_tree_greedy", "tree_speculative_sampling", "tree_rejection")
BESIDE = {name: ["new_full"] for name in PROGRAMS if name.startswith(FILLS)}


def _in_interpreter(code):
    lacking = [name for name in ("torch", "triton") if find_spec(name) is None]
    if lacking and os.environ.get("TIGHTBOUND_REQUIRE_GPU_TOOLCHAIN") == "1":
        raise ModuleNotFoundError(f"{', '.join(lacking)} is not installed")
    if lacking:
        pytest.skip(f"{', '.join(lacking)} is not installed: pip install 'tightbound[gpu]'")
    variables = {"TRITON_INTERPRET": "1", "TRITON_DEFAULT_FP_FUSION": "1", "PYTHONPATH": str(ROOT / ".src")}
    done = subprocess.run(
        [sys.executable, "-P", "-c", code], env=os.environ | variables, capture_output=True, text=True
    )
    assert not done.returncode, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_operations_launch_nothing_but_their_programs():
    # what fills or converts would be a launch of its own on a GPU
    found = _in_interpreter(LAUNCHES)
    assert {name: launched.count("program") for name, launched in found.items()} == PROGRAMS
    beside = {name: [x for x in launched if x != "program"] for name, launched in found.items()}
    assert {name: others for name, others in beside.items() if others} == BESIDE


def test_every_kernel_passes_the_check_in_the_interpreter():
    checked, measured = _in_interpreter(CHECK)
    names = {row["kernel"].split(",")[0].replace("attention_mass", "topk_select") for row in checked}
    assert names == KERNELS
    ours, peer, broken = measured
    assert ours["share of copy"] == ours["bytes"] / 2.0
    assert (peer["what"], peer["ratio"], peer["ratio_to"]) == ("softmax", 1.0, "probs_from_logits")
    assert broken["what"] == "broken: not measured, ZeroDivisionError: division by zero"


def test_without_a_gpu_one_row_says_why(monkeypatch, tmp_path):
    monkeypatch.setattr(_gpu, "absent", lambda: "torch sees no CUDA GPU")
    rows = _gpu.benchmark(tmp_path / "gpu.json")
    assert [row["what"] for row in rows] == ["not measured: torch sees no CUDA GPU"]
    assert not list(tmp_path.iterdir())
    entry = next(b for b in BENCHMARKS if b.name == "gpu")
    assert "| not measured: torch sees no CUDA GPU |  | – | – |  |" in report.render_markdown([(entry, rows)])
    assert json.loads(report.render_json([(entry, rows)]))[0]["median"] is None


def test_tokens_may_differ_by_a_tie_only():
    def outcome(*tokens):
        return [np.array(tokens).reshape(2, 2), np.array([1, 1])]

    expected, found = outcome(1, 2, 3, 4), outcome(1, 2, 3, 5)
    assert _gpu_compare.tokens(expected, expected, None) == 0
    assert _gpu_compare.tokens(expected, found, lambda shift: found if shift[1] > 0 else expected) == 1
    with pytest.raises(ArithmeticError, match=r"requests \[1\]"):
        _gpu_compare.tokens(expected, found, lambda shift: expected)


def test_laws_may_differ_by_a_tie_only():
    p, q = np.array([[0.5, 0.5], [1.0, 0.0]]), np.array([[0.5, 0.5], [0.5, 0.5]])
    assert _gpu_compare.laws([p], [p], None) == 0
    assert _gpu_compare.laws([p], [q], lambda shift: [q] if shift[0] > 0 else [p]) == 1
    with pytest.raises(ArithmeticError, match=r"rows \[1\]"):
        _gpu_compare.laws([p], [q], lambda shift: [p])
    with pytest.raises(ArithmeticError, match="rows"):
        _gpu_compare.laws([p], [np.full((2, 2), np.nan)], lambda shift: [p])


@pytest.mark.parametrize(
    ("o", "lse", "words"),
    [
        (1e-5, 0.0, "output is 1.0e-05"),
        (0.0, 1e-5, "lse is 1.0e-05"),
        (np.nan, 0.0, "output is nan"),
        (0.0, -np.inf, "minus infinity in other places"),
    ],
)
def test_states_keep_their_budget(o, lse, words):
    expected = [np.zeros((1, 2)), np.zeros(1)]
    assert _gpu_compare.states(expected, expected, None, dtype="float32") == 0
    with pytest.raises(ArithmeticError, match=words):
        _gpu_compare.states(expected, [expected[0] + o, expected[1] + lse], None, dtype="float32")


def test_a_wrong_kernel_is_named():
    torch = pytest.importorskip("torch")
    from tightbound.papers.speculative_core._gpu_inputs import Case

    def double(x, *, backend):
        return 2 * x + (backend == "triton")

    case = Case("double", "n=3", double, (torch.arange(3),), _gpu_compare.exact, 0, 0)
    with pytest.raises(ArithmeticError, match=r"double \(n=3, triton\): 3 of 3 entries differ"):
        _gpu.check(case)
    right = replace(case, run=lambda x, *, backend: 2 * x)
    assert _gpu.check(right, requests=2) == 0
