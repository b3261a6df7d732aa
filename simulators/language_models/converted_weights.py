"""Weights of a GGUF file in float32, kept among the user's caches so that they are converted once.

A kept file is a fixed beginning (a mark, its size, size and check sum of a header), the header in JSON, and
arrays behind it, each at a multiple of 64 bytes. It is mapped into memory, not read: processes share it. A
file that is not whole, or that another converter wrote, is as good as none.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import secrets
import shutil
import struct
import sys
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import asdict, fields
from importlib.metadata import PackageNotFoundError, version
from itertools import chain
from math import prod
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from tightbound.simulators._user_cache import user_cache
from tightbound.simulators.language_models.gguf_checkpoint import LlamaConfig, Weights
from tightbound.simulators.language_models.llama import Llama, LlamaLayer

CONVERTER = 1
"""To be raised when what is kept of a file changes."""

SMALL = 1 << 20
"""Bytes of a GGUF file below which nothing is kept."""

_MARK = b"tightbound-weights"
_BEGINNING = struct.Struct("<18sQQL")  # mark, bytes of the file, bytes of the header, its check sum
_ALIGN = 64
_STEP, _PROBE = 1 << 20, 1 << 12
"""The check sum of an array covers its last bytes and so many of every step: all of it would take longer
than what is saved is worth."""


class Converted(NamedTuple):
    """What is kept of a GGUF file.

    Parameters
    ----------
    model : Llama
        Weights in float32.
    tokenizer : mapping from str
        Entries of the file that describe its tokeniser.
    """

    model: Llama
    tokenizer: Mapping[str, Any]


def place(file: Path) -> Path | None:
    """Return where the converted weights of a GGUF file are kept, or None where nothing can be.

    The name is made of the file's content and of what converts it. Small files are converted in no time.

    Raises
    ------
    OSError
        If the file cannot be read.
    """
    folder = user_cache()
    if folder is None or file.stat().st_size < SMALL:
        return None
    try:
        converter = f"{CONVERTER}-{version('gguf')}-{sys.byteorder}"
    except PackageNotFoundError:
        return None
    with file.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    return folder / "weights" / f"{digest[:32]}-{converter}.bin"


def keep(kept: Path, found: Converted) -> bool:
    """Write a file in one step and return whether that was done; files of other converters are removed.

    Where the folder cannot be written, or the disk would be full or nearly so, nothing is left behind.

    Parameters
    ----------
    kept : Path
        Where, see `place`.
    found : Converted
        What to keep.
    """
    arrays = dict(_named(found.model))
    temporary = kept.with_name(f".{kept.name}-{secrets.token_hex(8)}.tmp")
    described = {
        "config": asdict(found.model.config),
        "tokenizer": found.tokenizer,
        "arrays": {name: [array.shape, _sum(array)] for name, array in arrays.items()},
    }
    try:
        header = json.dumps(described).encode()
    except (TypeError, ValueError):  # entries of a kind that has not been met
        return False
    size = _padded(_BEGINNING.size + len(header)) + sum(_padded(array.nbytes) for array in arrays.values())
    try:
        kept.parent.mkdir(parents=True, exist_ok=True)
        if shutil.disk_usage(kept.parent).free < 2 * size:
            return False
        with temporary.open("xb") as stream:
            beginning = _BEGINNING.pack(_MARK, size, len(header), zlib.crc32(header))
            for part in chain([beginning + header], map(_bytes, arrays.values())):
                stream.write(part)
                stream.write(bytes(-len(part) % _ALIGN))
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(temporary, kept)
    except OSError:
        return False
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
    with contextlib.suppress(OSError):
        for other in kept.parent.glob(f"{kept.name.split('-')[0]}-*"):
            if other != kept:
                other.unlink(missing_ok=True)
    return True


def recall(kept: Path) -> Converted | None:
    """Return what `keep` wrote, mapped into memory, or None where it is not there or not whole.

    Writing into an array does not change the file.
    """
    try:
        with kept.open("rb") as stream:
            mark, size, length, check = _BEGINNING.unpack(stream.read(_BEGINNING.size))
            if mark != _MARK or size != os.fstat(stream.fileno()).st_size or length > size:
                return None
            header = stream.read(length)
            if zlib.crc32(header) != check:
                return None
            content = np.memmap(stream, dtype=np.uint8, mode="c")
        described = json.loads(header)
        arrays: dict[str, Weights] = {}
        start = _padded(_BEGINNING.size + length)
        for name, (shape, wanted) in described["arrays"].items():
            count = 4 * prod(shape)
            array = np.asarray(content[start : start + count]).view(np.float32).reshape(shape)
            if _sum(array) != wanted:
                return None
            arrays[name], start = array, start + _padded(count)
        return Converted(_model(LlamaConfig(**described["config"]), arrays), described["tokenizer"])
    except (OSError, ValueError, TypeError, KeyError, struct.error):
        return None


def _named(model: Llama) -> Iterator[tuple[str, Weights]]:
    """Yield every array of a model once, with its name."""
    for layer, block in enumerate(model.blocks):
        for field in fields(LlamaLayer):
            yield f"{layer}.{field.name}", getattr(block, field.name)
    yield "embedding", model.embedding
    yield "norm", model.norm
    if model.head is not model.embedding:
        yield "head", model.head
    if model.rope_factors is not None:
        yield "rope_factors", model.rope_factors


def _model(config: LlamaConfig, arrays: Mapping[str, Weights]) -> Llama:
    """Return the model of these arrays."""
    blocks = tuple(
        LlamaLayer(**{field.name: arrays[f"{layer}.{field.name}"] for field in fields(LlamaLayer)})
        for layer in range(config.layers)
    )
    embedding = arrays["embedding"]
    head = arrays.get("head", embedding)
    return Llama(config, embedding, blocks, arrays["norm"], head, arrays.get("rope_factors"))


def _bytes(array: Weights) -> bytes | memoryview:
    """Return the content of an array."""
    return np.ascontiguousarray(array).reshape(-1).view(np.uint8).data


def _padded(count: int) -> int:
    """Return the next multiple of the alignment."""
    return -(count // -_ALIGN) * _ALIGN


def _sum(array: Weights) -> int:
    """Return the check sum of the probes of an array."""
    content = _bytes(array)
    found = zlib.crc32(content[-_PROBE:])
    for start in range(0, len(content), _STEP):
        found = zlib.crc32(content[start : start + _PROBE], found)
    return found
