"""Faster-VQA scores of real clips with the golden rules' random weights, and the filter that uses them.

With random weights a score doesn't measure quality, but it still depends on frames, patches and the network.
"""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from lcvd.config.filter import QualitySettings
from lcvd.config.profiles import profile
from lcvd.filter import measure as measure_module
from lcvd.filter.stage import filter_chunk
from lcvd.vqa import score
from lcvd.vqa.fastervqa import rescaled
from lcvd.vqa.fragments import extract_fragments, plan_draws
from lcvd.vqa.score import Video, scores, video_of
from lcvd.weights.registry import MissingWeights, weights_hash
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
    """Filter settings with Faster-VQA that accept any score."""
    quality = QualitySettings(metric="fastervqa", frames=2, seed=5)
    limits = settings.thresholds.model_copy(update={"min_fastervqa": 0.0})
    return settings.model_copy(update={"quality": quality, "thresholds": limits})


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


def test_the_filter_scores_a_clip_and_reapplies_thresholds_without_scoring(
    carphone, clip_from, cache, vqa, weights, monkeypatch
) -> None:
    write_checkpoint(weights)
    clip, bad = clip_from(carphone[:20]), clip_from(carphone[:16], "bad")
    bad.media.unlink()
    failed, row = filter_chunk([bad, clip], cache, vqa)
    assert (failed.status, failed.reason) == ("failed", "missing_file")
    how = {"metric": "fastervqa", "sampling": "script", "seed": 5, "draws": 1, "weights": weights_hash("fastervqa")}
    assert (row.status, row.fields["scored"]) == ("kept", how)
    assert 0 < row.score < 1

    measure = measure_module._measure
    monkeypatch.setattr(measure_module, "_measure", lambda *_: pytest.fail("measured again"))
    limits = vqa.thresholds.model_copy(update={"min_fastervqa": 1.0})
    stricter = filter_chunk([clip], cache, vqa.model_copy(update={"thresholds": limits}))[0]
    assert (stricter.reason, stricter.score, stricter.fields["threshold"]) == ("low_quality", row.score, 1.0)

    monkeypatch.setattr(measure_module, "_measure", measure)
    write_checkpoint(weights, seed=1)  # other weights: a new score
    other = filter_chunk([clip], cache, vqa)[0]
    assert other.fields["scored"]["weights"] != how["weights"]
    assert other.score != row.score


def test_missing_or_corrupted_weights_stop_the_stage(carphone, clip_from, cache, vqa, weights) -> None:
    clip = clip_from(carphone[:16])
    with pytest.raises(MissingWeights, match=r"FAST_VQA_3D_1_1\.pth.*licence: MIT.*LCVD_WEIGHTS"):
        filter_chunk([clip], cache, vqa)
    path = write_checkpoint(weights)
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(ModelError, match=r"FAST_VQA_3D_1_1\.pth"):
        filter_chunk([clip], cache, vqa)


def test_a_score_that_is_not_finite_fails_the_clip(carphone, clip_from, cache, vqa, weights) -> None:
    path = write_checkpoint(weights)
    held = torch.load(path, weights_only=False)
    key = next(key for key in held["state_dict"] if key.endswith("patch_embed.proj.weight"))
    held["state_dict"][key] *= 1e38  # finite weights whose output overflows
    torch.save(held, path)
    [row] = filter_chunk([clip_from(carphone[:16])], cache, vqa)
    assert (row.status, row.reason) == ("failed", "not_finite")
    assert row.detail.startswith("fastervqa returned nan (not finite)")


def test_the_paper_profile_uses_fastervqa() -> None:
    settings = profile("paper").filter
    assert settings.quality.metric == "fastervqa"
    assert (settings.quality.sampling, settings.quality.draws, settings.thresholds.min_fastervqa) == ("script", 1, 0.6)
