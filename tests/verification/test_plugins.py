"""Papers in packages of their own: found without an import, refused without harm."""

import sys

import pytest

from tightbound.verification import cli, registry

CLAIMS = """
from dataclasses import replace
from tightbound.papers.toy_paper.claims import CLAIMS as TOYS
CLAIMS = tuple(replace(claim, id=claim.id.replace("TOY", {prefix!r}), paper={key!r}) for claim in TOYS[:1])
"""


@pytest.fixture
def install(toys, tmp_path, monkeypatch):
    """Put a package on the path together with what an installer writes about it."""
    site = tmp_path / "site"
    site.mkdir()
    monkeypatch.syspath_prepend(str(site))

    def put(key, claims=None, *, package=None, prefix="MINE", init="", distribution=None):
        package = package or key
        (site / package).mkdir(exist_ok=True)
        paper = (
            f"from tightbound.verification.paper import Paper\nPAPER = Paper({key!r}, 't', ('a',), 'v', 1)\n"
        )
        (site / package / "__init__.py").write_text(init or paper)
        (site / package / "claims.py").write_text(
            CLAIMS.format(key=key, prefix=prefix) if claims is None else claims
        )
        info = site / f"{distribution or package}-0.1.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(
            f"Metadata-Version: 2.1\nName: {distribution or package}\nVersion: 0.1\n"
        )
        (info / "entry_points.txt").write_text(f"[tightbound.papers]\n{key} = {package}\n")

    before = set(sys.modules)
    yield put
    for name in set(sys.modules) - before:
        if name.partition(".")[0] in {path.name for path in site.iterdir()}:
            del sys.modules[name]


def ids(*patterns, paper=None):
    problems = []
    found = [claim.id for claim in registry.claims(patterns, paper, on_problem=problems.append)]
    return found, problems


OWN = ["TOY-1", "TOY-2a", "TOY-2b", "TOY-3", "WRONG-1", "WRONG-2"]


def test_a_paper_of_another_package_comes_last(install):
    install("mine")
    assert ids() == ([*OWN, "MINE-1"], [])
    assert ids("*-1")[0] == ["TOY-1", "WRONG-1", "MINE-1"]
    assert ids("MINE") == ids("mine-1") == ids(paper="Mine") == (["MINE-1"], [])
    assert registry.keys() == ("toy_paper", "wrong_paper", "mine")
    assert [paper.key for paper in registry.papers()] == ["toy_paper", "wrong_paper", "mine"]
    assert registry.package("mine") == "mine"
    assert registry.package("toy_paper") == "tightbound.papers.toy_paper"


@pytest.mark.parametrize(
    ("patterns", "paper"), [(["TOY-1"], None), (["TOY-2", "wrong_paper"], None), (["*"], "toy_paper")]
)
def test_nothing_is_imported_before_it_is_needed(install, patterns, paper):
    install("mine", init="raise RuntimeError('imported')")
    found, problems = ids(*patterns, paper=paper)
    assert found
    assert problems == []
    assert "mine" in registry.keys()


@pytest.mark.parametrize(
    ("broken", "words"),
    [
        ({"claims": "import no_such_module"}, "ModuleNotFoundError: No module named 'no_such_module'"),
        ({"claims": "CLAIMS = (1,)"}, "CLAIMS holds 1, which is no Claim"),
        ({"claims": "claims = ()"}, "bad.claims has no CLAIMS: let it end in a tuple, CLAIMS = (Claim(..."),
        ({"claims": "CLAIMS = (1)"}, "bad.claims has CLAIMS of type int: let it end in a tuple"),
        ({"claims": CLAIMS.format(key="other", prefix="BAD")}, "BAD-1 says that its paper is 'other'"),
        ({"init": "1 / 0"}, "ZeroDivisionError"),
        ({"prefix": "TOY"}, "id 'TOY-1' occurs twice (papers toy_paper and bad)"),
    ],
)
def test_a_broken_one_is_left_out_with_its_reason(install, broken, words):
    install("mine", package="a_mine")
    install("bad", **({"prefix": "BAD"} | broken))
    found, problems = ids()
    assert found == [*OWN, "MINE-1"]
    (problem,) = problems
    assert problem.startswith("the paper bad of the package bad is left out: ")
    assert words in problem
    assert "pip uninstall bad" in problem
    with pytest.raises(ValueError, match=r"the paper bad of the package bad is left out"):
        ids("bad")
    with pytest.raises(ValueError, match=r"the paper bad of the package bad is left out"):
        ids(paper="bad")


def test_of_two_with_one_id_the_second_is_left_out(install):
    install("first")
    install("second")
    found, problems = ids()
    assert found == [*OWN, "MINE-1"]
    assert "the paper second of the package second is left out: id 'MINE-1' occurs twice" in problems[0]


def test_a_name_that_is_taken_is_refused(install):
    install("toy_paper", package="impostor")
    install("twin", package="first")
    install("twin", package="second")
    found, problems = ids()
    assert found == OWN
    assert (
        "the paper toy_paper of the package impostor is left out: a paper of tightbound itself" in problems[0]
    )
    assert "the paper twin of the package first is left out: a paper of the package second" in problems[1]
    assert "the paper twin of the package second is left out: a paper of the package first" in problems[2]
    assert registry.package("toy_paper") == "tightbound.papers.toy_paper"


def test_the_level_of_our_own_claims_does_not_depend_on_what_is_installed(install):
    before = registry.family(registry.claims(["TOY-1"]))
    install("mine")
    assert registry.family(registry.claims(["TOY-1"])) == before
    assert [claim.id for claim in registry.family(registry.claims(["mine"]))] == [*OWN, "MINE-1"]


def test_the_command_line_says_what_is_left_out_and_goes_on(install, capsys, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    install("mine")
    install("bad", claims="1 / 0")
    assert cli.main(["verify", "toy_paper", "MINE-1", "--executor", "serial", "--format", "json"]) == 0
    out, err = capsys.readouterr()
    assert '"MINE-1"' in out
    assert err.startswith("tightbound: the paper bad of the package bad is left out: ZeroDivisionError")
    assert err.count("\n") == 1
    assert cli.main(["bench", "nothing"]) == 2
    assert cli.main(["reproduce", "mine"]) == 2
