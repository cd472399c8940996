"""`lcvd.relight(...)` with a model that has learned nothing: what comes back, what is kept, what is written."""

import json
import subprocess
import sys
import threading
from dataclasses import replace

import av
import numpy as np
import pytest
from PIL import Image

import lcvd
from lcvd.cache.store import file_hash
from lcvd.config.profiles import profile
from lcvd.light.presets import preset
from lcvd.model.conditioning import Conditioning
from lcvd.model.pipeline import Interrupted
from lcvd.model.trained_on import TrainedOn
from lcvd.relighting.api import checkpoint_here, model_of, settings_here
from lcvd.relighting.generate import _key, latents_of
from lcvd.relighting.options import SamplingOptions, SceneRequest
from lcvd.relighting.output.options import OutputOptions
from lcvd.relighting.output.prefetch import prefetch
from lcvd.relighting.scene import scene_of
from lcvd.render.hints import hints_of
from lcvd.video.decode import decode_bytes
from lcvd.weights.strict import ModelError

CLIP = "lp_d03_woman_turns_warm_light.mp4"


def middle_of_light(hint) -> float:
    """Column where the hint is brightest on average, in shares of the face's width from its middle."""
    face = hint.max(-1) > 0
    columns = np.nonzero(face)[1]
    weights = hint.mean(-1)[face]
    return float((np.average(columns, weights=weights) - columns.mean()) / np.ptp(columns))


@pytest.fixture(scope="module")
def animated(clips_dir, portrait, model, relight_settings, scratch):
    return lcvd.relight(
        portrait, clips_dir / CLIP, "left", model, guidance=1.5, steps=2, settings=relight_settings, scratch=scratch,
        start=0.5, end=0.8,
    )  # fmt: skip


def test_importing_lcvd_loads_nothing_heavy() -> None:
    code = "import sys, lcvd, lcvd.relighting; print(sorted({'torch','numpy','av'} & set(sys.modules))); assert callable(lcvd.relight)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip() == "[]"
    with pytest.raises(AttributeError, match="no attribute 'relit'"):
        _ = lcvd.relit  # type: ignore[attr-defined]


def test_everything_used_on_the_way_comes_back(animated) -> None:
    assert animated.frames.shape == animated.hints.shape == (9, 64, 64, 3)
    assert animated.fps == 30
    assert animated.size == 64
    assert animated.codes.frames == len(animated.bridged) == len(animated.lights) == 9
    assert animated.mask.shape == (64, 64)
    assert 0.1 < (animated.mask > 0).mean() < 0.9
    assert (animated.hints[0] != animated.hints[-1]).any()
    assert middle_of_light(animated.hints[0]) < -0.02


def test_another_light_over_the_same_codes(animated, scratch, relight_settings) -> None:
    scene = animated.scene
    under = scene.preview(4, 64)
    for name, side in (("left", -1), ("right", 1)):
        lights = scene.light(name, scratch, relight_settings)
        lazily = scene.hints(lights, 64)[np.array([4])][0]
        np.testing.assert_array_equal(under(preset(name)), lazily)
        np.testing.assert_array_equal(lazily, np.concatenate(list(hints_of(scene.head, scene.codes, 64, lights)))[4])
        assert side * middle_of_light(lazily) > 0.02


def test_a_still_stays_in_place_and_has_its_own_light(portrait, relight_settings, scratch) -> None:
    found = lcvd.relight(portrait, preview=True, settings=relight_settings, scratch=scratch)
    assert found.frames.shape == (16, 256, 256, 3)
    assert (found.frames == found.frames[0]).all()
    np.testing.assert_array_equal(found.frames[0], next(hints_of(found.scene.head, found.scene.own, 256))[0])
    with pytest.raises(ValueError, match="'driving' needs a driving clip"):
        found.scene.light("driving", scratch, relight_settings)


