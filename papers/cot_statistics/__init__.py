"""Hu, Zhang, Chen, Yang: the statistical foundations of chain-of-thought prompting."""

from tightbound.verification.paper import Paper

PAPER = Paper(
    key="cot_statistics",
    title="Unveiling the Statistical Foundations of Chain-of-Thought Prompting Methods",
    authors=("Hu", "Zhang", "Chen", "Yang"),
    venue="arXiv",
    year=2024,
    arxiv="2408.14511",
)
