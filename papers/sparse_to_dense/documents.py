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
    from tightbound.simulators.language_models.byte_pair_tokenizer import chat

    tokenizer = smollm2.load().tokenizer
    mark = "\n\n[document]\n\n"
    before, after = chat([("user", f"{mark}{QUESTION}")]).split(mark)
    head, tail = (tokenizer.encode(part, special=True) for part in (before, f"\n\n{after}"))
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
