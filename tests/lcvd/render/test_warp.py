"""Warped portraits, compared with computer-generated heads rendered in the target pose."""

import numpy as np
import pytest

from lcvd.face.codes import FaceCodes
from lcvd.face.head import load_head
from lcvd.render.hints import hints_of
from lcvd.render.warp import WarpedReference, backward_warp
from lcvd.studio.clip import StudioClip

SIZE = 128


@pytest.fixture(scope="module", params=["head-3", "head-8"])
def clip(request: pytest.FixtureRequest) -> tuple[np.ndarray, np.ndarray, FaceCodes]:
    """Frames, masks and true codes of a head that moves under a light from the front."""
    clip = StudioClip(request.param, seed=4, light="front", frames=24, size=SIZE, fps=12)
    frames, masks = (np.concatenate(part) for part in zip(*clip.render(), strict=True))
    return frames, masks, clip.truth()


def _warped(frames: np.ndarray, codes: FaceCodes) -> WarpedReference:
    return WarpedReference(load_head(), frames[0], codes.window([0]), codes)


def test_without_motion_the_image_is_unchanged(clip: tuple[np.ndarray, np.ndarray, FaceCodes]) -> None:
    frames, _, codes = clip
    assert np.abs(_warped(frames, codes)[[0]][0].astype(int) - frames[0]).max() <= 1


def test_the_warp_follows_the_head(clip: tuple[np.ndarray, np.ndarray, FaceCodes]) -> None:
    """The frames were rendered from the head itself, its hair, neck and clothes, and not from another image."""
    frames, masks, codes = clip
    turned = np.abs(codes.pose - codes.pose[0]).max(1) > np.radians(6)
    assert turned.sum() > 4
    warped = _warped(frames, codes)[:]
    moved, stayed = (((other.astype(float) - frames) ** 2)[turned] for other in (warped, frames[:1]))
    face = np.concatenate(list(hints_of(load_head(), codes, SIZE)))[turned].any(-1)
    person = masks[turned] > 127
    assert moved[face].mean() < 0.35 * stayed[face].mean()
    assert moved[person].mean() < stayed[person].mean()


def test_a_selection_of_frames_equals_the_whole(clip: tuple[np.ndarray, np.ndarray, FaceCodes]) -> None:
    frames, _, codes = clip
    warped = _warped(frames, codes)
    assert len(warped) == 24
    assert np.array_equal(warped[np.array([20, 3, 3])], warped[:][[20, 3, 3]])


def test_unknown_pixels_follow_known_ones_and_the_bottom_is_fixed() -> None:
    here = np.stack(np.meshgrid(*[np.arange(64) + 0.5] * 2), axis=-1).astype(np.float32)
    known = np.zeros((64, 64), bool)
    known[20:30, 25:40] = True
    moved = here + np.float32([5, -2])
    places = backward_warp(moved, known)
    assert places[known] == pytest.approx(moved[known], abs=1e-4)
    assert places[:40] == pytest.approx(moved[:40], abs=4)
    assert places[-4:] == pytest.approx(here[-4:], abs=1e-3)
