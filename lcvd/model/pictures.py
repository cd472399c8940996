"""Pictures that callers give: checked, and brought to one form, a few at a time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from lcvd.errors import UsageError


class Pictures(Protocol):
    """A sequence of RGB pictures of which any few can be had."""

    def __len__(self) -> int:
        """Number of pictures."""

    def at(self, indices_n: Tensor) -> Tensor:
        """The pictures `indices_n`, (n,3,H,W) float32 in [0,1]."""


class WithReference:
    """Pictures with one before them.

    Args:
        first: (3,H,W) in [0,1]. rest: the others.
    """

    def __init__(self, first: Tensor, rest: Pictures) -> None:
        self._first, self._rest = first, rest

    def __len__(self) -> int:
        """One more than the others."""
        return len(self._rest) + 1

    def at(self, indices_n: Tensor) -> Tensor:
        """See `Pictures`."""
        found = self._first.expand(len(indices_n), -1, -1, -1).clone()
        if len(later := (indices_n > 0).nonzero()[:, 0]):
            found[later] = self._rest.at(indices_n[later] - 1)
        return found


class Given:
    """A sequence of RGB pictures that is read a few at a time, so that a long one may lie on disk or be rendered.

    Args:
        name: of the argument, for errors.
        value: uint8 or float [0,1] array (N,H,W,3) (a memory map too), tensor (N,3,H,W), a list of PIL images or of
            arrays (H,W,3); or anything with ``len`` that gives such an array for an array of indices.
        size: the side H = W that is expected.

    Raises:
        UsageError: something else. ValueError: a wrong shape or range, or no picture.
    """

    def __init__(self, name: str, value: Any, size: int) -> None:
        if not hasattr(value, "__len__") or not hasattr(value, "__getitem__"):
            raise UsageError(f"{name}: expected arrays, tensors or images, got {type(value).__name__}")
        if len(value) == 0:
            raise UsageError(f"{name}: expected at least one image, got none")
        self._name, self._value, self._size = name, value, size
        self.at(torch.tensor([0]))

    def __len__(self) -> int:
        """Number of pictures."""
        return len(self._value)

    def at(self, indices_n: Tensor) -> Tensor:
        """See `Pictures`."""
        if isinstance(self._value, Sequence):
            return torch.stack([picture(self._name, self._value[i], self._size) for i in indices_n.tolist()])
        found = self._value[indices_n if isinstance(self._value, Tensor) else indices_n.numpy()]
        return to_unit_range(self._name, found, (len(indices_n), self._size, self._size, 3))


def picture(name: str, value: Any, size: int) -> Tensor:
    """One RGB picture as (3,H,W) float32 in [0,1]: a PIL image, array (H,W,3) or tensor (3,H,W), uint8 or [0,1]."""
    if isinstance(value, Image.Image):
        value = np.asarray(value.convert("RGB"))
    return to_unit_range(name, value, (size, size, 3))


def portrait_mask(name: str, value: Any, size: int) -> Tensor:
    """A mask (H,W) bool, True on the person: a PIL image or array or tensor (H,W), bool, uint8 or [0,1]; over half."""
    if isinstance(value, Image.Image):
        value = np.asarray(value.convert("L"))
    return to_unit_range(name, value, (size, size)) > 0.5


def to_unit_range(name: str, value: Any, shape: tuple[int, ...]) -> Tensor:
    """`value` as float32 in [0,1]. Pictures end up channels first: `shape` (..., H, W, 3) is what an array has, a tensor
    has (..., 3, H, W); masks (H, W) stay as they are.

    Raises:
        UsageError: not an array of uint8, bool or floating-point numbers. ValueError: another shape, or out of range.
    """
    if not isinstance(value, (np.ndarray, Tensor)):
        raise UsageError(f"{name}: expected an array, a tensor or an image, got {type(value).__name__}")
    colour, first = len(shape) > 2, isinstance(value, Tensor)
    wanted = (*shape[:-3], shape[-1], *shape[-3:-1]) if colour and first else shape
    if tuple(value.shape) != wanted:
        raise UsageError(
            f"{name}: expected shape {wanted}, got {tuple(value.shape)}: this model works at {shape[-2]} px"
        )
    tensor = value.detach().cpu() if isinstance(value, Tensor) else torch.from_numpy(np.ascontiguousarray(value))
    if colour and not first:
        tensor = tensor.movedim(-1, -3)
    if tensor.dtype == torch.uint8:
        return tensor.float() / 255
    if tensor.dtype == torch.bool:
        return tensor.float()
    if not tensor.is_floating_point():
        raise UsageError(f"{name}: expected uint8 or floating-point numbers, got {tensor.dtype}")
    low, high = (float(x) for x in torch.aminmax(tensor.float()))
    if not (low >= -1e-4 and high <= 1 + 1e-4):  # also true of nan
        raise UsageError(f"{name}: expected values in [0, 1] (or uint8), got {low:g} to {high:g}")
    return tensor.float().clamp(0, 1)
