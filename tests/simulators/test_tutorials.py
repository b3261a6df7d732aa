"""The page of every subject runs from top to bottom, and prints what it says it prints.

A line of a block that ends in ``# -> text`` states a line of output, in order; ``...`` stands for anything.
Blocks that need what is not installed everywhere are marked ``text`` and are not run.
"""

import contextlib
import doctest
import io
import re
import socket
from pathlib import Path

import pytest

SIMULATORS = Path(__file__).resolve().parents[2] / "simulators"
SUBJECTS = sorted(page.parent.name for page in SIMULATORS.glob("*/README.md"))
STATED = re.compile(r"# -> (.*)$", re.MULTILINE)


def blocks(text):
    return re.findall(r"^```python\n(.*?)^```$", text, flags=re.DOTALL | re.MULTILINE)


def run(page, text):
    """Execute the blocks in one namespace, comparing the output of each with what it states."""
    names = {"__name__": "tutorial"}
    same = doctest.OutputChecker().check_output
    for number, block in enumerate(blocks(text), start=1):
        line = text[: text.index(block)].count("\n")
        output = io.StringIO()
        with contextlib.redirect_stdout(output):
            exec(compile("\n" * line + block, str(page), "exec"), names)
        stated = "".join(f"{found}\n" for found in STATED.findall(block))
        printed = output.getvalue()
        assert same(stated, printed, doctest.ELLIPSIS), (
            f"block {number} of {page}, line {line + 1}\nstates\n{stated}\nprints\n{printed}"
        )


@pytest.fixture
def alone(tmp_path, monkeypatch):
    """An empty working directory, no network, and no figure left open."""
    plt = pytest.importorskip("matplotlib.pyplot")

    def refuse(*arguments):
        raise OSError("a page must not use the network")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.chdir(tmp_path)
    yield tmp_path
    plt.close("all")


def test_every_subject_has_a_page():
    packages = {package.parent.name for package in SIMULATORS.glob("*/__init__.py")}
    assert set(SUBJECTS) == packages


@pytest.mark.parametrize("subject", SUBJECTS)
def test_the_page_does_what_it_says(subject, alone):
    page = SIMULATORS / subject / "README.md"
    text = page.read_text(encoding="utf-8")
    run(page, text)
    assert len(blocks(text)) >= 4
    assert list(alone.glob("*.pdf")), "the page ends without a figure"


@pytest.mark.parametrize("subject", SUBJECTS)
def test_the_page_imports_public_names_only(subject):
    text = (SIMULATORS / subject / "README.md").read_text(encoding="utf-8")
    code = "\n".join(re.findall(r"^```\w*\n(.*?)^```$", text, flags=re.DOTALL | re.MULTILINE))
    for module in re.findall(r"^\s*(?:from|import) (tightbound[\w.]*)", code, flags=re.MULTILINE):
        assert module.count(".") <= 2, f"{subject} imports from {module}, which is no package of a subject"
        assert "._" not in module


def test_a_wrong_statement_is_found():
    with pytest.raises(AssertionError, match=r"states\s+3"):
        run("page", "```python\nprint(1 + 1)  # -> 3\n```\n")
    with pytest.raises(AssertionError, match="block 2"):
        run("page", "```python\nx = 1\n```\n\n```python\nprint(x)\n```\n")
    run("page", "```python\nprint(0.123456)\n# -> 0.12...\n```\n")
