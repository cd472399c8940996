"""What a masker provides: portrait masks of a clip's frames."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray


class ClipMasker(Protocol):
    """Masks one clip's frames, which it receives in order, in windows."""

    def update(self, window: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Masks (n, S, S) uint8 of the next frames (n, S, S, 3) uint8 RGB: 255 on the person, else 0."""

    def close(self) -> None:
        """Free what it holds."""


@runtime_checkable
class Masker(Protocol):
    """An entry of `lcvd.face.masks.registry.MASKERS`; cheap to import."""

    def weights(self) -> dict[str, str]:
        """SHA-256 of each weights file that is read, by name. Called before any clip.

        Raises:
            MissingWeights: a file is missing.
        """

    def start(self) -> ClipMasker:
        """A masker of one clip.

        Raises:
            MissingWeights: a file is missing.
        """
