from pathlib import Path

from lcvd.video.clip import Clip


def test_a_part_is_counted_from_the_clips_own_start_and_ends_with_it():
    clip = Clip("a", "a", Path("x"), "", 100, 160, 25.0, 64, 64, None, "", "")
    assert (clip.part(10, 30).start, clip.part(10, 30).stop) == (110, 130)
    assert clip.part(10, 999).stop == 160
    assert clip.part(0, clip.frames) == clip
