"""Stage `train`: DeepSpeed in separate processes, resumed from its last checkpoint after an interruption."""

import logging
import os
import time
from pathlib import Path

from prefect import flow

from lcvd.config.settings import Settings
from lcvd.train.scratch import Identity, continue_from, other_runs
from lcvd.train.stage import launch_command
from tasks.runtime.artifacts import show_json
from tasks.runtime.environment import RESUME, scratch
from tasks.runtime.stage import Stage, main
from tasks.runtime.supervisor import supervise
from tasks.runtime.throughput import report_training

SAVE_S = 30.0
"""Seconds that saving a checkpoint may take after SIGTERM; after that the previous checkpoint is kept."""
log = logging.getLogger("lcvd.train")


@flow(name="train")
def train(settings: Settings) -> None:
    """Train. The folder of the checkpoints depends on settings, shards and code, so a run never resumes a different one."""
    stage = Stage("train")
    data = stage.input("shard")
    runs = scratch() / "train"
    identity = Identity.of(settings, data, runs)
    place = runs / identity.key
    if resumed := os.environ.get(RESUME):
        continue_from(Path(resumed), place)
    else:
        for line in other_runs(runs, identity):
            log.warning("train: %s. This is a new run; `lcvd run train --resume FOLDER` continues that one", line)
    identity.write(place)
    out = stage.fresh()
    command, environment = launch_command(settings, data, place, out)
    speed = place / "log" / "speed.jsonl"
    since, began = speed.stat().st_size if speed.exists() else 0, time.monotonic()
    supervise(command, name=stage.name, env=environment, emit=log.info, grace=SAVE_S)
    report_training(speed, since, time.monotonic() - began)
    show_json("training", out / "metrics.json")


if __name__ == "__main__":
    main(train, grace=SAVE_S + 2)
