"""Sanity-check the open metrics: do they rank studio videos of known relative quality correctly?

``python -m benchmarks.stand_ins --seed N --json`` measures clips of photographs and computer-generated people under
preset lights as `lcvd.metrics.measure` does. It prints a table and, on its last line, one JSON object: for each case
the medians of the better and the worse video, the minimum and the median margin, and the fraction of clips ranked
correctly.
"""

import json
from collections.abc import Iterator
from dataclasses import replace

import cv2
import numpy as np

from benchmarks.clock import command_line
from benchmarks.studio import studio_identities
from lcvd.array import Array
from lcvd.config.profiles import profile
from lcvd.face.head import load_head
from lcvd.filter.scores.piqe import mean_piqe
from lcvd.light.presets import PRESETS, preset
from lcvd.metrics.base import Observation, Reference
from lcvd.metrics.frechet import frechet_distance
from lcvd.metrics.light_error import light_angle, light_error
from lcvd.metrics.measure import Meter
from lcvd.metrics.registry import feature_sets, open_metrics, score_video
from lcvd.metrics.session import MetricSession
from lcvd.studio.clip import StudioClip

Case = tuple[str, str, bool]
"""Metric, comparison, and whether higher is better."""
FRAMES, SIZE, BLUR, FLICKER = 8, 256, 1 / 64, 0.1
"""Frames and size of a clip, standard deviation of the blur as a fraction of its side, and amplitude of the alternating
brightness."""
LE, ANGLE, ID, POSE, ADJ, FD = open_metrics()
LIGHTS, APART = ("left", "right", "top", "front"), 45
"""Lights of all measurements, and the minimum angle in degrees between lights that count as different; LE and angle use
all presets."""


def table(seed: int, frames: int = FRAMES, size: int = SIZE, people: int = 4) -> dict[Case, list[tuple[float, float]]]:
    """(better, worse) of every case: one pair for each of `people` subjects and, if it depends on the light, for each
    light."""
    found: dict[Case, list[tuple[float, float]]] = {}
    session, identities = MetricSession(open_metrics(), profile("demo")), studio_identities(seed)[-people:]
    for number, name in enumerate(identities):
        clip = StudioClip(name, seed, frames=frames, size=size)
        other_person = replace(clip, identity=identities[number - 1])
        for case, pair in _pairs(clip, other_person, session):
            found.setdefault(case, []).append(pair)
    return found


def _pairs(
    clip: StudioClip, other_person: StudioClip, session: MetricSession
) -> Iterator[tuple[Case, tuple[float, float]]]:
    head, driving = load_head(), _frames(clip)
    meter = Meter(clip.identity, head, clip.truth(), clip.size, session)
    own = meter.observe([driving])
    reference = Reference(own, preset("front"), meter.present, clip.size)

    def measure(video: Array) -> Observation:
        return meter.observe([video])

    def number(name: str, seen: Observation) -> float:
        return score_video(clip.identity, "", (name,), seen, reference).scores[name].value

    shake = np.where(np.arange(len(driving)) % 2, 1 - FLICKER, 1 + FLICKER)[:, None, None, None]
    flicker = measure((driving * shake).clip(0, 255).astype(np.uint8))
    frozen = measure(np.broadcast_to(driving[0], driving.shape))
    yield (ADJ, "steady < flickering", False), (number(ADJ, own), number(ADJ, flicker))
    yield (ADJ, "moving > frozen", True), (number(ADJ, own), number(ADJ, frozen))
    videos = {light: _frames(replace(clip, light=light)) for light in PRESETS}
    yield from _light_cases({light: meter.light([video])["light"] for light, video in videos.items()})
    for light in LIGHTS:
        video, right = videos[light], measure(videos[light])
        soft = np.stack([cv2.GaussianBlur(frame, (0, 0), BLUR * clip.size) for frame in video])
        blurred, moved = measure(soft), measure(_frames(replace(clip, seed=clip.seed + 1, light=light)))
        other = measure(_frames(replace(other_person, light=light)))
        yield (ID, "same person > other person", True), (number(ID, right), number(ID, other))
        yield (ID, "clean > blurred", True), (number(ID, right), number(ID, blurred))
        yield (POSE, "same motion < other motion", False), (number(POSE, right), number(POSE, moved))
        first, *sets = (feature_sets([FD], each)[FD] for each in (own, right, blurred, other))
        own_to = [frechet_distance(first, each) for each in sets]
        yield (FD, "clean < blurred", False), (own_to[0], own_to[1])
        yield (FD, "same person < other person", False), (own_to[0], own_to[2])
        yield ("PIQE", "clean < blurred", False), (_quality(video), _quality(soft))


def _light_cases(found: dict[str, Array]) -> Iterator[tuple[Case, tuple[float, float]]]:
    """The target light against all others, and against those from other directions."""
    for light in found:
        target = preset(light)
        elsewhere = [each for each in found if float(light_angle(preset(each), target)) > APART]
        others = {"any other": [each for each in found if each != light], f"one over {APART} deg away": elsewhere}
        for metric, error in ((LE, light_error), (ANGLE, light_angle)):
            errors = {each: float(error(lights, target).mean()) for each, lights in found.items()}
            for what, names in others.items():
                yield (metric, f"right light < {what}", False), (errors[light], min(errors[each] for each in names))


def _frames(clip: StudioClip) -> Array:
    return np.concatenate([frames for frames, _ in clip.render()])


def _quality(video: Array) -> float:
    return mean_piqe([video[0], video[len(video) // 2]])


def summary(pairs: list[tuple[float, float]], more_is_better: bool) -> dict[str, float]:
    """Medians of better and worse, margins (difference divided by the larger of the two, positive if ranked correctly),
    and the fraction ranked correctly."""
    better, worse = np.array(pairs).T
    gap = better - worse if more_is_better else worse - better
    margins = gap / np.maximum(np.maximum(np.abs(better), np.abs(worse)), 1e-9)
    return {
        "better": float(np.median(better)),
        "worse": float(np.median(worse)),
        "least": float(margins.min()),
        "median": float(np.median(margins)),
        "right": float((margins > 0).mean()),
        "clips": len(pairs),
    }


def main() -> None:
    """Measure, and print a Markdown table and the numbers."""
    parser = command_line(main.__doc__, "print the numbers as one JSON object on the last line")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    rows = {case: summary(pairs, case[2]) for case, pairs in table(options.seed).items()}
    print(
        "| metric | case | better | worse | median margin | minimum margin | ranked correctly |\n|---|---|---:|---:|---:|---:|---:|"
    )
    for (metric, case, _), row in rows.items():
        print(
            f"| {metric} | {case} | {row['better']:.3g} | {row['worse']:.3g} | {row['median']:.0%} | {row['least']:.0%} | "
            f"{round(row['right'] * row['clips'])} of {row['clips']} |"
        )
    if options.json:
        print(json.dumps({f"{metric}: {case}": row for (metric, case, _), row in rows.items()}))


if __name__ == "__main__":
    main()
