"""Figures: the same evidence gives the same data and the same bytes, and a changed curve is noticed."""

import dataclasses
import functools

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from tightbound.verification import cli, figures, registry, reproduce, runner
from tightbound.verification.figures import (
    Figure,
    band,
    bound_line,
    control_line,
    figure_data,
    largest_difference,
)

X = np.array([1.0, 2.0, 4.0])


@pytest.fixture
def ax():
    drawing, axes = plt.subplots()
    yield axes
    plt.close(drawing)


def data_of(ax):
    return figure_data(ax.figure)


def test_lines_and_bands_are_read_back_exactly(ax):
    ax.plot(X, X**2)
    band(ax, X, X**2 - 1, X**2 + 1)
    data = data_of(ax)
    np.testing.assert_array_equal(data["axes0.line0"], np.column_stack([X, X**2]))
    corners = {tuple(corner) for corner in data["axes0.collection0.paths"]}
    assert {(x, x**2 - 1) for x in X} | {(x, x**2 + 1) for x in X} <= corners


def test_markers_error_bars_bars_steps_and_images_are_data(ax):
    ax.scatter(X, -X, c=X)
    ax.errorbar(X, X, yerr=0.5)
    ax.bar(X, 2 * X, width=0.5)
    ax.imshow(np.arange(4.0).reshape(2, 2))
    ax.stairs([3.0, 1.0], [0.0, 1.0, 2.0])
    data = data_of(ax)
    np.testing.assert_array_equal(data["axes0.collection0.offsets"], np.column_stack([X, -X]))
    np.testing.assert_array_equal(data["axes0.collection0.values"], X)
    np.testing.assert_array_equal(data["axes0.collection1.paths"][:2], [[1.0, 0.5], [1.0, 1.5]])
    np.testing.assert_array_equal(data["axes0.bars"], [[x - 0.25, 0.0, 0.5, 2 * x] for x in X])
    np.testing.assert_array_equal(data["axes0.image0"], [[0.0, 1.0], [2.0, 3.0]])
    assert [1.0, 3.0] in data["axes0.patch0"].tolist()


@pytest.mark.parametrize(
    "draw",
    [
        lambda ax, y: ax.plot(X, y),
        lambda ax, y: ax.fill_between(X, y, 0.0),
        lambda ax, y: ax.scatter(X, y),
        lambda ax, y: ax.errorbar(X, X, yerr=y),
        lambda ax, y: ax.bar(X, y),
        lambda ax, y: ax.stairs(y, [0, 1, 2, 3]),
        lambda ax, y: ax.imshow(y[None, :]),
        lambda ax, y: ax.pcolormesh(y[None, :]),
        lambda ax, y: ax.step(X, y),
        lambda ax, y: ax.vlines(X, 0.0, y),
        lambda ax, y: ax.hist(y, bins=[0, 2, 4, 6]),
        lambda ax, y: ax.fill(X, y),
    ],
)
def test_a_change_of_one_number_is_seen_in_every_kind_of_drawing(draw):
    found = []
    for y in ([1.0, 2.0, 3.0], [1.0, 2.0, 3.0], [1.0, 2.0, 4.0 + 1e-3]):
        drawing, ax = plt.subplots()
        draw(ax, np.array(y))
        found.append(figure_data(drawing))
        plt.close(drawing)
    assert largest_difference(found[1], found[0]) == 0.0
    assert largest_difference(found[2], found[0]) > reproduce.RTOL


def test_what_is_masked_is_nan_and_equal_to_itself(ax):
    ax.plot(X, np.ma.masked_equal(X, 2.0))
    data = data_of(ax)
    assert np.isnan(data["axes0.line0"][1, 1])
    assert largest_difference(data, data) == 0.0


@given(arrays.arrays(np.float64, (5, 2), elements=st.floats(-1e6, 1e6, allow_subnormal=False)))
def test_rounding_is_no_difference_and_a_thousandth_is_one(values):
    reference = {"a": values}
    assert largest_difference({"a": values * (1 + 1e-12)}, reference) <= 1e-6
    if np.abs(values).max() > 1e-200:
        assert largest_difference({"a": values * 1.001}, reference) == pytest.approx(1e-3, rel=1e-6)


