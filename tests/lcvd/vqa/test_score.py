"""Faster-VQA scores of real clips with the golden rules' random weights.

With random weights a score doesn't measure quality, but it still depends on frames, patches and the network.
"""

import cv2
import numpy as np
import pytest
import torch

from lcvd.config.filter import QualitySettings
from lcvd.vqa import score
from lcvd.vqa.fastervqa import rescaled
from lcvd.vqa.fragments import extract_fragments, plan_draws
from lcvd.vqa.score import Video, scores, video_of
from tests.lcvd.vqa.vqa_files import golden_network


@pytest.mark.slow
def test_scores_are_means_over_seeded_draws_and_independent_of_batches(carphone, clip_from, monkeypatch) -> None:
    network = golden_network(0)
    large = np.stack([cv2.resize(image, (352, 288)) for image in carphone])
    videos = [video_of(clip_from(large[8:40], "a")), video_of(clip_from(large, "b"))]
    settings = QualitySettings(metric="fastervqa", sampling="script", seed=1, draws=2)
    monkeypatch.setattr(score, "BATCH", 3)  # a batch ends in the middle of the second clip
    found = scores(videos, settings, network)

    fragments = extract_fragments(
        plan_draws(40, 288, 352, "script", 1, 2), lambda indices: videos[1].fetch(indices), 40
    )
    with torch.inference_mode():
        each = rescaled(network(torch.from_numpy(fragments)).mean((1, 2, 3, 4)))
    assert each[0] != each[1]
    assert found[1] == pytest.approx(float(each.mean()), abs=1e-5)
    assert 0 <= found[0] <= 1


def test_only_needed_frames_are_decoded_and_few_are_in_memory(carphone, monkeypatch) -> None:
    asked: list[list[int]] = []

    def fetch(indices):
        asked.append(list(indices))
        return carphone[list(indices)]

    monkeypatch.setattr(score, "HELD_BYTES", 6 * carphone[0].nbytes + 5)
    fragments = score._fragments([Video(40, 144, 176, fetch)], QualitySettings(metric="fastervqa"))
    assert next(fragments).shape == (3, 32, 224, 224)
    assert [index for part in asked for index in part] == list(range(4, 36))
    assert max(map(len, asked)) == 6