def test_frames_alike_are_made_once(portrait, model, relight_settings, scratch, tmp_path) -> None:
    """A still under a light that stays is one picture; where the light moves and halts, frames are made while it moves."""
    scene = scene_of(SceneRequest(portrait), scratch, relight_settings)
    lights = np.repeat(preset("left")[None], 16, 0)
    told: list[int] = []
    still = latents_of(
        scene, lights, model, SamplingOptions(1.5, 0, steps=2), tmp_path, lambda _, __, total: told.append(total)
    )
    assert len(still) == 16
    assert (still == still[0]).all()
    assert set(told) == {4}  # one window of four frames: two steps, with and without the hint
    lights[8:12] = np.linspace(1, 0.2, 4)[:, None, None] * lights[0]
    lights[12:] = lights[11]
    halting = latents_of(scene, lights, model, SamplingOptions(1.5, 0, steps=2), tmp_path)
    same = (halting[1:] == halting[:-1]).flatten(1).all(1)
    assert same.tolist() == [True] * 8 + [False] * 3 + [True] * 4


def test_another_configuration_of_the_same_weights_is_another_key(animated, model, monkeypatch) -> None:
    scene, lights = animated.scene, animated.lights
    inputs = Conditioning.rendered(*scene.portrait.first(64), scene.own, scene.codes, lights)
    asked = (scene, inputs, lights, 9, model, {"seed": 0, "guidance": 1.5, "steps": 3})
    keys = {_key(*asked)}
    monkeypatch.setitem(model.pipe.parts.config, "overlap", 1)
    keys.add(_key(*asked))
    monkeypatch.setattr(model.pipe.image_encoder.config, "hidden_act", "relu")
    assert len(keys | {_key(*asked)}) == 3


def test_a_still_under_one_light_is_written_as_a_picture(portrait, model, relight_settings, scratch, tmp_path) -> None:
    options = {"settings": relight_settings, "scratch": scratch}
    still = lcvd.relight(portrait, None, "left", model, guidance=1.5, steps=2, **options)
    found = still.save(tmp_path / "a.png")
    with Image.open(tmp_path / "a.png") as picture:
        np.testing.assert_array_equal(np.asarray(picture), still.frames[0])
        assert picture.text["Comment"].startswith("AI-generated")
    assert json.loads((tmp_path / "a.png.json").read_text()) == found
    assert found["output"]["frames"] == 1
    assert found["output"]["sha256"] == file_hash(tmp_path / "a.png")
    before = (tmp_path / "a.png").read_bytes()
    still.save(tmp_path / "a.png")
    assert (tmp_path / "a.png").read_bytes() == before
    still.save(tmp_path / "b.png", OutputOptions(side_by_side=True, size=96))
    assert Image.open(tmp_path / "b.png").size == (192, 96)
    turning = lcvd.relight(portrait, None, "orbit", preview=True, **options)
    with pytest.raises(ValueError, match=r"c\.png: a PNG can't hold 16 different frames; write \.mp4"):
        turning.save(tmp_path / "c.png")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.png", "a.png.json", "b.png", "b.png.json"]


def test_cancelled_work_is_kept_and_goes_on_to_the_same_latents(animated, model, tmp_path) -> None:
    calls: list[int] = []

    def sampled(progress, cancel=None, seed=0):
        calls.clear()
        return latents_of(
            animated.scene, animated.lights, model, SamplingOptions(1.5, seed, steps=3), tmp_path, progress, cancel
        )

    def count(phase, done, total):
        calls.append(done)

    with pytest.raises(Interrupted, match="they are kept"):
        sampled(count, lambda: len(calls) >= 4)
    kept = calls[-1]
    rest = sampled(count)
    assert calls[0] > kept  # went on, didn't start anew
    other = tmp_path / "other"
    whole = latents_of(animated.scene, animated.lights, model, SamplingOptions(1.5, 0, steps=3), other)
    assert (rest == whole).all()
    assert not list((tmp_path / "sampling").glob("*/"))
    sampled(count)
    assert not calls  # found
    assert (sampled(count, seed=1) != whole).any()


