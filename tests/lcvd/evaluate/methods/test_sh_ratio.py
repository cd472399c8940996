"""SH ratio-image relighting as a method; the relighting itself is tested in tests/lcvd/render/test_ratio_image.py."""

from dataclasses import replace

import numpy as np
import torch

from lcvd.config.profiles import profile
from lcvd.evaluate.inputs.base import Input, TargetLight, VideoRequest
from lcvd.evaluate.methods.base import Options
from lcvd.evaluate.methods.registry import METHODS
from lcvd.evaluate.truth import psnr
from lcvd.light.presets import preset
from tests.lcvd.render.test_ratio_image import rendered, scene  # noqa: F401  # a fixture


def test_the_method_goes_window_by_window_with_the_input_s_masks(scene, tmp_path):  # noqa: F811
    clip, frames, masks, codes = scene
    parts = slice(0, 3), slice(3, 4)
    source = Input(
        "c", "c", 25.0, codes, frames[0], masks[0], codes.window([0]), lambda: (frames[part] for part in parts),
        lambda: ((frames[part], masks[part]) for part in parts), {},
    )  # fmt: skip
    request = VideoRequest(source, TargetLight("left", preset("left")), 0)
    method = METHODS.get("sh-ratio")(Options(profile("demo"), tmp_path, torch.device("cpu")))
    made = list(method.relight(request))
    assert [len(part) for part in made] == [3, 1]
    np.testing.assert_array_equal(np.concatenate(made), np.concatenate(list(method.relight(request))))
    true, person = rendered(replace(clip, light="left"))
    assert psnr(np.concatenate(made), (true, person > 127)) > psnr(frames, (true, person > 127)) + 2
