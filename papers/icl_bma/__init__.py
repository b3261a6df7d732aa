"""What and How does In-Context Learning Learn? (AISTATS 2025): averaging over concepts, pretraining."""

from tightbound.verification.paper import Paper

PAPER = Paper(
    key="icl_bma",
    title="What and How does In-Context Learning Learn? Bayesian Model Averaging, Parameterization, and "
    "Generalization",
    authors=("Zhang", "Zhang", "Yang", "Wang"),
    venue="AISTATS",
    year=2025,
    arxiv="2305.19420",
)
