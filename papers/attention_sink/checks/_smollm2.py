"""Passes of SmolLM2 that claims share: texts, what is seen in a pass, and losses with a key taken away."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from tightbound.theory.attention.masks import visible
from tightbound.theory.attention.position_codes import rotary
from tightbound.theory.attention.repeated_tokens import logit_radius, repeated_token_reference
from tightbound.theory.attention.scores import attention_scores
from tightbound.theory.attention.sink import importance

if TYPE_CHECKING:
    from tightbound.simulators.language_models.llama import Llama

Array = NDArray[np.float64]
Tokens = NDArray[np.int64]

LENGTH = 64
TOGETHER = 12  # texts of one pass
SUBSTITUTES = (
    "SmolLM2-135M-Instruct (30 layers, 9 heads, rotary positions, weights of 4 bits, run in float32) stands "
    "for the language models of the paper; help topics of Python, with no token in front of the text, stand "
    "for its natural texts"
)


def model() -> Llama:
    """Return the model, read once per process."""
    from tightbound.simulators.language_models import smollm2

    return smollm2.load().model


def accuracy() -> float:
    """Return what the relative error of a logit may be after all layers.

    A sum of ``width`` products has an error of about sqrt(width) roundings, and every layer adds its own.
    """
    config = model().config
    return float(config.layers * np.sqrt(config.width) * np.finfo(np.float32).eps)


@lru_cache(maxsize=8)
def natural(count: int) -> Tokens:
    """Return texts (count, T) from the help topics of Python: their second T tokens, then the third, ..."""
    from pydoc_data.topics import topics

    from tightbound.simulators.language_models import smollm2

    encode = smollm2.load().tokenizer.encode
    found: list[Tokens] = []
    for block in range(1, 10):
        for name in sorted(topics):
            end = LENGTH * (block + 1)
            part = np.asarray(encode(topics[name][: 8 * end]))[LENGTH * block : end]
            found += [part] if part.size == LENGTH else []
            if len(found) == count:
                return np.stack(found)
    raise ValueError(
        f"count is {count}: there are {len(found)} texts of {LENGTH} tokens; ask for at most those"
    )


def texts(kind: str, count: int) -> Tokens:
    """Return texts (count, T).

    Kinds are ``"natural"``; ``"random"``, tokens drawn uniformly; ``"repeated"``, the first token of each
    natural text T times; ``"changed"``, the same with the second token of the text in the middle.
    """
    if kind == "natural":
        return natural(count)
    if kind == "random":
        return np.random.default_rng(count).integers(model().vocabulary, size=(count, LENGTH))
    found = np.repeat(natural(count)[:, :1], LENGTH, axis=1)
    if kind == "changed":
        place = LENGTH // 2
        for row, text in zip(found, natural(count), strict=True):
            row[place] = next(token for token in text if token != row[place])
    return found


@dataclass(frozen=True, eq=False)
class Seen:
    """What is seen in passes over R texts of T tokens.

    Parameters
    ----------
    importance, mirrored : ndarray, shape (R, layers, H, T)
        Of every column; and after each row was turned around, so that the last token comes first.
    cosine : ndarray, shape (R, layers, H, T)
        Of each key with the queries of the second half of the text, on average.
    state_norm, key_norm, value_norm : ndarray, shape (R, layers, T)
        Lengths of what enters a layer, and of keys and values, the latter averaged over key heads.
    difference : ndarray, shape (R, layers)
        Largest difference of scores from those of a repeated token in closed form, over the largest logit
        that the lengths of queries and keys allow, at least 1.
    """

    importance: Array
    mirrored: Array
    cosine: Array
    state_norm: Array
    key_norm: Array
    value_norm: Array
    difference: Array


@lru_cache(maxsize=16)
def seen(kind: str, count: int) -> Seen:
    """Run texts of a kind, a few at a time."""
    chosen = texts(kind, count)
    parts = [_pass(chosen[first : first + TOGETHER]) for first in range(0, count, TOGETHER)]
    return Seen(**{name: np.concatenate([part[name] for part in parts]) for name in parts[0]})


def _pass(tokens: Tokens) -> dict[str, Array]:
    llama = model()
    cache = llama.start(len(tokens), LENGTH)
    found: dict[str, list[Array]] = {}
    causal = visible(LENGTH)
    group = llama.config.heads // llama.config.kv_heads
    back = np.maximum(np.arange(LENGTH)[:, None] - np.arange(LENGTH), 0)
    pairs = np.concatenate([np.arange(0, llama.config.head_size, 2), np.arange(1, llama.config.head_size, 2)])

    def observe(layer: int, queries: NDArray[Any], states: NDArray[Any]) -> None:
        if layer == llama.layers:
            return
        keys, values = (part[:, :LENGTH].astype(np.float64).swapaxes(1, 2) for part in cache.rows(layer))
        asked = queries.astype(np.float64).swapaxes(1, 2)
        shared = np.repeat(keys, group, axis=1)
        scores = attention_scores(asked, shared, visible=causal)
        reversed_rows = np.where(
            causal, np.take_along_axis(scores, np.broadcast_to(back, scores.shape), -1), 0
        )
        turned = rotary(
            np.repeat(asked[:, :, :1, pairs], LENGTH, axis=2), np.arange(LENGTH), base=llama.config.rope_base
        )
        bias = np.sum(turned * shared[:, :, :1, pairs], axis=-1) * llama.config.head_size**-0.5
        closed = repeated_token_reference("relative", LENGTH, bias=bias)
        radius = np.maximum(logit_radius(asked, shared), 1.0)[..., None, None]
        unit_q = asked / np.linalg.norm(asked, axis=-1, keepdims=True)
        unit_k = shared / np.linalg.norm(shared, axis=-1, keepdims=True)
        for name, array in (
            ("importance", importance(scores)),
            ("mirrored", importance(reversed_rows)),
            ("cosine", unit_k @ unit_q[:, :, LENGTH // 2 :].mean(axis=2)[..., None]),
            ("state_norm", np.linalg.norm(states.astype(np.float64), axis=-1)),
            ("key_norm", np.linalg.norm(keys, axis=-1).mean(axis=1)),
            ("value_norm", np.linalg.norm(values, axis=-1).mean(axis=1)),
            ("difference", (np.abs(scores - closed) / radius).max(axis=(1, 2, 3))),
        ):
            found.setdefault(name, []).append(array[..., 0] if name == "cosine" else array)

    llama.forward(cache, tokens, read=np.zeros((len(tokens), 0), dtype=np.int64), observe=observe)
    return {name: np.stack(layers, axis=1) for name, layers in found.items()}


# --- the second half of a text, behind keys and values of the first half ------------------------------------

HALF = LENGTH // 2


@dataclass(frozen=True, eq=False)
class Rows:
    """Keys and values (layers, R, HALF, Hk, D) of the first half of texts, and logits of the second half."""

    tokens: Tokens
    keys: NDArray[np.float32]
    values: NDArray[np.float32]
    logits: NDArray[np.float32]


@lru_cache(maxsize=2)
def halves(count: int) -> Rows:
    """Run natural texts whole, and keep keys and values of their first half."""
    llama, tokens = model(), natural(count)
    cache = llama.start(count, LENGTH)
    read = np.broadcast_to(np.arange(HALF, LENGTH), (count, LENGTH - HALF))
    logits = llama.forward(cache, tokens, read=read)
    rows = [cache.rows(layer) for layer in range(llama.layers)]
    keys, values = (np.stack([layer[i][:, :HALF] for layer in rows]) for i in range(2))
    return Rows(tokens, keys, values, logits)


def behind(
    keys: NDArray[np.float32], values: NDArray[np.float32], tokens: Tokens, start: int
) -> NDArray[np.float32]:
    """Return logits (R, T - HALF, V) of second halves whose tokens from ``start`` on see these rows."""
    llama = model()
    cache = llama.start(len(tokens), LENGTH)
    cache.append(keys, values)
    places = np.broadcast_to(np.arange(start, LENGTH), (len(tokens), LENGTH - start))
    return llama.forward(cache, tokens[:, start:], positions=places, read=places[:, HALF - start :] - start)


def loss(logits: NDArray[np.float32], tokens: Tokens) -> Array:
    """Return the mean loss of each text's second half, from its second token on, nats per token, (R,)."""
    from scipy.special import logsumexp

    rows = logits[:, :-1]
    hit = np.take_along_axis(rows, tokens[:, HALF + 1 :, None], axis=-1)[..., 0]
    return np.asarray((logsumexp(rows, axis=-1).astype(np.float64) - hit).mean(axis=1))


