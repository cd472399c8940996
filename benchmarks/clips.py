"""The open head model on real clips: landmark prediction error, jitter, and images to inspect.

``python -m benchmarks.clips --out DIR`` reconstructs each clip in `LCVD_TEST_CLIPS` and prints a table. For each clip,
DIR receives a video of the mesh on the face next to the hint, and the contact sheet. The footage shows real people, so
DIR must be outside the project.
"""

import argparse
import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from benchmarks.clock import command_line
from lcvd.array import Array
from lcvd.cache.store import Cache, file_hash
from lcvd.config.profiles import profile
from lcvd.config.reconstruct import FitSettings
from lcvd.config.settings import Settings
from lcvd.face.codes import FaceCodes
from lcvd.face.draw import draw_mesh
from lcvd.face.fit import fit_track, landmark_error
from lcvd.face.geometry import place
from lcvd.face.head import Head, load_head
from lcvd.face.smooth import smooth
from lcvd.face.square import square_pictures
from lcvd.face.track import FaceTrack, face_track
from lcvd.reconstruct.stage import reconstruct_chunk
from lcvd.render.hints import hints_of
from lcvd.video.clip import Clip
from lcvd.video.decode import frames
from lcvd.video.encode import write_browser
from lcvd.video.probe import probe

SIZE = 512
"""Side in pixels of the square in which jitter is measured, and of the images."""
HELD_OUT_EVERY = 5
"""Every n-th landmark is held out of the fit."""
SMOOTHING = 2.0


@dataclass(frozen=True)
class ClipResult:
    """Results for one clip. Errors are fractions of the distance between the outer eye corners. Jitter is in pixels of
    the clip's square at 512 px: the mean length of the second difference over the hint region's vertices."""

    clip: str
    frames: int
    bridged: int
    face_px: float
    fitted: float
    held_out: float
    jitter: float
    jitter_smooth: float
    moved_by_smoothing: float


def measure(clip: Clip, track: FaceTrack, codes: FaceCodes) -> ClipResult:
    """The results for one clip, from its reconstruction."""
    head = load_head(codes.head)
    smoothed = smooth(codes, SMOOTHING)
    points, smoothed_points = (vertex_positions(head, one) for one in (codes, smoothed))
    sides = (track.boxes[:, 2:] - track.boxes[:, :2]).max(axis=1)[track.present]
    return ClipResult(
        clip=clip.id,
        frames=codes.frames,
        bridged=int((~track.present).sum()),
        face_px=float(np.median(sides)),
        fitted=float(np.median(landmark_error(codes, track, head))),
        held_out=held_out_error(track, codes.square, head),
        jitter=jitter(points),
        jitter_smooth=jitter(smoothed_points),
        moved_by_smoothing=float(np.linalg.norm(points - smoothed_points, axis=-1).mean()),
    )


def held_out_error(track: FaceTrack, square: Array, head: Head) -> float:
    """Median error on held-out landmarks in the second half of the clip, with the identity fitted on the first half."""
    marks = np.arange(len(head.landmark_indices))
    hidden = marks[::HELD_OUT_EVERY]
    seen = np.setdiff1d(marks, hidden)
    half = len(track.present) // 2
    first, second = track.slice(0, half), track.slice(half, len(track.present))
    identity = fit_track(first, square, head, FitSettings(), only=seen).identity
    codes = fit_track(second, square, head, FitSettings(), identity=identity, only=seen)
    return float(np.median(landmark_error(codes, second, head, hidden)))


def vertex_positions(head: Head, codes: FaceCodes) -> Array:
    """Positions (T, V', 2) of the hint region's vertices in pixels of the square at side `SIZE`."""
    shown = np.unique(head.hint_faces)
    parts = [
        place(head.vertices(part.identity, part.expression, part.pose)[:, shown], part)[..., :2]
        for part in (codes.window(slice(start, start + 64)) for start in range(0, codes.frames, 64))
    ]
    return (np.concatenate(parts) + 1) * (SIZE / 2)


def jitter(points: Array) -> float:
    """Mean length of the second difference of points (T, V, 2)."""
    return float(np.linalg.norm(np.diff(points, n=2, axis=0), axis=-1).mean())


