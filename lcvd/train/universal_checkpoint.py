"""Resume with another number of processes, using DeepSpeed's universal checkpoints."""

from __future__ import annotations

import argparse
import contextlib
import io
import shutil
from pathlib import Path

from deepspeed.checkpoint import ds_to_universal

from lcvd.config.train import TrainSettings
from lcvd.train.checkpoint import CheckpointError


def refuse_impossible(path: Path, written_by: int, world: int, settings: TrainSettings) -> None:
    """Check that a run of `world` processes can resume a checkpoint of `written_by` processes. Changes nothing.

    Raises:
        CheckpointError: DeepSpeed can't convert it. The message names the required number of processes.
    """
    why = None
    if settings.optimiser.name != "adamw":
        why = f"a universal checkpoint can only have AdamW's float32 states, not those of {settings.optimiser.name}"
    elif settings.engine.offload != "none":
        why = f"a universal checkpoint can't be loaded with engine.offload {settings.engine.offload}"
    if why:
        raise CheckpointError(
            f"{path} was written by {written_by} processes, this run has {world}, and {why}: start it with "
            f"{written_by} processes, or delete {path.parent} to start over"
        )


def convert(path: Path, aside: Path) -> Path:
    """Convert the checkpoint at `path` to a universal one below `aside`, which is emptied first. Call in one process only."""
    shutil.rmtree(aside, ignore_errors=True)
    aside.mkdir(parents=True)
    made = aside / path.name
    options = argparse.Namespace(
        input_folder=str(path),
        output_folder=str(made),
        num_extract_workers=1,
        num_merge_workers=1,
        keep_temp_folder=False,
        strict=True,
        inject_missing_state=True,
    )
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        ds_to_universal.main(options)
    return made
