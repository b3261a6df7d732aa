"""The example in the README is run as it stands there."""

import importlib.util
import re
import sys
from pathlib import Path

import pytest

from tightbound.verification import runner

README = Path(__file__).resolve().parents[2] / "verification" / "README.md"


@pytest.fixture
def example(tmp_path, monkeypatch):
    (block,) = re.findall(
        r"^```python\n(.*?)^```$", README.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE
    )
    file = tmp_path / "readme_example.py"
    file.write_text(block, encoding="utf-8")
    spec = importlib.util.spec_from_file_location("readme_example", file)
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "readme_example", module)
    spec.loader.exec_module(module)
    return module


def test_the_example_passes_and_its_control_fails(example, tmp_path):
    (record,) = runner.verify(example.CLAIMS, executor="serial", output=tmp_path / "out")
    assert record["status"] == "pass"
    assert record["as_expected"]
    assert record["control"]["status"] == "fail"
    assert 0 < record["tightness"] < 1