def test_what_is_written_tells_how_it_was_made(animated, portrait, clips_dir, model, tmp_path) -> None:
    told = []
    found = animated.save(tmp_path / "a.mp4", OutputOptions(side_by_side=True, keep_audio=True, size=80),
                          progress=lambda *said: told.append(said))  # fmt: skip
    assert told[-1] == ("writing", 9, 9)
    assert decode_bytes((tmp_path / "a.mp4").read_bytes()).shape == (9, 80, 160, 3)
    assert json.loads((tmp_path / "a.mp4.json").read_text()) == found
    assert found["ai_generated"] is True
    assert found["digitalSourceType"].endswith("/trainedAlgorithmicMedia")
    assert found["model"] == {"name": "tiny", "sha256": model.sha256}
    assert found["seed"] == 0
    assert found["settings"]["guidance"] == 1.5
    assert found["settings"]["light"] == "left"
    sources = {one["role"]: one for one in found["sources"]}
    assert sources["portrait"]["sha256"] == file_hash(portrait)
    assert sources["driving"]["sha256"] == file_hash(clips_dir / CLIP)
    assert found["output"]["sha256"] == file_hash(tmp_path / "a.mp4")
    assert str(tmp_path) not in json.dumps(found)
    with av.open(str(tmp_path / "a.mp4")) as file:
        assert file.metadata["comment"].startswith("AI-generated")
        assert len(file.streams.audio) == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.mp4", "a.mp4.json"]


def test_pasting_changes_the_person_and_leaves_the_rest(animated, portrait, relight_settings) -> None:
    from lcvd.relighting.output.paste import pasted
    from lcvd.video.decode import read

    black = iter([np.zeros((2, 64, 64, 3), np.uint8)])
    whole = next(pasted(animated.scene, black, relight_settings))[1].astype(int)
    before = read(animated.scene.portrait.media.clip, [0])[0].astype(int)
    assert whole.shape == before.shape
    x0, y0, side = animated.scene.portrait.place
    outside = np.ones(before.shape[:2], bool)
    outside[y0 : y0 + side, x0 : x0 + side] = False
    assert (whole == before)[outside].all()
    middle = animated.scene.portrait.mask > 0
    inner = np.zeros_like(outside)
    grid = np.arange(side) * len(middle) // side
    inner[y0 : y0 + side, x0 : x0 + side] = middle[grid[:, None], grid[None]]
    assert whole[inner].mean() < 0.35 * before[inner].mean()
    assert len(np.unique(whole[inner] - before[inner])) > 50  # feathered, not cut


def test_frames_left_out_cant_keep_their_sound(animated, tmp_path) -> None:
    cut = replace(animated, scene=replace(animated.scene, motion=replace(animated.scene.motion, cut=True)))
    with pytest.raises(ValueError, match="frames without a face were skipped"):
        cut.save(tmp_path / "a.mp4", OutputOptions(keep_audio=True))
    assert not list(tmp_path.iterdir())


def test_a_clip_keeps_its_own_motion(clips_dir, relight_settings, scratch) -> None:
    wanted = SceneRequest(clips_dir / CLIP, start=0.5, end=0.8)
    scene = scene_of(wanted, scratch, relight_settings)
    assert scene.own_motion
    assert scene.frames == 9
    np.testing.assert_array_equal(scene.codes.pose, scene.portrait.codes.pose)
    lights = scene.light("driving", scratch, relight_settings)
    np.testing.assert_array_equal(lights, scene.portrait.codes.light)


def test_prefetched_windows_keep_order_pass_errors_and_stop() -> None:
    assert list(prefetch(iter(range(50)))) == list(range(50))

    def failing():
        yield 1
        raise ValueError("no more")

    with pytest.raises(ValueError, match="no more"):
        list(prefetch(failing()))
    before = threading.active_count()
    left = prefetch(iter(range(10**9)))
    assert next(left) == 0
    left.close()
    assert threading.active_count() == before


def test_without_a_checkpoint_it_is_the_trained_model_or_the_small_one(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert checkpoint_here() == "small"
    assert model_of(checkpoint_here()).name == "small"
    (tmp_path / "data" / "train" / "model").mkdir(parents=True)
    assert checkpoint_here() == "data/train/model"


def test_without_params_a_model_gets_the_preprocessing_of_its_training_data(tmp_path, monkeypatch, model) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(model.pipe.model, "trained_on", TrainedOn("deca", "face-alignment", 1.7, "u2net-compat"))
    found = settings_here(model).reconstruct
    assert (found.codes, found.deca.landmarks, found.crop_scale, found.mask) == (
        "deca",
        "face-alignment",
        1.7,
        "u2net-compat",
    )
    assert settings_here().reconstruct == profile("demo").reconstruct
    with pytest.raises(ModelError, match="reconstruct.codes is open, the model's training data had deca"):
        lcvd.relight("portrait.png", checkpoint=model, settings=profile("demo"))
