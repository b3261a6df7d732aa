"""Pages of the reference: formulas that a browser can typeset, and nothing that Markdown would change."""

import ast
import re
from pathlib import Path

import pytest

from tightbound.verification.reference import BLOCK, INLINE, build, mathml, with_formulas

ROOT = Path(__file__).resolve().parents[2]
LAYERS = ("theory", "simulators", "kernels", "verification")


def docstrings():
    for layer in LAYERS:
        for file in sorted((ROOT / layer).rglob("*.py")):
            for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
                if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef)):
                    text = ast.get_docstring(node)
                    if text and "math:" in text:
                        yield file.relative_to(ROOT), text


def test_formulas_are_indented_below_their_directive():
    wrong = [
        f"{file}: {match['first'].strip()}"
        for file, text in docstrings()
        for match in BLOCK.finditer(text + "\n")
        if match.end() <= len(text) and not (text + "\n")[: match.end()].endswith("\n\n")
    ]
    assert not wrong


def test_a_formula_ends_where_the_paragraph_does():
    assert BLOCK.search(".. math:: a\n    b\n\nc\n")["rest"] == "    b\n\n"
    assert INLINE.findall("of :math:`x_1` and :math:`y`") == ["x_1", "y"]


@pytest.mark.slow
def test_every_formula_is_read():
    pytest.importorskip("latex2mathml")
    for file, text in docstrings():
        for match in [*BLOCK.finditer(text + "\n"), *INLINE.finditer(text)]:
            formula = match["first"] + "\n" + match["rest"] if match.re is BLOCK else match[1]
            found = mathml(formula, block=match.re is BLOCK)
            assert not re.search(r"&#92;[A-Za-z]", found), f"{file}: {formula}"


def test_markdown_finds_nothing_in_a_formula():
    pytest.importorskip("latex2mathml")
    text = with_formulas(
        "Return x.\n\n.. math:: a_1 * b_2 \\quad\n    x = \\arg\\max_i y_i\n\nThen :math:`c_1`."
    )
    bare = re.sub(r"<[^>]*>", "", text)
    assert not set("_*\\`") & set(bare)
    assert text.count('display="block"') == 1
    assert text.count('display="inline"') == 1


def test_pages_are_written(tmp_path, monkeypatch):
    pytest.importorskip("pdoc")
    pytest.importorskip("latex2mathml")
    monkeypatch.setattr("tightbound.verification.reference.PACKAGES", ("tightbound.theory.bandits.laws",))
    build(tmp_path)
    page = (tmp_path / "tightbound" / "theory" / "bandits" / "laws.html").read_text(encoding="utf-8")
    assert "<math" in page
    assert "ArrayLike" in page
    assert "script src=" not in page
