"""Marks outlive the encoder, are found only where they are, and are seen where people should see them."""

from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from lcvd.cli.marked import marked as command
from lcvd.relighting.output.options import OutputOptions, write_picture
from lcvd.relighting.output.watermark import check_mark, found_in, marked, with_words
from lcvd.studio.clip import StudioClip
from lcvd.video.encode import write_browser


@pytest.fixture(scope="module")
def frames() -> np.ndarray:
    clip = StudioClip.parse("studio:astronaut?seed=3&frames=6&size=256")
    return np.concatenate([window for window, _ in clip.render()])


@pytest.mark.parametrize("mark", ["invisible", "both"])
def test_the_invisible_mark_is_found_after_encoding(frames: np.ndarray, mark: str, tmp_path: Path) -> None:
    path = tmp_path / "marked.mp4"
    write_browser(path, marked(iter([frames]), mark), 25)
    assert found_in(path) == (6, 6)
    assert CliRunner().invoke(command, [str(path)]).exit_code == 0


def test_a_picture_is_looked_at_too(frames: np.ndarray, tmp_path: Path) -> None:
    for mark, found in (("invisible", 1), ("none", 0)):
        path = tmp_path / f"{mark}.png"
        write_picture(path, next(marked(iter([frames[:1]]), mark))[0], "a comment")
        assert found_in(path) == (found, 1)


def test_it_isnt_found_where_it_isnt_and_changes_little(frames: np.ndarray, tmp_path: Path) -> None:
    path = tmp_path / "plain.mp4"
    write_browser(path, marked(iter([frames]), "none"), 25)
    assert found_in(path) == (0, 6)
    result = CliRunner().invoke(command, [str(path)])
    assert (result.exit_code, "0 of 6" in result.output) == (1, True)
    hidden = next(marked(iter([frames]), "invisible")).astype(float)
    assert 10 * np.log10(255**2 / ((hidden - frames) ** 2).mean()) > 37


@pytest.mark.parametrize("size", [64, 128, 512])
def test_words_are_light_on_dark_in_the_lower_left_corner_alone(size: int) -> None:
    grey = np.full((2, size, size, 3), 128, np.uint8)
    changed = (with_words(grey) != grey).any(axis=-1)
    rows, columns = np.nonzero(changed[1])
    assert rows.min() > 0.8 * size
    assert columns.min() < 0.1 * size
    assert 0.2 * size < columns.max() < size - 1
    shown = with_words(grey)[0][changed[0]]
    assert shown.min() < 40
    assert shown.max() > 215
    assert (grey == 128).all()


def test_what_cant_be_marked_is_refused_before_anything_is_made() -> None:
    with pytest.raises(ValueError, match="mark: expected one of none, visible"):
        OutputOptions(mark="loud")
    with pytest.raises(ValueError, match=r"mark: frames of 128x128 px are too small.*size to 256"):
        OutputOptions(mark="invisible").check(128)
    OutputOptions(mark="invisible", size=256).check(128)
    OutputOptions(mark="visible").check(128)
    check_mark("none", 8, 8)
