"""A paper of the user's own: what ``tightbound new`` writes works as it stands."""

import os
import subprocess
import sys

import pytest

import tightbound
from tightbound.verification import cli, registry
from tightbound.verification.errors import OutputError
from tightbound.verification.scaffold import scaffold

FILES = [
    "README.md",
    "my_paper/__init__.py",
    "my_paper/claims.py",
    "my_paper/figures.py",
    "pyproject.toml",
    "tests/test_claims.py",
]


def written(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """The package as it is written."""
    folder = tmp_path_factory.mktemp("new") / "my_paper"
    scaffold("my_paper", folder)
    return folder


@pytest.fixture(scope="module")
def site(project, tmp_path_factory):
    """The package as pip installs it."""
    target = tmp_path_factory.mktemp("site")
    command = ["pip", "install", "--quiet", "--no-deps", "--no-build-isolation", "--target", target, project]
    run(*command, cwd=project.parent)
    return target


def run(*command, cwd, site=None):
    """Run a module of this Python with the installed package on its path."""
    package = os.path.dirname(next(iter(tightbound.__path__)))
    paths = [str(site), package] if site is not None else [package]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PIP_")}
    found = subprocess.run(
        [sys.executable, "-m", *map(str, command)],
        cwd=cwd,
        env=environment | {"PYTHONPATH": os.pathsep.join(paths), "PYTHONSAFEPATH": "1"},
        capture_output=True,
        text=True,
    )
    assert found.returncode == 0, found.stdout + found.stderr
    return found.stdout


def test_every_file_is_written_and_nothing_is_left_to_fill_in(project):
    assert written(project) == FILES
    for name in FILES:
        assert "$" not in (project / name).read_text()


def test_it_verifies_at_once(site, tmp_path):
    out = run("tightbound", "verify", "my_paper", "--format", "json", cwd=tmp_path, site=site)
    assert '"claim": "MY-PAPER-1"' in out
    assert '"status": "pass"' in out
    assert "1 figure" not in run("tightbound", "reproduce", "my_paper", cwd=tmp_path, site=site)
    assert (tmp_path / ".tightbound" / "figures" / "my_paper" / "tail.png").stat().st_size > 10_000


def test_its_own_test_passes_and_it_is_well_formed(project, site):
    assert "1 passed" in run("pytest", "-q", "-p", "no:cacheprovider", cwd=project, site=site)
    run(
        "ruff", "check", "--no-cache", "--select", "E,F,I,B,UP,D,PT,RUF", "--ignore", "D203,D213", cwd=project
    )
    run("ruff", "format", "--check", "--no-cache", cwd=project)


@pytest.mark.slow
def test_its_types_are_right(project, site, tmp_path):
    run("mypy", "--cache-dir", tmp_path, cwd=project, site=site)


@pytest.mark.parametrize(
    ("paper", "words"),
    [
        ("My_Paper", "lower-case"),
        ("my-paper", "lower-case"),
        ("2nd", "lower-case"),
        ("class", "lower-case"),
        ("", "lower-case"),
        ("bandit_spec", "installed already"),
        ("numpy", "installed already"),
    ],
)
def test_a_name_that_cannot_be_is_refused(tmp_path, paper, words):
    with pytest.raises(ValueError, match=rf"paper is {paper!r}: .*{words}"):
        scaffold(paper, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_nothing_is_overwritten(tmp_path):
    (tmp_path / "mine").touch()
    for folder in (tmp_path, tmp_path / "mine"):
        with pytest.raises(ValueError, match=r"not empty: choose another --output"):
            scaffold("my_paper", folder)
    with pytest.raises(OutputError, match=r"cannot write"):
        scaffold("my_paper", tmp_path / "mine" / "below")


def test_the_first_id_is_free(tmp_path, monkeypatch, toys):
    scaffold("toy", tmp_path / "toy")
    scaffold("x_2", tmp_path / "x")
    scaffold("_1", tmp_path / "none")
    assert 'id="TOY-4"' in (tmp_path / "toy" / "toy" / "claims.py").read_text()
    assert 'id="X-1"' in (tmp_path / "x" / "x_2" / "claims.py").read_text()
    assert 'id="PAPER-1"' in (tmp_path / "none" / "_1" / "claims.py").read_text()
    assert registry.keys() == ("toy_paper", "wrong_paper")


def test_the_command_line_lists_the_files_and_says_what_comes_next(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert cli.main(["new", "my_paper"]) == 0
    out, err = capsys.readouterr()
    assert sorted(out.split()) == [f"my_paper/{name}" for name in FILES]
    assert "pip install -e my_paper && tightbound verify my_paper" in err
    assert cli.main(["new", "my_paper"]) == 2
    assert cli.main(["new", "other", "--output", "there"]) == 0
    assert (tmp_path / "there" / "other" / "claims.py").exists()
