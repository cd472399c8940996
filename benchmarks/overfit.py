"""A model overfitted to one clip, used to evaluate sampling without published weights.

``python -m benchmarks.overfit`` trains the demo model on one studio clip under a moving light (minutes on a CPU; cached
in `.lcvd/overfit` until code or settings change). It then samples that clip, and the same motion under lights not seen
in training, and prints the PSNR inside the portrait against the ground truth, the LE to the target light, and the same
for a copied reference. ``--images FOLDER`` writes image sheets. With ``--json`` the last line is one JSON object.
"""

import json
import os
import subprocess
import tempfile
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from benchmarks.clock import command_line
from lcvd.array import Array
from lcvd.cache.imports import ROOT
from lcvd.config.profiles import DEMO
from lcvd.config.settings import Settings
from lcvd.evaluate.truth import psnr
from lcvd.face.codes import FaceCodes
from lcvd.face.heads import head_of
from lcvd.light.estimate import fit_light
from lcvd.metrics.light_error import light_error
from lcvd.model.conditioning import Conditioning
from lcvd.model.pipeline import LCVDPipeline
from lcvd.model.recipe import Recipe
from lcvd.render.hints import WINDOW, hints_of, surfaces_of
from lcvd.shard.sample import Meta, Sample
from lcvd.shard.split import SPLITS
from lcvd.shard.write import write_shards
from lcvd.studio.clip import MOVING, StudioClip
from lcvd.train.scratch import Identity
from lcvd.train.stage import launch_command
from lcvd.video.encode import write_h264, write_lossless

CLIP = StudioClip("astronaut", seed=1, light=MOVING, frames=65, size=128)
LIGHTS = (MOVING, "left", "right")
"""The clip's own light, and two constant lights from one side."""
GUIDANCE = 1.5
STEPS = 1500


def settings_of(steps: int = STEPS) -> Settings:
    """The demo's settings for training from scratch with this number of steps."""
    train = DEMO["train"] | {
        "steps": steps,
        "model": DEMO["train"]["model"] | {"start": "random", "warp_reference": False},
        "optimiser": DEMO["train"]["optimiser"] | {"lr": 2e-3, "ema": 0.995},
    }
    return Settings.model_validate(DEMO | {"train": train})


class Scene:
    """A studio clip with its hints and ground truth."""

    def __init__(self, clip: StudioClip) -> None:
        self.clip = clip
        self.codes: FaceCodes = self.clip.truth()
        parts = [np.concatenate(part) for part in zip(*self.clip.render(), strict=True)]
        self.frames, self.masks = parts
        self.hints = np.concatenate(list(hints_of(head_of(self.codes.head), self.codes, clip.size)))

    @cached_property
    def surface(self) -> tuple[Array, Array]:
        """Normals and shaded pixels of all frames except the first."""
        head, codes = head_of(self.codes.head), self.codes.window(slice(1, None))
        parts = [(s.normals, s.alpha) for _, s in surfaces_of(head, codes, self.clip.size, WINDOW)]
        normals, alpha = (np.concatenate(part) for part in zip(*parts, strict=True))
        return normals, alpha

    def score(self, video: Array) -> dict[str, float]:
        """PSNR inside the portrait mask and LE of the first `len(video)` frames after the reference."""
        count = len(video)
        normals, alpha = self.surface
        light = fit_light(video, normals[:count], alpha[:count], settings_of().reconstruct.light)
        decibels = psnr(video, (self.frames[1 : count + 1], self.masks[1 : count + 1] > 127))
        return {"psnr": float(decibels or 0), "le": float(light_error(light, self.codes.light[1 : count + 1]).mean())}


def write_clip(folder: Path, scene: Scene) -> None:
    """Write shards whose training split is this one clip."""
    with tempfile.TemporaryDirectory() as scratch:
        parts = Path(scratch)
        scene.codes.save(parts / "codes.safetensors", {})
        write_h264(parts / "frames.mp4", [scene.frames], CLIP.fps, crf=4)
        write_lossless(parts / "hints.mkv", [scene.hints], CLIP.fps)
        write_lossless(parts / "mask.mkv", [scene.masks], CLIP.fps)
        meta = Meta("clip", CLIP.identity, "train", CLIP.frames, CLIP.size, float(CLIP.fps), "", "", "", 0, "")
        files = {path.name: path.read_bytes() for path in parts.iterdir()} | {"meta.json": meta.to_json()}
        sample = Sample("clip", files, "overfit")
    for split in SPLITS:
        write_shards(folder, split, ["clip"] if split == "train" else [], lambda _: sample, 512.0)


