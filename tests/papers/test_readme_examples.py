"""The code of every README runs as it stands; that of the monotone games has a test of its own."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAPERS = (
    "icl_bma",
    "cot_statistics",
    "speculative_core",
    "attention_sink",
    "longspec",
    "sparse_to_dense",
    "tiara",
)
PAGES = (
    ROOT / "README.md",
    ROOT / "kernels" / "README.md",
    *(ROOT / "papers" / name / "README.md" for name in PAPERS),
)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.parent.name)
def test_the_example_runs(page, capsys):
    (example,) = re.findall(r"```python\n(.*?)```", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    exec(compile(example, str(page), "exec"), {})
    assert capsys.readouterr().out.strip()
