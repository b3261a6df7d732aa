"""A paper with a claim that fails although it is expected to hold."""

from tightbound.verification.paper import Paper

PAPER = Paper("wrong_paper", "On errors", ("B. Author",), "preprint", 2024)
