"""SH ratio-image relighting, against the studio, where the true relit picture is known."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from lcvd.config.reconstruct import LightSettings
from lcvd.evaluate.truth import psnr
from lcvd.face.head import load_head
from lcvd.light.presets import preset
from lcvd.light.skin_regions import light_of
from lcvd.render.hints import hints_of
from lcvd.render.ratio_image import GAIN, relight_frames
from lcvd.studio.clip import StudioClip

SIZE = 128
LIGHTS = ("front", "left", "top", "warm-right")


def rendered(clip):
    return tuple(np.concatenate(part) for part in zip(*clip.render(), strict=True))


@pytest.fixture(scope="module", params=["astronaut", "head-7"])
def scene(request):
    """A clip lit from the front, its true codes with the light as it is fitted on the picture, and its masks."""
    clip = StudioClip(request.param, seed=3, light="front", frames=4, size=SIZE)
    frames, masks = rendered(clip)
    codes = clip.truth()
    fitted = light_of(load_head(codes.head), codes, [frames], LightSettings())
    return clip, frames, masks, codes.replace(light=fitted)


@pytest.mark.parametrize("light", LIGHTS[1:])
def test_it_is_nearer_the_truth_than_not_relighting(scene, light):
    clip, frames, masks, codes = scene
    true, person = rendered(replace(clip, light=light))
    made = relight_frames(frames, codes, masks, preset(light))
    assert psnr(made, (true, person > 127)) > psnr(frames, (true, person > 127)) + 3


def test_the_background_is_untouched(scene):
    _, frames, masks, codes = scene
    made = relight_frames(frames, codes, masks, preset("left"))
    far = np.stack([cv2.dilate(mask, np.ones((13, 13))) for mask in masks]) == 0
    assert far.mean() > 0.1
    np.testing.assert_array_equal(made[far], frames[far])
    assert (made[masks > 127] != frames[masks > 127]).mean() > 0.5


def test_its_own_light_changes_nothing(scene):
    _, frames, masks, codes = scene
    made = relight_frames(frames, codes, masks, codes.light)
    np.testing.assert_array_equal(made, frames)


def test_a_light_twice_as_bright_doubles_and_gains_are_bounded(scene):
    _, frames, masks, codes = scene
    dim = (frames * 0.4).astype(np.uint8)
    even = codes.replace(light=np.broadcast_to(3 * np.eye(9, 3)[:, :1], (4, 9, 3)).astype(np.float32))
    face = np.concatenate(list(hints_of(load_head(codes.head), even, SIZE))).max(axis=-1) > 0
    face &= np.stack([cv2.erode(mask, np.ones((13, 13))) for mask in masks]) == 255
    assert face.mean() > 0.08
    for factor, gain in ((2.0, 2.0), (100.0, GAIN[1]), (0.01, GAIN[0])):
        made = relight_frames(dim, even, masks, factor * even.light)
        assert np.abs(made[face] - np.minimum(gain * dim[face].astype(float), 255)).max() <= 1.5


def test_frames_codes_and_masks_must_be_as_many(scene):
    _, frames, masks, codes = scene
    with pytest.raises(ValueError, match="3 frames, face codes of 4 and 4 masks"):
        relight_frames(frames[:3], codes, masks, preset("left"))
