"""Read a GGUF file of a Llama-family model: sizes, float32 weights, and what its tokeniser needs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Weights = NDArray[np.float32]

_MAGIC = b"GGUF"
_MATRICES = ("attn_q", "attn_k", "attn_v", "attn_output", "ffn_gate", "ffn_up", "ffn_down")
_NORMS = ("attn_norm", "ffn_norm")


class CheckpointFormatError(ValueError):
    """A file is not whole, no GGUF file, or of a model that is not of the Llama family."""


@dataclass(frozen=True)
class LlamaConfig:
    """Sizes and constants of a Llama-family model.

    Parameters
    ----------
    vocabulary, context : int
        Number of tokens, and of positions.
    width, inner : int
        Size of the residual stream and of the hidden layer of each MLP.
    layers, heads, kv_heads, head_size : int
        Query head h reads key head ``h // (heads // kv_heads)``.
    eps : float
        Added to mean squares before their root is taken.
    rope_base : float
        Pair i of a head turns by ``position * rope_base ** (-2 i / head_size)``.

    Examples
    --------
    >>> sizes = {"width": 16, "inner": 24, "layers": 2, "heads": 4, "kv_heads": 2, "head_size": 4}
    >>> LlamaConfig(vocabulary=11, context=32, **sizes).layers
    2
    """

    vocabulary: int
    context: int
    width: int
    inner: int
    layers: int
    heads: int
    kv_heads: int
    head_size: int
    eps: float = 1e-5
    rope_base: float = 10_000.0

    def __post_init__(self) -> None:
        for name in (
            "vocabulary",
            "context",
            "width",
            "inner",
            "layers",
            "heads",
            "kv_heads",
            "head_size",
        ):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}: it must be at least 1")
        if self.heads % self.kv_heads or self.head_size % 2:
            raise ValueError(
                f"heads is {self.heads}, kv_heads {self.kv_heads}, head_size {self.head_size}: key heads "
                "must divide query heads, and heads have an even size"
            )

    def rope_frequencies(self, factors: NDArray[Any] | None = None) -> NDArray[np.float64]:
        """Return by how much each pair of a head turns from one position to the next, shape (head_size / 2,).

        Parameters
        ----------
        factors : ndarray, shape (head_size / 2,), optional
            What the frequencies of a long-context checkpoint are divided by.
        """
        frequencies = self.rope_base ** -(np.arange(0, self.head_size, 2) / self.head_size)
        return np.asarray(frequencies if factors is None else frequencies / factors)


@dataclass(frozen=True, eq=False)
class GGUFCheckpoint:
    """What a GGUF file of a Llama-family model holds.

    Parameters
    ----------
    path : Path
        Where it was read.
    config : LlamaConfig
        Sizes.
    tensors : mapping from name to ndarray of float32
        Weights by their names in the file, matrices as (outputs, inputs). Rows of query and key matrices
        are in the order for rotary pairs (2 i, 2 i + 1).
    tokenizer : mapping from str
        Entries of the file below ``tokenizer.``, without that prefix.
    """

    path: Path
    config: LlamaConfig
    tensors: Mapping[str, Weights]
    tokenizer: Mapping[str, Any]


def read_gguf(path: str | Path) -> GGUFCheckpoint:
    """Read a GGUF file and convert its weights to float32.

    Parameters
    ----------
    path : str or Path
        The file. Any quantisation that the package ``gguf`` knows.

    Returns
    -------
    GGUFCheckpoint

    Raises
    ------
    FileNotFoundError
        Where there is no such file.
    CheckpointFormatError
        For a file that is cut off, is not GGUF, or holds a model that is not of the Llama family.
    ModuleNotFoundError
        Where the package ``gguf`` is not installed.

    References
    ----------
    The GGUF specification of the ggml project.
    """
    file = Path(path)
    if not file.is_file():
        raise FileNotFoundError(f"there is no file {file}: give the path of a GGUF file")
    with file.open("rb") as stream:
        magic = stream.read(len(_MAGIC))
    if magic != _MAGIC:
        raise CheckpointFormatError(
            f"{file} begins with {magic!r}, a GGUF file with {_MAGIC!r}: give a model in GGUF format"
        )
    try:
        import gguf
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            "reading GGUF files needs the package gguf: pip install 'tightbound[models]'"
        ) from error
    try:
        reader = gguf.GGUFReader(file)
    except Exception as error:  # whatever a reader that trusts its input stumbles over
        raise CheckpointFormatError(
            f"{file} has {file.stat().st_size} bytes and cannot be read as GGUF ({error}): it is probably "
            "cut off; fetch it again"
        ) from error
    fields = {name: field.contents() for name, field in reader.fields.items()}
    found = {tensor.name: tensor for tensor in reader.tensors}
    config = _config(file, fields, found)
    tensors: dict[str, Weights] = {}
    for name, shape in _expected(config, "output.weight" in found).items():
        if name not in found:
            raise CheckpointFormatError(
                f"{file} has no tensor {name}: only models with the layout of Llama are supported"
            )
        try:
            values = gguf.quants.dequantize(found[name].data, found[name].tensor_type)
        except NotImplementedError as error:
            raise CheckpointFormatError(
                f"{file} stores {name} as {found[name].tensor_type.name}, which gguf cannot convert: take "
                "another quantisation of the model"
            ) from error
        if values.shape != shape:
            raise CheckpointFormatError(f"{file} has {name} of shape {values.shape}, expected {shape}")
        tensors[name] = np.ascontiguousarray(values, dtype=np.float32)
    if "rope_freqs.weight" in found:
        tensors["rope_freqs.weight"] = np.array(found["rope_freqs.weight"].data, dtype=np.float32)
    prefix = "tokenizer."
    tokenizer = {name[len(prefix) :]: value for name, value in fields.items() if name.startswith(prefix)}
    return GGUFCheckpoint(file, config, tensors, tokenizer)


def _config(file: Path, fields: Mapping[str, Any], found: Mapping[str, Any]) -> LlamaConfig:
    architecture = fields.get("general.architecture")
    if architecture != "llama":
        raise CheckpointFormatError(
            f"{file} holds a model of architecture {architecture!r}: only 'llama' is supported"
        )

    def get(name: str, default: Any = None) -> Any:
        value = fields.get(f"llama.{name}", default)
        if value is None:
            raise CheckpointFormatError(f"{file} has no entry llama.{name}: it is no whole model")
        return value

    scaling = fields.get("llama.rope.scaling.type", "none")
    if scaling != "none" or any(name.endswith(".bias") or "_exps" in name for name in found):
        raise CheckpointFormatError(
            f"{file} has biases, experts or rotary scaling of type {scaling!r}: only plain Llama models are "
            "supported"
        )
    if "token_embd.weight" not in found:
        raise CheckpointFormatError(f"{file} has no tensor token_embd.weight: it is no whole model")
    width, heads = int(get("embedding_length")), int(get("attention.head_count"))
    size = int(get("attention.key_length", width // heads))
    if int(get("rope.dimension_count", size)) != size:
        raise CheckpointFormatError(
            f"{file} turns {get('rope.dimension_count')} of {size} dimensions of a head: only models that "
            "turn all are supported"
        )
    return LlamaConfig(
        vocabulary=int(found["token_embd.weight"].shape[1]),
        context=int(get("context_length")),
        width=width,
        inner=int(get("feed_forward_length")),
        layers=int(get("block_count")),
        heads=heads,
        kv_heads=int(get("attention.head_count_kv", heads)),
        head_size=size,
        eps=float(get("attention.layer_norm_rms_epsilon")),
        rope_base=float(get("rope.freq_base", 10_000.0)),
    )


def _expected(config: LlamaConfig, untied: bool) -> dict[str, tuple[int, ...]]:
    """Names and shapes of all weights."""
    stream, heads = config.width, config.heads * config.head_size
    keys = config.kv_heads * config.head_size
    shapes: dict[str, tuple[int, ...]] = {
        "token_embd.weight": (config.vocabulary, stream),
        "output_norm.weight": (stream,),
    }
    if untied:
        shapes["output.weight"] = (config.vocabulary, stream)
    matrices = dict(
        zip(
            _MATRICES,
            (
                (heads, stream),
                (keys, stream),
                (keys, stream),
                (stream, heads),
                (config.inner, stream),
                (config.inner, stream),
                (stream, config.inner),
            ),
            strict=True,
        )
    )
    for layer in range(config.layers):
        for name in _NORMS:
            shapes[f"blk.{layer}.{name}.weight"] = (stream,)
        for name, shape in matrices.items():
            shapes[f"blk.{layer}.{name}.weight"] = shape
    return shapes
