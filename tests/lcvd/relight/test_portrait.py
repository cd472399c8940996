"""From files to a relit video, by the library and by the command line, with a model that has learned nothing."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from lcvd.config.io import dump_settings
from lcvd.config.profiles import DEMO
from lcvd.config.settings import Settings
from lcvd.face.codes import FaceCodes
from lcvd.ledger.rows import ClipError
from lcvd.model.lcvd import LCVD
from lcvd.model.pipeline import LCVDPipeline
from lcvd.relight.portrait import light_from, reconstruct_file, relight
from lcvd.shading.environment import load_environment
from lcvd.shading.presets import orbit, preset, save_light
from lcvd.shading.sh import dominant_direction
from lcvd.video.decode import decode_bytes


@pytest.fixture(scope="module")
def settings(tiny_model) -> Settings:
    return Settings.model_validate(DEMO | {"train": {"model": tiny_model}, "evaluate": {"steps": 2, "guidance": 1.5}})


@pytest.fixture(scope="module")
def model(settings: Settings) -> LCVDPipeline:
    pipe = LCVDPipeline.of(LCVD.fresh(settings.train.model, seed=0))
    pipe.set_progress_bar_config(disable=True)
    return pipe


@pytest.fixture(scope="module")
def portrait(clips_dir: Path) -> Path:
    path = clips_dir.parent / "portraits" / "lp_d09_woman_shout.jpg"
    if not path.exists():
        pytest.skip(f"{path} isn't here")
    return path


@pytest.mark.parametrize(("name", "side"), [("lcvd_target_lighting1.jpg", 1), ("lcvd_target_lighting2.png", -1)])
def test_the_published_targets_are_lit_from_their_sides(clips_dir, settings, tmp_path, name, side) -> None:
    path = clips_dir.parent / "lights" / name
    if not path.exists():
        pytest.skip(f"{path} isn't here: it comes with the published code")
    light = light_from(str(path), tmp_path, settings)
    assert light.shape == (9, 3)
    assert side * dominant_direction(light[None])[0, 0] > 0.5


def test_presets_files_and_mistakes(settings, tmp_path) -> None:
    np.testing.assert_array_equal(light_from("left", tmp_path, settings), preset("left"))
    np.save(tmp_path / "light.npy", preset("top"))
    np.testing.assert_allclose(light_from(str(tmp_path / "light.npy"), tmp_path, settings), preset("top"))
    around = light_from("orbit", tmp_path, settings, count=8)
    np.testing.assert_allclose(around, orbit(8))
    save_light(tmp_path / "around.json", around)
    np.testing.assert_allclose(
        light_from(str(tmp_path / "around.json"), tmp_path, settings, count=8), around, atol=1e-6
    )
    with pytest.raises(ValueError, match=r"around\.json: lights of 8 frames, for a video of 16"):
        light_from(str(tmp_path / "around.json"), tmp_path, settings, count=16)
    with pytest.raises(ValueError, match="'lefft' is no preset"):
        light_from("lefft", tmp_path, settings)
    blank = tmp_path / "blank.png"
    Image.new("RGB", (120, 120), (90, 90, 90)).save(blank)
    with pytest.raises(ClipError, match=r"blank\.png: .*face"):
        reconstruct_file(blank, tmp_path / "work", settings)
    (tmp_path / "text.png").write_text("text")
    with pytest.raises(ClipError, match=r"text\.png"):
        reconstruct_file(tmp_path / "text.png", tmp_path / "work", settings)


def test_a_picture_stays_in_place_and_follows_a_clip(clips_dir, settings, model, portrait) -> None:
    video, hints, _ = relight(portrait, model, "left", settings, steps=1)
    assert video.shape == hints.shape == (16, 64, 64, 3)
    assert (hints == hints[0]).all()
    face = hints[0].max(-1) > 0
    assert 0.05 < face.mean() < 0.7
    columns = np.arange(64)[None].repeat(64, 0)
    bright = np.average(columns[face], weights=hints[0].mean(-1)[face])
    other, moved, fps = relight(
        portrait, model, "right", settings, driving=clips_dir / "lp_d03_woman_turns_warm_light.mp4", steps=1, frames=6
    )
    assert other.shape == (6, 64, 64, 3)
    assert fps > 20
    dark = moved[0].max(-1) > 0
    assert bright != pytest.approx(np.average(columns[dark], weights=moved[0].mean(-1)[dark]), abs=1)
    assert (moved[0] != moved[-1]).any()


@pytest.mark.slow
def test_the_command_line(clips_dir, settings, model, portrait, tmp_path) -> None:
    model.save_pretrained(tmp_path / "model")
    (tmp_path / "params.yaml").write_text(dump_settings(settings), encoding="utf-8")
    lcvd = Path(sys.executable).with_name("lcvd")

    def run(*words: object, code: int = 0) -> str:
        argv = [str(lcvd), *map(str, words)]
        done = subprocess.run(argv, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == code, done.stdout + done.stderr
        assert "Traceback" not in done.stderr
        return done.stdout + done.stderr

    words = ["relight", portrait, "--light", "left", "--model", "model", "--steps", 2, "--side-by-side"]
    assert "16 frames of 64x64 px" in run(*words, "-o", "a.mp4")
    run(*words, "-o", "b.mp4")
    assert (tmp_path / "a.mp4").read_bytes() == (tmp_path / "b.mp4").read_bytes()
    assert decode_bytes((tmp_path / "a.mp4").read_bytes()).shape == (16, 64, 128, 3)
    clip = clips_dir / "lp_d03_woman_turns_warm_light.mp4"
    moving = [*words, "--drive", clip, "--frames", 4]
    assert "4 frames of 64x64 px" in run(*moving, "--align", "relative", "--smooth", 2, "-o", "d.mp4")
    run(*moving, "--align", "self", "-o", "e.mp4")
    assert (tmp_path / "d.mp4").read_bytes() != (tmp_path / "e.mp4").read_bytes()
    assert "'track', 'relative', 'relative-code', 'scale', 'self'" in run(
        *moving, "--align", "x", "-o", "f.mp4", code=2
    )
    assert "no preset" in run(*words[:2], "--light", "nowhere", "--model", "model", "-o", "c.mp4", code=1)
    assert "nothere" in run(*words[:4], "--model", "nothere", "-o", "c.mp4", code=1)

    out = run(
        "reconstruct",
        clip,
        "-o",
        "codes.safetensors",
        "--preview",
        "sheet.png",
    )
    codes = FaceCodes.load(tmp_path / "codes.safetensors")
    assert f"{codes.frames} frames, mean confidence" in out
    assert min(Image.open(tmp_path / "sheet.png").size) > 300


def test_an_environment_map_is_a_light_and_only_it_turns(settings, tmp_path) -> None:
    sky = np.full((32, 64, 3), 0.2, np.float32)
    sky[10:16, 28:36] = 30.0
    cv2.imwrite(str(tmp_path / "sky.hdr"), sky)
    light = light_from(str(tmp_path / "sky.hdr"), tmp_path, settings, yaw=110)
    np.testing.assert_allclose(light, load_environment(tmp_path / "sky.hdr", 110))
    assert dominant_direction(light)[0] > 0.7
    with pytest.raises(ValueError, match="'left' can't be turned by 30 degrees"):
        light_from("left", tmp_path, settings, yaw=30)