def overlay(clip: Clip, codes: FaceCodes) -> Iterator[Array]:
    """Windows of frames (t, 512, 1024, 3): the mesh on the face, and the hint."""
    head = load_head(codes.head)
    start = 0
    for window, hints in zip(frames(clip, 16, codes.frames), hints_of(head, codes, SIZE, window=16), strict=True):
        images = square_pictures(window, codes.square, SIZE)
        seen = codes.window(slice(start, start + len(window)))
        points = (place(head.vertices(seen.identity, seen.expression, seen.pose), seen)[..., :2] + 1) * (SIZE / 2)
        meshes = [draw_mesh(*pair, head.hint_faces, strength=0.4) for pair in zip(images, points, strict=True)]
        yield np.concatenate([np.stack(meshes), hints], axis=2)
        start += len(window)


def clip_of_file(path: Path, limit: int = 0, crop: tuple[int, int, int, int] | None = None) -> Clip:
    """A media file, or its first `limit` frames, as a clip."""
    found = probe(path)
    width, height = (crop[2] - crop[0], crop[3] - crop[1]) if crop else (found.width, found.height)
    name = path.stem if crop is None else f"{path.stem}-{crop[0]}"
    count = min(found.frames, limit or found.frames)
    return Clip(name, name, path, file_hash(path), 0, count, found.fps, width, height, crop, "", "")


def clip_files(parser: argparse.ArgumentParser, frames: int) -> tuple[argparse.Namespace, list[Path]]:
    """The options, with ``--clips`` and ``--frames`` (default `frames`) added, and the .mp4 files of the folder ``--clips``."""
    default = os.environ.get("LCVD_TEST_CLIPS", "../shared/clips")
    parser.add_argument("--clips", type=Path, default=Path(default), help="folder of .mp4 files (LCVD_TEST_CLIPS)")
    parser.add_argument("--frames", type=int, default=frames, help="number of frames used of each clip; 0 for all")
    options = parser.parse_args()
    files = sorted(options.clips.glob("*.mp4"))
    if not files:
        parser.error(f"no .mp4 files in {options.clips}: set LCVD_TEST_CLIPS to a folder of clips")
    return options, files


def reconstruct(clip: Clip, scratch: Path, settings: Settings) -> FaceCodes:
    """The face codes of a clip."""
    (row,) = reconstruct_chunk([clip], scratch, Cache(scratch / "cache"), settings)
    if row.status != "kept":
        raise RuntimeError(f"{clip.media}: {row.reason}: {row.detail}")
    return FaceCodes.load(scratch / "codes" / f"{clip.id}.safetensors")


def markdown(rows: Sequence[ClipResult]) -> str:
    """The results as a Markdown table."""
    lines = [
        "| clip | frames | face, px | fitted | held out | jitter, px | smoothed, px | moved by smoothing, px |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        lines.append(
            f"| {row.clip} | {row.frames} | {row.face_px:.0f} | {row.fitted:.2%} | {row.held_out:.2%} | {row.jitter:.2f} | "
            f"{row.jitter_smooth:.2f} | {row.moved_by_smoothing:.2f} |"
        )
    return "\n".join(lines)


def main() -> None:
    """Command line."""
    parser = command_line(__doc__, "the last line is one JSON object")
    parser.add_argument("--out", type=Path, help="folder for videos and contact sheets")
    options, files = clip_files(parser, frames=0)
    settings = profile("paper")
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        for path in files:
            clip = clip_of_file(path, options.frames)
            codes = reconstruct(clip, scratch, settings)
            track = face_track(clip, Cache(scratch / "cache"), settings.filter.track)
            rows.append(measure(clip, track, codes))
            print(markdown(rows[-1:]).splitlines()[-1], flush=True)
            if options.out:
                write_browser(options.out / f"{clip.id}.mp4", overlay(clip, codes), clip.fps)
                shutil.copyfile(scratch / "preview" / f"{clip.id}.png", options.out / f"{clip.id}.png")
    print(markdown(rows))
    if options.json:
        print(json.dumps({"clips": [asdict(row) for row in rows]}, sort_keys=True))


if __name__ == "__main__":
    main()