EVICTED = (1, 2, HALF // 2)


@lru_cache(maxsize=8)
def losses(count: int) -> Mapping[str, Array]:
    """Return losses (R,) of second halves whose keys or values of the first half were changed.

    ``whole``: none; ``evicted_k``: without the key and the value of position k; ``drained_1``: with the value
    of the first token set to zero; ``started_later``: of texts without their first token, so that all other
    keys were computed without it.
    """
    rows = halves(count)
    found = {"whole": loss(rows.logits, rows.tokens)}
    for first in range(0, count, TOGETHER):
        few = slice(first, first + TOGETHER)
        text = rows.tokens[few]

        def without(part: NDArray[np.float32], few: slice = few) -> NDArray[np.float32]:
            return np.concatenate([np.delete(part[:, few], k - 1, axis=2) for k in EVICTED], axis=1)

        thrice = np.concatenate([text] * len(EVICTED))
        evicted = loss(behind(without(rows.keys), without(rows.values), thrice, HALF), thrice)
        drained = rows.values[:, few].copy()
        drained[:, :, 0] = 0.0
        none = np.zeros_like(drained[:, :, :0])
        for name, part in (
            *(
                (f"evicted_{k}", part)
                for k, part in zip(EVICTED, np.split(evicted, len(EVICTED)), strict=True)
            ),
            ("drained_1", loss(behind(rows.keys[:, few], drained, text, HALF), text)),
            ("started_later", loss(behind(none, none, text, 1), text)),
        ):
            found[name] = np.append(found.get(name, np.empty(0)), part)
    return found
