"""Crop boxes in pixels, for other frame sizes and in fractions."""

import pytest

from lcvd.download.manifest.box import parse_crop


@pytest.mark.parametrize(("text", "size", "box"), [
    ("8 8 100 120", (176, 144), (8, 8, 100, 120)),
    ("608 0 1334 726 of x1080", (1920, 1080), (608, 0, 1334, 726)),
    ("608 0 1334 726 of x1080", (1280, 720), (405, 0, 889, 484)),  # 405.33, 889.33, 484
    ("10 20 30 40 of 100x50", (200, 200), (20, 80, 60, 160)),
    ("0.1764 0 0.7122 0.9015 of 1x1", (1920, 1080), (339, 0, 1367, 974)),  # 338.688, 1367.424, 973.62
    ("0.1764 0 0.7122 0.9015 of 1x1 square", (1920, 1080), (366, 0, 1340, 974)),  # 974 wide, centred at 853
    ("0 0 7 5 square", (9, 9), (1, 0, 5, 4)),  # the side is even
])  # fmt: skip
def test_pixels(text: str, size: tuple[int, int], box: tuple[int, ...]) -> None:
    crop = parse_crop(text)
    assert crop is not None
    assert crop.pixels(*size) == box


@pytest.mark.parametrize("text", [
    "9 9 1 1", "0 0 5 0", "0 0 5", "-1 0 5 5", "0 0 1.5 2", "0 0 1.1 1 of 1x1", "0 0 1 1 of 1", "0 0 1 1 of 0x0",
    "0 0 200 50 of 100x50", "0 0 5 1081 of x1080", "0 0 1 1 circle", "nan 0 1 1 of 1x1",
])  # fmt: skip
def test_bad_boxes_are_rejected(text: str) -> None:
    assert parse_crop(text) is None


def test_a_box_that_exceeds_the_frame_or_is_empty_is_rejected() -> None:
    wide, thin = parse_crop("0 0 177 100"), parse_crop("0.5 0.5 0.501 0.501 of 1x1")
    assert wide is not None
    assert thin is not None
    with pytest.raises(ValueError, match="crop 0 0 177 100 exceeds the 176x144 frame"):
        wide.pixels(176, 144)
    with pytest.raises(ValueError, match="or is empty"):
        thin.pixels(176, 144)
