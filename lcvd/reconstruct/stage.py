"""Stage ``reconstruct``: face codes with light, portrait masks and a contact sheet of each clip."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lcvd.array import Array
from lcvd.cache.imports import code_key
from lcvd.cache.store import Cache, key_of, link_or_copy
from lcvd.config.reconstruct import ReconstructSettings, ReconstructThresholds
from lcvd.config.settings import Settings
from lcvd.face.codes import FaceCodes
from lcvd.face.fit import EYE_CORNERS
from lcvd.face.jitter import landmark_jitter, light_jitter, pose_jitter
from lcvd.face.masks.base import ClipMasker
from lcvd.face.masks.registry import MASKERS
from lcvd.face.square import square_of, square_pictures
from lcvd.face.track import FaceTrack, face_track
from lcvd.ledger.rows import ClipError, Row, filtered, guard, kept
from lcvd.ledger.tally import timed
from lcvd.reconstruct.contact_sheet import ROWS, contact_sheet, save_png, sheet_rows
from lcvd.reconstruct.estimators.base import ClipEstimator
from lcvd.reconstruct.estimators.registry import FACE_ESTIMATORS
from lcvd.render.sh import contrast, dominant_direction
from lcvd.video.clip import Clip
from lcvd.video.decode import frames
from lcvd.video.encode import write_lossless

KIND = "reconstruct"
WINDOW = 16
SHOWN = 8
"""Number of frames on a contact sheet."""
SHOWN_SIZE = 384


def reconstruct_chunk(clips: Sequence[Clip], out: Path, cache: Cache, settings: Settings) -> list[Row]:
    """Reconstruct clips (cached), and write ``codes/``, ``masks/`` and ``preview/`` into `out`. Return one row per clip.

    Fields of a kept row: ``frames``; ``bridged``, the number of frames without a face (interpolated, with confidence 0);
    ``square``; ``landmark_error_px`` and ``landmark_error``, medians over the frames, in pixels and as a fraction of the
    inter-ocular distance (outer eye corners); ``confidence``, the mean; ``light_direction``, the unit vector towards the
    main light (x right, y up, z towards the camera); ``light_contrast`` (`lcvd.render.sh.contrast`); ``landmark_jitter``,
    ``pose_jitter`` and ``light_jitter`` (`lcvd.face.jitter`; None for clips of two frames). A clip with more jitter than
    `ReconstructThresholds` allow is filtered as ``jitters``, with the same fields, and nothing of it is written to `out`.

    Raises:
        MissingWeights: published weights that the settings require are missing.
    """
    made_with = _made_with(settings.reconstruct)  # checks the weights first: missing weights aren't an error of a clip
    return [guard(clip.id, partial(_clip_row, clip, out, cache, settings, made_with), cache.journal) for clip in clips]


def _made_with(part: ReconstructSettings) -> dict[str, Any]:
    """Return what affects codes and masks in addition to clip, settings and code, for the cache key and the provenance."""
    weights = FACE_ESTIMATORS.get(part.codes).weights(part) | MASKERS.get(part.mask).weights()
    return {"weights": weights, **packages(part)}


def packages(part: ReconstructSettings) -> dict[str, list[str]]:
    """``{"packages": ["NAME VERSION", ...]}`` of the installed packages that provide the face estimator or the masker; empty
    if both are this project's own."""
    found = {*FACE_ESTIMATORS.package(part.codes).values(), *MASKERS.package(part.mask).values()}
    return {"packages": sorted(found)} if found else {}


def _clip_row(clip: Clip, out: Path, cache: Cache, settings: Settings, made_with: dict[str, Any]) -> Row:
    track = face_track(clip, cache, settings.filter.track)
    key = key_of(
        clip=clip.content(),
        id=clip.id,  # printed on the contact sheet
        fps=clip.fps,
        track=settings.filter.track,
        settings=settings.reconstruct.decisive(),
        code=code_key(__name__),
        **made_with,
    )
    folder = cache.entry(KIND, key, lambda folder: _make(folder, clip, track, settings, made_with))
    fields = json.loads((folder / "fields.json").read_text(encoding="utf-8"))
    if row := jitter_row(clip.id, fields, settings.reconstruct.thresholds):
        return row
    link_or_copy(folder / "codes.safetensors", out / "codes" / f"{clip.id}.safetensors")
    link_or_copy(folder / "mask.mkv", out / "masks" / f"{clip.id}.mkv")
    link_or_copy(folder / "preview.png", out / "preview" / f"{clip.id}.png")
    return kept(clip.id, **fields)


def jitter_row(id: str, fields: Mapping[str, Any], limits: ReconstructThresholds) -> Row | None:
    """Return the row of a clip whose codes have too much jitter, None for any other clip."""
    texts = {
        "landmark_jitter": "landmarks {:.2%} of the inter-ocular distance, at most {:.2%}",
        "pose_jitter": "head rotation {:.2f} degrees, at most {:g}",
        "light_jitter": "light {:.1%}, at most {:.1%}",
    }
    for name, text in texts.items():
        limit = getattr(limits, f"max_{name}")
        if fields[name] is not None and fields[name] > limit:
            detail = f"too much jitter between frames: {text.format(fields[name], limit)} allowed"
            return filtered(id, "jitters", detail, fields[name], threshold=limit, **fields)
    return None


