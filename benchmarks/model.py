"""Sampling speed: the pipeline against a plain implementation of the published loop, with the same weights in one run.

``ratio`` is the speed-up of the exact recipe (``published``; the run fails unless its video equals that of the plain
loop within rounding). ``ratio_fast`` is that of recipe ``fast``. Its loss of quality is reported too: PSNR and LE on a
model overfitted to one clip (`benchmarks.overfit`; trained first if needed, or given with ``--model``). The paths are
measured alternately and medians are reported. ``--frontier FOLDER`` measures many recipes instead, and writes the table
and plot of docs/sampling.md. ``--full`` measures the full-size network with random weights on a GPU. The last line is
one JSON object.
"""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks import frontier, full_size
from benchmarks.clock import command_line, medians, rounded, timed
from benchmarks.overfit import CLIP, GUIDANCE, LIGHTS, Scene, scores, train_or_load
from benchmarks.published_loop import published_loop
from lcvd.model.conditioning import Conditioning
from lcvd.model.pipeline import LCVDPipeline
from lcvd.model.recipe import RECIPES

TOLERANCE = 2e-3
"""Maximum difference of latents (about unit variance) that is attributed to rounding."""


def speed(pipe: LCVDPipeline, scene: Scene, frames: int, rounds: int) -> dict[str, Any]:
    """Seconds of the plain loop and of two recipes for `frames` frames, and the difference of their latents."""
    reference, mask, hints = scene.frames[0], scene.masks[0], scene.hints[: frames + 1]

    def drawn() -> torch.Generator:
        return torch.Generator().manual_seed(0)

    def ours(recipe: str, output: str = "uint8") -> Any:
        return pipe(
            Conditioning(reference, mask, hints[0], hints[1:]),
            generator=drawn(),
            guidance=GUIDANCE,
            recipe=recipe,
            output_type=output,
        ).frames

    steps = RECIPES["published"].steps
    paths: dict[str, Callable[[], Any]] = {
        "plain": lambda: published_loop(
            pipe.model, reference, mask, hints, guidance=GUIDANCE, steps=steps, generator=drawn()
        ),
        "published": lambda: ours("published"),
        "fast": lambda: ours("fast"),
    }
    measured = [{name: timed(path) for name, path in paths.items()} for _ in range(rounds)]
    seconds = medians([{name: spent for name, (spent, _) in one.items()} for one in measured])
    plain, _ = measured[-1]["plain"][1]
    difference = float((ours("published", "latent") - plain).abs().max())
    if difference > TOLERANCE:
        raise SystemExit(
            f"recipe 'published' does not reproduce the published loop: latents differ by {difference:.2g}"
        )
    return {
        "frames": frames,
        "seconds": rounded(seconds, 2),
        "greatest_difference": difference,
        "ratio": round(seconds["plain"] / seconds["published"], 2),
        "ratio_fast": round(seconds["plain"] / seconds["fast"], 2),
    }


def quality(pipe: LCVDPipeline) -> dict[str, Any]:
    """PSNR and LE of the named recipes, averaged over the lights of the overfitted clip, and the change for the fast
    one."""
    scenes = {name: Scene(replace(CLIP, light=name)) for name in LIGHTS}
    found = {}
    for name in RECIPES:
        each = scores(pipe, scenes, name)
        found[name] = {key: round(float(np.mean([each[light][key] for light in LIGHTS])), 3) for key in ("psnr", "le")}
    change = {key: round(found["fast"][key] - found["published"][key], 3) for key in ("psnr", "le")}
    return {"quality": found, "fast_changes": change}


def main() -> None:
    """Command line."""
    parser = command_line(__doc__)
    parser.add_argument("--model", type=Path, help="use a model of benchmarks.overfit instead of training one")
    parser.add_argument("--frames", type=int, default=20, help="frames of the timed video")
    parser.add_argument("--rounds", type=int, default=3, help="alternating measurements; medians are reported")
    parser.add_argument(
        "--speed-only", action="store_true", help="use an untrained model and skip the quality measurement"
    )
    parser.add_argument(
        "--frontier", type=Path, metavar="FOLDER", help="measure many recipes and write a table and a plot"
    )
    parser.add_argument("--full", action="store_true", help="measure the full-size network on a GPU")
    options = parser.parse_args()
    if options.full:
        print(json.dumps(full_size.run(), sort_keys=True))
        return
    if options.speed_only and not options.model:
        pipe = frontier.fresh_pipeline()
    else:
        pipe = LCVDPipeline.from_pretrained(options.model or train_or_load())
    pipe.set_progress_bar_config(disable=True)
    if options.frontier:
        print(json.dumps(frontier.run(pipe, options.frontier), sort_keys=True))
        return
    found: dict[str, Any] = {"benchmark": "model", "size": CLIP.size}
    found |= speed(pipe, Scene(CLIP), options.frames, options.rounds)
    if not options.speed_only:
        found |= quality(pipe)
    if not options.json:
        print(f"{found['frames']} frames, seconds: {found['seconds']}; {found['ratio']}x, fast {found['ratio_fast']}x")
    print(json.dumps(found, sort_keys=True))


if __name__ == "__main__":
    main()
