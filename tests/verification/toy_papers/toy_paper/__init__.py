"""A paper small enough to check the whole machine on."""

from tightbound.verification.paper import Paper

PAPER = Paper("toy_paper", "On toys", ("A. Author",), "preprint", 2024)
