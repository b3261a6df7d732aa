r"""The Llama family in PyTorch on a GPU, its attention by this package's Triton kernels.

The same model as `tightbound.simulators.language_models.llama`, in half precision. Passes over few rows are
six launches per layer; hidden states between them are float32. Without a GPU everything runs in PyTorch on
the CPU.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tightbound.kernels.backends import BackendUnavailableError, missing
from tightbound.simulators.language_models import _gpu_attention as attention
from tightbound.simulators.language_models._rows import (
    Rows,
    checked_layers,
    checked_rows,
    checked_selection,
    checked_states,
)
from tightbound.simulators.language_models.gguf_checkpoint import LlamaConfig
from tightbound.simulators.language_models.gpu_cache import GpuCache
from tightbound.simulators.language_models.language_model import KeySelection, Observer
from tightbound.simulators.language_models.llama import Llama, LlamaLayer
from tightbound.simulators.language_models.llama_cache import PENDING_ROOM
from tightbound.theory._validation import as_indices

DTYPES = ("float16", "bfloat16", "float32")


@dataclass(frozen=True, eq=False)
class GpuLlama:
    """A Llama-family model on a device, an `tightbound.simulators.language_models.AttentionModel`.

    Parameters
    ----------
    config : LlamaConfig
        Sizes and constants.
    embedding, head : tensor, shape (vocabulary, width)
    blocks : tuple of LlamaLayer
        Tensors: matrices in the dtype of the model, scales of norms in float32.
    norm : tensor of float32, shape (width,)
    rotation : pair of tensors of float32, shape (positions, D / 2)
        Cosine and sine of every angle.
    kernels : bool
        Whether Triton programs run; else PyTorch alone.

    Examples
    --------
    >>> from tightbound.simulators.language_models import Llama, LlamaConfig
    >>> config = LlamaConfig(vocabulary=11, context=32, width=16, inner=24, layers=2, heads=4, kv_heads=2,
    ...                      head_size=4)
    >>> model = GpuLlama.of(Llama.random(config, rng=0), dtype="float16")  # doctest: +SKIP
    >>> model.forward(model.start(1), [[3, 1, 4]]).shape  # doctest: +SKIP
    (1, 3, 11)
    """

    config: LlamaConfig
    embedding: Any
    blocks: tuple[LlamaLayer, ...]
    norm: Any
    head: Any
    rotation: tuple[Any, Any]
    kernels: bool

    @classmethod
    def of(
        cls,
        model: Llama,
        *,
        dtype: str | None = None,
        device: str | None = None,
        kernels: bool | None = None,
    ) -> GpuLlama:
        """Return a model of the CPU on a device.

        Parameters
        ----------
        model : Llama
        dtype : {"float16", "bfloat16", "float32"}, optional
            Of weights, keys and values; where None, float16 on a GPU and float32 elsewhere. A float16
            holds hidden states up to 65504 over the scale of a norm; models with larger ones want bfloat16.
        device : str, optional
            Of torch; where None, the GPU if there is one, else the CPU.
        kernels : bool, optional
            Whether Triton programs run; where None, on a GPU.

        Raises
        ------
        ValueError
            For another dtype, or a head size that the kernels do not take.
        ModuleNotFoundError
            Where torch is not installed.
        BackendUnavailableError
            Where kernels are asked for and cannot run.
        """
        import torch

        place = torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu"))
        chosen = dtype or ("float16" if place.type == "cuda" else "float32")
        if chosen not in DTYPES:
            raise ValueError(f"dtype is {dtype!r}: choose one of {', '.join(DTYPES)}")
        compiled = place.type == "cuda" if kernels is None else kernels
        lacking = missing("triton") if compiled else None
        if lacking is not None:
            raise BackendUnavailableError(f"GpuLlama with kernels cannot run here: {lacking}")
        kind = getattr(torch, chosen)

        def moved(array: NDArray[Any], to: Any = kind) -> Any:
            return torch.from_numpy(np.array(array, dtype=np.float32)).to(device=place, dtype=to)

        scales = ("attention_norm", "mlp_norm")
        blocks = tuple(
            LlamaLayer(
                **{
                    name: moved(array, torch.float32 if name in scales else kind)
                    for name, array in vars(block).items()
                }
            )
            for block in model.blocks
        )
        embedding = moved(model.embedding)
        head = embedding if model.head is model.embedding else moved(model.head)
        angles = np.arange(model.context + PENDING_ROOM)[:, np.newaxis] * model.config.rope_frequencies(
            model.rope_factors
        )
        rotation = moved(np.cos(angles), torch.float32), moved(np.sin(angles), torch.float32)
        return cls(
            model.config, embedding, blocks, moved(model.norm, torch.float32), head, rotation, compiled
        )

    @property
    def vocabulary(self) -> int:
        """Number of different tokens."""
        return self.config.vocabulary

    @property
    def context(self) -> int:
        """Number of positions."""
        return self.config.context

    @property
    def layers(self) -> int:
        """Number of layers."""
        return self.config.layers

    @property
    def device(self) -> Any:
        """Where the weights are."""
        return self.embedding.device

    @property
    def weight_bytes(self) -> int:
        """Bytes of weights that a pass with few rows reads (of the embedding, only the tied read-out)."""
        tensors = [tensor for block in self.blocks for tensor in vars(block).values()]
        return sum(x.numel() * x.element_size() for x in [*tensors, self.norm, self.head])

    def start(self, batch: int, capacity: int | None = None, *, room: int = PENDING_ROOM) -> GpuCache:
        """Return an empty cache with room for pending rows; see `AttentionModel.start`."""
        most = self.context if capacity is None else capacity
        dtype, device = self.embedding.dtype, self.device
        return GpuCache(self.config, batch, most, room=room, dtype=dtype, device=device)

    def forward(
        self,
        cache: GpuCache,
        tokens: ArrayLike,
        *,
        mask: ArrayLike | None = None,
        positions: ArrayLike | None = None,
        read: ArrayLike | None = None,
        attend: KeySelection | None = None,
        run: Sequence[int] | None = None,
        observe: Observer | None = None,
    ) -> NDArray[np.float32]:
        """Append rows and return logits (B, R, V) as arrays of the CPU; see `AttentionModel.forward`."""
        import torch

        lengths = cache.lengths
        rows = checked_rows(
            tokens,
            mask,
            positions,
            read,
            lengths=lengths,
            pending=cache.pending,
            vocabulary=self.vocabulary,
            context=self.context,
        )
        chosen = checked_layers(run, self.layers)
        checked_selection(attend, (self.layers, lengths.size, self.config.kv_heads), lengths)
        starts, count = cache.grow(rows.tokens.shape[1]), rows.tokens.shape[1]
        with torch.inference_mode():
            how = self._attention(rows, lengths, cache, attend)
            states = self.run(
                cache.keys,
                cache.values,
                self.put(rows.tokens, torch.int64),
                self.put(rows.positions),
                self.put(starts),
                how,
                layers=chosen,
                observe=None if observe is None else partial(_show, observe, rows.tokens.shape),
            ).view(*rows.tokens.shape, -1)
            wanted = self.put(rows.read, torch.int64)[:, :, None].expand(-1, -1, self.config.width)
            logits = self.logits(states.gather(1, wanted).flatten(0, 1)).cpu().numpy()
        if not np.isfinite(logits.sum()):
            raise ValueError(
                "logits are NaN or infinite: weights or keys put into the cache are not finite, or hidden "
                "states exceed float16: take dtype='bfloat16'"
            )
        cache.written(count)
        return np.asarray(logits.reshape(*rows.read.shape, self.vocabulary))

    def _attention(self, rows: Rows, lengths: NDArray[Any], cache: GpuCache, attend: Any) -> Any:
        """Return how the rows of a pass attend."""
        import torch

        count, pending = rows.tokens.shape[1], cache.pending
        mask = self.put(rows.mask, torch.bool)
        picked = None if attend is None else (self.put(attend.keys), self.put(attend.tail_start))
        if not self.kernels:
            return attention.Masked(self.put(lengths), mask, picked)
        if count > 1 and rows.causal and not pending and not lengths.any():
            return attention.Prompt()
        parts = attention.splits(lengths.size * self.config.kv_heads, cache.keys.shape[3])
        if count == 1 and rows.mask.all():
            ends = self.put(lengths + pending + 1)
            if picked is None:
                return attention.OneRow(ends, parts)
            return attention.Chosen(*picked, ends, parts)
        return attention.Tree(self.put(lengths), mask, parts, picked)

    def run(
        self,
        keys: Any,
        values: Any,
        tokens: Any,
        positions: Any,
        starts: Any,
        how: Any,
        *,
        layers: Sequence[int] | None = None,
        observe: Callable[[int, Any, Any], None] | None = None,
    ) -> Any:
        """Write rows into a cache and return their hidden states (B M, width): tensors in, nothing checked.

        Launches only: it does not wait for the device, so that it can be captured in a graph.

        Parameters
        ----------
        keys, values : tensor, shape (layers, B, Hk, N, D)
            The cache.
        tokens : tensor of int64, shape (B, M)
        positions : tensor of int32, shape (B, M)
            Places in the text.
        starts : tensor of int32, shape (B,)
            Row of the cache that the first row of each sequence gets.
        how : callable
            One of the classes of ``_gpu_attention``.
        layers : sequence of int, optional
            Layers to run, ascending; all where None.
        observe : callable, optional
            As `Observer`, of tensors, hidden states (B M, width).
        """
        hidden = self.embedding[tokens].float().flatten(0, 1)
        made, eps = self._layer(hidden.shape[0]), self.config.eps
        for layer in range(self.layers) if layers is None else layers:
            block = self.blocks[layer]
            q, k, v = made.project(
                hidden,
                block.attention_norm,
                block.query_key_value,
                eps,
                self.rotation,
                positions,
                starts,
                keys[layer],
                values[layer],
                self.config.heads,
            )
            if observe is not None:
                observe(layer, q, hidden)
            mixed = how(layer, q, k, v, keys[layer], values[layer])
            made.add(hidden, mixed.reshape(hidden.shape[0], -1), block.output)
            made.add(hidden, made.gate(hidden, block.mlp_norm, block.gate_up, eps), block.down)
        if observe is not None:
            observe(self.layers, q[:, :, :0], hidden)
        return hidden

    def logits(self, hidden: Any) -> Any:
        """Return logits (R, vocabulary), tensors of float32, of hidden states (R, width)."""
        if not hidden.shape[0]:
            return hidden.new_empty((0, self.vocabulary))
        return self._layer(1).read_out(hidden.contiguous(), self.norm, self.head, self.config.eps)

    def embed(self, tokens: ArrayLike) -> NDArray[np.float32]:
        """Return the embeddings (..., width) of tokens."""
        ids = as_indices("tokens", tokens, self.vocabulary)
        return _array(self.embedding[self.put(ids).long()])

    def read_out(self, hidden: ArrayLike, *, normalise: bool = True) -> NDArray[np.float32]:
        """Return logits (..., vocabulary) of hidden states (..., width)."""
        import torch

        states = checked_states(hidden, self.config.width)
        flat = self.put(states.reshape(-1, self.config.width), torch.float32)
        with torch.inference_mode():
            found = self.logits(flat) if normalise else (flat.to(self.head.dtype) @ self.head.T).float()
        return _array(found).reshape(*states.shape[:-1], self.vocabulary)

    def put(self, array: Any, dtype: Any = None) -> Any:
        """Return an array of the CPU as a tensor on the device, of int32 where no dtype is given."""
        import torch

        return torch.from_numpy(np.array(array)).to(device=self.device, dtype=dtype or torch.int32)

    def _layer(self, rows: int) -> ModuleType:
        """Return what computes all of a layer but attention."""
        from tightbound.simulators.language_models import _llama_programs_triton, _llama_torch

        few = self.kernels and rows <= _llama_programs_triton.FEW_ROWS
        return _llama_programs_triton if few else _llama_torch


def _show(observe: Observer, shape: tuple[int, int], layer: int, queries: Any, hidden: Any) -> None:
    observe(layer, _array(queries), _array(hidden).reshape(*shape, -1))


def _array(tensor: Any) -> NDArray[np.float32]:
    return np.array(tensor.float().cpu().numpy())  # a copy: on the CPU the tensor goes on changing
