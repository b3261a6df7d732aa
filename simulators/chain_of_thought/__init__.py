"""Reasoning in steps, sampled: demonstrations, answers, rare prompting errors, votes, searches, modules."""

from tightbound.simulators.chain_of_thought.demonstration_sequences import (
    DemonstrationSequences,
    generated_answer_laws,
    joined,
)
from tightbound.simulators.chain_of_thought.linear_steps import (
    random_linear_steps,
    sample_linear_demonstrations,
)
from tightbound.simulators.chain_of_thought.prompting_error import Estimate, PromptingError, prompting_error
from tightbound.simulators.chain_of_thought.random_chain import random_chain
from tightbound.simulators.chain_of_thought.sampling import sample_demonstrations, sample_log_likelihoods
from tightbound.simulators.chain_of_thought.selection_inference import (
    SelectionInferenceRuns,
    selection_inference,
)
from tightbound.simulators.chain_of_thought.self_consistency import SelfConsistency, self_consistency
from tightbound.simulators.chain_of_thought.stepwise import generate_steps
from tightbound.simulators.chain_of_thought.tree_of_thought import TreeOfThought, tree_of_thought

__all__ = [
    "DemonstrationSequences",
    "Estimate",
    "PromptingError",
    "SelectionInferenceRuns",
    "SelfConsistency",
    "TreeOfThought",
    "generate_steps",
    "generated_answer_laws",
    "joined",
    "prompting_error",
    "random_chain",
    "random_linear_steps",
    "sample_demonstrations",
    "sample_linear_demonstrations",
    "sample_log_likelihoods",
    "selection_inference",
    "self_consistency",
    "tree_of_thought",
]
