"""The wheel holds what a clone holds, and only ``tightbound`` becomes importable from it."""

import os
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
FOLDERS = ("theory", "kernels", "simulators", "verification", "papers")
SAFE = {"filter": "data"} if hasattr(tarfile, "data_filter") else {}  # from Python 3.11.4 on
TOP = (".src/tightbound/__init__.py", ".src/tightbound/__main__.py", ".src/tightbound/py.typed")


def run(*command, cwd, **variables):
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith(("PIP_", "PYTHON"))
    }
    found = subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env=environment | {"PYTHONSAFEPATH": "1"} | variables,
        capture_output=True,
        text=True,
    )
    assert found.returncode == 0, f"{command} exited with {found.returncode}\n{found.stdout}\n{found.stderr}"
    return found.stdout


def contents(wheel):
    with zipfile.ZipFile(wheel) as archive:
        names = {name for name in archive.namelist() if not name.endswith("/")}
    return {name for name in names if ".dist-info/" not in name}


@pytest.fixture(scope="module")
def clone(tmp_path_factory):
    """What git has in its index: what a clone of the next commit would hold."""
    folder = tmp_path_factory.mktemp("clone")
    run("git", "checkout-index", "--all", f"--prefix={folder}/", cwd=ROOT)
    return folder


@pytest.fixture(scope="module")
def wheel(clone, tmp_path_factory):
    target = tmp_path_factory.mktemp("wheel")
    run(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", target, cwd=clone)
    (found,) = target.glob("*.whl")
    return found


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory):
    target = tmp_path_factory.mktemp("site")
    run(
        sys.executable,
        "-m",
        "pip",
        "install",
        "--quiet",
        "--no-deps",
        "--no-index",
        "--target",
        target,
        wheel,
        cwd=target,
    )
    return target


def expected_contents():
    tracked = run("git", "ls-files", "-z", "--", *FOLDERS, *TOP, cwd=ROOT).strip("\0").split("\0")
    return {"tightbound/" + name.removeprefix(".src/tightbound/") for name in tracked}


def test_wheel_holds_exactly_the_tracked_files_of_the_five_folders(wheel):
    assert contents(wheel) == expected_contents()


def test_wheel_built_from_the_source_distribution_is_the_same(clone, tmp_path):
    run(sys.executable, "-m", "hatchling", "build", "-t", "sdist", "-d", tmp_path, cwd=clone)
    (sdist,) = tmp_path.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        archive.extractall(tmp_path, **SAFE)
    (unpacked,) = (path for path in tmp_path.iterdir() if path.is_dir())
    run(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", tmp_path, cwd=unpacked)
    (wheel,) = tmp_path.glob("*.whl")
    assert contents(wheel) == expected_contents()


def test_the_five_rooms_and_their_data_are_importable_from_the_wheel(installed, tmp_path):
    program = (
        "import tightbound, importlib, importlib.resources as r\n"
        f"for room in {FOLDERS!r}: print(importlib.import_module('tightbound.' + room).__file__)\n"
        "assert (r.files('tightbound.papers') / 'paper.mplstyle').is_file()\n"
    )
    files = run(sys.executable, "-P", "-c", program, cwd=tmp_path, PYTHONPATH=str(installed)).split()
    assert [Path(file).relative_to(installed).parts[1] for file in files] == list(FOLDERS)


def test_bare_folder_names_are_not_importable_from_the_wheel(installed, tmp_path):
    program = f"import importlib.util as u; print([n for n in {FOLDERS!r} if u.find_spec(n)])"
    assert run(sys.executable, "-P", "-c", program, cwd=tmp_path, PYTHONPATH=str(installed)).strip() == "[]"
    # The same program finds them where the checkout is on the path, so the check can fail.
    assert "kernels" in run(sys.executable, "-P", "-c", program, cwd=tmp_path, PYTHONPATH=str(ROOT))


def test_console_script_lists_the_claims_outside_a_checkout(installed, tmp_path):
    script = installed / "bin" / "tightbound"
    assert "claims of" in run(sys.executable, script, "list", cwd=tmp_path, PYTHONPATH=str(installed))
