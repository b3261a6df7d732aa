"""From Words to Actions (ICML 2024): language-model planners in partially observable environments."""

from tightbound.verification.paper import Paper

PAPER = Paper(
    key="bail_planner",
    title="From Words to Actions: Unveiling the Theoretical Underpinnings of LLM-Driven Autonomous Systems",
    authors=("He", "Chen", "Zhang", "Yang"),
    venue="ICML",
    year=2024,
    arxiv="2405.19883",
)
