"""Drafters over integer token arrays (prompt lookup, suffix matching, n-gram), and simulated rounds."""

from tightbound.simulators.speculative.ngram import NGram
from tightbound.simulators.speculative.prompt_lookup import PromptLookup
from tightbound.simulators.speculative.rounds import (
    Rounds,
    simulate_all_lengths,
    simulate_chain,
    simulate_rounds,
)
from tightbound.simulators.speculative.suffix import SuffixAutomaton, SuffixDatastore
from tightbound.simulators.speculative.text_drafter import TextDrafter, accepted_lengths
from tightbound.simulators.speculative.tokenize import Vocabulary

__all__ = [
    "NGram",
    "PromptLookup",
    "Rounds",
    "SuffixAutomaton",
    "SuffixDatastore",
    "TextDrafter",
    "Vocabulary",
    "accepted_lengths",
    "simulate_all_lengths",
    "simulate_chain",
    "simulate_rounds",
]
