"""Error of `reconstruct` on studio clips rendered from a seed.

``python -m benchmarks.studio --seed N --json`` renders clips of every photograph and of computer-generated heads,
reconstructs them as the pipeline does, and prints on its last line one JSON object with medians over all frames of the
errors in `lcvd.studio.compare`, and ``render_s`` (seconds for 100 frames of 256 px with mask, hint and codes).
"""

import json
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from benchmarks.clips import clip_of_file, reconstruct
from benchmarks.clock import command_line, rounded
from lcvd.array import Array
from lcvd.config.profiles import profile
from lcvd.config.settings import Settings
from lcvd.face.head import load_head
from lcvd.render.hints import hints_of
from lcvd.studio.clip import StudioClip
from lcvd.studio.compare import errors
from lcvd.studio.person import PEOPLE
from lcvd.studio.photo import PHOTOS
from lcvd.video.encode import read_lossless, write_h264

FRAMES, CLIPS, HEADS = 100, 2, 2


def measure(clip: StudioClip, folder: Path, settings: Settings) -> dict[str, Array]:
    """Errors of each frame of one clip, by name."""
    media, windows = folder / "clip.mp4", list(clip.render())
    write_h264(media, [frames for frames, _ in windows], clip.fps)
    found = reconstruct(clip_of_file(media), folder, settings)
    seen, true = read_lossless(folder / "masks" / "clip.mkv"), np.concatenate([masks for _, masks in windows])
    return errors(found, clip.truth(), seen, true)


def table(seed: int) -> dict[str, float]:
    """Medians over `CLIPS` clips of every photograph and of `HEADS` computer-generated heads, and the time to render."""
    settings = profile("demo")
    jobs = [StudioClip(who, CLIPS * seed + n, frames=FRAMES) for who in studio_identities(seed) for n in range(CLIPS)]
    found: list[dict[str, Array]] = []
    for job in jobs:
        with tempfile.TemporaryDirectory() as folder:
            found.append(measure(job, Path(folder), settings))
            shown = ", ".join(f"{name} {np.median(values):.3g}" for name, values in found[-1].items())
            print(f"{job.identity} seed {job.seed}: {shown}", flush=True)
    medians = {name: float(np.median(np.concatenate([each[name] for each in found]))) for name in found[0]}
    return rounded(medians | {"render_s": render_seconds(jobs)}, 4)


def studio_identities(seed: int) -> list[str]:
    """Identities of the photographs, and of heads drawn by the seed."""
    numbers = np.random.default_rng([seed, 5]).choice(PEOPLE, HEADS, replace=False)
    return [*sorted(PHOTOS), *(f"head-{number}" for number in numbers)]


def render_seconds(jobs: Sequence[StudioClip]) -> float:
    """Median seconds to render 100 frames of 256 px with mask, hint and codes, after the subject is loaded."""
    seconds = []
    for job in jobs:
        start = time.perf_counter()
        truth = job.truth()
        frames = sum(len(window) for window, _ in job.render())
        frames += sum(len(window) for window in hints_of(load_head(truth.head), truth, job.size))
        seconds.append((time.perf_counter() - start) * 200 / frames)
    return float(np.median(seconds))


def main() -> None:
    """Print the results."""
    parser = command_line(main.__doc__, "the last line is one JSON object")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    numbers = table(given.seed)
    if given.json:
        print(json.dumps(numbers, sort_keys=True))
    else:
        print("\n".join(f"{name:12} {value}" for name, value in numbers.items()))


if __name__ == "__main__":
    main()
