"""What a relighting method is: it is given a shot, and yields its frames. Evaluation asks nothing else of it.

A method that is no Python code is a folder of results instead (docs/metrics.md tells its layout).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Protocol

import torch
from numpy.typing import NDArray

from lcvd.config.settings import Settings
from lcvd.face.codes import FaceCodes
from lcvd.model.conditioning import Conditioning

Array = NDArray[Any]


@dataclass(frozen=True)
class Window:
    """Consecutive frames of a shot."""

    frames: Array
    """(n, S, S, 3) uint8 RGB: the video whose motion is followed, and in relighting the one to relight."""
    codes: FaceCodes
    """Of n frames: the face to show, with its light before relighting; NDC of the whole S x S picture."""
    own: Array
    """(n, S, S, 3) uint8: shading hints of `codes` under their own light, black around the face."""
    wanted: Array
    """The same under the light asked for."""


@dataclass(frozen=True)
class Shot:
    """One video to make. A method reads `windows` once, or as often as it likes; each call starts anew."""

    clip: str
    light_name: str
    size: int
    """S, the side in pixels of all pictures, those returned too."""
    frames: int
    """How many are to be made."""
    light: Array
    """(9, 3) float32 spherical-harmonics light asked for, in the spec's basis (C4)."""
    target: Array | None
    """(H, W, 3) uint8: the picture whose light it is; None for a light that isn't from a picture."""
    conditioning: Conditioning
    """The portrait with its mask and hint, and the hints and the warped portrait of the T frames, rendered on demand."""
    windows: Callable[[], Iterator[Window]]
    seed: int
    """Of everything random."""


class Method(Protocol):
    """Makes videos. What it loads, it loads on construction."""

    animates: ClassVar[bool]
    """Whether it shows the portrait in the codes' pose. One that doesn't relights the frames that it is given, and has no
    place where portrait and motion are of different people."""

    def __init__(self, options: Options) -> None:
        """Open it."""

    def relight(self, shot: Shot) -> Iterator[Array]:
        """Yield the shot's frames in order, in windows (n, S, S, 3) uint8 RGB of any length."""

    def facts(self) -> dict[str, Any]:
        """What decides its output, for the records, JSON-able: sampling, and the hash of each weight file."""


@dataclass(frozen=True)
class Options:
    """What a method's factory is given."""

    settings: Settings
    model: Path
    """Folder of the trained model, for methods that are LCVD's."""
    device: torch.device
