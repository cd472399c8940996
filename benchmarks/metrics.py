"""Time saved by decoding each video once and computing each embedding once for all metrics.

``python -m benchmarks.metrics --json`` evaluates one clip under four lights in two ways in one run: as
`lcvd.metrics.measure` does, with all metrics in one pass over each video; and metric by metric with the same code,
decoding and embedding both videos each time. The results are checked to be equal. Networks are loaded before timing
starts. The ratio uses CPU seconds, which depend less on other load on the machine. The videos are studio clips.
"""

import json
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from benchmarks.clock import command_line
from lcvd.config.profiles import profile
from lcvd.evaluate.result_folders import read_result
from lcvd.face.codes import FaceCodes
from lcvd.face.head import load_head
from lcvd.light.presets import preset
from lcvd.metrics.base import Observation, Reference
from lcvd.metrics.frechet import frechet_distance
from lcvd.metrics.measure import Meter
from lcvd.metrics.registry import feature_sets, open_metrics, score_video
from lcvd.metrics.session import MetricSession
from lcvd.studio.clip import StudioClip
from lcvd.video.encode import write_lossless

LIGHTS = ("left", "right", "top", "front")
NAME = "clip"


@dataclass(frozen=True)
class Case:
    """The evaluated input, its codes, and a video under each light."""

    given: Path
    made: dict[str, Path]
    codes: FaceCodes
    size: int


def prepare(folder: Path, frames: int, size: int, seed: int = 0) -> Case:
    """Write a studio clip and its ground-truth relit videos."""
    clip = StudioClip("astronaut", seed, "front", frames, size)
    paths = {light: folder / f"{light}.mkv" for light in LIGHTS}
    for light, path in paths.items():
        write_lossless(path, (frames for frames, _ in replace(clip, light=light).render()), clip.fps)
    given = folder / "given.mkv"
    write_lossless(given, (frames for frames, _ in clip.render()), clip.fps)
    return Case(given, paths, clip.truth(), size)


def shared(case: Case, session: MetricSession) -> dict[str, dict[str, float]]:
    """Each video is decoded once, and each network runs once per frame."""
    meter = Meter(NAME, load_head(), case.codes, case.size, session)
    given = meter.observe(read_result(case.given), real=True)
    return {light: _numbers(session.metrics, meter, given, path, light) for light, path in case.made.items()}


def one_by_one(case: Case, session: MetricSession) -> dict[str, dict[str, float]]:
    """Each metric separately decodes and embeds the input and the video for each light."""
    found: dict[str, dict[str, float]] = {}
    for light, path in case.made.items():
        found[light] = {}
        for metric in session.metrics:
            alone = session.only([metric])
            meter = Meter(NAME, load_head(), case.codes, case.size, alone)
            given = meter.observe(read_result(case.given), real=True)
            found[light] |= _numbers([metric], meter, given, path, light)
    return found


def _numbers(metrics: Sequence[str], meter: Meter, given: Observation, path: Path, light: str) -> dict[str, float]:
    found = score_video(
        NAME,
        light,
        metrics,
        meter.observe(read_result(path)),
        Reference(given, preset(light), meter.present, meter.size),
    )
    plain, real = {name: each.value for name, each in found.scores.items()}, feature_sets(metrics, given)
    return plain | {name: frechet_distance(real[name], each) for name, each in found.sets.items()}


def main() -> None:
    """Measure both ways and print the ratio."""
    parser = command_line(main.__doc__, "print the numbers as one JSON object on the last line")
    parser.add_argument("--frames", type=int, default=100)
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--rounds", type=int, default=1, help="repetitions of both ways; the ratio is the median")
    options = parser.parse_args()
    session = MetricSession(open_metrics(), profile("demo"))
    wall: dict[str, list[float]] = {"shared": [], "one_by_one": []}
    cpu: dict[str, list[float]] = {"shared": [], "one_by_one": []}
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        warm = prepare(Path(folder) / "warm", 2, options.size)
        case = prepare(Path(folder) / "case", options.frames, options.size)
        ways = {"shared": shared, "one_by_one": one_by_one}
        for way in ways.values():
            way(warm, session)
        for name, way in list(ways.items()) * options.rounds:
            began = time.perf_counter(), time.process_time()
            found[name] = way(case, session)
            wall[name].append(time.perf_counter() - began[0])
            cpu[name].append(time.process_time() - began[1])
    for light in LIGHTS:
        for metric, value in found["shared"][light].items():
            np.testing.assert_allclose(value, found["one_by_one"][light][metric], rtol=1e-5, atol=1e-6, err_msg=metric)
    ratio, in_wall = (float(np.median(np.divide(each["one_by_one"], each["shared"]))) for each in (cpu, wall))
    print(
        f"{options.frames} frames of {options.size} px, {len(LIGHTS)} lights, {len(session.metrics)} metrics: {ratio:.2f} times"
    )
    if options.json:
        facts = {"frames": options.frames, "size": options.size, "cpu_seconds": cpu, "wall_seconds": wall}
        print(json.dumps({"ratio": ratio, "wall_ratio": in_wall, **facts}))


if __name__ == "__main__":
    main()
