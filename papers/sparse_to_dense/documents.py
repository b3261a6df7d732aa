"""Long prompts that every installation has: pages of Python's documentation, and a question after each."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

QUESTION = "What is described above? Explain it, and repeat the most important sentences."


@cache
def prompts(count: int, document: int, skip: int = 0) -> tuple[tuple[NDArray[np.int64], ...], int]:
    """Return prompts of one length for SmolLM2, and how many tokens at the end of each are the question.

    Parameters
    ----------
    count : int
        Prompts.
    document : int
        Tokens of each document: the first ones of a topic of ``pydoc_data``, the longest topics first.
    skip : int
        Topics to leave out.

    Raises
    ------
    ValueError
        Where there are not as many topics of that length.
    """
    from pydoc_data.topics import topics

    from tightbound.simulators.language_models import smollm2

    tokenizer = smollm2.load().tokenizer
    head, tail = _frame(tokenizer)
    found: list[Any] = []
    for title in sorted(topics, key=lambda name: (-len(topics[name]), name))[skip:]:
        if len(found) == count:
            break
        # no token is shorter than a character, and few are longer than twelve
        body = tokenizer.encode(topics[title][: 12 * document])[: document - head.size]
        if body.size == document - head.size:
            found.append(np.concatenate([head, body, tail]).astype(np.int64))
    if len(found) < count:
        raise ValueError(f"count is {count}: only {len(found)} topics have {document} tokens; ask for fewer")
    return tuple(found), int(tail.size)


def windows(count: int, document: int) -> tuple[NDArray[np.int64], int]:
    """Return prompts (count, n) whose documents are windows of all pages, and the tokens of the question.

    Windows begin at equal distances in the pages one after another, in no order, so that the first few are
    from everywhere; many or long ones overlap.

    Parameters
    ----------
    count : int
        Prompts.
    document : int
        Tokens of each document.

    Raises
    ------
    ValueError
        Where all pages have fewer tokens.
    """
    from pydoc_data.topics import topics

    from tightbound.simulators.language_models import smollm2

    tokenizer = smollm2.load().tokenizer
    head, tail = _frame(tokenizer)
    ordered = sorted(topics, key=lambda name: (-len(topics[name]), name))
    pages = np.concatenate([tokenizer.encode(topics[title]) for title in ordered])
    size = document - head.size
    if pages.size < size:
        raise ValueError(f"document is {document}: all pages have {pages.size} tokens; ask for fewer")
    starts = np.random.default_rng(0).permutation(np.linspace(0, pages.size - size, count).astype(int))
    found = [np.concatenate([head, pages[start : start + size], tail]) for start in starts]
    return np.stack(found).astype(np.int64), int(tail.size)


def _frame(tokenizer: Any) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return the tokens before a document and those of the question after it."""
    from tightbound.simulators.language_models.byte_pair_tokenizer import chat

    mark = "\n\n[document]\n\n"
    before, after = chat([("user", f"{mark}{QUESTION}")]).split(mark)
    return tokenizer.encode(before, special=True), tokenizer.encode(f"\n\n{after}", special=True)
