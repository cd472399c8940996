"""Computer-generated portraits: MediaPipe finds their faces, and mask, mesh and light are exact."""

from collections.abc import Iterator

import numpy as np
import pytest
from mediapipe.python.solutions.face_mesh import FaceMesh

from lcvd.face.geometry import place
from lcvd.face.head import load_head
from lcvd.light.presets import preset
from lcvd.light.skin_regions import skin_of
from lcvd.render.hints import surfaces_of
from lcvd.render.sh import shading
from lcvd.studio.clip import StudioClip
from lcvd.studio.hair import grid_triangles
from lcvd.studio.portrait import ambient_visibility

FRAMES, SIZE = 6, 160


def made(clip: StudioClip) -> tuple[np.ndarray, np.ndarray]:
    frames, masks = (np.concatenate(parts) for parts in zip(*clip.render(), strict=True))
    return frames, masks


@pytest.fixture(scope="module")
def face_mesh() -> Iterator[FaceMesh]:
    with FaceMesh(static_image_mode=True, max_num_faces=3) as face_mesh:
        yield face_mesh


@pytest.mark.parametrize("number", [0, 9, 13])
def test_mediapipe_finds_one_face_at_the_true_position_in_every_frame(number: int, face_mesh: FaceMesh) -> None:
    clip = StudioClip(f"head-{number}", number, frames=8, size=256)
    truth, head = clip.truth(), load_head()
    true = place(head.landmarks(head.vertices(truth.identity, truth.expression, truth.pose)), truth)
    for frame, places in zip(made(clip)[0], (true[..., :2] + 1) / 2, strict=True):
        faces = face_mesh.process(frame).multi_face_landmarks or []
        assert len(faces) == 1
        seen = np.array([(faces[0].landmark[i].x, faces[0].landmark[i].y) for i in head.landmark_indices])
        assert np.linalg.norm(seen - places, axis=1).mean() < 0.02


def test_a_clip_is_reproducible_and_numbers_differ() -> None:
    clip = StudioClip("head-3", 5, frames=2, size=96)
    frames, masks = made(clip)
    assert frames.shape == (2, 96, 96, 3)
    assert set(np.unique(masks)) == {0, 255}
    np.testing.assert_array_equal(frames, made(clip)[0])
    assert (frames != made(StudioClip("head-4", 5, frames=2, size=96))[0]).mean() > 0.5


def test_the_mask_covers_the_face_and_is_independent_of_the_light() -> None:
    left, right = (StudioClip("head-3", 2, light, FRAMES, SIZE) for light in ("left", "warm-right"))
    masks = made(left)[1]
    np.testing.assert_array_equal(masks, made(right)[1])
    truth = left.truth()
    [(_, surface)] = surfaces_of(load_head(truth.head), truth, SIZE)
    assert (masks[surface.alpha] == 255).mean() > 0.995
    assert 0.2 < (masks > 0).mean() < 0.7
    assert (masks[:, -1, SIZE // 2] == 255).all(), "shoulders reach the bottom of the image"


def test_the_ratio_of_two_lights_on_skin_is_the_ratio_of_their_shading() -> None:
    names = "left", "soft"
    first, second = (made(StudioClip("head-20", 2, light, FRAMES, SIZE))[0].astype(float) for light in names)
    truth = StudioClip("head-20", 2, frames=FRAMES, size=SIZE).truth()
    head = load_head(truth.head)
    [(_, surface)] = surfaces_of(head, truth, SIZE)
    normals = surface.normals / np.maximum(np.linalg.norm(surface.normals, axis=-1, keepdims=True), 1e-6)
    wanted = [shading(normals, preset(light)) for light in names]
    lit = skin_of(head, surface) & (normals[..., 2] > 0.5)
    lit &= (np.minimum(first, second).min(-1) > 30) & (np.maximum(first, second).max(-1) < 250)
    error = np.log(first[lit] / second[lit]) - np.log(wanted[0][lit] / wanted[1][lit])
    assert lit.sum() > 5000
    assert np.median(np.abs(error)) < 0.03
    assert np.abs(np.median(error)) < 0.01


def test_a_ball_is_open_everywhere_and_a_pit_is_not() -> None:
    turn, rise = np.meshgrid(np.linspace(0, 2 * np.pi, 41), np.linspace(np.pi / 2, -np.pi / 2, 21))
    ball = 0.6 * np.stack([np.cos(rise) * np.sin(turn), np.sin(rise), np.cos(rise) * np.cos(turn)], axis=-1)
    faces = grid_triangles(21, 41)
    assert ambient_visibility(ball.reshape(-1, 3), faces).mean() > 0.97
    y, x = np.mgrid[-0.8:0.8:33j, -0.8:0.8:33j]
    pit = np.stack([x, -y, -0.5 * np.exp(-((x**2 + y**2) / 0.03))], axis=-1)
    share = ambient_visibility(pit.reshape(-1, 3), grid_triangles(33, 33)).reshape(33, 33)
    assert share[16, 16] < 0.6
    assert share[3, 3] > 0.85
