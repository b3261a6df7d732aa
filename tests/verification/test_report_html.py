"""The report as a page: complete, closed to hostile text and to the network, and usable."""

import re
import shutil
import subprocess
from collections import Counter
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tightbound.verification import cli, ledger, registry
from tightbound.verification import reproduce as engine
from tightbound.verification.claim import STATUSES
from tightbound.verification.paper import Paper
from tightbound.verification.report import durations, html
from tightbound.verification.report.html.bar import bar
from tightbound.verification.report.html.elements import node, write
from tightbound.verification.report.html.formula import typeset

VOID = {"meta", "input", "img", "br", "hr", "link"}
HOSTILE = "</script><script>alert(1)</script><img src=x onerror=alert(1)>\"'&<b>\x00\ud800"
CHROMIUM = next((path for name in ("chromium", "chromium-browser") if (path := shutil.which(name))), None)
MADE = []


class Page(HTMLParser):
    """Reads a page, and fails where an element is closed that is not the last one opened."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.tags, self.open, self.text = [], [], []
        self.feed(text)
        self.close()
        assert not self.open

    def handle_starttag(self, tag, attributes):
        assert len(attributes) == len(dict(attributes)), f"an attribute of {tag} occurs twice"
        self.tags.append((tag, dict(attributes)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] not in ("script", "style"):
            self.text.append(data)

    def all(self, tag, **wanted):
        return [a for name, a in self.tags if name == tag and wanted.items() <= a.items()]


def record(**changes):
    base = {
        "claim": "A-1",
        "paper": "a",
        "title": "a title",
        "status": "pass",
        "expected": "pass",
        "corrected_by": None,
        "as_expected": True,
        "estimate": 1.0,
        "low": 0.5,
        "high": 1.5,
        "bound": 2.0,
        "trivial": None,
        "tightness": 0.5,
        "provenance": "text",
        "source": "Theorem 1",
        "statistic": "BoundHolds()",
        "size": "quick",
        "seed": 0,
        "level": 0.01,
        "n_replicates": 1,
        "control": {
            "status": "fail",
            "must": "fail",
            "estimate": 3.0,
            "bound": 2.0,
            "because": "it is broken",
        },
        "assumptions": {"positive": True},
        "evidence": [],
        "versions": {"python": "3.11"},
        "reason": "",
        "supersedes": None,
        "key": "0" * 64,
        "run": {"wall_s": 0.25, "time": "2026-01-01T00:00:00+00:00"},
    }
    return base | changes


def run(*argv):
    return cli.main([str(part) for part in argv])


@pytest.fixture
def toy_page(toys, tmp_path, monkeypatch, capsys):
    """The page that the command line writes for the toy papers, and the records it shows; made once."""
    if not MADE:
        monkeypatch.chdir(tmp_path)
        assert run("verify", "--executor", "serial", "--format", "html") == 1  # wrong_paper is wrong
        records, _ = ledger.read(tmp_path / ".tightbound" / ledger.NAME)
        MADE.extend([capsys.readouterr().out, ledger.latest(records)])
    return MADE


def test_every_claim_stands_once_in_the_table_and_once_in_full(toy_page):
    text, records = toy_page
    page = Page(text)
    ids = [entry["claim"] for entry in records]
    rows = [a for a in page.all("tr") if "data-claim" in a]
    assert [a["data-claim"] for a in rows] == ids
    assert sorted(a["data-claim"] for a in page.all("article")) == sorted(ids)
    tiles = re.findall(r"<b>(\d+)</b> (\w+)(?:, as expected)?</a>", text)
    assert {name: int(count) for count, name in tiles} == Counter(entry["status"] for entry in records)
    said = " ".join(page.text)
    for claim in registry.claims():
        assert f"tightbound verify {claim.id} --size quick --seed 0" in said
        assert claim.title in said
        assert claim.control.because in said
    assert f"{len(ids)} of {len(ids)} claims" in said


def test_findings_come_first_with_counterexample_and_correction(toy_page):
    text, _ = toy_page
    top = text[text.index('id="findings"') : text.index('id="verdicts"')]
    assert "Not as expected (2)" in top
    assert "False as stated (1)" in top
    assert 'href="#TOY-2a"' in top
    assert "square = <b>100</b>" in top
    assert 'href="#TOY-1"' in top.split("Instead")[1]


def test_the_figure_is_part_of_the_page(toy_page):
    text, _ = toy_page
    page = Page(text)
    assert [a["src"][:26] for a in page.all("img")] == ["data:image/svg+xml;base64,"]
    assert page.all("a", href="#figure-toy_paper-growth")
    assert page.all("figure", id="figure-toy_paper-growth")


def test_a_part_of_a_selection_says_so(toys):
    claims = registry.claims(["toy_paper"])
    done = [record(claim=claims[0].id)]
    page = " ".join(Page(html.render(done, claims, 0.01)).text)
    assert f"No verdict yet on {len(claims) - 1} more that were asked for." in page
    assert "No verdict yet" not in html.render(done, claims[:1], 0.01)


def assert_sound(text):
    """Check what must hold for every page."""
    page = Page(text)
    ids = [a["id"] for _, a in page.tags if "id" in a]
    assert len(ids) == len(set(ids))
    for _, a in page.tags:
        for name in ("src", "href", "action", "data", "poster", "srcset"):
            assert a.get(name, "#").startswith(("#", "data:")), a
        assert not [name for name in a if name.startswith("on") or name == "style"]
        for name in ("aria-labelledby", "aria-describedby"):
            assert a.get(name, "x") == "x" or a[name] in ids
    for tag in ("iframe", "object", "embed", "link", "base"):
        assert not page.all(tag)
    assert not re.search(r"https?:|url\(|@import", text)
    assert len(page.all("h1")) == len(page.all("main")) == 1
    levels = [int(tag[1]) for tag, _ in page.tags if re.fullmatch("h[1-6]", tag)]
    assert all(b <= a + 1 for a, b in pairwise(levels))
    assert all("scope" in a for a in page.all("th"))
    return page


def test_the_page_is_sound_and_needs_nothing_from_outside(toy_page):
    page = assert_sound(toy_page[0])
    policy = page.all("meta", **{"http-equiv": "Content-Security-Policy"})[0]["content"]
    assert policy.startswith("default-src 'none'; img-src data:; style-src 'sha256-")
    assert "unsafe" not in policy
    targets = {a["href"][1:] for a in page.all("a") if "=" not in a["href"]}
    assert targets <= {a["id"] for _, a in page.tags if "id" in a}


def test_hostile_text_stays_text():
    words = dict.fromkeys(("title", "source", "reason", "statistic", "corrected_by"), HOSTILE)
    control = {"status": HOSTILE, "must": "fail", "estimate": None, "because": HOSTILE}
    run_ = {"wall_s": 1.0, "time": HOSTILE, "platform": HOSTILE, "git": {"commit": HOSTILE, "dirty": True}}
    bad = record(
        claim=HOSTILE, paper=HOSTILE, control=control, run=run_, assumptions={HOSTILE: False}, **words
    )
    worse = bad | {"claim": "A-2", "status": "fail", "as_expected": False, "versions": {HOSTILE: HOSTILE}}
    picture = html.Picture(HOSTILE, HOSTILE, HOSTILE, HOSTILE, (HOSTILE,), (HOSTILE,), "image/png", b"")
    paper = Paper("a", HOSTILE, (HOSTILE,), HOSTILE, 2024)
    for text in (
        html.render([bad, worse], [], 0.01, papers=[paper], pictures=[picture]),
        html.render_gallery([picture], {}, papers=[paper], notes=HOSTILE),
    ):
        page = assert_sound(text)
        assert len(page.all("script")) <= 1
        assert len(page.all("img")) == 1
        assert not page.all("b", onerror="alert(1)")
        assert "alert(1)" in "".join(page.text)
        text.encode()


def test_no_records_make_a_page_too():
    page = assert_sound(html.render([], [], 0.01))
    assert "No claim was judged." in page.text
    assert not page.all("table")
    assert_sound(html.render_gallery([], {}))


def test_every_status_and_missing_number_is_shown():
    empty = dict.fromkeys(("estimate", "low", "high", "bound", "tightness"))
    records = [
        record(claim=f"A-{index}", status=status, expected=status, **(empty if index % 2 else {}))
        for index, status in enumerate(STATUSES)
    ]
    page = assert_sound(html.render(records, [], 0.01))
    assert [a["data-status"] for a in page.all("tr") if "data-status" in a] == list(STATUSES)
    assert "Vacuous as stated (1)" in page.text


@given(st.text(st.characters(codec="utf-8"), max_size=40) | st.text("\\{}_^()'*-/ <=>abz1", max_size=25))
@settings(deadline=None, max_examples=200)
def test_any_statement_is_set_without_an_error(statement):
    Page(write(node("p", typeset(statement))))


@pytest.mark.parametrize(
    ("statement", "text"),
    [
        ("mu* <= \\frac{\\Delta_i}{2} for every i", "μ∗\N{NO-BREAK SPACE}≤ Δi2 for every i"),
        ("pi^2/12 + B^-1/2", "π2/12\N{NO-BREAK SPACE}+ B−1/2"),
        ("N_pT_p \\ge \\lceil B / 2 \\rceil", "NpTp\N{NO-BREAK SPACE}≥ ⌈B\N{NO-BREAK SPACE}/ 2⌉"),
        ("|<q, w*>| <= \\|x\\|", "|⟨q, w∗⟩|\N{NO-BREAK SPACE}≤ ‖x‖"),
        ("law of EAGLE-2 as in BS-7a", "law of EAGLE-2 as in BS-7a"),
        ("\\unknown{x}", "\\unknown{x}"),
        ("min{ a, 1 } and {greedy, best}", "min{ a, 1 } and {greedy, best}"),
    ],
)
def test_statements_read_as_they_should(statement, text):
    assert "".join(Page(write(node("p", typeset(statement)))).text) == text


NUMBERS = st.none() | st.floats()


@given(NUMBERS, NUMBERS, NUMBERS, NUMBERS, NUMBERS, NUMBERS)
@settings(deadline=None)
def test_whatever_is_drawn_lies_within_the_drawing(estimate, low, high, bound, control, its_bound):
    found = bar(
        record(
            estimate=estimate,
            low=low,
            high=high,
            bound=bound,
            control={"estimate": control, "bound": its_bound},
        ),
        100,
    )
    if found is not None:
        places = [
            float(part.get(name)) for part in found for name in ("x", "x1", "x2", "cx") if part.get(name)
        ]
        assert all(0 <= place <= 100 for place in places)


def test_durations_add_up_and_know_the_budget():
    records = [record(claim=f"A-{i}", paper="ab"[i % 2], run={"wall_s": float(i)}) for i in range(30)]
    said = durations.render(records, [], 3)
    assert [line.split()[0] for line in said.splitlines()[1:4]] == ["A-29", "A-28", "A-27"]
    assert re.search("total +30  7 min 15 s +72.5 %", said)
    assert "within the budget: 5 min 0 s on 2 cores" in said
    assert "beyond" in durations.render([record(run={"wall_s": 601.0})], [])
    assert "no limit" in durations.render([record(size="full")], [])
    assert durations.render([], [])


def test_durations_are_no_data(toys, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    run("verify", "TOY-1", "--executor", "serial", "--durations", "1")
    assert "slowest claims" in capsys.readouterr().out
    run("verify", "TOY-1", "--executor", "serial", "--format", "json", "--durations")
    out, err = capsys.readouterr()
    assert "slowest claims" in err
    assert "slowest" not in out
    assert run("verify", "TOY-1", "--durations", "0") == 2


def test_all_figures_come_with_a_page(toys, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    run("verify", "TOY-1", "--executor", "serial")
    assert run("reproduce", "--all", "--format", "pdf") == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[-1].split()[1] == str(Path(".tightbound/figures") / engine.GALLERY)
    text = (tmp_path / ".tightbound" / "figures" / engine.GALLERY).read_text()
    page = Page(text)
    (link,) = page.all("a", href="toy_paper/growth.pdf")
    assert (tmp_path / ".tightbound" / "figures" / link["href"]).is_file()
    assert "Tokens are integers." in page.text
    assert len(page.all("figure")) == 1
    assert run("reproduce", "--all", "toy_paper") == 2
    assert run("reproduce", "wrong_paper") == 2
    assert "wrong_paper has no figures" in capsys.readouterr().err


def test_evidence_that_is_gone_costs_the_figure_and_not_the_page(toys, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    run("verify", "TOY-1", "--executor", "serial", "--format", "json")
    records, _ = ledger.read(tmp_path / ".tightbound" / ledger.NAME)
    assert [picture.name for picture in engine.pictures(records, tmp_path / ".tightbound")[0]] == ["growth"]
    (tmp_path / ".tightbound" / records[0]["evidence"][0]["file"]).unlink()
    capsys.readouterr()
    run("verify", "TOY-1", "--from", ".tightbound", "--format", "html")
    out, err = capsys.readouterr()
    assert "figure toy_paper/growth is left out" in err
    assert not Page(out).all("figure")


@pytest.mark.skipif(CHROMIUM is None, reason="no chromium on PATH: it opens the report")
class TestInABrowser:
    @staticmethod
    def opened(path, address, width):
        """Return the document after its script has run, and what was said on the console."""
        done = subprocess.run(
            [
                CHROMIUM,
                *("--headless", "--no-sandbox", "--disable-gpu", "--enable-logging=stderr", "--dump-dom"),
                *(f"--user-data-dir={path.parent / 'profile'}", f"--window-size={width},800"),
                "--virtual-time-budget=2000",
                f"{path.as_uri()}{address}",
            ],
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )
        return done.stdout, [line for line in done.stderr.splitlines() if "CONSOLE" in line]

    def test_a_filter_in_the_address_is_applied(self, toy_page, tmp_path):
        (tmp_path / "report.html").write_text(toy_page[0])
        dom, console = self.opened(tmp_path / "report.html", "#status=fail&text=twice", 1280)
        assert not console
        page = Page(dom)
        shown = [a["data-claim"] for a in page.all("tr") if "data-claim" in a and "hidden" not in a]
        assert shown == ["TOY-2a"]
        assert [a["data-claim"] for a in page.all("article") if "hidden" not in a] == shown
        assert "1 of 6 claims" in "".join(page.text)
        assert len(page.all("button", type="button")) == len([a for a in page.all("th") if "data-sort" in a])
        assert page.all("th", **{"aria-sort": "ascending"})

    def test_phone_and_desk_show_it_all_filter_and_sort(self, toy_page, tmp_path):
        probe = """<script>
          const page = document.documentElement, head = document.querySelector("[data-sort=ratio]");
          const lines = () => [...document.querySelectorAll("tbody tr:not([hidden])")];
          const rows = () => lines().map((line) => line.dataset.claim);
          const beyond = [...document.querySelectorAll("main *, header *, footer *")].filter((e) => {
            const box = e.getBoundingClientRect();
            return box.width && (box.left < 0 || box.right > page.clientWidth);
          });
          const seen = { width: innerWidth, over: page.scrollWidth - page.clientWidth };
          seen.beyond = beyond.map((e) => e.outerHTML.slice(0, 80)).join();
          head.firstChild.click(); head.firstChild.click();
          seen.sort = head.getAttribute("aria-sort"); seen.first = rows()[0];
          const text = document.forms[0].elements.text;
          text.value = "TWICE"; text.dispatchEvent(new Event("input", { bubbles: true }));
          seen.found = rows().join();
          document.forms[0].reset();
          setTimeout(() => {
            seen.back = rows().length;
            for (const name in seen) frameElement.setAttribute("data-" + name, seen[name]);
          }, 100);
        </script></body>"""
        text = re.sub(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", toy_page[0])
        # A window is at least 500 pixels wide, a frame can be as narrow as a phone.
        frames = [
            node("iframe", width=width, height=800, frameborder=0, srcdoc=text.replace("</body>", probe))
            for width in (390, 1280)
        ]
        (tmp_path / "frames.html").write_text(f"<!doctype html><body>{''.join(map(write, frames))}")
        dom, console = self.opened(tmp_path / "frames.html", "", 1400)
        assert not console
        ratios = {
            entry["claim"]: entry["tightness"] for entry in toy_page[1] if entry["tightness"] is not None
        }
        for seen, width in zip(Page(dom).all("iframe"), ("390", "1280"), strict=True):
            assert seen["data-width"] == width
            assert seen["data-beyond"] == ""
            assert seen["data-over"] == "0"
            assert seen["data-sort"] == "descending"
            assert seen["data-first"] == max(ratios, key=ratios.get)
            assert seen["data-found"] == "TOY-2a"
            assert seen["data-back"] == str(len(toy_page[1]))
