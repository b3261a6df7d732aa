"""How much of the real model's attention the kept keys of a document hold, while it writes on."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tightbound.kernels.topk_select import attention_mass
from tightbound.papers.sparse_to_dense.documents import prompts
from tightbound.papers.sparse_to_dense.real_runs import SELECTIONS, Corpus, plain, reader
from tightbound.simulators.language_models.language_model import KeySelection
from tightbound.simulators.speculative.drafter import Job
from tightbound.simulators.speculative.model_session import read_into
from tightbound.simulators.speculative.sampling import Sampling
from tightbound.simulators.speculative.sparse_to_dense import Mass, Selection, SparseToDense
from tightbound.theory._validation import Integers


@dataclass(frozen=True)
class LeastAttended:
    """The keys that the text attends to least: the worst choice."""

    attentive = True

    def keep(self, mass: Mass, shape: tuple[int, int], count: int, address: tuple[int, ...]) -> Integers:
        """Return the keys of smallest mass; see `Selection`."""
        return np.sort(np.argsort(mass(), axis=-1, kind="stable")[:, :count], axis=-1)


CHOICES: dict[str, Selection] = {**SELECTIONS, "least": LeastAttended()}


@cache
def kept_mass(corpus: Corpus, method: str, keys: int) -> NDArray[np.float64]:
    """Return the attention (layers, P) of written tokens that a sparse pass would keep, a mean over heads.

    Keys of the question and of written tokens are always kept. One minus it is the total variation between
    the weights of sparse and of dense attention.
    """
    later = _later_mass(corpus)
    kept = _kept_keys(corpus, method, keys)
    inside = np.take_along_axis(later, kept.keys.astype(np.int64), axis=-1).sum(axis=-1)
    sizes = reader(corpus).model.config
    return np.asarray(1.0 - ((later.sum(axis=-1) - inside) / (sizes.heads // sizes.kv_heads)).mean(axis=-1))


def _kept_keys(corpus: Corpus, method: str, keys: int) -> KeySelection:
    """Return what a session keeps once it has read the prompts."""
    texts, text = prompts(corpus.prompts, corpus.document)
    target = reader(corpus)
    how = SparseToDense(keys, text=text, selection=CHOICES[method])
    capacity = corpus.document + text + corpus.tokens
    session: Any = how.open(Job(target, texts, range(len(texts)), Sampling(), capacity))
    cache = target.start(len(texts), capacity)
    read_into(target, cache, [one[:-1] for one in texts], observe=session.observer(cache))
    session.begin(cache)
    found: KeySelection = session.kept
    return found


@cache
def _later_mass(corpus: Corpus) -> NDArray[np.float64]:
    """Return the mean attention (layers, P, Hk, document) of written tokens, summed over a group's heads."""
    texts, text = prompts(corpus.prompts, corpus.document)
    target, capacity = reader(corpus), corpus.document + text + corpus.tokens
    cache = target.start(len(texts), capacity)
    read_into(target, cache, [one[:-1] for one in texts])
    rows = np.array([[one[-1], *after[:-1]] for one, after in zip(texts, plain(corpus)[0], strict=True)])
    found: list[NDArray[Any]] = []

    def observe(layer: int, queries: NDArray[Any], hidden: NDArray[Any]) -> None:
        if layer < target.layers:
            length = cache.lengths + rows.shape[1]
            found.append(
                attention_mass(queries, cache.rows(layer)[0], length, num_candidates=corpus.document)
            )

    target.model.forward(cache, rows, read=np.zeros((len(texts), 0), dtype=np.int64), observe=observe)
    return np.asarray(found, dtype=np.float64)