def train_or_load(steps: int = STEPS) -> Path:
    """Folder of the model after this number of steps; trains it if it is not cached."""
    settings, base = settings_of(steps), ROOT / ".lcvd" / "overfit"
    data = base / "data"
    if not (data / "train" / "index.json").exists():
        write_clip(data, Scene(CLIP))
    run = base / f"{steps}-{Identity.of(settings, data, base).key[:16]}"
    if not (run / "out" / "model").is_dir():
        command, environment = launch_command(settings, data, run / "scratch", run / "out")
        threads = {key: os.environ[key] for key in ("OMP_NUM_THREADS",) if key in os.environ}
        subprocess.run(command, env={**os.environ, **environment, **threads}, check=True)
    return run / "out" / "model"


def relight_scene(
    pipe: LCVDPipeline, own: Scene, scene: Scene, recipe: Recipe | str, count: int = CLIP.frames - 1, **options: Any
) -> Array:
    """Animate the clip's first frame with `count` frames of its motion under the light of `scene`; `options` go to the
    pipeline."""
    options = {"guidance": GUIDANCE, "generator": 0, "recipe": recipe} | options
    inputs = Conditioning(own.frames[0], own.masks[0], own.hints[0], scene.hints[1 : count + 1])
    video: Array = pipe(inputs, **options).frames
    return video


def scores(pipe: LCVDPipeline, scenes: dict[str, Scene], recipe: Recipe | str) -> dict[str, Any]:
    """PSNR and LE under each light, and the videos."""
    videos = {name: relight_scene(pipe, scenes[MOVING], scene, recipe) for name, scene in scenes.items()}
    return {"videos": videos} | {name: scenes[name].score(video) for name, video in videos.items()}


def write_sheet(path: Path, scenes: dict[str, Scene], videos: dict[str, Array], count: int = 6) -> None:
    """Write a sheet: for each light the hints, results and ground truth of `count` frames."""
    indices = np.linspace(1, CLIP.frames - 1, count).astype(int)
    rows = []
    for name, scene in scenes.items():
        for images in (scene.hints[indices], videos[name][indices - 1], scene.frames[indices]):
            rows.append(np.concatenate(list(images), axis=1))
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.concatenate(rows)).save(path)


def main() -> None:
    """Train if needed, sample, and print the results."""
    parser = command_line(__doc__, "the last line is one JSON object")
    parser.add_argument("--steps", type=int, default=STEPS, help="training steps")
    parser.add_argument("--model", type=Path, help="use a model trained earlier by this command")
    parser.add_argument("--recipe", default="published")
    parser.add_argument("--images", type=Path, help="folder for the image sheet")
    options = parser.parse_args()
    pipe = LCVDPipeline.from_pretrained(options.model or train_or_load(options.steps))
    pipe.set_progress_bar_config(disable=True)
    scenes = {name: Scene(replace(CLIP, light=name)) for name in LIGHTS}
    model_scores = scores(pipe, scenes, options.recipe)
    videos = model_scores.pop("videos")
    copies = {
        name: scene.score(np.repeat(scenes[MOVING].frames[:1], CLIP.frames - 1, 0)) for name, scene in scenes.items()
    }
    if options.images:
        write_sheet(options.images / "overfit.png", scenes, videos)
    result = {
        "benchmark": "overfit",
        "steps": options.steps,
        "recipe": options.recipe,
        "model": model_scores,
        "copied_reference": copies,
    }
    for name in LIGHTS:
        mine, copy = model_scores[name], copies[name]
        print(
            f"{name:8} PSNR {mine['psnr']:.1f} dB (copy {copy['psnr']:.1f}), LE {mine['le']:.2f} (copy {copy['le']:.2f})"
        )
    if options.json:
        print(json.dumps(result, sort_keys=True))


if __name__ == "__main__":
    main()
