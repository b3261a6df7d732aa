"""BanditSpec (ICML 2025): choosing speculative-decoding configurations online."""

from tightbound.verification.paper import Paper

PAPER = Paper(
    key="bandit_spec",
    title="BanditSpec: Adaptive Speculative Decoding via Bandit Algorithms",
    authors=("Hou", "Zhang", "Du", "Zhang", "Pan", "Pang", "Du", "Tan", "Yang"),
    venue="ICML",
    year=2025,
    arxiv="2505.15141v2",
)
