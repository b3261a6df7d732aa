"""Imports go one way, and looking around costs nothing."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
FOLDERS = ("theory", "kernels", "simulators", "verification", "papers")
HEAVY = (
    "numba",
    "jax",
    "cvxpy",
    "matplotlib",
    "torch",
    "networkx",
    "scipy.stats",
    "scipy.signal",
    "scipy.optimize",
)


def run(program, *arguments, folder):
    environment = os.environ | {"PYTHONPATH": str(folder / ".src"), "PYTHONSAFEPATH": "1"}
    return subprocess.run(
        [sys.executable, "-c", program, *arguments],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
    )


def lint(folder):
    program = "from importlinter.cli import lint_imports_command; lint_imports_command()"
    return run(program, "--no-cache", folder=folder)


@pytest.fixture
def copy(tmp_path):
    """A copy of the source whose layers can be broken."""
    for name in FOLDERS:
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(
        ROOT / ".src", tmp_path / ".src", symlinks=True, ignore=shutil.ignore_patterns("__pycache__")
    )
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def test_imports_follow_the_layers():
    found = lint(ROOT)
    assert found.returncode == 0, found.stdout + found.stderr


def test_an_import_against_the_layers_is_caught(copy):
    (copy / "theory" / "planted.py").write_text('"""Planted."""\n\nimport tightbound.papers\n')
    found = lint(copy)
    assert found.returncode == 1
    assert "tightbound.theory.planted -> tightbound.papers" in found.stdout


def loaded(*arguments):
    """Which heavy libraries are loaded after ``tightbound`` ran with ``arguments``."""
    program = (
        "import sys\nfrom tightbound.verification.cli import main\n"
        "assert main(sys.argv[1:]) == 0\n"
        f"print([name for name in {HEAVY!r} if name in sys.modules], file=sys.stderr)"
    )
    found = run(program, *arguments, folder=ROOT)
    assert found.returncode == 0, found.stderr
    return found.stderr.strip().splitlines()[-1]


@pytest.mark.parametrize(
    "arguments", [["list"], ["list", "--format", "json"], ["verify", "--help"], ["--help"], ["env"]]
)
def test_looking_around_imports_no_heavy_library(arguments):
    assert loaded(*arguments) == "[]"


def test_the_check_above_sees_a_heavy_library():
    found = run(
        f"import sys, scipy.stats\nprint([name for name in {HEAVY!r} if name in sys.modules])", folder=ROOT
    )
    assert "scipy.stats" in found.stdout
