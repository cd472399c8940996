from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from lcvd.evaluate.truth import Decibels, is_studio, psnr, true_relit
from lcvd.shard.sample import Meta
from lcvd.studio.clip import StudioClip

SIZE, FRAMES = 64, 7
ADDRESS = f"studio:hopper?frames={FRAMES}&size={SIZE}&seed=4"


def _sample(address):
    meta = Meta("a", "someone", "test", FRAMES, SIZE, 25.0, "", address, "0" * 64, 0, "test")
    return SimpleNamespace(meta=meta, codes=SimpleNamespace(square=np.array([0, 0, SIZE])))


def test_a_studio_clip_has_a_true_relit_video(tmp_path):
    clip = replace(StudioClip.parse(ADDRESS), light="right")
    right, masks = (np.concatenate(each) for each in zip(*clip.render(), strict=True))
    truth = true_relit(_sample(ADDRESS), "right", SIZE, 5, tmp_path)
    frames, portrait = (np.concatenate(each) for each in zip(*truth.windows(), strict=True))
    np.testing.assert_array_equal(frames, right[1:6])
    np.testing.assert_array_equal(portrait, masks[1:6] > 127)
    assert 0.2 < portrait.mean() < 0.9
    for one, whole in zip(truth.at(3), (frames, portrait), strict=True):
        np.testing.assert_array_equal(one, whole[3])


def test_a_filmed_clip_has_none(tmp_path):
    assert not is_studio(_sample("https://host/clip.mp4"))
    assert true_relit(_sample("https://host/clip.mp4"), "right", SIZE, 5, tmp_path) is None


def test_decibels_of_windows_are_those_of_the_whole():
    rng = np.random.default_rng(1)
    made, true = rng.integers(0, 256, (2, 11, 8, 8, 3), np.uint8)
    portrait = rng.random((11, 8, 8)) > 0.4
    windows = Decibels()
    for start in range(0, 11, 4):
        part = slice(start, start + 4)
        windows.add(made[part], (true[part], portrait[part]))
    error = (made.astype(float) - true)[portrait]
    assert windows.value == pytest.approx(10 * np.log10(255**2 / (error**2).mean()))


def test_only_the_portrait_counts():
    rng = np.random.default_rng(0)
    frames, portrait = rng.integers(20, 120, (2, 8, 8, 3), np.uint8), rng.random((2, 8, 8)) > 0.5
    other = frames.astype(int) + np.where(portrait[..., None], 10, 90)
    assert psnr(other, (frames, portrait)) == pytest.approx(20 * np.log10(25.5))
    assert psnr(frames, (frames, portrait)) > 80
    assert psnr(frames, None) is None
