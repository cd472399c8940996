"""Images that callers pass in: checked and converted to tensors, a few at a time."""

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from lcvd.errors import UsageError


class Images(Protocol):
    """A sequence of RGB images with random access."""

    def __len__(self) -> int:
        """Number of images."""

    def at(self, indices_n: Tensor) -> Tensor:
        """The images at `indices_n`: (n,3,H,W) float32 in [0,1]."""


class WithReference:
    """An image sequence with the reference image prepended.

    Args:
        first: the reference, (3,H,W) in [0,1]. rest: the sequence.
    """

    def __init__(self, first: Tensor, rest: Images) -> None:
        self._first, self._rest = first, rest

    def __len__(self) -> int:
        """Number of images, the reference included."""
        return len(self._rest) + 1

    def at(self, indices_n: Tensor) -> Tensor:
        """See `Images`."""
        found = self._first.expand(len(indices_n), -1, -1, -1).clone()
        if len(later := (indices_n > 0).nonzero()[:, 0]):
            found[later] = self._rest.at(indices_n[later] - 1)
        return found


class GivenImages:
    """A caller's sequence of RGB images. It is read a few images at a time, so a long one can stay on disk or be rendered.

    Args:
        name: name of the argument, for error messages.
        value: uint8 or float [0,1] array (N,H,W,3), also memory-mapped; tensor (N,3,H,W); list of PIL images or arrays (H,W,3);
            or an object with ``len`` that returns such an array for an array of indices.
        size: expected side H = W.

    Raises:
        UsageError: `value` has another type, a wrong shape or range, or no image.
    """

    def __init__(self, name: str, value: Any, size: int) -> None:
        if not hasattr(value, "__len__") or not hasattr(value, "__getitem__"):
            raise UsageError(f"{name}: expected arrays, tensors or images, got {type(value).__name__}")
        if len(value) == 0:
            raise UsageError(f"{name}: expected at least one image, got none")
        self._name, self._value, self._size = name, value, size
        self.at(torch.tensor([0]))

    def __len__(self) -> int:
        """Number of images."""
        return len(self._value)

    def at(self, indices_n: Tensor) -> Tensor:
        """See `Images`."""
        if isinstance(self._value, Sequence):
            return torch.stack([image_tensor(self._name, self._value[i], self._size) for i in indices_n.tolist()])
        found = self._value[indices_n if isinstance(self._value, Tensor) else indices_n.numpy()]
        return to_unit_range(self._name, found, (len(indices_n), self._size, self._size, 3))


def image_tensor(name: str, value: Any, size: int) -> Tensor:
    """An RGB image as (3,H,W) float32 in [0,1]. `value`: PIL image, array (H,W,3) or tensor (3,H,W), uint8 or in [0,1]."""
    return to_unit_range(name, value, (size, size, 3))


def portrait_mask(name: str, value: Any, size: int) -> Tensor:
    """A portrait mask (H,W) bool, True where `value` is above one half: PIL image, array or tensor (H,W), bool, uint8 or in [0,1]."""
    return to_unit_range(name, value, (size, size)) > 0.5


def to_unit_range(name: str, value: Any, shape: tuple[int, ...]) -> Tensor:
    """`value` as a float32 tensor in [0,1]; images become channels-first, masks (H, W) keep their shape.

    Args:
        shape: expected shape of an array, (..., H, W, 3) or (H, W); a tensor of images must be (..., 3, H, W).

    Raises:
        UsageError: `value` isn't a PIL image, or an array or tensor of uint8, bool or floating-point numbers, or has a wrong shape
            or range.
    """
    colour = len(shape) > 2
    if isinstance(value, Image.Image):
        value = np.asarray(value.convert("RGB" if colour else "L"))
    if not isinstance(value, (np.ndarray, Tensor)):
        raise UsageError(f"{name}: expected an array, a tensor or an image, got {type(value).__name__}")
    first = isinstance(value, Tensor)  # channels first
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
    if not (low >= -1e-4 and high <= 1 + 1e-4):  # the negation also catches NaN
        raise UsageError(f"{name}: expected values in [0, 1] (or uint8), got {low:g} to {high:g}")
    return tensor.float().clamp(0, 1)