@pytest.mark.parametrize(
    "other",
    [
        {},
        {"a": np.ones(2)},
        {"b": np.ones(3)},
        {"a": np.ones(3), "b": np.ones(3)},
        {"a": np.array([1.0, np.nan, 1.0])},
        {"a": np.array([1.0, np.inf, 1.0])},
    ],
)
def test_other_curves_or_points_differ_infinitely(other):
    reference = {"a": np.ones(3)}
    assert largest_difference(other, reference) == float("inf")
    assert largest_difference(reference, reference) == 0.0


def test_zero_in_the_reference_is_compared_on_the_scale_of_its_column():
    reference = {"a": np.array([[0.0, 1e6], [1.0, 1e6]])}
    assert largest_difference({"a": reference["a"] + [[1e-15, 0.0], [0.0, 0.0]]}, reference) <= 1e-6
    assert largest_difference({"a": reference["a"] + [[1e-3, 0.0], [0.0, 0.0]]}, reference) > 1e-6
    assert largest_difference({"a": np.array([1e-300])}, {"a": np.zeros(1)}) == float("inf")


def test_the_house_look_of_bound_band_and_control(ax):
    ax.plot(X, X, color="red")
    band(ax, X, X - 1, X + 1)
    bound_line(ax, X, 2 * X)
    control_line(ax, X, 3 * X)
    bound, control = ax.get_lines()[1:]
    assert (bound.get_color(), bound.get_linestyle(), bound.get_label()) == ("black", "-", "bound")
    assert (control.get_color(), control.get_linestyle(), control.get_label()) == ("0.5", "--", "control")
    assert ax.collections[0].get_alpha() < 1
    np.testing.assert_array_equal(ax.collections[0].get_facecolor()[0, :3], [1.0, 0.0, 0.0])


def test_the_style_holds_inside_and_leaves_nothing_behind(monkeypatch):
    monkeypatch.setitem(mpl.rcParams, "lines.linewidth", 9.0)
    with figures.style():
        assert mpl.rcParams["figure.figsize"] == [3.5, 2.4]
        assert mpl.rcParams["font.size"] == 8
        assert mpl.rcParams["lines.linewidth"] == 1.2
    assert mpl.rcParams["lines.linewidth"] == 9.0


@pytest.mark.parametrize("fmt", figures.FORMATS)
def test_the_same_figure_gives_the_same_bytes(fmt, monkeypatch):
    found = []
    for clock in ("1000000000", "1700000000"):
        monkeypatch.setenv("SOURCE_DATE_EPOCH", clock)  # matplotlib's clock, where a date is written
        with figures.style():
            drawing, ax = plt.subplots()
            ax.plot(X, X, label="a")
            ax.fill_between(X, X, 2 * X)
            ax.legend()
            found.append(figures.rendered(drawing, fmt))
            plt.close(drawing)
    assert found[0] == found[1]
    assert len(found[0]) > 1000


def test_an_unknown_format_is_named(ax):
    with pytest.raises(ValueError, match=r"'gif'.*png, pdf, svg"):
        figures.rendered(ax.figure, "gif")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"name": "a/b"}, "file name"),
        ({"caption": " "}, "caption is empty.*substitution"),
        ({"claims": ()}, "tuple of ids"),
        ({"claims": "BS-1"}, "tuple of ids"),
    ],
)
def test_a_figure_without_its_parts_is_refused(change, words):
    parts = {"name": "a", "title": "t", "caption": "c", "claims": ("A-1",), "draw": plt.figure} | change
    with pytest.raises(ValueError, match=words):
        Figure(**parts)


@pytest.fixture
def reproduce_toy(toys, tmp_path, monkeypatch, capsys):
    """Run ``tightbound reproduce`` on the toy paper in an empty folder."""
    monkeypatch.chdir(tmp_path)
    serial = functools.partial(runner.evidence_for, executor="serial")  # workers do not know the toy papers
    monkeypatch.setattr(runner, "evidence_for", serial)

    def run(*argv):
        code = cli.main(["reproduce", *argv])
        return code, capsys.readouterr().out

    return run


@pytest.fixture
def reference(tmp_path, monkeypatch):
    """Let the toy paper's reference data lie in this folder."""
    folder = tmp_path / "reference"
    folder.mkdir()
    monkeypatch.setattr(reproduce, "_reference_folder", lambda paper: folder)
    return folder


