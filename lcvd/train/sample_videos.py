"""Sample videos during training, with the same portraits, hints and seeds each time, to show progress."""

from pathlib import Path

import numpy as np
import torch

from lcvd.config.train import TrainSettings
from lcvd.model.conditioning import Conditioning
from lcvd.model.latents import SCALE
from lcvd.model.lcvd import LCVD
from lcvd.model.objective import AUTOCAST
from lcvd.model.pipeline import LCVDPipeline
from lcvd.model.seeds import seed_of
from lcvd.train.dataset import Clips
from lcvd.video.encode import write_browser

FPS = 10.0


def film(model: LCVD, clips: Clips, settings: TrainSettings, seed: int, folder: Path) -> None:
    """Animate the first frame of each of the first clips with the hints of the following frames, for one window.

    Writes ``<clip>.mp4`` to `folder`: hint, true frame and result side by side.
    """
    folder.mkdir(parents=True, exist_ok=True)
    pipe = LCVDPipeline.of(model)
    pipe.set_progress_bar_config(disable=True)
    for clip in range(min(settings.watch.video_clips, len(clips))):
        frames = range(min(settings.model.frames, clips.length(clip)))
        shown = clips.frame_data(clip, frames)
        if shown is None:  # a broken clip, already logged by `clips`
            continue
        mask = np.kron(shown.masks[0], np.full((SCALE, SCALE), 255, np.uint8))
        warped = shown.warped_reference()[1:] if model.warp_reference else None
        inputs = Conditioning(shown.frames[0], mask, shown.hints[0], shown.hints[1:], warped)
        with torch.autocast(pipe.device.type, AUTOCAST.get(settings.precision), enabled=settings.precision in AUTOCAST):
            made = pipe(inputs, generator=seed_of(seed, "film", clips.id(clip)) % 2**31).frames
        rows = np.concatenate([shown.hints[1:], shown.frames[1:], made], axis=2)
        write_browser(folder / f"{clips.id(clip)}.mp4", [rows], FPS)
