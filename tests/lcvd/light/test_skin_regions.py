import numpy as np
import pytest

from lcvd.config.reconstruct import LightSettings
from lcvd.face.codes import FaceCodes
from lcvd.face.geometry import whole_square
from lcvd.face.head import load_head
from lcvd.light.presets import preset
from lcvd.light.skin_regions import face_places, light_of, light_samples, skin_faces, skin_of
from lcvd.render.hints import hints_of, surfaces_of
from lcvd.render.sh import dominant_direction

NAMES = ("left", "right", "top", "front")


def turning(frames: int) -> FaceCodes:
    """A mean head that turns from one side to the other."""
    head = load_head()
    turn = np.linspace(-0.5, 0.5, frames, dtype=np.float32)
    return FaceCodes(
        head=head.name,
        identity=np.zeros(len(head.identity_basis), np.float32),
        expression=np.zeros((frames, len(head.expression_names)), np.float32),
        pose=np.stack([turn * 0, turn, turn * 0], -1),
        camera=np.tile(np.array([1.4, 0, 0.1], np.float32), (frames, 1)),
        light=np.zeros((frames, 9, 3), np.float32),
        crop=whole_square(np.array([0, 0, 128]), frames),
        square=np.array([0, 0, 128], np.int32),
        confidence=np.ones(frames, np.float32),
    )


def test_eyes_brows_and_lips_are_no_skin() -> None:
    head = load_head()
    skin = skin_faces(head.name)
    assert skin.shape == (len(head.hint_faces),)
    assert 0.2 < skin.mean() < 0.95
    centres = head.template[head.hint_faces].mean(axis=1)
    landmarks = head.landmarks(head.template[None])[0]
    places = {number: landmarks[i] for i, number in enumerate(head.landmark_indices.tolist())}
    for number in (13, 14, 52, 282, 159, 386):  # lips, brows, upper lids
        near = np.argsort(np.linalg.norm(centres - places[number], axis=1))[:10]
        assert not skin[near].any()
    for number in (50, 280, 152):  # cheeks, chin
        near = np.argsort(np.linalg.norm(centres - places[number], axis=1))[:10]
        assert skin[near].all()


def test_skin_is_part_of_what_is_shaded() -> None:
    head, codes = load_head(), turning(3)
    for part, surface in surfaces_of(head, codes, 96, window=2):
        skin = skin_of(head, surface)
        assert skin.shape == (part.stop - part.start, 96, 96)
        assert not (skin & ~surface.alpha).any()
        assert 0.2 < skin.sum() / surface.alpha.sum() < 0.98


@pytest.mark.parametrize("name", NAMES)
def test_a_hint_gives_its_light_back(name: str) -> None:
    """What evaluation relies on: the light of a picture with a known mesh can be measured."""
    head, codes = load_head(), turning(6)
    hints = list(hints_of(head, codes, 128, preset(name), window=4))
    assert [len(window) for window in hints] == [4, 2]
    found = light_of(head, codes, hints, LightSettings())
    wanted = dominant_direction(preset(name))
    assert np.degrees(np.arccos(np.clip(dominant_direction(found) @ wanted, -1, 1))).max() < 6


def test_other_counts_are_named() -> None:
    head, codes = load_head(), turning(2)
    with pytest.raises(ValueError, match="3 frames with face codes of 2"):
        light_samples(head, codes, np.zeros((3, 64, 64, 3), np.uint8))
    with pytest.raises(ValueError, match="1 frames with face codes of 2"):
        light_of(head, codes, [np.zeros((1, 64, 64, 3), np.uint8)], LightSettings())


def test_every_hint_face_has_a_place_and_neighbours_share_them() -> None:
    head = load_head()
    places = face_places(head.name)
    assert places.shape == (len(head.hint_faces),)
    np.testing.assert_array_equal(np.unique(places), np.arange(places.max() + 1))
    assert 60 < places.max() < 300
