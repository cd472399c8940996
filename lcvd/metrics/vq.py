"""VQ: Faster-VQA's score of a whole video."""

import numpy as np

from lcvd.metrics.accumulators import finite
from lcvd.metrics.base import Array, FrameWindow, Metric, Observation, Observer, VideoInfo, mean_of
from lcvd.vqa.fastervqa import WEIGHTS, FasterVqa
from lcvd.vqa.fragments import plan_draws
from lcvd.vqa.score import Video, open_network, scores

NAME = "VQ"


class VideoQuality:
    """Accumulates ``VQ`` (1,). Of the frames it keeps only those that Faster-VQA samples, at most 32 per draw."""

    def __init__(self, network: FasterVqa, video: VideoInfo) -> None:
        self._network, self._video, self._settings = network, video, video.settings.filter.quality
        settings = self._settings
        draws = plan_draws(video.frames, video.size, video.size, settings.sampling, settings.seed, settings.draws)
        self._wanted = {frame for draw in draws for frame in draw.frames}
        self._kept: dict[int, Array] = {}

    def update(self, window: FrameWindow) -> None:
        """Take the next window."""
        inside = self._wanted & set(range(window.start, window.start + len(window.frames)))
        self._kept |= {t: window.frames[t - window.start].copy() for t in inside}

    def finish(self) -> Observation:
        """The score."""
        side = self._video.size
        video = Video(self._video.frames, side, side, lambda at: np.stack([self._kept[t] for t in at]))
        found = np.array(scores([video], self._settings, self._network))
        self._kept = {}
        return {NAME: finite(NAME, found)}


VQ = Metric(
    name=NAME,
    direction="higher",
    meaning="Faster-VQA's quality score of the video, from 0 (worst) to 1 (best).",
    packages=("lcvd", "numpy", "torch"),
    registered=WEIGHTS,
    observer=Observer(NAME, VideoQuality, lambda _: open_network()),
    score=mean_of(NAME),
)
