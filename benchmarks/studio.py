"""How far `reconstruct` is from the truth on studio clips, rendered anew from a seed.

``python -m benchmarks.studio --seed N --json`` renders clips of every photograph, reconstructs them as the pipeline does,
and prints on its last line one JSON object of medians over all frames: ``pose_deg`` (turn between true and found pose),
``light_deg`` (between the main directions), ``coefficient`` (relative error of the SH coefficients), ``mask_iou``,
``landmark`` (distance of the mesh's landmarks in distances between the eyes' outer corners), and ``render_s`` (seconds for
100 frames of 256 px with mask, hint and codes).
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from lcvd.cache.store import Cache, file_hash
from lcvd.config.profiles import profile
from lcvd.config.settings import Settings
from lcvd.face.codes import FaceCodes
from lcvd.face.fit import EYE_CORNERS
from lcvd.face.head import load_head
from lcvd.face.square import to_pixels
from lcvd.shading.crop import square_pictures
from lcvd.shading.hints import hints_of
from lcvd.shading.sh import dominant_direction
from lcvd.shading.stage import reconstruct_chunk
from lcvd.studio.clip import StudioClip
from lcvd.studio.photo import PHOTOS
from lcvd.video.clip import Clip
from lcvd.video.encode import read_lossless, write_h264

Array = NDArray[Any]
FRAMES, CLIPS = 100, 2


def measure(clip: StudioClip, folder: Path, settings: Settings) -> dict[str, Array]:
    """The errors of each frame of one clip, by name."""
    media, name = folder / "clip.mp4", "clip"
    windows = list(clip.render())
    write_h264(media, [frames for frames, _ in windows], clip.fps)
    job = Clip(name, "", media, file_hash(media), 0, clip.frames, float(clip.fps), clip.size, clip.size, None, "", "")
    [row] = reconstruct_chunk([job], folder, Cache(folder / "cache"), settings)
    if row.status != "kept":
        raise RuntimeError(f"{clip}: {row.status} {row.reason} {row.detail}")
    found, truth = FaceCodes.load(folder / "codes" / f"{name}.safetensors"), clip.truth()
    turn = Rotation.from_rotvec(found.pose) * Rotation.from_rotvec(truth.pose).inv()
    cosine = (dominant_direction(found.light) * dominant_direction(truth.light)).sum(-1)
    error = np.linalg.norm(found.light - truth.light, axis=(1, 2)) / np.linalg.norm(truth.light, axis=(1, 2))
    places, true_places = _landmarks(found), _landmarks(truth)
    eyes = np.linalg.norm(np.subtract(*np.moveaxis(true_places[:, _corners(truth)], 1, 0)), axis=-1)
    apart = np.linalg.norm(places - true_places, axis=-1).mean(-1)
    seen = read_lossless(folder / "masks" / f"{name}.mkv") > 127
    true = square_pictures(np.concatenate([m for _, m in windows]), found.square, seen.shape[1]) > 127
    both = (seen & true).sum((1, 2)) / (seen | true).sum((1, 2))
    return {
        "pose_deg": np.degrees(turn.magnitude()),
        "light_deg": np.degrees(np.arccos(np.clip(cosine, -1, 1))),
        "coefficient": error,
        "mask_iou": both,
        "landmark": apart / eyes,
    }


def table(seed: int) -> dict[str, float]:
    """Medians over `CLIPS` clips of every photograph, and the time to render."""
    settings = profile("demo")
    jobs = [StudioClip(who, CLIPS * seed + n, frames=FRAMES) for who in sorted(PHOTOS) for n in range(CLIPS)]
    found: list[dict[str, Array]] = []
    for job in jobs:
        with tempfile.TemporaryDirectory() as folder:
            found.append(measure(job, Path(folder), settings))
            shown = ", ".join(f"{name} {np.median(values):.3g}" for name, values in found[-1].items())
            print(f"{job.identity} seed {job.seed}: {shown}", flush=True)
    medians = {name: float(np.median(np.concatenate([each[name] for each in found]))) for name in found[0]}
    return {name: round(value, 4) for name, value in (medians | {"render_s": render_seconds(jobs)}).items()}


def render_seconds(jobs: Sequence[StudioClip]) -> float:
    """Median seconds to make 100 frames of 256 px with mask, hint and codes, the photograph being taken apart."""
    seconds = []
    for job in jobs:
        start = time.perf_counter()
        truth = job.truth()
        frames = sum(len(window) for window, _ in job.render())
        frames += sum(len(window) for window in hints_of(load_head(truth.head), truth, job.size))
        seconds.append((time.perf_counter() - start) * 200 / frames)
    return float(np.median(seconds))


def _landmarks(codes: FaceCodes) -> Array:
    """Places (T, L, 2) of the mesh's landmarks in pixels of the frame."""
    head = load_head(codes.head)
    points = head.landmarks(head.vertices(codes.identity, codes.expression, codes.pose))
    return to_pixels(head.project(points, codes.camera)[..., :2], int(codes.square[2])) + codes.square[:2]


def _corners(codes: FaceCodes) -> list[int]:
    places = load_head(codes.head).landmark_indices.tolist()
    return [places.index(number) for number in EYE_CORNERS]


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.studio", description=main.__doc__)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", action="store_true", help="the last line is one JSON object")
    given = parser.parse_args()
    numbers = table(given.seed)
    if given.json:
        print(json.dumps(numbers, sort_keys=True))
    else:
        print("\n".join(f"{name:12} {value}" for name, value in numbers.items()))


if __name__ == "__main__":
    main()
