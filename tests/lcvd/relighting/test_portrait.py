"""A face of one clip, whoever asks for it."""

import logging
from pathlib import Path

from lcvd.config.profiles import profile
from lcvd.config.reconstruct import ReconstructThresholds
from lcvd.relighting.media import media_of
from lcvd.relighting.portrait import reconstruct
from lcvd.studio.clip import StudioClip
from lcvd.video.encode import write_h264


def test_a_clip_too_shaky_to_train_on_is_still_relit_and_said(tmp_path: Path, caplog) -> None:
    path = tmp_path / "shaky.mp4"
    write_h264(path, (frames for frames, _ in StudioClip("astronaut", seed=1, frames=20, size=160).render()), 25.0)
    demo = profile("demo")
    strict = demo.reconstruct.model_copy(update={"thresholds": ReconstructThresholds(max_landmark_jitter=0.0)})
    settings = demo.model_copy(update={"reconstruct": strict})
    with caplog.at_level(logging.WARNING, "lcvd"):
        face = reconstruct(media_of(path, tmp_path), tmp_path, settings)
    assert face.codes.frames == 20
    [said] = [record.getMessage() for record in caplog.records]
    assert said.startswith("shaky.mp4: too much jitter between frames: landmarks ")
    caplog.clear()
    reconstruct(media_of(path, tmp_path), tmp_path, demo)
    assert not caplog.records
