"""A baseline that needs no weights: SH ratio-image relighting (`lcvd.render.ratio_image`) of the frames that it is given."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar

from numpy.typing import NDArray

from lcvd.evaluate.methods.base import Options, Shot
from lcvd.face.masks.registry import MASKERS
from lcvd.render.ratio_image import DARKEST, EDGE, GAIN, REACH, relight_frames

Array = NDArray[Any]


class ShRatio:
    """Relights the shot's own frames; moves no face.

    Raises:
        MissingWeights: the settings ask for a portrait mask whose file isn't there.
    """

    animates: ClassVar[bool] = False

    def __init__(self, options: Options) -> None:
        self._mask = options.settings.reconstruct.mask
        self._weights = MASKERS.get(self._mask).weights()

    def relight(self, shot: Shot) -> Iterator[Array]:
        """The shot's frames, relit."""
        masker = MASKERS.get(self._mask).start()
        try:
            for window in shot.windows():
                yield relight_frames(window.frames, window.codes, masker.update(window.frames), shot.light)
        finally:
            masker.close()

    def facts(self) -> dict[str, Any]:
        """The limits and widths, which mask ends it, and the mask's weights."""
        sizes = {"darkest": DARKEST, "gain": list(GAIN), "reach": REACH, "edge": EDGE}
        return {**sizes, "mask": self._mask, "weights": self._weights, **MASKERS.package(self._mask)}
