"""Logits of SmolLM2-135M-Instruct on a GPU, beside those that the engine of the CPU computed in float32.

``python -m tightbound.papers.sparse_to_dense._gpu_check`` writes the stored numbers anew.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

STORED = Path(__file__).with_name("_gpu_reference.npz")
TOKENS, EVERY, COLUMNS, CHUNK, SINGLE, COPIES = 256, 4, 256, 16, 16, 3
LIMIT = {"float16": 0.25, "bfloat16": 2.0, "float32": 5e-3}
"""Largest difference of a logit, of up to 40, that rounding in thirty layers makes plausible."""


def check(model: Any, dtype: str) -> dict[str, float]:
    """Return the largest difference of logits in passes of several shapes, over 64 positions of one prompt.

    Parameters
    ----------
    model : GpuLlama
    dtype : str
        Of the model.

    Raises
    ------
    ArithmeticError
        If logits differ by more than :data:`LIMIT`.
    """
    with np.load(STORED, allow_pickle=False) as stored:
        tokens, columns, wanted = (stored[name] for name in ("tokens", "columns", "logits"))
    read = np.arange(EVERY - 1, TOKENS, EVERY)

    def apart(logits: NDArray[Any], places: NDArray[Any]) -> float:
        found = float(np.abs(logits[:, columns] - wanted[(places - (EVERY - 1)) // EVERY]).max())
        if not found <= LIMIT[dtype]:
            raise ArithmeticError(
                f"logits in {dtype} differ by {found:.2g} from those of the CPU, allowed is {LIMIT[dtype]}"
            )
        return found

    whole = model.forward(model.start(1, TOKENS), tokens[np.newaxis], read=read[np.newaxis])[0]
    found = {"one pass": apart(whole, read)}
    if model.kernels:  # elsewhere all passes are of one kind
        rows, places = (np.tile(part, (COPIES, 1)) for part in (tokens, read))
        many = model.forward(model.start(COPIES, TOKENS), rows, read=places)[-1]
        found[f"{COPIES} prompts in one pass"] = apart(many, read)
    cache, worst = model.start(1, TOKENS), 0.0
    for first in range(0, TOKENS, CHUNK):
        rows = tokens[np.newaxis, first : first + CHUNK]
        here = read[(read >= first) & (read < first + CHUNK)]
        logits = model.forward(cache, rows, read=(here - first)[np.newaxis])[0]
        worst = max(worst, apart(logits, here))
        cache.commit(np.arange(CHUNK)[np.newaxis], [CHUNK])
    found[f"{CHUNK} rows"] = worst
    cache, worst = model.start(1, TOKENS), 0.0
    first = TOKENS - SINGLE
    model.forward(cache, tokens[np.newaxis, :first], read=np.zeros((1, 0), dtype=np.int64))
    cache.commit(np.arange(first)[np.newaxis], [first])
    for place in range(first, TOKENS):
        logits = model.forward(cache, tokens[np.newaxis, place : place + 1])[0]
        if place in read:
            worst = max(worst, apart(logits, np.array([place])))
        cache.commit([[0]], [1])
    found["one row"] = worst
    return found


def write(path: Path = STORED) -> None:
    """Store logits of the CPU: 256 columns at 64 positions of a page of documentation."""
    from tightbound.papers.sparse_to_dense.documents import prompts
    from tightbound.simulators.language_models import smollm2

    model = smollm2.load().model
    tokens = prompts(1, TOKENS)[0][0][:TOKENS]
    some = np.random.default_rng(0).choice(model.vocabulary, COLUMNS, replace=False)
    logits = model.forward(model.start(1, TOKENS), tokens[np.newaxis])[0, EVERY - 1 :: EVERY]
    best = np.unique(logits.argmax(axis=1))  # the largest logits are those that decide
    columns = np.sort(np.concatenate([best, np.setdiff1d(some, best)[: COLUMNS - best.size]]))
    np.savez_compressed(
        path, tokens=tokens.astype(np.int32), columns=columns.astype(np.int32), logits=logits[:, columns]
    )


if __name__ == "__main__":
    write()
