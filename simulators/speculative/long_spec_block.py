r"""The draft model of LongSpec: one transformer block that also reads the keys of its target.

.. math:: h &\leftarrow E(x) \\
          h &\leftarrow h + W_o\,\mathrm{WindowAttention}(W_{qkv}\,\mathrm{norm}_1(h)) \\
          h &\leftarrow h + C_o\,\mathrm{Attention}(C_q\,\mathrm{norm}_2(h);\; K, V) \\
          h &\leftarrow h + W_d\,(\mathrm{silu}(W_g\,\mathrm{norm}_3(h)) \odot W_u\,\mathrm{norm}_3(h))

K, V are those that the last layer of the target has stored. Embedding E and read-out are the target's.
"""

from __future__ import annotations

import io
import json
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tightbound.simulators.language_models.gguf_checkpoint import LlamaConfig, Weights
from tightbound.theory._validation import as_integer

SIZES = ("vocabulary", "width", "layers", "heads", "kv_heads", "head_size", "eps", "rope_base")
"""What of a target a draft depends on."""


class DraftMismatchError(ValueError):
    """A draft was trained for another target."""


@dataclass(frozen=True, eq=False)
class LongSpecBlock:
    """Weights of the block, matrices as (outputs, inputs), in float32.

    Parameters
    ----------
    target : LlamaConfig
        Sizes of the target; heads, their size and their rotation are the draft's too.
    fingerprint : int
        Of the target's weights, see `fingerprint_of`.
    window : int
        W, tokens that self-attention sees, the row's own included.
    weights : mapping from name to array
        Names and shapes as `shapes` returns them.

    References
    ----------
    Yang et al., "LongSpec", arXiv 2502.17421, Section 3.1 (there W = 512).

    Examples
    --------
    >>> config = LlamaConfig(vocabulary=11, context=32, width=16, inner=24, layers=2, heads=4, kv_heads=2,
    ...                      head_size=4)
    >>> block = LongSpecBlock.random(config, window=8, inner=24, rng=0)
    >>> block.inner, block.parameters, block.state_numbers
    (24, 2496, 128)
    """

    target: LlamaConfig
    fingerprint: int
    window: int
    weights: Mapping[str, Weights]

    def __post_init__(self) -> None:
        as_integer("window", self.window, least=1)
        inner = np.shape(self.weights["down"])[-1] if "down" in self.weights else 1
        expected = shapes(self.target, inner)
        if set(expected) != set(self.weights):
            names = ", ".join(sorted(set(expected) ^ set(self.weights)))
            raise ValueError(f"weights lacks or adds {names}: give {', '.join(expected)}")
        arrays = {name: np.ascontiguousarray(self.weights[name], np.float32) for name in expected}
        for name, array in arrays.items():
            if array.shape != expected[name]:
                raise ValueError(f"weights[{name!r}] has shape {array.shape}: give {expected[name]}")
            if not np.all(np.isfinite(array)):
                raise ValueError(f"weights[{name!r}] has entries that are NaN or infinite: replace them")
        object.__setattr__(self, "weights", arrays)

    @classmethod
    def random(
        cls,
        target: LlamaConfig,
        *,
        window: int,
        inner: int,
        fingerprint: int = 0,
        rng: int | np.random.Generator | None = None,
    ) -> LongSpecBlock:
        """Return an untrained block: normal weights of variance one over the number of inputs."""
        source = np.random.default_rng(rng)
        weights: dict[str, Any] = {}
        for name, shape in shapes(target, as_integer("inner", inner, least=1)).items():
            weights[name] = np.ones(shape) if len(shape) == 1 else source.standard_normal(shape)
            if len(shape) == 2:
                weights[name] /= np.sqrt(shape[1])
        return cls(target, fingerprint, window, weights)

    @property
    def inner(self) -> int:
        """Size of the hidden layer of the MLP."""
        return int(self.weights["down"].shape[1])

    @property
    def parameters(self) -> int:
        """Number of weights."""
        return sum(array.size for array in self.weights.values())

    @property
    def state_numbers(self) -> int:
        """Numbers that drafting keeps for each text, whatever its length: 2 W Hk D."""
        return 2 * self.window * self.target.kv_heads * self.target.head_size

    def check(self, target: Any) -> None:
        """Raise where ``target`` is not the model that this draft was trained for.

        Raises
        ------
        TypeError
            For a target that is no `tightbound.simulators.language_models.llama.Llama`.
        DraftMismatchError
            For other sizes, or weights.
        """
        config = getattr(target, "config", None)
        if not isinstance(config, LlamaConfig):
            raise TypeError(
                f"the target is a {type(target).__name__}, whose last layer LongSpecDraft cannot read: it "
                "needs a Llama"
            )
        differing = [name for name in SIZES if getattr(config, name) != getattr(self.target, name)]
        if differing:
            told = ", ".join(
                f"{name} {getattr(self.target, name)} (the target has {getattr(config, name)})"
                for name in differing
            )
            raise DraftMismatchError(
                f"the draft was trained for a target with {told}: load the draft of this target, or train one"
            )
        if self.fingerprint != fingerprint_of(target):
            raise DraftMismatchError(
                "the draft was trained for a target of the same sizes and other weights: load the draft of "
                "this target, or train one"
            )

    def save(self, path: str | Path) -> None:
        """Write the block in float16."""
        told = asdict(self.target) | {"window": self.window, "fingerprint": self.fingerprint}
        arrays: dict[str, Any] = {name: array.astype(np.float16) for name, array in self.weights.items()}
        with Path(path).open("wb") as stream:
            np.savez_compressed(stream, allow_pickle=False, _sizes=np.array(json.dumps(told)), **arrays)

    @classmethod
    def load(cls, path: str | Path) -> LongSpecBlock:
        """Read a block that `save` wrote.

        Raises
        ------
        FileNotFoundError
            Where there is no file.
        ValueError
            For a file that is damaged or something else.
        """
        try:
            with np.load(io.BytesIO(Path(path).read_bytes()), allow_pickle=False) as stored:
                arrays = {name: stored[name].astype(np.float32) for name in stored.files if name != "_sizes"}
                told = json.loads(str(stored["_sizes"]))
            window, fingerprint = told.pop("window"), told.pop("fingerprint")
            config = LlamaConfig(**told)
        except FileNotFoundError:
            raise
        except (zipfile.BadZipFile, zlib.error, ValueError, KeyError, EOFError, OSError, TypeError) as error:
            raise ValueError(
                f"{path} is not whole or holds no LongSpec draft ({error}): train one, or name another file"
            ) from error
        return cls(config, fingerprint, window, arrays)


def shapes(target: LlamaConfig, inner: int) -> dict[str, tuple[int, ...]]:
    """Return the shapes of the weights of a block."""
    width, queries = target.width, target.heads * target.head_size
    keys = target.kv_heads * target.head_size
    return {
        "self_norm": (width,),
        "query_key_value": (queries + 2 * keys, width),
        "output": (width, queries),
        "cross_norm": (width,),
        "cross_query": (queries, width),
        "cross_output": (width, queries),
        "mlp_norm": (width,),
        "gate_up": (2 * inner, width),
        "down": (width, inner),
        "norm": (width,),
    }


def fingerprint_of(target: Any) -> int:
    """Return a checksum of some weights of a target: its last norm and the first rows of its embedding."""
    head = zlib.crc32(np.ascontiguousarray(target.norm, np.float32).tobytes())
    return zlib.crc32(np.ascontiguousarray(target.embedding[:256], np.float32).tobytes(), head)
