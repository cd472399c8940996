"""Clips scored by Faster-VQA in the filter, with random weights by the golden rule."""

from pathlib import Path

import pytest
import torch

from lcvd.config.filter import QualitySettings
from lcvd.filter import measure as measure_module
from lcvd.filter.stage import filter_chunk
from lcvd.weights.registry import MissingWeights, weights_hash
from lcvd.weights.strict import ModelError
from tests.lcvd.vqa.vqa_files import write_checkpoint


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
