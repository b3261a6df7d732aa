"""Checks of the arguments of sampling kernels, NumPy arrays and torch tensors alike."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

FEW = 32  # numbers that are looked at one by one: two reductions take longer
LAW_TOLERANCE = 1e-3  # float16 and bfloat16 probabilities of a large vocabulary do not sum to one


def as_array(value: Any) -> Any:
    """Return torch tensors as they are, anything else as a NumPy array."""
    return value if isinstance(value, np.ndarray) or is_tensor(value) else np.asarray(value)


def is_tensor(value: Any) -> bool:
    """Whether ``value`` is a torch tensor; torch is not imported."""
    return not isinstance(value, np.ndarray) and hasattr(value, "is_cuda")  # the first is the shorter look


def to_numpy(array: Any, dtype: Any = None) -> Any:
    """Return a contiguous NumPy array; tensors on a GPU are refused, bfloat16 becomes float32."""
    if is_tensor(array):
        if array.is_cuda:
            raise TypeError("this backend reads NumPy arrays, not tensors on a GPU: use backend='triton'")
        array = array.detach()
        array = array.float().numpy() if str(array.dtype) == "torch.bfloat16" else array.numpy()
    return np.ascontiguousarray(array, dtype)


def to_float(array: Any) -> Any:
    """Return a contiguous NumPy array of float32 or, if it is that already, float64."""
    found = to_numpy(array)
    return found if found.dtype in (np.float32, np.float64) else found.astype(np.float32)


def to_floats(*arrays: Any) -> list[Any]:
    """Return `to_float` of each, all in float64 where they differ."""
    found = [to_float(array) for array in arrays]
    if len({array.dtype for array in found}) == 1:
        return found
    return [array.astype(np.float64, copy=False) for array in found]


def to_tensor(name: str, array: Any, dtype: str | None = None) -> Any:
    """Return a contiguous torch tensor, of another dtype where one is named."""
    if not is_tensor(array):
        raise TypeError(f"{name} is a {type(array).__name__}: backend 'triton' reads torch tensors")
    import torch

    tensor = array.detach()
    return (tensor if dtype is None else tensor.to(getattr(torch, dtype))).contiguous()


def to_numbers(name: str, array: Any) -> Any:
    """Return a contiguous torch tensor of numbers, those of 16 bits as float32."""
    tensor = to_tensor(name, array)
    return tensor if tensor.element_size() >= 4 else tensor.float()


class Sizes:
    """Sizes of the axes, learnt from the first array that has them and asked of all others.

    Examples
    --------
    >>> sizes = Sizes()
    >>> sizes.array("q", np.ones((2, 3)), "B g")
    array([[1., 1., 1.],
           [1., 1., 1.]])
    >>> sizes.array("p", np.ones((2, 3)), "B g+1")
    Traceback (most recent call last):
        ...
    ValueError: p has shape (2, 3): it must be (B, g+1) = (2, 4), with B=2, g=3 from the arguments before it
    """

    def __init__(self) -> None:
        self.known: dict[str, int] = {}

    def __getitem__(self, axis: str) -> int:
        """Return the size of an axis: a name, or a sum as in ``g+1``."""
        if axis in self.known:
            return self.known[axis]
        return sum(int(part) if part.isdigit() else self.known[part] for part in axis.split("+"))

    def array(self, name: str, value: Any, axes: str) -> Any:
        """Return an array whose shape agrees with all before it."""
        array, names, known = as_array(value), _names(axes), self.known
        shape = tuple(array.shape)
        if shape == tuple([known.get(axis) for axis in names]):
            return array
        if len(shape) != len(names):
            raise ValueError(f"{name} has shape {shape}: it must have {len(names)} axes, {_said(names)}")
        agrees = True
        for axis, size in zip(names, shape, strict=True):
            if axis in known:
                agrees = agrees and known[axis] == size
            elif axis.isalpha():
                known[axis] = size
            else:
                known[axis] = self[axis]
                agrees = agrees and known[axis] == size
        if not agrees:
            due = tuple([known[axis] for axis in names])
            used = sorted({part for axis in names for part in axis.split("+") if part in known})
            said = ", ".join(f"{axis}={known[axis]}" for axis in used)
            raise ValueError(
                f"{name} has shape {shape}: it must be {_said(names)} = {due}, with {said} from the "
                "arguments before it"
            )
        return array

    def laws(self, name: str, value: Any, axes: str, check: bool) -> Any:
        """Return probabilities, the last axis a law; their values are only looked at with ``check``."""
        array = self.array(name, value, axes)
        if not is_floating(array):
            raise TypeError(f"{name} has dtype {array.dtype}: give probabilities as floating-point numbers")
        if array.shape[-1] == 0:
            raise ValueError(f"{name} has shape {tuple(array.shape)}: the vocabulary must not be empty")
        if check and 0 not in array.shape:
            values = array.double() if is_tensor(array) else np.asarray(array, np.float64)
            if not bool((values >= 0.0).all()):
                raise ValueError(f"{name} has entries that are negative or NaN: give probabilities")
            worst = float(abs(values.sum(-1) - 1.0).max())
            if not worst <= LAW_TOLERANCE:
                raise ValueError(
                    f"{name} has a row whose sum is {worst:.3g} away from 1, allowed is {LAW_TOLERANCE}: "
                    "divide each row by its sum"
                )
        return array

    def uniforms(self, name: str, value: Any, axes: str, check: bool) -> Any:
        """Return uniform variates, seen to be in [0, 1) unless that would wait for a GPU."""
        array = self.array(name, value, axes)
        if not is_floating(array):
            raise TypeError(f"{name} has dtype {array.dtype}: give floating-point numbers in [0, 1)")
        if (check or here(array)) and 0 not in array.shape and not _within(array, 0.0, 1.0):
            raise ValueError(f"{name} has entries outside [0, 1): give uniform variates, 1 and NaN excluded")
        return array

    def integers(self, name: str, value: Any, axes: str, least: int, most: int, check: bool) -> Any:
        """Return integers, seen to be in least, ..., most unless that would wait for a GPU."""
        return self.between(name, self.array(name, value, axes), least, most, check)

    def between(self, name: str, array: Any, least: int, most: int, check: bool) -> Any:
        """Return what is an array of the right shape, as `integers` does."""
        if 0 in array.shape and not is_tensor(array):
            return array.astype(np.int32)
        if not is_integer(array):
            raise TypeError(f"{name} has dtype {array.dtype}: give integers from {least} to {most}")
        if (check or here(array)) and 0 not in array.shape and not _within(array, least, most + 1):
            low, high = int(array.min()), int(array.max())
            bad = low if low < least else high
            raise ValueError(f"{name} contains {bad}: give integers from {least} to {most}")
        return array


def _within(array: Any, least: float, below: float) -> bool:
    """Whether all entries are in [least, below), which NaN is not."""
    if not is_tensor(array) and array.size <= FEW:
        for x in array.ravel().tolist():  # a generator for all() would take twice as long
            if not least <= x < below:
                return False
        return True
    return bool(array.min().item() >= least and array.max().item() < below)  # torch would compare as int32


@cache
def _names(axes: str) -> tuple[str, ...]:
    return tuple(axes.split())


def _said(names: tuple[str, ...]) -> str:
    return f"({', '.join(names)}{',' if len(names) == 1 else ''})"


def is_floating(array: Any) -> bool:
    """Whether an array holds floating-point numbers."""
    return bool(array.dtype.kind == "f" if isinstance(array, np.ndarray) else array.dtype.is_floating_point)


def is_integer(array: Any) -> bool:
    """Whether an array holds integers, which truth values are not."""
    if isinstance(array, np.ndarray):
        return array.dtype.kind in "iu"
    return not is_floating(array) and str(array.dtype) != "torch.bool"


def here(array: Any) -> bool:
    """Whether the values of an array can be read without waiting for a GPU."""
    return isinstance(array, np.ndarray) or not getattr(array, "is_cuda", False)