@pytest.mark.parametrize("fmt", figures.FORMATS)
def test_reproduce_writes_figure_caption_and_data(reproduce_toy, tmp_path, fmt):
    code, out = reproduce_toy("toy_paper", "--format", fmt, "--output", "out")
    folder = tmp_path / "out" / "figures" / "toy_paper"
    assert code == 0
    assert out.split() == ["toy_paper/growth", f"out/figures/toy_paper/growth.{fmt}"]
    assert sorted(path.name for path in folder.iterdir()) == sorted(
        ["growth.npz", "growth.txt", f"growth.{fmt}"]
    )
    assert "a cube (dashed)" in (folder / "growth.txt").read_text()
    with np.load(folder / "growth.npz", allow_pickle=False) as data:
        np.testing.assert_array_equal(data["axes0.line1"], [[10.0, 300.0], [20.0, 1200.0], [40.0, 4800.0]])


def test_reproduce_twice_gives_the_same_files_from_stored_evidence(reproduce_toy, tmp_path):
    folder = tmp_path / ".tightbound" / "figures" / "toy_paper"
    reproduce_toy("toy_paper/growth")
    first = {path.name: path.read_bytes() for path in folder.iterdir()}
    reproduce_toy("toy_paper/growth", "toy_paper")
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == first


def test_a_figure_of_a_claim_that_is_gone_says_so(reproduce_toy, monkeypatch):
    figure = Figure("gone", "Gone", "A caption.", ("TOY-99",), lambda evidence: None)
    assert reproduce.not_run(figure).startswith("no claim matches 'TOY-99'")
    monkeypatch.setattr(registry, "package", lambda key: "tightbound.papers.toy_paper")
    monkeypatch.setattr(registry, "keys", lambda: (*registry.PAPERS, "mine"))
    monkeypatch.setattr(reproduce, "figures", lambda paper: (figure,))
    with pytest.raises(
        ValueError, match=r"mine/gone cannot be drawn: no claim .*; mend the figure's 'claims'"
    ):
        reproduce.select(["mine"])


def test_check_accepts_the_reference_and_notices_a_changed_number(reproduce_toy, reference, tmp_path):
    code, out = reproduce_toy("toy_paper", "--check")
    assert code == 1
    assert "no reference data" in out
    drawn = tmp_path / ".tightbound" / "figures" / "toy_paper" / "growth.npz"
    (reference / "growth.npz").write_bytes(drawn.read_bytes())
    code, out = reproduce_toy("toy_paper", "--check")
    assert code == 0
    assert out.rstrip().endswith("ok, largest relative difference 0")
    with np.load(drawn) as stored:
        data = dict(stored)
    data["axes0.line0"][0, 1] *= 1 + 1e-5
    np.savez(reference / "growth.npz", **data)
    code, out = reproduce_toy("toy_paper", "--check")
    assert code == 1
    assert out.rstrip().endswith("differs, largest relative difference 1e-05")
    del data["axes0.line0"]
    np.savez(reference / "growth.npz", **data)
    assert reproduce_toy("toy_paper", "--check")[1].rstrip().endswith("differs, other curves or points")


def test_a_figure_whose_data_varies_is_not_compared(reproduce_toy, monkeypatch):
    (figure,) = reproduce.figures("toy_paper")
    varying = dataclasses.replace(figure, varies="it depends on the machine")
    monkeypatch.setattr(reproduce, "figures", lambda paper: (varying,))
    code, out = reproduce_toy("toy_paper", "--check")
    assert code == 0
    assert out.rstrip().endswith("not compared: it depends on the machine")


def test_a_figure_without_evidence_is_left_out_unless_it_is_named(reproduce_toy, monkeypatch, tmp_path):
    monkeypatch.setattr(reproduce, "not_run", lambda figure: "the model is not installed")
    code, out = reproduce_toy("toy_paper")
    assert (code, out) == (0, "")
    assert not (tmp_path / ".tightbound" / "figures").exists()
    assert reproduce_toy("toy_paper/growth")[1]


def test_a_folder_that_cannot_be_written_is_named(reproduce_toy, tmp_path, capsys):
    reproduce_toy("toy_paper")
    folder = tmp_path / ".tightbound" / "figures"
    for path in sorted(folder.rglob("*"), reverse=True):
        path.unlink() if path.is_file() else path.rmdir()
    folder.rmdir()
    folder.write_text("a file where a folder should be")
    assert cli.main(["reproduce", "toy_paper"]) == 1
    assert "cannot" in capsys.readouterr().err


def test_every_figure_of_the_papers_draws_claims_that_exist():
    for paper in registry.PAPERS:
        for figure in reproduce.figures(paper):
            assert len(registry.claims(figure.claims)) == len(figure.claims)
