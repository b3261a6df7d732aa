"""Who wrote what: the bibliographic record of a paper."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Paper:
    """A paper whose statements are checked.

    Parameters
    ----------
    key : str
        Name of its folder under ``papers/``.
    title : str
        As printed.
    authors : tuple of str
        In the printed order.
    venue : str
        Where it appeared, or ``"preprint"``.
    year : int
        Of the version read.
    arxiv : str
        Identifier with the version where it matters; empty where there is none.

    Raises
    ------
    ValueError
        For a key that cannot name a folder, an empty title, or no authors.

    Examples
    --------
    >>> Paper("toy_paper", "On toys", ("A. Author",), "preprint", 2024, "2401.00001v1").key
    'toy_paper'
    """

    key: str
    title: str
    authors: tuple[str, ...]
    venue: str
    year: int
    arxiv: str = ""

    def __post_init__(self) -> None:
        if not self.key.isidentifier():
            raise ValueError(f"key is {self.key!r}: use the name of the paper's folder, e.g. 'bandit_spec'")
        if not self.title.strip():
            raise ValueError(f"{self.key}: title is empty: give it as printed")
        if isinstance(self.authors, str) or not self.authors:
            raise ValueError(f"{self.key}: authors is {self.authors!r}: give a tuple of names")
