r"""Hyper-parameters of a small decoder-only transformer, and the one layout of its parameters.

Tokens :math:`x_1, \dots, x_T` become :math:`h^0_t`; block l adds attention and a feed-forward part,

.. math:: u^l = h^{l-1} + \mathrm{MHSA}(\mathrm{RMS}(h^{l-1})), \qquad
          h^l = u^l + \mathrm{FFN}(\mathrm{RMS}(u^l)), \qquad
          \mathrm{logits} = \mathrm{RMS}(h^L)\,W,

(``norm="pre"``), where each head returns :math:`Z_t^{-1} \sum_{j \le t} \mathrm{sim}(q_t, k_j)\, v_j`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np

from tightbound.theory._validation import Array, as_floats, as_integer, as_positive

FeedForward = Literal["relu", "gelu", "swish", "reglu", "geglu", "swiglu"]
Norm = Literal["pre", "post", "none"]
Position = Literal["learned", "none", "sinusoidal", "rotary", "alibi", "relative", "bucket_index"]
Operation = Literal["softmax", "sigmoid", "relu", "elu1", "kernel_elu", "identity", "mlp"]
Normaliser = Literal["sum", "none", "max_abs", "power"]
BiasSlot = Literal["key", "key_value", "value", "off_by_one"]
Direction = Literal["axis", "diagonal"]

Parameters = dict[str, Array]
"""Arrays by name; those of the blocks are stacked along axis 0."""

GATED: tuple[FeedForward, ...] = ("reglu", "geglu", "swiglu")
LOGIT_BIASES: tuple[Position, ...] = ("alibi", "relative", "bucket_index")
NORMALISERS: dict[Operation, tuple[Normaliser, ...]] = {
    "softmax": ("sum", "power"),
    "sigmoid": ("sum", "none", "power"),
    "relu": ("none", "max_abs"),
    "elu1": ("sum", "none", "power"),
    "kernel_elu": ("sum", "none", "power"),
    "identity": ("none", "max_abs"),
    "mlp": ("none", "max_abs"),
}
BUCKETS = 32
"""Number of buckets of the distance, as in T5."""


@dataclass(frozen=True)
class Architecture:
    r"""Hyper-parameters of a transformer; its weights are an argument of every function.

    Parameters
    ----------
    vocabulary : int
        Number of different tokens, a start symbol included, at least 1.
    context : int
        Longest sequence T, at least 1.
    width : int, default 64
        Size of the residual stream, a multiple of ``heads``.
    blocks, heads : int, default 1
        At least 1; each head has ``width / heads`` dimensions.
    feed_forward : {None, "relu", "gelu", "swish", "reglu", "geglu", "swiglu"}
        Activation of the feed-forward part, the last three gated; None leaves that part out.
    inner : int, optional
        Hidden width of the feed-forward part; ``2 width`` where left out.
    norm : {"pre", "post", "none"}
        Where RMSNorm (eps 1e-5) stands; only ``"pre"`` has one before the read-out.
    position : str
        ``"learned"`` or ``"sinusoidal"`` vectors added to the embedding, ``"rotary"`` queries and keys,
        a bias of the logit by distance (``"alibi"``; ``"relative"``, learned for each head and bucket of T5,
        shared by the blocks; ``"bucket_index"``, the number of the bucket itself), or ``"none"``.
    operation : str
        ``"softmax"`` (exp), ``"sigmoid"``, ``"relu"`` or ``"elu1"`` (elu + 1) of the logit; or a kernel of
        query and key over the root of the head's width: ``"kernel_elu"`` (elu + 1 of each), ``"identity"``,
        ``"mlp"`` (one two-layer ReLU network for both, shared by the heads of a block).
    normaliser : {"sum", "none", "max_abs", "power"}
        Z: the sum of the row, 1, max(|sum|, 1), or :math:`(\sum_j \mathrm{sim}_j^p)^{1/p}`.
    power : float, default 1.0
        p of the last one.
    scale : float, default 1.0
        What a row sums to where ``normaliser="sum"``.
    logit_bias : float, default 0.0
        Constant added to every logit of ``"sigmoid"``, e.g. :math:`-\log T`.
    bias_slot : {None, "key", "key_value", "value", "off_by_one"}
        A column before the first token that every row sees: with a learned key and a fixed value, with both
        learned, or with the logit 0 and value 0 (softmax only). ``"value"`` has no column: a learned vector
        is added to the output of every head.
    slot_value_norm : float, default 0.0
        Length of the fixed value of ``bias_slot="key"``.
    slot_direction : {"axis", "diagonal"}
        Its direction: the first axis, or all entries equal.
    slot_dimensions : int, optional
        How many leading dimensions of the slot's key are learned, the others being 0; all where left out.
    share_slot : bool, default False
        Whether the heads of a block share the slot's key and value.
    sink_token : bool, default False
        Whether a learned embedding stands before the first token.
    window : int, optional
        Row t sees columns t - window + 1, ..., t (and the slot); all up to t where left out.
    prefix : int, default 0
        All rows see columns 1, ..., prefix.

    Raises
    ------
    TypeError, ValueError
        For a size that is no integer or out of range, an unknown name, or options that exclude each other.

    Notes
    -----
    A slot or a sink token stands at position 0 and the tokens at 1, ..., T; without either the tokens stand
    at 0, ..., T - 1. So a sequence of T + 1 tokens and a slot with T tokens have the same positions.

    References
    ----------
    Gu et al., ICLR 2025, arXiv:2410.10781: the variants. Shazeer, arXiv:2002.05202: gated parts. Raffel et
    al., JMLR 2020: buckets. Press et al., ICLR 2022: ALiBi. Su et al., arXiv:2104.09864: rotary positions.

    Examples
    --------
    >>> small = Architecture(vocabulary=5, context=8, width=8, position="rotary", bias_slot="key")
    >>> small.shapes()["slot_key"], small.slots
    ((1, 1, 8), 1)
    >>> sum(array.size for array in Architecture(vocabulary=33, context=32).init(0).values())
    22784
    """

    vocabulary: int
    context: int
    width: int = 64
    blocks: int = 1
    heads: int = 1
    feed_forward: FeedForward | None = None
    inner: int | None = None
    norm: Norm = "pre"
    position: Position = "learned"
    operation: Operation = "softmax"
    normaliser: Normaliser = "sum"
    power: float = 1.0
    scale: float = 1.0
    logit_bias: float = 0.0
    bias_slot: BiasSlot | None = None
    slot_value_norm: float = 0.0
    slot_direction: Direction = "axis"
    slot_dimensions: int | None = None
    share_slot: bool = False
    sink_token: bool = False
    window: int | None = None
    prefix: int = 0

    def __post_init__(self) -> None:
        for name in ("vocabulary", "context", "width", "blocks", "heads"):
            self._set(name, as_integer(name, getattr(self, name), least=1))
        for name in ("inner", "slot_dimensions", "window"):
            if getattr(self, name) is not None:
                self._set(name, as_integer(name, getattr(self, name), least=1))
        self._set("prefix", as_integer("prefix", self.prefix, least=0))
        for name in ("power", "scale"):
            self._set(name, as_positive(name, getattr(self, name)))
        for name in ("logit_bias", "slot_value_norm"):
            self._set(name, float(as_floats(name, getattr(self, name))))
        for name, allowed in _CHOICES.items():
            _known(name, getattr(self, name), allowed)
        for name in ("share_slot", "sink_token"):
            if not isinstance(getattr(self, name), bool):
                raise TypeError(f"{name} is {getattr(self, name)!r}: give True or False")
        self._check_sizes()
        self._check_attention()
        self._check_slot()

    @property
    def head_width(self) -> int:
        """Dimensions of one head."""
        return self.width // self.heads

    @property
    def slots(self) -> int:
        """Number of columns before the first token, 0 or 1."""
        return int(self.sink_token or self.bias_slot in ("key", "key_value", "off_by_one"))

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Return the shape of every parameter, by name.

        Returns
        -------
        dict from str to tuple of int
            ``token``, ``readout``; ``query``, ``key``, ``value``, ``mix``; and where the architecture has
            them ``position``, ``sink_token``, ``relative_bias``, ``attention_norm``, ``feed_forward_norm``,
            ``final_norm``, ``up``, ``gate``, ``down``, ``kernel_up``, ``kernel_down``, ``slot_key``,
            ``slot_value``. Matrices act from the right, rows of activations times matrix; head n owns
            columns n d_h, ..., (n+1) d_h - 1 of ``query``, ``key`` and ``value``.
        """
        return {name: shape for name, (shape, _) in self._normal().items()} | self._ones()

    def init(self, key: int, *, embedding_scale: float = 1.0) -> Parameters:
        """Return random parameters.

        Parameters
        ----------
        key : int
            Seed, at least 0.
        embedding_scale : float, default 1.0
            Standard deviation of token, position and sink embeddings, positive.

        Returns
        -------
        dict from str to ndarray
            Normal with variance one over the number of inputs; what is added to the residual stream is
            smaller by the root of twice the number of blocks; biases of logits, slots included, have
            deviation 0.02; gains of norms are one.
        """
        rng = np.random.default_rng(as_integer("key", key, least=0))
        spread = as_positive("embedding_scale", embedding_scale)
        found = {}
        for name, (shape, deviation) in self._normal().items():
            factor = spread if name in ("token", "position", "sink_token") else 1.0
            found[name] = factor * deviation * rng.standard_normal(shape)
        return found | {name: np.ones(shape) for name, shape in self._ones().items()}

    def _normal(self) -> dict[str, tuple[tuple[int, ...], float]]:
        """Shape and standard deviation of what is drawn."""
        width, blocks, head = self.width, self.blocks, self.head_width
        inner = 2 * width if self.inner is None else self.inner
        into_stream = (2 * blocks) ** -0.5
        square = (blocks, width, width)
        found: dict[str, tuple[tuple[int, ...], float]] = {
            "token": ((self.vocabulary, width), 1.0),
            "query": (square, width**-0.5),
            "key": (square, width**-0.5),
            "value": (square, width**-0.5),
            "mix": (square, into_stream * width**-0.5),
            "readout": ((width, self.vocabulary), width**-0.5),
        }
        if self.position == "learned":
            found["position"] = ((self.context + self.slots, width), 1.0)
        if self.position == "relative":
            found["relative_bias"] = ((self.heads, BUCKETS), 0.02)
        if self.sink_token:
            found["sink_token"] = ((width,), 1.0)
        if self.feed_forward is not None:
            found["up"] = ((blocks, width, inner), width**-0.5)
            found["down"] = ((blocks, inner, width), into_stream * inner**-0.5)
            if self.feed_forward in GATED:
                found["gate"] = ((blocks, width, inner), width**-0.5)
        if self.operation == "mlp":
            found["kernel_up"] = ((blocks, head, head), head**-0.5)
            found["kernel_down"] = ((blocks, head, head), head**-0.5)
        owners = 1 if self.share_slot else self.heads
        if self.bias_slot in ("key", "key_value"):
            found["slot_key"] = ((blocks, owners, self.slot_dimensions or head), 0.02)
        if self.bias_slot in ("value", "key_value"):
            found["slot_value"] = ((blocks, owners, head), 0.02)
        return found

    def _ones(self) -> dict[str, tuple[int, ...]]:
        """Shapes of the gains of norms."""
        found: dict[str, tuple[int, ...]] = {}
        if self.norm != "none":
            found["attention_norm"] = (self.blocks, self.width)
            if self.feed_forward is not None:
                found["feed_forward_norm"] = (self.blocks, self.width)
        if self.norm == "pre":
            found["final_norm"] = (self.width,)
        return found

    def _set(self, name: str, value: Any) -> None:
        object.__setattr__(self, name, value)

    def _check_sizes(self) -> None:
        if self.width % self.heads:
            raise ValueError(
                f"width is {self.width} and heads is {self.heads}: heads share the width, so give a width "
                f"that is a multiple of heads, e.g. {self.heads * (self.width // self.heads + 1)}"
            )
        if self.position == "rotary" and self.head_width % 2:
            raise ValueError(
                f"width / heads is {self.head_width}: rotary positions turn pairs of dimensions, so give an "
                "even head width or another position"
            )
        if self.position == "sinusoidal" and self.width % 2:
            raise ValueError(
                f"width is {self.width}: sinusoidal positions come in pairs, so give an even width or "
                "another position"
            )
        if self.inner is not None and self.feed_forward is None:
            raise ValueError(
                f"inner is {self.inner} but feed_forward is None: name an activation or drop inner"
            )
        if self.prefix > self.context:
            raise ValueError(f"prefix is {self.prefix}: it must be at most context = {self.context}")

    def _check_attention(self) -> None:
        allowed = NORMALISERS[self.operation]
        if self.normaliser not in allowed:
            raise ValueError(
                f"normaliser is {self.normaliser!r} with operation={self.operation!r}: choose one of "
                f"{', '.join(allowed)}"
            )
        if self.power != 1.0 and self.normaliser != "power":
            raise ValueError(
                f"power is {self.power:g} with normaliser={self.normaliser!r}: it belongs to "
                "normaliser='power'"
            )
        if self.scale != 1.0 and self.normaliser != "sum":
            raise ValueError(
                f"scale is {self.scale:g} with normaliser={self.normaliser!r}: only rows of "
                "normaliser='sum' have a fixed sum"
            )
        if self.logit_bias != 0.0 and self.operation != "sigmoid":
            raise ValueError(
                f"logit_bias is {self.logit_bias:g} with operation={self.operation!r}: it belongs to "
                "operation='sigmoid'"
            )
        if self.position in LOGIT_BIASES and self.operation in ("kernel_elu", "identity", "mlp"):
            raise ValueError(
                f"position is {self.position!r} with operation={self.operation!r}: a kernel of query and key "
                "has no logit to bias; give another position or operation"
            )

    def _check_slot(self) -> None:
        if self.sink_token and self.bias_slot in ("key", "key_value", "off_by_one"):
            raise ValueError(
                f"sink_token is True and bias_slot is {self.bias_slot!r}: both claim the column before the "
                "first token; choose one"
            )
        if self.bias_slot == "off_by_one" and (self.operation, self.normaliser) != ("softmax", "sum"):
            raise ValueError(
                f"bias_slot is 'off_by_one' with operation={self.operation!r}, "
                f"normaliser={self.normaliser!r}: it adds one to the sum of a softmax; use those, or "
                "bias_slot='key'"
            )
        if self.slot_value_norm != 0.0 and self.bias_slot != "key":
            raise ValueError(
                f"slot_value_norm is {self.slot_value_norm:g} with bias_slot={self.bias_slot!r}: a fixed "
                "value belongs to bias_slot='key'"
            )
        if self.slot_value_norm < 0.0:
            raise ValueError(f"slot_value_norm is {self.slot_value_norm:g}: a length is at least 0")
        if self.slot_dimensions is not None and self.bias_slot not in ("key", "key_value"):
            raise ValueError(
                f"slot_dimensions is {self.slot_dimensions} with bias_slot={self.bias_slot!r}: it counts the "
                "learned dimensions of a slot's key, so give bias_slot='key' or 'key_value'"
            )
        if self.slot_dimensions is not None and self.slot_dimensions > self.head_width:
            raise ValueError(
                f"slot_dimensions is {self.slot_dimensions}: a head has {self.head_width}; give at most that"
            )
        if self.share_slot and self.bias_slot in (None, "off_by_one"):
            raise ValueError(
                f"share_slot is True with bias_slot={self.bias_slot!r}: there is nothing learned to share"
            )


_CHOICES: dict[str, tuple[object, ...]] = {
    "feed_forward": (None, *get_args(FeedForward)),
    "norm": get_args(Norm),
    "position": get_args(Position),
    "operation": get_args(Operation),
    "normaliser": get_args(Normaliser),
    "bias_slot": (None, *get_args(BiasSlot)),
    "slot_direction": get_args(Direction),
}


def _known(name: str, value: object, allowed: tuple[object, ...]) -> None:
    if value not in allowed:
        raise ValueError(
            f"{name} is {value!r}: choose one of {', '.join(repr(choice) for choice in allowed)}"
        )
