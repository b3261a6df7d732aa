"""The game in the paper's README runs as it stands, and ends where a reader is told it ends."""

import re
from importlib import resources

import matplotlib.pyplot as plt

README = (resources.files("tightbound.papers.gmfg_monotone") / "README.md").read_text(encoding="utf-8")


def test_a_game_of_your_own(tmp_path, monkeypatch, capsys):
    (block,) = re.findall(r"```python\n(.*?)```", README, flags=re.DOTALL)
    monkeypatch.chdir(tmp_path)
    plt.switch_backend("Agg")
    scope = {}
    exec(compile(block, "README.md", "exec"), scope)
    plt.close("all")
    assert scope["found"].converged
    assert abs(scope["exploitable"]) < 1e-9
    assert (tmp_path / "commuters.png").stat().st_size > 1000
    assert "positive semidefinite: True" in capsys.readouterr().out
    roads = scope["found"].mean_field[:, 5, 0]
    assert roads[15] < roads[0]  # the middle is exposed to more traffic
