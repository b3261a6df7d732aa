"""A small Llama over bytes that was trained for this package, and files of such models."""

from __future__ import annotations

import io
import json
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import asdict
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tightbound.simulators.language_models.gguf_checkpoint import CheckpointFormatError, LlamaConfig
from tightbound.simulators.language_models.llama import Llama
from tightbound.simulators.language_models.trainable_llama import TrainableLlama
from tightbound.theory._validation import Integers

CONFIG = LlamaConfig(
    vocabulary=256, context=8192, width=128, inner=352, layers=4, heads=4, kv_heads=2, head_size=32
)
FILE = Path(__file__).parent / "data" / "byte_llama.npz"


@cache
def load() -> Llama:
    """Return the model that ships with the package: 4 layers of width 128, 2 key heads of 4 query heads.

    It was trained for minutes on docstrings, and writes bytes that look like words.

    Examples
    --------
    >>> model = load()
    >>> model.vocabulary, model.layers
    (256, 4)
    """
    return read_llama(FILE)


def encode(text: str) -> Integers:
    """Return the bytes of a text.

    Examples
    --------
    >>> encode("if").tolist()
    [105, 102]
    """
    return np.frombuffer(text.encode(), dtype=np.uint8).astype(np.int64)


def decode(tokens: Integers) -> str:
    """Return the text of bytes; those that are no UTF-8 become a replacement character.

    Examples
    --------
    >>> decode(encode("if"))
    'if'
    """
    return np.asarray(tokens).astype(np.uint8).tobytes().decode(errors="replace")


def write_llama(path: str | Path, config: LlamaConfig, weights: Mapping[str, NDArray[Any]]) -> None:
    """Write weights, named as by `TrainableLlama`, in float16."""
    arrays: dict[str, Any] = {name: np.asarray(array, np.float16) for name, array in weights.items()}
    with Path(path).open("wb") as stream:
        np.savez_compressed(stream, allow_pickle=False, _sizes=np.array(json.dumps(asdict(config))), **arrays)


def read_llama(path: str | Path) -> Llama:
    """Return the model that `write_llama` wrote.

    Raises
    ------
    FileNotFoundError
        Where there is no file.
    CheckpointFormatError
        For a file that is damaged or something else.
    """
    try:
        with np.load(io.BytesIO(Path(path).read_bytes()), allow_pickle=False) as stored:
            weights = {name: stored[name].astype(np.float32) for name in stored.files if name != "_sizes"}
            config = LlamaConfig(**json.loads(str(stored["_sizes"])))
        return TrainableLlama(config, length=min(64, config.context)).engine(weights)
    except FileNotFoundError:
        raise
    except (zipfile.BadZipFile, zlib.error, ValueError, KeyError, EOFError, OSError, TypeError) as error:
        raise CheckpointFormatError(
            f"{path} is not whole or holds no model of bytes ({error}): name a file that write_llama wrote"
        ) from error
