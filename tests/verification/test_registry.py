import pytest

from tightbound.verification import registry

IDS = ["TOY-1", "TOY-2a", "TOY-2b", "TOY-3"]


def ids(*patterns, paper=None):
    return [claim.id for claim in registry.claims(patterns, paper)]


def test_no_pattern_selects_everything_in_order(toys):
    assert ids() == [*IDS, "WRONG-1", "WRONG-2"]


@pytest.mark.parametrize(
    ("patterns", "found"),
    [
        (["toy-1"], ["TOY-1"]),
        (["TOY-2?"], ["TOY-2a", "TOY-2b"]),
        (["toy-2"], ["TOY-2a", "TOY-2b"]),
        (["TOY_PAPER"], IDS),
        (["WRONG-1", "TOY-1", "TOY*"], [*IDS, "WRONG-1"]),
        (["*-1"], ["TOY-1", "WRONG-1"]),
    ],
)
def test_ids_globs_and_papers_in_any_case(toys, patterns, found):
    assert ids(*patterns) == found


def test_one_paper_only(toys):
    assert ids("*-1", paper="Wrong_Paper") == ["WRONG-1"]


@pytest.mark.parametrize(
    ("pattern", "words"),
    [
        ("TOY-4", "did you mean TOY-"),
        ("TOY-", "did you mean TOY-1, TOY-2a, TOY-2b"),
        ("toy_papr", "did you mean toy_paper"),
        ("", "no claim matches ''"),
        ("zzz", "'tightbound list' shows all"),
    ],
)
def test_a_pattern_that_selects_nothing_is_named(toys, pattern, words):
    with pytest.raises(ValueError, match=r"no claim matches") as raised:
        ids("TOY-1", pattern)
    assert words in str(raised.value)


def test_an_unknown_paper_is_named(toys):
    with pytest.raises(ValueError, match=r"paper is 'toy'.*toy_paper, wrong_paper.*did you mean toy_paper"):
        ids(paper="toy")


def test_papers_in_order(toys):
    assert [paper.key for paper in registry.papers()] == ["toy_paper", "wrong_paper"]


def test_an_id_that_occurs_twice_is_refused(toy):
    with pytest.raises(ValueError, match=r"id 'TOY-1' occurs twice.*another id"):
        registry.validate([toy.claim(1), toy.claim(2), toy.claim(1)])


def test_a_correction_that_does_not_exist_is_refused(toy):
    with pytest.raises(ValueError, match=r"TOY-21: corrected_by is 'TOY-1', which is no claim"):
        registry.validate([toy.FALSE, toy.claim(11)])
    registry.validate([toy.FALSE, toy.claim(1)])
