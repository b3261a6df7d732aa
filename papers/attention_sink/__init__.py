"""When Attention Sink Emerges in Language Models (ICLR 2025): why the first token gets the attention."""

from tightbound.verification.paper import Paper

PAPER = Paper(
    key="attention_sink",
    title="When Attention Sink Emerges in Language Models: An Empirical View",
    authors=("Gu", "Pang", "Du", "Liu", "Zhang", "Du", "Wang", "Lin"),
    venue="ICLR",
    year=2025,
    arxiv="2410.10781",
)
