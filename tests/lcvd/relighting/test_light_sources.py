"""Lights from names, files, faces and keyframes."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from lcvd.ledger.rows import ClipError
from lcvd.light.environment import load_environment
from lcvd.light.presets import orbit, preset, save_light
from lcvd.relighting.light_sources import LightContext, light_from, sources_of
from lcvd.render.sh import dominant_direction


@pytest.mark.parametrize(("name", "side"), [("lcvd_target_lighting1.jpg", 1), ("lcvd_target_lighting2.png", -1)])
def test_the_published_targets_are_lit_from_their_sides(clips_dir, relight_settings, scratch, name, side) -> None:
    path = clips_dir.parent / "lights" / name
    if not path.exists():
        pytest.skip(f"{path} isn't here: it comes with the published code")
    light = light_from(str(path), scratch, relight_settings)
    assert light.shape == (9, 3)
    assert side * dominant_direction(light[None])[0, 0] > 0.5
    assert sources_of(str(path))[0][0] == name


def test_presets_files_and_mistakes(relight_settings, tmp_path) -> None:
    def light(given: object, count: int = 1, **more: float) -> np.ndarray:
        return light_from(given, tmp_path, relight_settings, context=LightContext(count), **more)

    np.testing.assert_array_equal(light("left"), preset("left"))
    np.save(tmp_path / "light.npy", preset("top"))
    np.testing.assert_allclose(light(str(tmp_path / "light.npy")), preset("top"))
    np.testing.assert_allclose(light("orbit", 8), orbit(8))
    save_light(tmp_path / "around.json", orbit(8))
    np.testing.assert_allclose(light(tmp_path / "around.json", 8), orbit(8), atol=1e-6)
    with pytest.raises(ValueError, match=r"around\.json: lights for 8 frames, but the video has 16"):
        light(tmp_path / "around.json", 16)
    with pytest.raises(ValueError, match="'lefft' is neither a preset"):
        light("lefft")
    with pytest.raises(ValueError, match="'reference' needs a portrait"):
        light("reference")
    with pytest.raises(ValueError, match="'left' can't be turned 30 degrees"):
        light("left", yaw=30)
    (tmp_path / "text.png").write_text("text")
    with pytest.raises(ClipError, match=r"text\.png: not a readable image"):
        light(tmp_path / "text.png")
    Image.new("RGB", (120, 120), (90, 90, 90)).save(tmp_path / "blank.png")
    with pytest.raises(ClipError, match=r"blank\.png: .*face"):
        light(tmp_path / "blank.png")
    assert sources_of("left") == []


def test_the_portraits_and_the_driving_clips_own_light(relight_settings, tmp_path) -> None:
    context = LightContext(3, reference=preset("left"), driving=orbit(3))
    for name, expected in (("reference", preset("left")), ("driving", orbit(3))):
        np.testing.assert_array_equal(light_from(name, tmp_path, relight_settings, context=context), expected)


def test_an_environment_map_turns(relight_settings, tmp_path) -> None:
    sky = np.full((32, 64, 3), 0.2, np.float32)
    sky[10:16, 28:36] = 30.0
    cv2.imwrite(str(tmp_path / "sky.hdr"), sky)
    light = light_from(str(tmp_path / "sky.hdr"), tmp_path, relight_settings, yaw=110)
    np.testing.assert_allclose(light, load_environment(tmp_path / "sky.hdr", 110))
    assert dominant_direction(light)[0] > 0.7


def keyed(folder: Path, *entries: object) -> Path:
    path = folder / "keys.json"
    path.write_text(json.dumps({"keyframes": list(entries)}), encoding="utf-8")
    return path


def test_keyframes_are_mixed_linearly_in_time(relight_settings, tmp_path) -> None:
    save_light(tmp_path / "top.json", preset("top"))
    path = keyed(
        tmp_path,
        {"time": 0.5, "light": "left"},
        {"time": 1.5, "light": preset("right").tolist()},
        {"time": 2, "light": "top.json"},
    )
    found = light_from(path, tmp_path, relight_settings, context=LightContext(30, 10.0))
    left, right, top = preset("left"), preset("right"), preset("top")
    for seconds, expected in (
        (0.0, left), (0.5, left), (0.8, 0.7 * left + 0.3 * right), (1.5, right), (1.8, 0.4 * right + 0.6 * top),
        (2.0, top), (2.9, top),
    ):  # fmt: skip
        np.testing.assert_allclose(found[round(seconds * 10)], expected, atol=1e-5, err_msg=str(seconds))
    # a light that itself changes is mixed as it is at that time
    path = keyed(tmp_path, {"time": 0, "light": "orbit"}, {"time": 2, "light": "left"})
    found = light_from(path, tmp_path, relight_settings, context=LightContext(30, 10.0))
    np.testing.assert_allclose(found[10], (orbit(30)[10] + left) / 2, atol=1e-5)
    one = light_from(keyed(tmp_path, {"time": 3, "light": "left"}), tmp_path, relight_settings, context=LightContext(4))
    np.testing.assert_allclose(one, np.stack([left] * 4), atol=1e-6)


@pytest.mark.parametrize(
    ("entries", "words"),
    [
        ([], "must be a list of entries"),
        ([{"time": 0}], "keyframe 1: expected time, light"),
        ([{"time": 0, "light": "left", "colour": 1}], "keyframe 1: expected time, light"),
        ([{"time": -1, "light": "left"}], "keyframe 1: time is -1"),
        ([{"time": "0", "light": "left"}], "keyframe 1: time is '0'"),
        ([{"time": 1, "light": "left"}, {"time": 1, "light": "top"}], "keyframe 2: time 1 s isn't after 1 s"),
        ([{"time": 0, "light": "nowhere"}], "keyframe 1: light .*nowhere"),
        ([{"time": 0, "light": [[1, 2, 3]]}], "keyframe 1: .*(9, 3)"),
        ([{"time": 0, "light": 3}], "keyframe 1: light is 3"),
    ],
)
def test_wrong_keyframes_are_named(relight_settings, tmp_path, entries, words) -> None:
    with pytest.raises(ValueError, match=r"keys\.json: .*" + words.replace("(9, 3)", r"\(9, 3\)")):
        light_from(keyed(tmp_path, *entries), tmp_path, relight_settings, context=LightContext(5))
