import numpy as np
import pytest

from lcvd.ledger.rows import failed, filtered, kept, write_ledger
from lcvd.light.presets import preset
from lcvd.reconstruct.archive import pack
from lcvd.report.dataset_stats import dataset_stats, quality_scores
from lcvd.studio.clip import StudioClip


def reconstructed(data, codes):
    """Write the outputs of stage `reconstruct` for a clip with these codes."""
    placed = data / "placed"
    codes.save(placed / "codes" / "a.safetensors", {})
    for name in ("masks/a.mkv", "preview/a.png"):
        (placed / name).parent.mkdir()
        (placed / name).touch()
    pack(placed, data / "reconstruct", ["a"])
    write_ledger(data / "reconstruct" / "ledger.parquet", [kept("a"), filtered("b", "jitters", "", 1.0)])


def test_poses_and_lights_are_read_from_the_codes(tmp_path):
    codes = StudioClip("astronaut", frames=8, size=64, light="left").truth()
    pose = np.zeros((8, 3), np.float32)
    pose[:4, 1] = np.radians(20)  # about the up axis: the nose moves to the right of the image
    pose[4:, 0] = np.radians(-10)  # about the right axis: the nose moves up
    reconstructed(tmp_path, codes.replace(pose=pose))
    found = dataset_stats(tmp_path)
    assert found.clips == 1
    np.testing.assert_allclose(found.yaw, [20] * 4 + [0] * 4, atol=1e-4)
    np.testing.assert_allclose(found.pitch, [0] * 4 + [10] * 4, atol=1e-4)
    assert found.light.shape == (8, 3)
    assert found.light[0, 0] < -0.8


def test_a_light_without_direction_is_omitted(tmp_path):
    codes = StudioClip("astronaut", frames=3, size=64, light="left").truth()
    light = np.stack([preset("left"), np.zeros((9, 3), np.float32), preset("left")])
    reconstructed(tmp_path, codes.replace(light=light))
    assert dataset_stats(tmp_path).light.shape == (2, 3)


def test_all_scored_clips_are_included(tmp_path):
    rows = [kept("a", 30.0, quality=30.0), filtered("b", "blurred", "", 1.0, quality=60.0), failed("c", "x", "")]
    write_ledger(tmp_path / "filter" / "ledger.parquet", [*rows, kept("d", quality=None)])
    assert quality_scores(tmp_path) == pytest.approx([30, 60])


def test_without_reconstructed_clips_there_are_no_statistics(tmp_path):
    assert dataset_stats(tmp_path) is None
    assert quality_scores(tmp_path) == []
