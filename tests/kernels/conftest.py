"""Run kernels without a GPU: in Triton's interpreter, in Numba's simulator, through Triton's compiler.

Each of the three has to be chosen before its library is imported, so each runs in a process of its own, which
all tests of a session share.
"""

import json
import os
import subprocess
import sys
import xml.etree.ElementTree
from importlib.util import find_spec
from pathlib import Path

import pytest

HERE = Path(__file__).parent
MOST_SHARED = 232_448  # bytes of shared memory that a program can have on Hopper
MOST_STACK = 256  # bytes of a thread that its registers do not hold: a few numbers, not its tiles
REQUIRE = "TIGHTBOUND_REQUIRE_GPU_TOOLCHAIN"
CHOSEN = {"TRITON_INTERPRET", "NUMBA_ENABLE_CUDASIM"} & set(os.environ)
collect_ignore_glob = [] if CHOSEN else ["*/interpreted.py", "*/simulated.py"]


def need_toolchain():
    lacking = [name for name in ("torch", "triton") if find_spec(name) is None]
    if lacking and os.environ.get(REQUIRE) == "1":
        raise ModuleNotFoundError(f"{REQUIRE}=1, and {', '.join(lacking)} is not installed")
    if lacking:
        pytest.skip(f"{', '.join(lacking)} is not installed: pip install 'tightbound[gpu]'")


def environment(**extra):
    paths = str(HERE.parents[1] / ".src")
    return os.environ | {"PYTHONPATH": paths, "PYTHONSAFEPATH": "1", "TRITON_DEFAULT_FP_FUSION": "1"} | extra


def folders(session, fixture):
    """Return the folders of the collected tests that use a fixture."""
    return sorted(
        {item.path.parent for item in session.items if fixture in getattr(item, "fixturenames", ())}
    )


def run_files(session, fixture, name, output, **variables):
    """Run the test files called ``name`` of all folders in one process; return failures by folder."""
    files = [folder / name for folder in folders(session, fixture)]
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-o", f"python_files={name}"]
    # said by the interpreter of Triton 3.6
    command += ["-W", "ignore:Conversion of an array with ndim:DeprecationWarning"]
    done = subprocess.run(
        [*command, "-o", "junit_family=xunit1", f"--junitxml={output}", *map(str, files)],
        cwd=HERE.parents[1],
        env=environment(**variables),
        capture_output=True,
        text=True,
    )
    said = done.stdout + done.stderr
    if not output.exists():
        raise RuntimeError(said)
    cases = list(xml.etree.ElementTree.parse(output).iter("testcase"))

    def failures(folder):
        own = [c for c in cases if Path(HERE.parents[1], c.get("file") or "").parent == folder]
        if not own:
            return f"no test of {folder / name} ran:\n{said}"
        return "\n".join(
            f"{c.get('name')}: {part.get('message')}\n{part.text}"
            for c in own
            for part in c
            if part.tag in ("failure", "error", "skipped")
        )

    return failures


@pytest.fixture(scope="session")
def _interpreted(request, tmp_path_factory):
    output = tmp_path_factory.mktemp("interpreter") / "results.xml"
    return run_files(request.session, "interpreter", "interpreted.py", output, TRITON_INTERPRET="1")


@pytest.fixture
def interpreter(request):
    """Failures of ``interpreted.py`` beside this test, under Triton's interpreter; "" if none."""
    need_toolchain()
    return request.getfixturevalue("_interpreted")(request.path.parent)


@pytest.fixture(scope="session")
def _simulated(request, tmp_path_factory):
    output = tmp_path_factory.mktemp("simulator") / "results.xml"
    return run_files(request.session, "simulator", "simulated.py", output, NUMBA_ENABLE_CUDASIM="1")


@pytest.fixture
def simulator(request):
    """Failures of ``simulated.py`` beside this test, under numba.cuda's simulator; "" if none."""
    return request.getfixturevalue("_simulated")(request.path.parent)


@pytest.fixture(scope="session")
def _compiled(request):
    names = [f"tightbound.kernels.{f.name}.triton_gpu" for f in folders(request.session, "ahead_of_time")]
    command = [sys.executable, str(HERE / "_ahead_of_time.py"), *names]
    done = subprocess.run(command, env=environment(TRITON_INTERPRET="0"), capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(done.stdout + done.stderr)
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]


@pytest.fixture
def ahead_of_time(request):
    """Rows for the variants of the kernel of this test's folder, compiled for two GPUs and seen to fit."""
    need_toolchain()
    module = f"tightbound.kernels.{request.path.parent.name}.triton_gpu"
    rows = [row for row in request.getfixturevalue("_compiled") if row["module"] == module]
    assert rows
    for row in rows:
        assert "error" not in row, row
        assert row["shared"] <= MOST_SHARED, row
        assert row["stack"] <= MOST_STACK, row
    return rows


@pytest.fixture
def few_candidates(monkeypatch):
    """Let rows of some hundred entries have several lines, and more entries than 64 candidates."""
    from tightbound.kernels import _triton_filter

    for name, size in {"GROUPS": 64, "COLUMNS": 32, "AHEAD": 2, "CAPACITY": 64}.items():
        monkeypatch.setattr(_triton_filter, name, size)


@pytest.fixture(scope="session")
def random_trees():
    """Return a function ``(rng, batch, nodes) -> parent, retrieve_index, next_token, next_sibling``."""
    import numpy as np

    def one(rng, nodes):
        parent = np.array([-1, *(rng.integers(0, i) for i in range(1, nodes))], int)
        children = [np.flatnonzero(parent == i) for i in range(nodes)]
        sibling = np.full(nodes, -1)
        for c in children:
            sibling[c[:-1]] = c[1:]
        return parent, np.array([c[0] if c.size else -1 for c in children]), sibling

    def many(rng, batch, nodes):
        parts = [one(rng, nodes) for _ in range(batch)]
        parent, child, sibling = (np.stack(part) for part in zip(*parts, strict=True))
        return parent, np.arange(batch * nodes).reshape(batch, nodes), child, sibling

    return many
