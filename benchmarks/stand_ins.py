"""Do the open metrics order what everybody can see? Known better and worse videos of the portrait studio, measured.

``python -m benchmarks.stand_ins --seed N --json`` measures clips of photographs and computed people under preset lights
as `lcvd.metrics.measure` does, prints a table, and on its last line one JSON object: for each case the medians of the
better and the worse video, the least and the median margin, and the share of clips ordered rightly.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.studio import studio_identities
from lcvd.config.profiles import profile
from lcvd.face.head import load_head
from lcvd.filter.scores.piqe import mean_piqe
from lcvd.light.presets import PRESETS, preset
from lcvd.metrics.base import Observation
from lcvd.metrics.frechet import frechet_distance
from lcvd.metrics.light_error import light_angle, light_error
from lcvd.metrics.measure import Meter
from lcvd.metrics.readings import ADJ, ANGLE, FD, ID, LE, OPEN, POSE, Reference, feature_set, score_video
from lcvd.metrics.session import MetricSession
from lcvd.studio.clip import StudioClip

Array = NDArray[Any]
Case = tuple[str, str, bool]
"""Metric, what is compared, and whether more is better."""
FRAMES, SIZE, BLUR, FLICKER = 8, 256, 1 / 64, 0.1
"""Of a clip; the blur is a share of its side, the flicker an alternating share of brightness."""
LIGHTS, APART = ("left", "right", "top", "front"), 45
"""Under which everything is measured, and degrees from which a light shines from elsewhere; LE and angle see all presets."""


def table(seed: int, frames: int = FRAMES, size: int = SIZE, people: int = 4) -> dict[Case, list[tuple[float, float]]]:
    """(better, worse) of every case, one pair for each of `people` sitters and, where light matters, each light."""
    found: dict[Case, list[tuple[float, float]]] = {}
    session, who = MetricSession(OPEN, profile("demo")), studio_identities(seed)[-people:]
    for number, name in enumerate(who):
        clip = StudioClip(name, seed, frames=frames, size=size)
        stranger = replace(clip, identity=who[number - 1])
        for case, pair in _pairs(clip, stranger, session):
            found.setdefault(case, []).append(pair)
    return found


def _pairs(
    clip: StudioClip, stranger: StudioClip, session: MetricSession
) -> Iterator[tuple[Case, tuple[float, float]]]:
    head, driving = load_head(), _frames(clip)
    meter = Meter(clip.identity, head, clip.truth(), clip.size, session)
    own = meter.observe([driving])
    held = Reference(own, preset("front"), meter.present, clip.size)

    def measure(video: Array) -> Observation:
        return meter.observe([video])

    def number(name: str, seen: Observation) -> float:
        return score_video(clip.identity, "", (name,), seen, held).scores[name].value

    shake = np.where(np.arange(len(driving)) % 2, 1 - FLICKER, 1 + FLICKER)[:, None, None, None]
    flicker = measure((driving * shake).clip(0, 255).astype(np.uint8))
    frozen = measure(np.broadcast_to(driving[0], driving.shape))
    yield (ADJ, "steady < flickering", False), (number(ADJ, own), number(ADJ, flicker))
    yield (ADJ, "moving > frozen", True), (number(ADJ, own), number(ADJ, frozen))
    videos = {light: _frames(replace(clip, light=light)) for light in PRESETS}
    yield from _lights({light: meter.light([video])["light"] for light, video in videos.items()})
    for light in LIGHTS:
        video, right = videos[light], measure(videos[light])
        soft = np.stack([cv2.GaussianBlur(frame, (0, 0), BLUR * clip.size) for frame in video])
        blurred, moved = measure(soft), measure(_frames(replace(clip, seed=clip.seed + 1, light=light)))
        other = measure(_frames(replace(stranger, light=light)))
        yield (ID, "same person > other person", True), (number(ID, right), number(ID, other))
        yield (ID, "clean > blurred", True), (number(ID, right), number(ID, blurred))
        yield (POSE, "same motion < other motion", False), (number(POSE, right), number(POSE, moved))
        own_to = [frechet_distance(feature_set(FD, own), feature_set(FD, each)) for each in (right, blurred, other)]
        yield (FD, "clean < blurred", False), (own_to[0], own_to[1])
        yield (FD, "same person < other person", False), (own_to[0], own_to[2])
        yield ("PIQE", "clean < blurred", False), (_quality(video), _quality(soft))


def _lights(found: dict[str, Array]) -> Iterator[tuple[Case, tuple[float, float]]]:
    """The light asked for against all others, and against those that shine from elsewhere."""
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
    """Medians of better and worse, margins (difference over the larger of the two, above 0 when ordered rightly) and the
    share that is."""
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
    parser = argparse.ArgumentParser(prog="python -m benchmarks.stand_ins", description=main.__doc__)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", action="store_true", help="print the numbers as one JSON object on the last line")
    options = parser.parse_args()
    rows = {case: summary(pairs, case[2]) for case, pairs in table(options.seed).items()}
    print(
        "| metric | case | better | worse | median margin | least margin | ordered rightly |\n|---|---|---:|---:|---:|---:|---:|"
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
