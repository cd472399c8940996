"""From files to a relit video: reconstruct portrait and driving clip, align the motion, render hints, generate."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from lcvd.cache.store import Cache, file_hash
from lcvd.config.settings import Settings
from lcvd.face.align import DEFAULT, align
from lcvd.face.codes import FaceCodes
from lcvd.face.heads import head_of
from lcvd.face.smooth import smooth
from lcvd.ledger.rows import ClipError
from lcvd.model.arguments import conditions_of
from lcvd.model.pipeline import LCVDPipeline
from lcvd.shading import environment
from lcvd.shading.crop import resize_masks, square_pictures
from lcvd.shading.hints import hints_of
from lcvd.shading.presets import PRESETS, load_light, orbit, preset
from lcvd.shading.stage import reconstruct_chunk
from lcvd.video.clip import Clip
from lcvd.video.decode import read
from lcvd.video.encode import read_lossless, write_h264
from lcvd.video.probe import probe

Array = NDArray[Any]
IMAGES = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff")
LIGHT_FILES = (".json", ".txt", ".npy")
ORBIT = "orbit"
SETTLING = 3
"""Times the tracker sees a picture: its refinement converges on what it found before."""


@dataclass(frozen=True)
class Face:
    """A reconstructed picture (codes of one frame) or clip: its clip, face codes, and folder with ``masks`` and
    ``preview``."""

    clip: Clip
    codes: FaceCodes
    folder: Path

    @property
    def preview(self) -> Path:
        """Contact sheet (PNG)."""
        return self.folder / "preview" / f"{self.clip.id}.png"

    def first(self, size: int) -> tuple[Array, Array]:
        """The square of the first frame (size, size, 3) and its portrait mask (size, size), uint8."""
        picture = square_pictures(read(self.clip, [0]), self.codes.square, size)[0]
        masks = read_lossless(self.folder / "masks" / f"{self.clip.id}.mkv", [0])
        return picture, resize_masks(masks, size)[0]


def reconstruct_file(path: Path, folder: Path, settings: Settings, frames: int = 0, cache: Cache | None = None) -> Face:
    """Reconstruct a video, or a picture, into `folder`.

    Args:
        path: video or image file.
        folder: takes codes, mask and contact sheet.
        settings: sections `filter.track` and `reconstruct` are used.
        frames: only the first so many; 0 means as many as the settings say.
        cache: where what was reconstructed before is found; None: below `folder`.

    Raises:
        ClipError: no video, no face, ...; the message names the file.
    """
    folder.mkdir(parents=True, exist_ok=True)
    still = path.suffix.lower() in IMAGES
    media = _as_video(path, folder) if still else path
    found = probe(media)
    limit = SETTLING if still else frames or settings.filter.track.max_frames or found.frames
    clip = Clip("face", "", media, file_hash(media), 0, min(found.frames, limit), found.fps, found.width, found.height,
                None, "", "")  # fmt: skip
    row = reconstruct_chunk([clip], folder, cache or Cache(folder / "cache"), settings)[0]
    if row.status != "kept":
        raise ClipError(row.reason, f"{path}: {row.detail}")
    codes = FaceCodes.load(folder / "codes" / f"{clip.id}.safetensors")
    return Face(clip, codes.window([SETTLING - 1]) if still else codes, folder)


def light_from(name: str, folder: Path, settings: Settings, yaw: float = 0.0, count: int = 1) -> Array:
    """A light (9, 3): a preset's name, an SH file, an environment map turned by `yaw` degrees (see
    `lcvd.shading.environment`), or the light on the face in a picture or a clip's first frame; or one a frame
    (count, 9, 3): ``orbit``, a lamp that circles once, or an SH file that holds as many.

    Raises:
        ValueError: `name` is none of them, or `yaw` is given and it is no environment map.
    """
    path = Path(name)
    if path.suffix.lower() in environment.SUFFIXES:
        return environment.load_environment(path, yaw)
    if yaw:
        raise ValueError(f"light {name!r} can't be turned by {yaw:g} degrees: only an environment map (.hdr, .exr) can")
    if name == ORBIT:
        return orbit(count)
    if name in PRESETS:
        return preset(name)
    if not path.is_file():
        raise ValueError(f"light {name!r} is no preset ({', '.join(sorted([*PRESETS, ORBIT]))}) and no file")
    if path.suffix.lower() in LIGHT_FILES:
        found: Array = load_light(path)
        if found.ndim == 3 and len(found) != count:
            raise ValueError(f"{path}: lights of {len(found)} frames, for a video of {count}")
        return found
    light: Array = reconstruct_file(path, folder, settings, frames=1).codes.light[0]
    return light


def relight(
    portrait: Path,
    pipe: LCVDPipeline,
    light: str,
    settings: Settings,
    *,
    light_yaw: float = 0.0,
    driving: Path | None = None,
    alignment: str = DEFAULT,
    smoothing: float = 0.0,
    guidance: float = 4.5,
    adapters: str = "shading+reference",
    recipe: str = "default",
    steps: int | None = None,
    seed: int = 0,
    frames: int = 0,
    progress: Callable[[int, int], None] | None = None,
) -> tuple[Array, Array, float]:
    """Animate and relight the face of `portrait` (picture or clip).

    Args:
        portrait: picture, or a clip whose first frame is the portrait.
        pipe: a trained model.
        light: see `light_from`; `light_yaw` turns an environment map, degrees.
        settings: how faces are reconstructed.
        driving: clip whose motion is followed; without it a portrait clip keeps its own
            motion, and a picture is relit as it is, 16 frames long.
        alignment: how it is followed, see `lcvd.face.align`.
        smoothing: time constant in frames by which the motion is calmed (`lcvd.face.smooth`); 0 leaves it alone.
        guidance: strength of the new light.
        adapters: which are used, see `lcvd.model.arguments.conditions_of`.
        recipe, steps: how it is sampled, see `lcvd.model.recipe`.
        seed: of the noise.
        frames: only the first so many driving frames; 0 means as many as the settings say.
        progress: called with (evaluations of the network done, in all).

    Returns:
        Frames (N, S, S, 3) uint8, their shading hints (N, S, S, 3) uint8, frames a second.
    """
    size = pipe.model.size
    with tempfile.TemporaryDirectory() as scratch:
        base = Path(scratch)
        face = reconstruct_file(portrait, base / "portrait", settings, frames)
        codes, fps = smooth(face.codes, smoothing), face.clip.fps
        if driving is not None:
            drive = reconstruct_file(driving, base / "driving", settings, frames)
            codes, fps = align(face.codes, smooth(drive.codes, smoothing), alignment), drive.clip.fps
        elif codes.frames == 1:
            codes = codes.window([0] * 16)
        wanted = light_from(light, base / "light", settings, light_yaw, codes.frames)
        picture, mask = face.first(size)
    head = head_of(codes.head)
    hint = np.concatenate(list(hints_of(head, face.codes.window([0]), size)))[0]
    hints = np.concatenate(list(hints_of(head, codes, size, wanted)))
    how: dict[str, Any] = {
        "guidance": guidance,
        "recipe": recipe,
        "steps": steps,
        "generator": seed,
        **conditions_of(adapters),
    }
    return pipe(picture, mask, hint, hints, progress=progress, **how).frames, hints, fps


def _as_video(path: Path, folder: Path) -> Path:
    """The picture as a lossless video of `SETTLING` frames, so that one code path serves both."""
    try:
        with Image.open(path) as image:
            pixels = np.asarray(image.convert("RGB"))
    except (OSError, UnidentifiedImageError) as error:
        raise ClipError("not_a_picture", f"{path}: {error}") from None
    target = folder / "picture.mp4"
    write_h264(target, [np.repeat(pixels[None], SETTLING, axis=0)], fps=25.0, crf=0)
    return target
