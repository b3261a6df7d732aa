"""Regularised monotone graphon mean-field games (NeurIPS 2023): existence, and a discrete-time algorithm."""

from tightbound.verification.paper import Paper

PAPER = Paper(
    key="gmfg_monotone",
    title="Learning Regularized Monotone Graphon Mean-Field Games",
    authors=("Zhang", "Tan", "Wang", "Yang"),
    venue="NeurIPS",
    year=2023,
    arxiv="2310.08089",
)
