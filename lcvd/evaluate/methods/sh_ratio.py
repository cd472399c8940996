"""SH ratio-image relighting (`lcvd.render.ratio_image`): a baseline that needs no weights."""

from collections.abc import Iterator
from typing import Any

from lcvd.array import Array
from lcvd.evaluate.inputs.base import VideoRequest
from lcvd.evaluate.methods.base import Method
from lcvd.render.ratio_image import DARKEST, EDGE, GAIN, REACH, relight_frames


class ShRatio(Method):
    """Relights the input's own frames."""

    title = "Shading ratio"
    meaning = (
        "the driving frames times the ratio of two shadings (sh-ratio): relit without a model. It needs the driving frames, "
        "so it can't animate a portrait"
    )

    def relight(self, request: VideoRequest) -> Iterator[Array]:
        """The input's frames, relit."""
        for window in request.windows():
            yield relight_frames(window.frames, window.codes, window.masks, request.light.sh)

    def facts(self) -> dict[str, Any]:
        """The limits and blur widths."""
        return {"darkest": DARKEST, "gain": list(GAIN), "reach": REACH, "edge": EDGE}
