"""Sparse-to-Dense (ACL 2025): lossless acceleration of video understanding."""

from tightbound.verification.paper import Paper

PAPER = Paper(
    key="sparse_to_dense",
    title="Sparse-to-Dense: A Free Lunch for Lossless Acceleration of Video Understanding in LLMs",
    authors=("Zhang", "Du", "Yu", "Wu", "Zhang", "Gao", "Liu"),
    venue="ACL",
    year=2025,
    arxiv="2505.19155",
)
