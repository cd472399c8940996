import numpy as np
import pytest
import torch

from lcvd.config.filter import QualitySettings
from lcvd.config.profiles import profile
from lcvd.metrics.base import VideoInfo
from lcvd.metrics.vq import VideoQuality
from lcvd.vqa.fastervqa import FasterVqa
from lcvd.vqa.score import Video, scores
from tests.lcvd.metrics.conftest import windows_of


@pytest.mark.slow  # a network of 28 million numbers, twice
def test_vq_is_the_score_of_the_whole_video_though_32_frames_are_kept():
    torch.manual_seed(0)
    network, settings = FasterVqa().eval(), QualitySettings(metric="fastervqa")
    video = np.random.default_rng(0).integers(0, 255, (40, 64, 64, 3), np.uint8)
    demo = profile("demo")
    given = demo.model_copy(update={"filter": demo.filter.model_copy(update={"quality": settings})})
    accumulator = VideoQuality(network, VideoInfo("a", 40, 64, False, given, lambda: iter(())))
    for window in windows_of(video, 8):
        accumulator.update(window)
    assert len(accumulator._kept) == 32
    [whole] = scores([Video(40, 64, 64, lambda at: video[list(at)])], settings, network)
    assert accumulator.finish()["VQ"] == pytest.approx([whole])
