"""BanditSpec live: a policy chooses drafter and draft length of every round while a text is written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from tightbound.simulators.bandits.oblivious import Table
from tightbound.simulators.bandits.policies.base import Policy, State
from tightbound.simulators.bandits.policies.confidence_threshold import ConfidenceThreshold
from tightbound.simulators.bandits.policies.hedge import Hedge
from tightbound.simulators.bandits.policies.hedge_spec import HedgeSpec
from tightbound.simulators.bandits.policies.meta_sd_ucb import MetaSDUCB
from tightbound.simulators.bandits.streams import POLICY, Coins, Stream, seed_of
from tightbound.simulators.language_models.language_model import LanguageModel
from tightbound.simulators.speculative.decoder import OnTokens, run
from tightbound.simulators.speculative.decoding import Decoding
from tightbound.simulators.speculative.drafter import Drafter, checked_drafter
from tightbound.simulators.speculative.sampling import Sampling
from tightbound.simulators.speculative.text_drafter import TextDrafter
from tightbound.simulators.speculative.verifiers import MatchedVerification, Verifier
from tightbound.simulators.speculative.writing import Orders, Writing
from tightbound.theory._validation import Array, as_integer

BLIND = (Hedge, HedgeSpec, MetaSDUCB, ConfidenceThreshold)
"""Policies that ask for what a decoder does not see: yields of arms that were not played, or levels."""


@dataclass(frozen=True)
class Arm:
    """A drafter and the longest draft that it may make.

    Parameters
    ----------
    drafter : Drafter or TextDrafter
        Arms may share one; they then share its cache.
    max_draft : int, optional
        Longest path, in tokens, at most that of the drafter, which it is where left out.

    Examples
    --------
    >>> from tightbound.simulators.speculative.prompt_lookup import PromptLookup
    >>> Arm(PromptLookup(), max_draft=2).max_draft
    2
    """

    drafter: Drafter | TextDrafter
    max_draft: int | None = None

    @property
    def length(self) -> int:
        """Longest path of a draft of this arm."""
        own = checked_drafter("drafter", self.drafter)
        if self.max_draft is None:
            return own
        wanted = as_integer("max_draft", self.max_draft, least=0)
        if wanted > own:
            raise ValueError(
                f"max_draft is {wanted} and the drafter drafts at most {own} tokens: give a smaller "
                "number, or a drafter with a larger one"
            )
        return wanted


@dataclass(frozen=True, eq=False)
class BanditDecoding(Decoding):
    """Texts, and what replays their rounds in the simulator.

    Parameters
    ----------
    completions, arms, timings
        See :class:`Decoding`.
    max_draft : int
        Longest draft of all arms, L.
    policy_seeds : tuple of int
        What ``simulate`` takes as ``rng`` so that its first replication gives the policy the coins that it
        had while it decoded the text.
    """

    max_draft: int
    policy_seeds: tuple[int, ...]

    def table(self, text: int) -> Table:
        """Return what each round of a text yielded, for ``simulate``.

        Row t holds the tokens of the arm that was played; other arms, of which nothing is known, have 1, so
        regret against them means nothing here. The policy that decoded, simulated on it with
        ``rng=policy_seeds[text]`` and a budget of the written tokens, plays the same arms and stops after the
        same number of rounds.

        Parameters
        ----------
        text : int
            Number of the completion.
        """
        log = self.completions[text].log
        y = np.ones((log.rounds, len(self.arms)), dtype=np.int64)
        y[np.arange(log.rounds), log.arm] = log.emitted
        return Table(y, after=1, max_draft=self.max_draft, costs=self.costs)

    @property
    def costs(self) -> Array | None:
        """Mean ms per round of each arm, drafting and target; None where an arm was never played."""
        arm = np.concatenate([one.log.arm for one in self.completions])
        seconds = np.concatenate([one.log.draft_seconds + one.log.target_seconds for one in self.completions])
        pulls = np.bincount(arm, minlength=len(self.arms))
        if pulls.min() == 0:
            return None
        return np.asarray(1000.0 * np.bincount(arm, seconds, len(self.arms)) / pulls)


@dataclass(frozen=True, eq=False)
class BanditDecoder:
    r"""Decode with K drafters, of which a policy picks one before each round of each text.

    The policy learns from y = accepted drafts + 1 of its own rounds. It starts anew with each text, so a text
    does not depend on those beside it. Whatever it picks, the text follows the target, as that of
    :class:`~tightbound.simulators.speculative.decoder.SpeculativeDecoder` does: the choice depends on the
    past only.

    Parameters
    ----------
    policy : Policy
        One that needs only the yield of the arm it played, e.g. ``UCBSpec()`` or ``EXP3Spec()``.
    drafters : mapping from str to Drafter, TextDrafter or Arm
        The arms, by name. Several :class:`Arm` of one drafter choose among its lengths.
    target : LanguageModel
        The model whose law the text follows.
    verifier : Verifier
        Verification at positive temperature.
    backend : str
        See :mod:`tightbound.kernels.backends`.

    References
    ----------
    Hou et al., "BanditSpec", ICML 2025, Algorithm 1.

    Examples
    --------
    >>> from tightbound.simulators.bandits import UCBSpec, simulate
    >>> from tightbound.simulators.language_models.table_model import TableModel
    >>> from tightbound.simulators.speculative import PromptLookup, SuffixAutomaton
    >>> model = TableModel([[0.1, 0.9, 0.0], [0.0, 0.1, 0.9], [0.9, 0.1, 0.0], [1.0, 0.0, 0.0]])
    >>> arms = {"lookup": PromptLookup(max_draft=2), "suffix": SuffixAutomaton(max_draft=4)}
    >>> found = BanditDecoder(UCBSpec(), arms, model, backend="numpy").generate([[0, 1, 2, 0]], 20)
    >>> found.completions[0].log.rounds
    6
    >>> simulate(found.table(0), UCBSpec(), 20, replications=1).stopping_time
    array([[6]])
    """

    policy: Policy
    drafters: Mapping[str, Drafter | TextDrafter | Arm]
    target: LanguageModel
    verifier: Verifier = field(default_factory=MatchedVerification)
    backend: str = "auto"
    _arms: tuple[Arm, ...] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        if not isinstance(self.policy, Policy):
            raise TypeError(f"policy is {self.policy!r}: give a policy, e.g. UCBSpec()")
        if isinstance(self.policy, BLIND):
            raise TypeError(
                f"{type(self.policy).__name__} asks for more than the yield of the arm it played, which is "
                "all that decoding shows: use e.g. UCBSpec() or EXP3Spec()"
            )
        if not self.drafters:
            raise ValueError("drafters is empty: give at least one arm, e.g. {'lookup': PromptLookup()}")
        arms = tuple(one if isinstance(one, Arm) else Arm(one) for one in self.drafters.values())
        for arm in arms:
            arm.length  # noqa: B018  raises for what cannot draft
        object.__setattr__(self, "_arms", arms)

    @property
    def max_draft(self) -> int:
        """Longest draft of all arms."""
        return max(arm.length for arm in self._arms)

    def generate(
        self,
        prompts: Sequence[ArrayLike],
        max_new_tokens: int | Sequence[int],
        *,
        sampling: Sampling | None = None,
        eos: int | Sequence[int] | None = None,
        stop: Sequence[Sequence[int]] = (),
        seed: int = 0,
        requests: Sequence[int] | None = None,
        on_tokens: OnTokens | None = None,
    ) -> BanditDecoding:
        """Continue each prompt.

        Parameters and errors are those of
        :meth:`~tightbound.simulators.speculative.decoder.SpeculativeDecoder.generate`.

        Returns
        -------
        BanditDecoding
        """
        orders = Orders.of(
            self.target, prompts, max_new_tokens, sampling, eos, stop, seed, requests, self.backend
        )
        longest = max(self.max_draft, 1)
        seeds = tuple(
            int(np.random.SeedSequence([seed, number]).generate_state(1, np.uint64)[0])
            for number in orders.job.requests
        )
        streams = [Stream(seed_of(one), 0, POLICY) for one in seeds]
        states: list[State] = [self.policy.init(len(self._arms), longest) for _ in seeds]

        def choose(text: Writing) -> int:
            state = states[text.number]
            return int(self.policy.choose(state, Coins(streams[text.number], len(text.log))))

        def learn(text: Writing, arm: int, tokens: int) -> None:
            states[text.number] = self.policy.update(states[text.number], arm, tokens)

        found = run(
            orders,
            [arm.drafter for arm in self._arms],
            list(self.drafters),
            self.verifier,
            choose,
            learn,
            on_tokens,
            [arm.length for arm in self._arms],
        )
        shared: dict[str, Any] = {name: getattr(found, name) for name in ("completions", "arms", "timings")}
        return BanditDecoding(**shared, max_draft=longest, policy_seeds=seeds)
