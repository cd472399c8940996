"""Faster-VQA scores of real clips with the golden rules' random weights, and the filter that uses them.

With random weights a score says nothing of quality, but frames, patches and the network still decide it.
"""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from lcvd.config.filter import QualitySettings
from lcvd.config.profiles import profile
from lcvd.filter import measure as analyse_module
from lcvd.filter.stage import filter_chunk
from lcvd.vqa import score
from lcvd.vqa.fastervqa import rescaled
from lcvd.vqa.fragments import look, plan
from lcvd.vqa.score import Video, scores, video_of
from lcvd.weights.registry import MissingWeights, fingerprint
from lcvd.weights.strict import ModelError
from tests.lcvd.vqa.vqa_files import golden_network, write_checkpoint


@pytest.fixture
def weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder of weights."""
    folder = tmp_path / "weights"
    monkeypatch.setenv("LCVD_WEIGHTS", str(folder))
    return folder


@pytest.fixture
def vqa(settings):
    """Settings of the filter with Faster-VQA, and any score admitted."""
    quality = QualitySettings(metric="fastervqa", frames=2, seed=5)
    limits = settings.thresholds.model_copy(update={"min_fastervqa": 0.0})
    return settings.model_copy(update={"quality": quality, "thresholds": limits})


@pytest.mark.slow
def test_scores_are_means_over_seeded_draws_whatever_the_batches(carphone, clip_from, monkeypatch) -> None:
    network = golden_network(0)
    large = np.stack([cv2.resize(image, (352, 288)) for image in carphone])
    videos = [video_of(clip_from(large[8:40], "a")), video_of(clip_from(large, "b"))]
    settings = QualitySettings(metric="fastervqa", sampling="script", seed=1, draws=2)
    monkeypatch.setattr(score, "BATCH", 3)  # a batch ends in the middle of the second clip
    found = scores(videos, settings, network)

    looked = look(plan(40, 288, 352, "script", 1, 2), lambda indices: videos[1].fetch(indices), 40)
    with torch.inference_mode():
        each = rescaled(network(torch.from_numpy(looked)).mean((1, 2, 3, 4)))
    assert each[0] != each[1]
    assert found[1] == pytest.approx(float(each.mean()), abs=1e-5)
    assert 0 <= found[0] <= 1


def test_only_wanted_frames_are_decoded_and_few_are_held(carphone, monkeypatch) -> None:
    asked: list[list[int]] = []

    def fetch(indices):
        asked.append(list(indices))
        return carphone[list(indices)]

    monkeypatch.setattr(score, "HELD_BYTES", 6 * carphone[0].nbytes + 5)
    looks = score._looks([Video(40, 144, 176, fetch)], QualitySettings(metric="fastervqa"))
    assert next(looks).shape == (3, 32, 224, 224)
    assert [index for part in asked for index in part] == list(range(4, 36))
    assert max(map(len, asked)) == 6


def test_the_filter_scores_decides_and_decides_again(carphone, clip_from, cache, vqa, weights, monkeypatch) -> None:
    write_checkpoint(weights)
    clip, bad = clip_from(carphone[:20]), clip_from(carphone[:16], "bad")
    bad.media.unlink()
    failed, row = filter_chunk([bad, clip], cache, vqa)
    assert (failed.status, failed.reason) == ("failed", "missing_file")
    how = {"metric": "fastervqa", "sampling": "script", "seed": 5, "draws": 1, "weights": fingerprint("fastervqa")}
    assert (row.status, row.fields["scored"]) == ("kept", how)
    assert 0 < row.score < 1

    measure = analyse_module._measure
    monkeypatch.setattr(analyse_module, "_measure", lambda *_: pytest.fail("measured again"))
    limits = vqa.thresholds.model_copy(update={"min_fastervqa": 1.0})
    stricter = filter_chunk([clip], cache, vqa.model_copy(update={"thresholds": limits}))[0]
    assert (stricter.reason, stricter.score, stricter.fields["threshold"]) == ("low_quality", row.score, 1.0)

    monkeypatch.setattr(analyse_module, "_measure", measure)
    write_checkpoint(weights, seed=1)  # other weights: a new score
    other = filter_chunk([clip], cache, vqa)[0]
    assert other.fields["scored"]["weights"] != how["weights"]
    assert other.score != row.score


def test_weights_that_are_missing_or_spoilt_end_the_stage(carphone, clip_from, cache, vqa, weights) -> None:
    clip = clip_from(carphone[:16])
    with pytest.raises(MissingWeights, match=r"FAST_VQA_3D_1_1\.pth.*licence: MIT.*LCVD_WEIGHTS"):
        filter_chunk([clip], cache, vqa)
    path = write_checkpoint(weights)
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(ModelError, match=r"FAST_VQA_3D_1_1\.pth"):
        filter_chunk([clip], cache, vqa)


def test_a_score_that_is_no_number_fails_the_clip_instead_of_passing_every_threshold(
    carphone, clip_from, cache, vqa, weights
) -> None:
    path = write_checkpoint(weights)
    held = torch.load(path, weights_only=False)
    key = next(key for key in held["state_dict"] if key.endswith("patch_embed.proj.weight"))
    held["state_dict"][key] *= 1e38  # finite, but what comes out isn't
    torch.save(held, path)
    [row] = filter_chunk([clip_from(carphone[:16])], cache, vqa)
    assert (row.status, row.reason) == ("failed", "not_finite")
    assert row.detail.startswith("fastervqa returned nan (not finite)")


def test_the_papers_profile_asks_for_it() -> None:
    settings = profile("paper").filter
    assert settings.quality.metric == "fastervqa"
    assert (settings.quality.sampling, settings.quality.draws, settings.thresholds.min_fastervqa) == ("script", 1, 0.6)
