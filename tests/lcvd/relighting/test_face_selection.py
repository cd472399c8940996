"""One of several faces: a picture with two people, put together from two portraits."""

import numpy as np
import pytest
from PIL import Image

from lcvd.ledger.rows import ClipError
from lcvd.relighting.face_selection import alone, clip_of_face
from lcvd.relighting.media import media_of
from lcvd.relighting.portrait import reconstruct


@pytest.mark.parametrize("number", [0, 1, 2])
def test_the_part_around_a_box_holds_it_and_no_other_middle(number) -> None:
    boxes = np.array([[10, 40, 50, 80], [90, 10, 140, 70], [100, 120, 150, 170]], float)
    x0, y0, x1, y1 = alone(boxes, number, 200, 200)
    assert x0 <= boxes[number, 0]
    assert y0 <= boxes[number, 1]
    assert x1 >= boxes[number, 2]
    assert y1 >= boxes[number, 3]
    for other in np.delete(boxes, number, axis=0):
        x, y = (other[:2] + other[2:]) / 2
        assert not (x0 <= x < x1 and y0 <= y < y1)


@pytest.fixture(scope="module")
def two(clips_dir, tmp_path_factory):
    folder = clips_dir.parent / "portraits"
    paths = [folder / name for name in ("fr_obama.jpg", "skimage_astronaut.png")]
    if not all(path.exists() for path in paths):
        pytest.skip(f"{paths} aren't here")
    path = tmp_path_factory.mktemp("two") / "two.png"
    people = [np.asarray(Image.open(one).convert("RGB").resize((400, 400))) for one in paths]
    Image.fromarray(np.concatenate(people, axis=1)).save(path)
    return path


def test_faces_are_numbered_from_the_left(two, scratch, relight_settings) -> None:
    media = media_of(two, scratch)
    middles = []
    for number in (1, 2):
        face = reconstruct(media, scratch, relight_settings, number)
        x0, _, side = face.place
        middles.append(x0 + side / 2)
    assert middles[0] < 400 < middles[1]
    with pytest.raises(ClipError, match=r"two\.png: face 3 was requested .* only 2 faces were found"):
        clip_of_face(media.clip, 3, media.name)
