"""Drafts of another, smaller language model."""

from __future__ import annotations

from dataclasses import dataclass

from tightbound.simulators.language_models.language_model import ContextOverflowError, LanguageModel
from tightbound.simulators.speculative.drafter import Job, Session
from tightbound.simulators.speculative.growth import Shape, as_shape
from tightbound.simulators.speculative.model_session import ModelSession


@dataclass(frozen=True, eq=False)
class SeparateModel:
    """Another model drafts, with a cache of its own.

    Parameters
    ----------
    model : LanguageModel
        A model with the target's vocabulary.
    shape : int, Branching or Beam
        Shape of the drafts; a number is the length of a chain of drawn tokens, 0 drafts nothing.

    References
    ----------
    Leviathan, Kalman, Matias, ICML 2023.

    Examples
    --------
    >>> from tightbound.simulators.language_models.table_model import TableModel
    >>> SeparateModel(TableModel([[0.5, 0.5], [0.5, 0.5], [0.5, 0.5]]), shape=2).shape
    Branching(children=(1, 1), replace=True)
    """

    model: LanguageModel
    shape: Shape | int = 4

    def __post_init__(self) -> None:
        object.__setattr__(self, "shape", as_shape(self.shape))

    @property
    def max_draft(self) -> int:
        """Longest path, in tokens."""
        return as_shape(self.shape).depth

    def open(self, job: Job) -> Session:
        """Return a session; ValueError where vocabularies differ, ContextOverflowError for long texts."""
        if self.model.vocabulary != job.target.vocabulary:
            raise ValueError(
                f"the drafter knows {self.model.vocabulary} tokens and the target {job.target.vocabulary}: "
                "take a drafter with the target's tokenizer"
            )
        if job.capacity > self.model.context:
            raise ContextOverflowError(
                f"texts grow to {job.capacity} rows and the drafter's context has {self.model.context}: "
                "shorten prompts or max_new_tokens, or take another drafter"
            )
        return ModelSession(job, self.model, as_shape(self.shape))
