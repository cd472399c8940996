"""Options of a scene and of its sampling. This module does not import torch, so that previews start quickly."""

from dataclasses import asdict, dataclass
from typing import Any, Literal

from lcvd.errors import UsageError
from lcvd.face.align import DEFAULT, MODES

NoFace = Literal["hold", "skip", "fail"]
NO_FACE: tuple[NoFace, ...] = ("hold", "skip", "fail")


@dataclass(frozen=True)
class SamplingOptions:
    """Sampling options: the arguments of `LCVDPipeline` with these names, and the `adapters` to use
    (`lcvd.model.guidance.Guidance.of_adapters`). None uses the model's own default.

    Raises:
        UsageError: a number is out of range; the message names it.
    """

    guidance: float | None = None
    seed: int = 0
    recipe: str | None = None
    steps: int | None = None
    adapters: str | None = None
    likeness: float | None = None

    def __post_init__(self) -> None:
        """Check the ranges."""
        _check_at_least_0(self, "guidance", "likeness")
        if self.steps is not None and self.steps < 1:
            raise UsageError(f"steps: expected 1 or more, got {self.steps}")

    @property
    def overrides(self) -> dict[str, Any]:
        """Values that replace the model's own sampling defaults; None keeps the default."""
        return {name: value for name, value in asdict(self).items() if name != "seed"}


@dataclass(frozen=True)
class SceneRequest:
    """The portrait and the motion of a scene.

    Attributes:
        portrait: path of an image, clip or folder of images, a PIL image, array (H, W, 3) uint8, or a `Face`.
        driving: clip, folder, saved codes (path, or `FaceCodes`), or a `Motion`. None: a portrait clip keeps its own
            motion, an image is static.
        portrait_at: time in a portrait clip of the frame that is the portrait, in seconds.
        face, drive_face: which of several faces, counted from 1 from the left; None: the largest.
        start, end: the part of the driving clip, or of a portrait clip with its own motion, in seconds.
        fps: frame rate of the result; None: that of the driving clip.
        align: mode of motion transfer (`lcvd.face.align`).
        smooth: strength of motion smoothing in frames (`lcvd.face.smooth`).
        no_face: how frames without a face are handled (`motion.without_gaps`).

    Raises:
        UsageError: a value is out of range or unknown; the message names it.
    """

    portrait: Any
    driving: Any = None
    portrait_at: float = 0.0
    face: int | None = None
    drive_face: int | None = None
    start: float = 0.0
    end: float | None = None
    fps: float | None = None
    align: str = DEFAULT
    smooth: float = 0.0
    no_face: NoFace = "hold"

    def __post_init__(self) -> None:
        """Check the values."""
        if self.align not in MODES:
            raise UsageError(f"align: expected one of {', '.join(MODES)}, got {self.align!r}")
        if self.no_face not in NO_FACE:
            raise UsageError(f"no_face: expected one of {', '.join(NO_FACE)}, got {self.no_face!r}")
        _check_at_least_0(self, "start", "portrait_at", "smooth")
        if self.end is not None and not self.end > self.start:
            raise UsageError(f"end: {self.end:g} s isn't after start ({self.start:g} s)")
        if self.fps is not None and not 0 < self.fps <= 240:
            raise UsageError(f"fps: expected more than 0, at most 240, got {self.fps:g}")
        for name, number in (("face", self.face), ("drive_face", self.drive_face)):
            if number is not None and number < 1:
                raise UsageError(f"{name}: faces are counted from 1, from the left; got {number}")


def _check_at_least_0(options: SamplingOptions | SceneRequest, *names: str) -> None:
    for name in names:
        value = getattr(options, name)
        if value is not None and not 0 <= value < float("inf"):
            raise UsageError(f"{name}: expected 0 or more, got {value:g}")
