"""Interface of a masker, which estimates portrait masks of a clip's frames."""

from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray


class ClipMasker(Protocol):
    """Estimates masks for one clip, from windows of frames passed in order."""

    def update(self, window: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Return the masks (n, S, S) uint8 of the next frames (n, S, S, 3) uint8 RGB: 255 on the person, else 0."""

    def close(self) -> None:
        """Release its resources."""


@runtime_checkable
class Masker(Protocol):
    """An entry of `lcvd.face.masks.registry.MASKERS`. Its module must be cheap to import."""

    def weights(self) -> dict[str, str]:
        """Return the SHA-256 of each weights file that is read, by name. It is called before the first clip.

        Raises:
            MissingWeights: a file is missing.
        """

    def start(self) -> ClipMasker:
        """Return a masker for one clip.

        Raises:
            MissingWeights: a file is missing.
        """
