"""TiARA and PromptBlend (2024): long video generation that stays consistent, without tuning."""

from tightbound.verification.paper import Paper

PAPER = Paper(
    key="tiara",
    title="Enhancing Long Video Generation Consistency without Tuning: Time-Frequency Analysis, Prompt "
    "Alignment, and Theory",
    authors=("Li", "Zhang", "Pan", "Hou", "Tan", "Yang"),
    venue="preprint",
    year=2024,
    arxiv="2412.17254",
)
