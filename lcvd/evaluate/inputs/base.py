"""Inputs of an evaluation: videos to relight or driving videos, from the test split (`shards.py`) or from files (`files.py`)."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import sha256
from typing import Any

import numpy as np

from lcvd.array import Array
from lcvd.evaluate.truth import Truth
from lcvd.face.codes import FaceCodes
from lcvd.face.heads import HeadModel, head_of
from lcvd.model.conditioning import Conditioning
from lcvd.render.hints import Hints


@dataclass(frozen=True)
class TargetLight:
    """A target light: SH coefficients (9, 3), and the image (H, W, 3) uint8 from which they were estimated, if any."""

    name: str
    sh: Array
    image: Array | None = None


@dataclass(frozen=True)
class Input:
    """A video of T frames of S x S pixels, and the reference image of the person to show.

    In cross-identity animation the reference is another person's; `codes` have this person's face and the video's motion.
    """

    id: str
    name: str
    """The file or clip, for error messages."""
    fps: float
    codes: FaceCodes
    """Codes of the face in T frames, with its light before relighting; in NDC of the whole image."""
    reference: Array
    """(S, S, 3) uint8."""
    mask: Array
    """(S, S) uint8: 255 on the person in `reference`."""
    own: FaceCodes
    """Codes of the face in `reference`: one frame."""
    frames: Callable[[], Iterator[Array]]
    """Windows (n, S, S, 3) uint8 of the video; each call decodes it again."""
    masked_frames: Callable[[], Iterator[tuple[Array, Array]]]
    """The same windows with portrait masks (n, S, S) uint8."""
    content: Mapping[str, Any]
    """Everything that determines pixels and masks, for JSON."""
    facts: Mapping[str, Any] = field(default_factory=dict)
    """Additional entries of the records, such as the licence."""
    truth: Callable[[str], Truth | None] = lambda light: None
    """The ground truth under a preset; None for inputs that aren't studio clips."""

    @cached_property
    def fingerprint(self) -> dict[str, Any]:
        """Everything that determines the input, for cache keys."""
        arrays = [vars(codes) for codes in (self.own, self.codes)]
        hashes = [
            {name: sha256(each[name].tobytes()).hexdigest() for name in each if name != "head"} for each in arrays
        ]
        return {**self.content, "head": self.codes.head, "codes": hashes}

    @property
    def size(self) -> int:
        """S, the side of all images in pixels."""
        return len(self.reference)

    @property
    def head(self) -> HeadModel:
        """The head model of the codes."""
        return head_of(self.codes.head)


@dataclass(frozen=True)
class InputWindow:
    """Consecutive frames of an input."""

    frames: Array
    """(n, S, S, 3) uint8 RGB: frames of the driving video, or of the video to relight."""
    masks: Array
    """(n, S, S) uint8: 255 on the person in `frames`."""
    codes: FaceCodes
    """Codes of the face in n frames, with its light before relighting."""


@dataclass(frozen=True)
class VideoRequest:
    """A request for one video: T frames of `input` under `light`."""

    input: Input
    light: TargetLight
    seed: int
    progress: Callable[[float], None] = lambda share: None
    """Called with the completed fraction, 0 to 1; optional."""

    @cached_property
    def conditioning(self) -> Conditioning:
        """The pipeline's inputs: reference, mask, and hints and warped reference of the T frames, rendered on access."""
        source = self.input
        return Conditioning.rendered(source.reference, source.mask, source.own, source.codes, self.light.sh)

    @property
    def hints(self) -> Hints:
        """Shading hints (T, S, S, 3) uint8 of the face under `light`. Any frames can be indexed; they are rendered on access."""
        hints: Hints = self.conditioning.hints
        return hints

    def windows(self) -> Iterator[InputWindow]:
        """Yield the input with masks and codes in windows of a few frames. Each call starts at the first frame."""
        start = 0
        for frames, masks in self.input.masked_frames():
            yield InputWindow(frames, masks, self.input.codes.window(slice(start, start + len(frames))))
            start += len(frames)


def regions(count: int, length: int) -> Iterator[range]:
    """Consecutive ranges of at most `length` that cover 0 to `count`."""
    return (range(start, min(start + length, count)) for start in range(0, count, length))


def repeated(image: Array, count: int, length: int) -> Iterator[Array]:
    """Windows of a video that repeats one image `count` times."""
    return (np.repeat(image[None], len(part), axis=0) for part in regions(count, length))
