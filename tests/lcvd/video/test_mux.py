"""Sound is cut where the picture is, and the comment is in the file."""

from fractions import Fraction

import av
import numpy as np
import pytest

from lcvd.ledger.rows import ClipError
from lcvd.video.encode import write_browser
from lcvd.video.mux import Sound, check_sound, finish

RATE, FPS, SECONDS = 16000, 20, 4


def tones(path) -> None:
    """A clip whose sound is 400 Hz in its first two seconds, then 1000 Hz."""
    with av.open(str(path), "w", format="mp4") as file:
        picture, sound = file.add_stream("libx264", rate=FPS), file.add_stream("aac", rate=RATE)
        picture.width = picture.height = 64
        sound.codec_context.layout = "mono"
        t = np.arange(RATE * SECONDS) / RATE
        wave = np.sin(2 * np.pi * np.where(t < 2, 400, 1000) * t).astype(np.float32)
        for number in range(FPS * SECONDS):
            frame = av.VideoFrame.from_ndarray(np.full((64, 64, 3), 90, np.uint8), format="rgb24")
            file.mux(picture.encode(frame))
            part = wave[number * RATE // FPS : (number + 1) * RATE // FPS]
            heard = av.AudioFrame.from_ndarray(part[None], "fltp", "mono")
            heard.sample_rate, heard.pts, heard.time_base = RATE, number * RATE // FPS, Fraction(1, RATE)
            file.mux(sound.encode(heard))
        file.mux(picture.encode())
        file.mux(sound.encode())


def test_sound_is_cut_with_the_picture_and_equal_inputs_give_equal_bytes(tmp_path) -> None:
    tones(tmp_path / "tones.mp4")
    write_browser(tmp_path / "silent.mp4", [np.full((40, 64, 64, 3), 90, np.uint8)], float(FPS))
    for name in ("a.mp4", "b.mp4"):
        finish(
            tmp_path / "silent.mp4", tmp_path / name, "AI-generated: a test", Sound(tmp_path / "tones.mp4", 1.0, 3.0)
        )
    assert (tmp_path / "a.mp4").read_bytes() == (tmp_path / "b.mp4").read_bytes()
    with av.open(str(tmp_path / "a.mp4")) as file:
        assert file.metadata["comment"] == "AI-generated: a test"
        heard = np.concatenate([frame.to_ndarray()[0] for frame in file.decode(audio=0)])
    assert len(heard) == pytest.approx(2 * RATE, abs=2500)
    for start, pitch in ((0.2, 400), (1.2, 1000)):
        part = heard[int(start * RATE) : int((start + 0.6) * RATE)]
        spectrum = np.abs(np.fft.rfft(part * np.hanning(len(part))))
        assert spectrum.argmax() / 0.6 == pytest.approx(pitch, abs=10)
    with av.open(str(tmp_path / "a.mp4")) as file:
        assert sum(1 for _ in file.decode(video=0)) == 40


def test_a_silent_clip_is_told(tmp_path) -> None:
    write_browser(tmp_path / "silent.mp4", [np.full((2, 64, 64, 3), 90, np.uint8)], 25.0)
    with pytest.raises(ClipError, match=r"silent\.mp4: this clip has no sound"):
        check_sound(tmp_path / "silent.mp4", "silent.mp4")
    finish(tmp_path / "silent.mp4", tmp_path / "out.mp4", "note")
    with av.open(str(tmp_path / "out.mp4")) as file:
        assert (file.metadata["comment"], len(file.streams.audio)) == ("note", 0)
