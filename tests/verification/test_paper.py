import pytest

from tightbound.verification.paper import Paper

GOOD = {"key": "toy", "title": "Toys", "authors": ("A. Author",), "venue": "preprint", "year": 2024}


def test_a_paper_without_an_arxiv_number():
    assert Paper(**GOOD).arxiv == ""


@pytest.mark.parametrize(
    ("name", "bad", "remedy"),
    [
        ("key", "no folder", "bandit_spec"),
        ("title", " ", "as printed"),
        ("authors", (), "tuple of names"),
        ("authors", "A. Author", "tuple of names"),
    ],
)
def test_bad_fields_are_named_with_the_remedy(name, bad, remedy):
    with pytest.raises(ValueError, match=rf"{name} is .*{remedy}"):
        Paper(**(GOOD | {name: bad}))
