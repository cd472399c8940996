"""SH ratio-image relighting as a method: windows, masks of its own; the relighting itself is tests/lcvd/render/test_ratio_image.py's."""

from dataclasses import replace

import numpy as np
import torch

from lcvd.config.profiles import profile
from lcvd.evaluate.methods.base import Options, Shot, Window
from lcvd.evaluate.methods.registry import open_method
from lcvd.evaluate.truth import psnr
from lcvd.light.presets import preset
from lcvd.model.conditioning import Conditioning
from tests.lcvd.render.test_ratio_image import SIZE, rendered, scene  # noqa: F401  # a fixture


def test_the_method_goes_window_by_window_with_masks_of_its_own(scene, tmp_path):  # noqa: F811
    clip, frames, _, codes = scene
    hint = np.zeros_like(frames)

    def windows():
        for part in (slice(0, 3), slice(3, 4)):
            yield Window(frames[part], codes.window(part), hint[part], hint[part])

    shot = Shot(
        clip="c", light_name="left", size=SIZE, frames=4, light=preset("left"), target=None,
        conditioning=Conditioning.rendered(frames[0], np.full((SIZE, SIZE), 255, np.uint8), codes.window([0]), codes, preset("left")),
        windows=windows, seed=0,
    )  # fmt: skip
    method = open_method("sh-ratio", Options(profile("demo"), tmp_path, torch.device("cpu")))
    made = list(method.relight(shot))
    assert [len(part) for part in made] == [3, 1]
    np.testing.assert_array_equal(np.concatenate(made), np.concatenate(list(method.relight(shot))))
    true, person = rendered(replace(clip, light="left"))
    assert psnr(np.concatenate(made), (true, person > 127)) > psnr(frames, (true, person > 127)) + 2
    assert method.facts()["mask"] == "mediapipe"
