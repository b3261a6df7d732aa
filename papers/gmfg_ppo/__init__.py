"""GMFG-PPO (JMLR 2024): regularised graphon mean-field games whose graphon is not known."""

from tightbound.verification.paper import Paper

PAPER = Paper(
    key="gmfg_ppo",
    title="Learning Regularized Graphon Mean-Field Games with Unknown Graphons",
    authors=("Zhang", "Tan", "Wang", "Yang"),
    venue="JMLR",
    year=2024,
    arxiv="2310.17531",
)
