"""See one clip's videos: each goes by once, a window at a time; what is kept of it are small arrays."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lcvd.errors import UsageError
from lcvd.face.codes import FaceCodes
from lcvd.face.geometry import place
from lcvd.face.heads import HeadModel
from lcvd.face.track import Tracker
from lcvd.light.skin_samples import SkinBlocks, skin_blocks
from lcvd.metrics.base import FrameWindow, Observation, OpenLight
from lcvd.metrics.session import MetricSession
from lcvd.render.hints import WINDOW, surfaces_of

Array = NDArray[Any]


class Meter:
    """Sees videos that show the face codes of one clip frame by frame; the clip's mesh is drawn once for all of them."""

    def __init__(self, clip: str, head: HeadModel, codes: FaceCodes, size: int, session: MetricSession) -> None:
        """Take the clip's `codes` of T frames, in NDC of the videos' whole picture of `size` px.

        Raises:
            UsageError: there are fewer than two frames.
        """
        if codes.frames < 2:
            raise UsageError(f"{clip}: {codes.frames} frame; changes between frames need at least 2")
        self.clip, self.frames, self.size = clip, codes.frames, size
        self.present = np.asarray(codes.confidence > 0)
        self._session = session
        self._points = five_points(head, codes, size)
        self._blocks = [
            skin_blocks(surface.normals.astype(np.float16), surface.alpha & self.present[part, None, None])
            for part, surface in surfaces_of(head, codes, size, WINDOW)
        ]

    def observe(self, windows: Iterable[Array], real: bool = False) -> Observation:
        """What is seen in a video of T frames.

        Args:
            windows: its frames (n, S, S, 3) uint8, in windows of any length; each is asked for once.
            real: it is one of the real set that Fréchet metrics compare with.

        Raises:
            UsageError: an empty video, another number of frames, another size, or a network gave numbers that aren't finite.
        """
        accumulators = self._session.accumulators(self.clip, self.frames, self.size, self._each_block, real)
        tracker = Tracker(self._session.track)
        start = 0
        for window in regrouped(windows, WINDOW):
            stop = start + len(window)
            self._check(window, stop)
            view = FrameWindow(window, start, self._points[start:stop], tracker)
            for accumulator in accumulators:
                accumulator.update(view)
            start = stop
        tracker.finish()
        if start == 0:
            raise UsageError(f"{self.clip}: the video has no frames")
        found: Observation = {}
        for accumulator in accumulators:
            found |= accumulator.finish()
        return found

    def light(self, windows: Iterable[Array]) -> Observation:
        """The open light alone: for pictures that show no person."""
        accumulator, start = OpenLight(self._each_block(), self._session.light), 0
        for window in regrouped(windows, WINDOW):
            self._check(window, start + len(window))
            accumulator.update(FrameWindow(window, start, self._points[start : start + len(window)], None))
            start += len(window)
        return accumulator.finish()

    def _each_block(self) -> Iterator[SkinBlocks]:
        return iter(self._blocks)

    def _check(self, window: Array, stop: int) -> None:
        wanted = (self.size, self.size, 3)
        if window.shape[1:] != wanted or window.dtype != np.uint8:
            raise UsageError(f"{self.clip}: frames of {window.dtype} {window.shape[1:]}, expected uint8 {wanted}")
        if stop > self.frames:
            raise UsageError(f"{self.clip}: the video has more than the clip's {self.frames} frames")
        if stop < self.frames and len(window) < WINDOW:
            raise UsageError(f"{self.clip}: the video has {stop} frames, the clip {self.frames}")


def regrouped(windows: Iterable[Array], length: int) -> Iterator[Array]:
    """The same frames in windows of `length`, the last one shorter; at most a window and `length` frames are in memory."""
    pending: list[Array] = []
    count = 0
    for window in windows:
        while len(window):
            part = window[: length - count]
            pending.append(part)
            count, window = count + len(part), window[len(part) :]
            if count == length:
                yield pending[0] if len(pending) == 1 else np.concatenate(pending)
                pending, count = [], 0
    if pending:
        yield np.concatenate(pending)


def five_points(head: HeadModel, codes: FaceCodes, size: int) -> Array:
    """Eyes, nose tip and mouth corners (T, 5, 2) of the fitted mesh in a size x size picture.

    In OpenCV's pixels, whose centres have integer coordinates; the model square's NDC has them at i + 0.5.
    """
    found = []
    for start in range(0, codes.frames, WINDOW):  # a frame's mesh needs as much memory as its picture
        part = codes.window(slice(start, start + WINDOW))
        vertices = head.vertices(part.identity, part.expression, part.pose)
        found.append(head.five_points(place(vertices, part))[..., :2])
    return (np.concatenate(found) + 1) / 2 * size - 0.5
