"""Stream each video of a clip once through all metric accumulators, one window of frames at a time."""

from collections.abc import Iterable, Iterator
from functools import cache, cached_property

import numpy as np

from lcvd.errors import UsageError
from lcvd.face.codes import FaceCodes
from lcvd.face.geometry import place
from lcvd.face.heads import HeadModel
from lcvd.face.track import Tracker
from lcvd.light.skin_samples import SkinBlocks, skin_blocks
from lcvd.metrics.base import Array, FrameWindow, Observation, VideoInfo
from lcvd.metrics.light_error import LE_OPEN
from lcvd.metrics.session import MetricSession
from lcvd.render.hints import WINDOW, surfaces_of


class Meter:
    """Observes videos that follow one clip's face codes frame by frame. The clip's mesh is rendered once for all of them."""

    def __init__(self, clip: str, head: HeadModel, codes: FaceCodes, size: int, session: MetricSession) -> None:
        """`codes` of T frames are in NDC of the videos' square frames, whose side is `size` px.

        Raises:
            UsageError: there are fewer than two frames.
        """
        if codes.frames < 2:
            raise UsageError(f"{clip}: {codes.frames} frame; changes between frames need at least 2")
        self.clip, self.frames, self.size = clip, codes.frames, size
        self.present = np.asarray(codes.confidence > 0)
        self._head, self._codes, self._session = head, codes, session
        self._points = five_points(head, codes, size)

    def observe(
        self, windows: Iterable[Array], real: bool = False, session: MetricSession | None = None
    ) -> Observation:
        """The observation of a video of T frames.

        Args:
            windows: its frames (n, S, S, 3) uint8 RGB, in windows of any length; each is requested once.
            real: whether the video belongs to the real set of the Fréchet metrics.
            session: instead of the meter's own.

        Raises:
            UsageError: the video is empty, or has another number of frames or another size.
            ModelError: a network returned numbers that aren't finite.
        """
        session = session or self._session
        video = VideoInfo(self.clip, self.frames, self.size, real, session.settings, lambda: iter(self._blocks))
        return _observation(session, video, self._checked(windows))

    def light(self, windows: Iterable[Array]) -> Observation:
        """The observation of the open light fit alone, for frames that show no person; otherwise as `observe`."""
        return self.observe(windows, session=self._session.only([LE_OPEN.name]))

    @cached_property
    def _blocks(self) -> list[SkinBlocks]:
        return [
            skin_blocks(surface.normals.astype(np.float16), surface.alpha & self.present[part, None, None])
            for part, surface in surfaces_of(self._head, self._codes, self.size, WINDOW)
        ]

    def _checked(self, windows: Iterable[Array]) -> Iterator[tuple[Array, Array]]:
        """Windows of `WINDOW` frames, and the five points of their faces."""
        wanted, stop = (self.size, self.size, 3), 0
        for window in regrouped(windows, WINDOW):
            start, stop = stop, stop + len(window)
            if window.shape[1:] != wanted or window.dtype != np.uint8:
                raise UsageError(f"{self.clip}: frames of {window.dtype} {window.shape[1:]}, expected uint8 {wanted}")
            if stop > self.frames:
                raise UsageError(f"{self.clip}: the video has more than the clip's {self.frames} frames")
            if stop < self.frames and len(window) < WINDOW:
                raise UsageError(f"{self.clip}: the video has {stop} frames, the clip {self.frames}")
            yield window, self._points[start:stop]
        if stop == 0:
            raise UsageError(f"{self.clip}: the video has no frames")


def observe_target(image: Array, session: MetricSession) -> Observation | None:
    """The observation of an image (H, W, 3) uint8 RGB that gives the target light; None if no metric needs it.

    Raises:
        UsageError: the image shows no face.
    """
    session = session.observing("target")
    if not session.metrics:
        return None
    video = VideoInfo("target", 1, len(image), False, session.settings, lambda: iter(()))
    found = _observation(session, video, [(image[None], np.zeros((1, 5, 2)))])
    if not all(np.isfinite(rows).all() for rows in found.values()):
        names = ", ".join(session.metrics)
        raise UsageError(f"{names}: no face was found in the image that gives the target light; use another image")
    return found


def _observation(session: MetricSession, video: VideoInfo, windows: Iterable[tuple[Array, Array]]) -> Observation:
    tracker = cache(lambda: Tracker(session.settings.filter.track))
    accumulators, start = session.accumulators(video), 0
    for frames, points in windows:
        window = FrameWindow(frames, start, points, tracker)
        for accumulator in accumulators:
            accumulator.update(window)
        start += len(frames)
    if tracker.cache_info().currsize:
        tracker().finish()
    found: Observation = {}
    for accumulator in accumulators:
        found |= accumulator.finish()
    return found


def regrouped(windows: Iterable[Array], length: int) -> Iterator[Array]:
    """The same frames in windows of `length`; the last one may be shorter. At most a window and `length` frames are in memory."""
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
    """Eyes, nose tip and mouth corners (T, 5, 2) of the fitted mesh, in pixels of a frame of `size` x `size`.

    Pixel centres have integer coordinates as in OpenCV; in the NDC of the codes they are at i + 0.5.
    """
    found = []
    for start in range(0, codes.frames, WINDOW):  # a frame's mesh needs as much memory as the frame
        part = codes.window(slice(start, start + WINDOW))
        vertices = head.vertices(part.identity, part.expression, part.pose)
        found.append(head.five_points(place(vertices, part))[..., :2])
    return (np.concatenate(found) + 1) / 2 * size - 0.5
