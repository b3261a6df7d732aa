"""Exact table models, every drafter, and a decoder without cache, batch or kernels to compare with."""

import numpy as np
import pytest

from tightbound.kernels.probs_from_logits import probs_from_logits
from tightbound.simulators.language_models.table_model import TableModel
from tightbound.simulators.speculative.draft import Draft
from tightbound.simulators.speculative.growth import Beam, Branching
from tightbound.simulators.speculative.ngram import NGram
from tightbound.simulators.speculative.prompt_lookup import PromptLookup
from tightbound.simulators.speculative.sampling import RoundCoins
from tightbound.simulators.speculative.separate_model import SeparateModel
from tightbound.simulators.speculative.suffix import SuffixAutomaton, SuffixDatastore
from tightbound.theory.speculative.block import stopping_chances
from tightbound.theory.speculative.chain import normalised, residual
from tightbound.theory.speculative.trees import without

DATA = np.random.default_rng(5).integers(3, size=200)


@pytest.fixture(scope="session")
def target():
    return TableModel.random(3, 2, rng=1)


@pytest.fixture(scope="session")
def small():
    """A drafter's model: it has seen less."""
    return TableModel.random(3, 1, rng=2)


@pytest.fixture(scope="session")
def chain_drafters(small):
    return {
        "lookup": PromptLookup(max_draft=3),
        "ngram": NGram(DATA, order=3, max_draft=3),
        "suffix": SuffixAutomaton(max_draft=3),
        "datastore": SuffixDatastore(DATA, max_draft=3),
        "model": SeparateModel(small, 3),
        "likeliest": SeparateModel(small, Beam((1, 1, 1))),
        "nothing": SeparateModel(small, 0),
    }


@pytest.fixture(scope="session")
def tree_drafters(small):
    return {
        "independent": SeparateModel(small, Branching((2, 2))),
        "distinct": SeparateModel(small, Branching((3, 2), replace=False)),
        "beam": SeparateModel(small, Beam((2, 3, 2))),
    }


@pytest.fixture(scope="session")
def plain():
    """Likeliest tokens, one by one, straight from the table."""

    def text(model, prompt, tokens, eos=()):
        out = list(prompt)
        for _ in range(tokens):
            out.append(int(np.argmax(model.law(out))))
            if out[-1] in eos:
                break
        return out[len(prompt) :]

    return text


@pytest.fixture(scope="session")
def law_of_text():
    """Law of the first n tokens after a prompt, shape (V,) * n, under temperature and truncation."""

    def law(model, prompt, tokens, sampling):
        found = np.ones(())
        for n in range(tokens):
            rows = np.empty((model.vocabulary,) * (n + 1))
            for prefix in np.ndindex((model.vocabulary,) * n):
                rows[prefix] = next_law(model, [*prompt, *prefix], sampling)
            found = found[..., np.newaxis] * rows
        return found

    return law


def next_law(model, text, sampling):
    with np.errstate(divide="ignore"):
        logits = np.log(model.law(text))
    return probs_from_logits(logits, sampling.temperature, sampling.top_k, sampling.top_p, backend="numpy")


def inverse(law, u):
    """First token at which the distribution function exceeds u."""
    return int(np.searchsorted(np.cumsum(law), u * law.sum(), side="right"))


@pytest.fixture(scope="session")
def reference():
    """Decode one request token by token from laws, variates and the published rules: chain, block, trees."""

    def chain(p, q, x, u, chosen):
        for i, token in enumerate(x):
            told = np.eye(p.shape[1])[token] if chosen else q[i]
            if not u[i + 1] * told[token] < p[i, token]:
                return i, inverse(residual(p[i], told), u[0])
        return len(x), inverse(p[len(x)], u[0])

    def block(p, q, x, u, chosen):
        told = np.eye(p.shape[1])[x] if chosen else q[: len(x)]
        if len(x) == 0:
            return 0, inverse(p[0], u[0])
        chances, excess = stopping_chances(p, told, x)
        passed = np.flatnonzero(u[1:] < chances)
        tau = int(passed[-1]) + 1 if passed.size else 0
        law = p[tau] if tau == len(x) else normalised(excess[tau], p[tau])
        return tau, inverse(law, u[0])

    def walk(draft, p, u, rule):
        node, path = 0, []
        while True:
            law, told = p[node], None if draft.laws is None else draft.laws[node]
            upto, following = 0.0, None
            for child in np.flatnonzero(draft.parents == node):
                x = draft.tokens[child]
                if rule == "target only":
                    upto += law[x]
                    took = u[node + 1] < upto
                    law = np.where(np.arange(law.size) == x, 0.0, law)
                else:
                    took = u[child + 1] * told[x] < law[x]
                    law = law if took else residual(law, told)
                    told = without(told, np.array([x])) if rule == "distinct" else told
                if took:
                    following = child
                    break
            if following is None:
                return path, inverse(law, u[0])
            node = following
            path.append(int(node))

    def decode(target, prompt, tokens, sampling, draft_of, rule, *, seed=0, request=0):
        text = list(prompt)
        while len(text) < len(prompt) + tokens:
            room = len(prompt) + tokens - len(text) - 1
            coins = RoundCoins(seed, request, len(text))
            draft = draft_of(text, room, coins)
            assert isinstance(draft, Draft)
            p = np.array([next_law(target, text + path_to(draft, i), sampling) for i in range(draft.nodes)])
            u = coins.verification(draft.nodes + 1)
            if rule in ("chain", "block"):
                run = chain if rule == "chain" else block
                n, token = run(p, draft.laws, draft.tokens[1:], u[: draft.nodes], draft.origin == "chosen")
                path = list(range(1, n + 1))
            else:
                path, token = walk(draft, p, u, rule)
            text += [int(x) for x in draft.tokens[path]] + [token]
        return text[len(prompt) :]

    return decode


def path_to(draft, node):
    tokens = []
    while node > 0:
        tokens.append(int(draft.tokens[node]))
        node = draft.parents[node]
    return tokens[::-1]


@pytest.fixture(scope="session")
def drawn_tree():
    """Drafts of a table model by definition: children drawn in order of the nodes, layer by layer."""

    def draft_of(model, children, replace, sampling):
        def draft(text, room, coins):
            parents, tokens, laws, layer = [-1], [text[-1]], [], [0]
            paths = [[]]
            for count in children[:room]:
                following = []
                for node in layer:
                    law = next_law(model, text + paths[node], sampling)
                    laws.append(law)
                    left = law
                    for u in coins.drafts.random(count):
                        if not left.any():
                            break
                        x = inverse(left, u)
                        following.append(len(tokens))
                        parents.append(node)
                        tokens.append(x)
                        paths.append([*paths[node], x])
                        if not replace:
                            left = np.where(np.arange(left.size) == x, 0.0, left)
                layer = following
            if len(tokens) == 1:
                return Draft(parents, tokens)
            whole = np.zeros((len(tokens), model.vocabulary))
            whole[: len(laws)] = laws
            return Draft(parents, tokens, "independent" if replace else "distinct", whole)

        return draft

    return draft_of
