r"""The reference of the library as a folder of pages, built by pdoc from docstrings, without a network.

``python -m tightbound.verification.reference FOLDER`` needs ``pip install 'tightbound[docs]'``. Two things
are not left to pdoc. Formulas become MathML, which browsers typeset by themselves: pdoc's way loads a program
from another machine whenever a page is read, takes ``_`` in a formula for emphasis, and joins the lines of a
formula without a blank (``\quad`` and ``x`` to ``\quadx``). And types stand as they are written:
``ArrayLike``, not the union behind it.
"""

from __future__ import annotations

import re
import sys
import textwrap
from importlib import import_module
from pathlib import Path
from typing import Any

PACKAGES = ("tightbound.theory", "tightbound.simulators", "tightbound.kernels", "tightbound.verification")
LEFT_OUT = (r"!.*\._", r"!.*\.(numba_cpu|numba_cuda|triton_gpu)$", r"!.*\.verification\.template")
"""Private modules, implementations behind an operation other than its definition, and templates."""

BLOCK = re.compile(
    r"^(?P<indent> *)\.\. math::(?P<first>.*)\n(?P<rest>(?: *\n|(?P=indent) +\S.*\n)*)", re.MULTILINE
)
UNKNOWN = {"arg": r"\mathrm{arg}", "lceil": "⌈", "rceil": "⌉", "lfloor": "⌊", "rfloor": "⌋"}
"""Commands that latex2mathml does not know."""

INLINE = re.compile(r":math:`([^`]+)`")


def mathml(formula: str, *, block: bool = False) -> str:
    r"""Return a formula of LaTeX as MathML on one line, without characters that Markdown would read.

    Parameters
    ----------
    formula : str
        LaTeX without dollar signs.
    block : bool
        Whether it stands on a line of its own.

    Returns
    -------
    str
        One element.

    Examples
    --------
    >>> mathml(r"a_1 \le b")  # doctest: +SKIP
    '<math display="inline"><mrow><msub><mi>a</mi><mn>1</mn></msub><mo>&#x02264;</mo><mi>b</mi></mrow></math>'
    """
    convert: Any = import_module("latex2mathml.converter").convert
    text = " ".join(formula.split())
    if block and (r"\\" in text or "&" in text) and r"\begin" not in text:
        text = rf"\begin{{aligned}}{text}\end{{aligned}}"
    for name, letters in UNKNOWN.items():
        text = re.sub(rf"\\{name}(?![A-Za-z])", letters.replace("\\", r"\\"), text)
    found: str = convert(text, xmlns="", display="block" if block else "inline").replace(' xmlns=""', "")
    return re.sub(r">([^<]*)<", lambda part: f">{_without_marks(part[1])}<", found)


def with_formulas(docstring: str) -> str:
    """Return a docstring whose formulas are MathML."""

    def block(found: re.Match[str]) -> str:
        formula = found["first"] + "\n" + textwrap.dedent(found["rest"])
        return f"{found['indent']}{mathml(formula, block=True)}\n\n"

    return INLINE.sub(lambda found: mathml(found[1]), BLOCK.sub(block, docstring + "\n"))


def build(output: str | Path) -> None:
    """Write the pages.

    Parameters
    ----------
    output : str or Path
        Folder, made where it is missing.

    Raises
    ------
    ModuleNotFoundError
        Where pdoc or latex2mathml is not installed.
    """
    pdoc: Any = import_module("pdoc")
    markdown, evaluate = pdoc.docstrings.rst, pdoc.doc.safe_eval_type
    pdoc.docstrings.rst = lambda text, source: markdown(with_formulas(text), source)
    pdoc.doc.safe_eval_type = lambda hint, *context: _written(hint) or evaluate(hint, *context)
    try:
        pdoc.render.configure(docformat="numpy", show_source=False)
        pdoc.pdoc(*PACKAGES, *LEFT_OUT, output_directory=Path(output))
    finally:
        pdoc.docstrings.rst, pdoc.doc.safe_eval_type = markdown, evaluate


class _Written(str):
    """A type as it is written, without quotation marks."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)


def _written(hint: Any) -> _Written | None:
    text = getattr(hint, "__forward_arg__", hint)
    return _Written(text) if isinstance(text, str) else None


def _without_marks(text: str) -> str:
    return re.sub(r"[*_`\\\[\]~|:]", lambda mark: f"&#{ord(mark[0])};", text)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python -m tightbound.verification.reference FOLDER")
    build(sys.argv[1])
