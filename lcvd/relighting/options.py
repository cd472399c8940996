"""How a scene is sampled, and how whoever waits is told; nothing here needs torch, so a preview starts at once."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

from lcvd.errors import UsageError
from lcvd.face.align import DEFAULT, MODES

NoFace = Literal["hold", "skip", "fail"]
NO_FACE: tuple[NoFace, ...] = ("hold", "skip", "fail")


@dataclass(frozen=True)
class SamplingOptions:
    """How a scene is sampled: arguments of `LCVDPipeline` of these names, and which `adapters` are used
    (`lcvd.model.guidance.Guidance.of_adapters`). None takes the model's own default.

    Raises:
        UsageError: a number out of range; it is named.
    """

    guidance: float | None = None
    seed: int = 0
    recipe: str | None = None
    steps: int | None = None
    adapters: str | None = None
    likeness: float | None = None

    def __post_init__(self) -> None:
        """Check the ranges."""
        for name in ("guidance", "likeness"):
            value = getattr(self, name)
            if value is not None and not 0 <= value < float("inf"):
                raise UsageError(f"{name}: expected 0 or more, got {value:g}")
        if self.steps is not None and self.steps < 1:
            raise UsageError(f"steps: expected 1 or more, got {self.steps}")

    @property
    def overrides(self) -> dict[str, Any]:
        """What replaces the model's own sampling defaults; None keeps a default."""
        return {name: value for name, value in asdict(self).items() if name != "seed"}


@dataclass(frozen=True)
class SceneRequest:
    """What is to be seen: whose face, whose motion. Numbers are checked when it is made.

    Attributes:
        portrait: path of a picture, clip or folder of pictures, a PIL image, array (H,W,3) uint8, or a `Face`.
        driving: clip, folder, saved codes (path, or `FaceCodes`), or a `Motion`; None: a portrait clip keeps its own
            motion, a picture stays as it is.
        portrait_at: second of a portrait clip whose frame is the portrait.
        face, drive_face: which of several faces, from the left, counted from 1; None: the largest.
        start, end: seconds of the driving clip, or of a portrait clip with its own motion.
        fps: rate of the result; None: the driving clip's.
        align: how the motion is followed, `lcvd.face.align`. smooth: how it is calmed, frames, `lcvd.face.smooth`.
        no_face: what becomes of frames without a face, `motion.without_gaps`.

    Raises:
        UsageError: a number out of range, or an unknown word; it is named.
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
        """Refuse values out of range."""
        if self.align not in MODES:
            raise UsageError(f"align: expected one of {', '.join(MODES)}, got {self.align!r}")
        if self.no_face not in NO_FACE:
            raise UsageError(f"no_face: expected one of {', '.join(NO_FACE)}, got {self.no_face!r}")
        for name, value in (("start", self.start), ("portrait_at", self.portrait_at), ("smooth", self.smooth)):
            if not 0 <= value < float("inf"):
                raise UsageError(f"{name}: expected 0 or more, got {value:g}")
        if self.end is not None and not self.end > self.start:
            raise UsageError(f"end: {self.end:g} s isn't after start, {self.start:g} s")
        if self.fps is not None and not 0 < self.fps <= 240:
            raise UsageError(f"fps: expected more than 0, at most 240, got {self.fps:g}")
        for name, number in (("face", self.face), ("drive_face", self.drive_face)):
            if number is not None and number < 1:
                raise UsageError(f"{name}: faces are counted from 1, from the left; got {number}")
