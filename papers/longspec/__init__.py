"""LongSpec (2025): speculative decoding in long contexts."""

from tightbound.verification.paper import Paper

PAPER = Paper(
    key="longspec",
    title="LongSpec: Long-Context Lossless Speculative Decoding with Efficient Drafting and Verification",
    authors=("Yang", "Du", "Zhang", "Wang", "Pang", "Du", "An"),
    venue="arXiv",
    year=2025,
    arxiv="2502.17421",
)