def _make(folder: Path, clip: Clip, track: FaceTrack, settings: Settings, made_with: dict[str, Any]) -> None:
    """Fill a cache entry. The clip is decoded once, one window at a time."""
    part = settings.reconstruct
    square = square_of(track, clip.width, clip.height, part.crop_scale)
    with timed("codes"):
        estimator = FACE_ESTIMATORS.get(part.codes).start(track, square, part)
    count = len(track.present)
    look = _FramePass(clip, estimator, MASKERS.get(part.mask).start(), square, count, part.size)
    written = write_lossless(folder / "mask.mkv", look.masks(), clip.fps)
    if written != count:
        raise ClipError(
            "inconsistent", f"{clip.media.name}: {written} frames were decoded, but the face track has {count}"
        )
    with timed("codes"):
        codes = estimator.finish()
    codes.save(folder / "codes.safetensors", {"clip": clip.content(), "settings": part.decisive(), **made_with})
    fields = _fields(estimator, codes, track)
    (folder / "fields.json").write_text(json.dumps(fields, sort_keys=True), encoding="utf-8")
    with timed("contact sheet"):
        _preview(folder / "preview.png", codes, track, look, fields)


@dataclass
class _FramePass:
    """The single pass over a clip's frames. The data that it collects is limited to a few kilobytes per frame."""

    clip: Clip
    estimator: ClipEstimator
    masker: ClipMasker
    square: Array
    count: int
    size: int
    shown: dict[int, NDArray[np.uint8]] = field(default_factory=dict)
    shown_masks: dict[int, NDArray[np.uint8]] = field(default_factory=dict)

    def masks(self) -> Iterator[NDArray[np.uint8]]:
        """Yield portrait masks one window at a time. Also passes the frames to the estimator and keeps those to show."""
        wanted = set(shown_frames(self.count))
        start = 0
        try:
            for window in frames(self.clip, WINDOW, self.count):
                stop = start + len(window)
                images = square_pictures(window, self.square, self.size)
                with timed("mask"):
                    masks = self.masker.update(images)
                with timed("codes"):
                    self.estimator.update(window, images)
                for t in sorted(wanted & set(range(start, stop))):
                    self.shown[t] = square_pictures(window[t - start : t - start + 1], self.square, SHOWN_SIZE)[0]
                    self.shown_masks[t] = masks[t - start].copy()
                yield masks
                start = stop
        finally:
            self.masker.close()


def shown_frames(count: int) -> list[int]:
    """Return the frames of the contact sheet: `SHOWN` evenly spaced frames, or all frames of a shorter clip."""
    return sorted({round(index) for index in np.linspace(0, count - 1, min(SHOWN, count))})


def _fields(estimator: ClipEstimator, codes: FaceCodes, track: FaceTrack) -> dict[str, Any]:
    corners = track.landmarks[track.present][:, EYE_CORNERS]
    eyes = float(np.median(np.linalg.norm(corners[:, 0] - corners[:, 1], axis=-1)))
    error = float(np.median(estimator.error(codes)))
    light = codes.light.mean(axis=0)
    jitter = {
        "landmark_jitter": landmark_jitter(track),
        "pose_jitter": pose_jitter(codes),
        "light_jitter": light_jitter(codes),
    }
    return {
        "frames": codes.frames,
        "bridged": int((~track.present).sum()),
        "square": [int(value) for value in codes.square],
        "landmark_error_px": round(error * eyes, 3),
        "landmark_error": round(error, 4),
        "confidence": round(float(codes.confidence.mean()), 4),
        "light_direction": [round(float(value), 3) for value in dominant_direction(light)],
        "light_contrast": round(float(contrast(light)), 3),
        **{name: None if value is None else round(value, 5) for name, value in jitter.items()},
    }


def _preview(path: Path, codes: FaceCodes, track: FaceTrack, look: _FramePass, fields: dict[str, Any]) -> None:
    places = sorted(look.shown)
    x0, y0, side = (int(value) for value in codes.square)
    landmarks = (track.landmarks[places, :, :2] - (x0, y0)) * (SHOWN_SIZE / side)
    landmarks[~track.present[places]] = np.nan
    images, masks = (np.stack([found[t] for t in places]) for found in (look.shown, look.shown_masks))
    rows = sheet_rows(look.estimator.head, codes.window(places), images, masks, landmarks.astype(np.float32))
    x, y, z = fields["light_direction"]
    title = (
        f"{look.clip.id}   {codes.frames} frames   landmark error {fields['landmark_error_px']:.1f} px"
        f" ({fields['landmark_error'] * 100:.1f} % of the inter-ocular distance)   light from ({x:+.2f}, {y:+.2f}, {z:+.2f})"
    )
    save_png(path, contact_sheet(title, rows, ROWS, [f"frame {t}" for t in places]))
