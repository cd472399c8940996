"""Checkpoints: written to a temporary folder and then renamed, so that an existing checkpoint is complete.

A checkpoint `step-00000100` has DeepSpeed's states of every process, the averaged weights, the state of the training loop,
and a manifest: size and hash of every file, to detect damaged files.
"""

import argparse
import contextlib
import io
import json
import logging
import shutil
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import deepspeed
import torch
from deepspeed.checkpoint import ds_to_universal
from safetensors.torch import load_file, save_file
from torch import distributed, nn

from lcvd.cache.store import file_hash
from lcvd.config.train import TrainSettings
from lcvd.errors import LcvdError
from lcvd.train.collectives import add_up, barrier, broadcast
from lcvd.train.engine import Average

PREFIX, TORN, MANIFEST = "step-", "torn-", "manifest.json"
log = logging.getLogger("lcvd.train")


class CheckpointError(LcvdError, RuntimeError):
    """A checkpoint can't be used for this run. The message names the reason and the remedy."""


@dataclass
class Position:
    """State of the training loop."""

    step: int = 0
    """Number of completed optimiser steps."""
    processes: int = 1
    zero: int | None = None
    """ZeRO stage that wrote the checkpoint; None in older checkpoints."""
    loss: float | None = None
    """Moving average of the loss."""
    since: list[float] = field(default_factory=lambda: [0.0, 0.0, 0.0])
    """Sums of L_LDM and L_p, and the number of summands, since the last point of the loss curve."""
    points: list[dict[str, Any]] = field(default_factory=list)
    """The loss curve so far."""
    held_out: float | None = None
    """Held-out loss of these weights, if it was measured."""
    best: float | None = None
    """Lowest held-out loss of all checkpoints so far."""
    best_step: int | None = None
    """Step of the checkpoint with the lowest held-out loss."""


def write_manifest(folder: Path) -> None:
    """Write the manifest of all files below `folder`. Call it after all other files are written."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    rows = {
        path.relative_to(folder).as_posix(): {"bytes": path.stat().st_size, "sha256": file_hash(path)} for path in files
    }
    (folder / MANIFEST).write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")


def check(folder: Path) -> None:
    """Check that a checkpoint's files are unchanged since it was written.

    Raises:
        CheckpointError: a file is missing or has another size or hash. The message names it.
    """
    try:
        rows = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise CheckpointError(f"{folder / MANIFEST}: {error}") from None
    for name, row in rows.items():
        path = folder / name
        if not path.is_file():
            raise CheckpointError(f"{path}: missing")
        if path.stat().st_size != row["bytes"]:
            raise CheckpointError(f"{path}: {path.stat().st_size} bytes instead of {row['bytes']}")
    for name, row in rows.items():
        if file_hash(folder / name) != row["sha256"]:
            raise CheckpointError(f"{folder / name}: its bytes aren't those that were written")


def steps_of(folder: Path) -> list[Path]:
    """Return the checkpoints in `folder`, oldest first."""
    return sorted(path for path in folder.glob(f"{PREFIX}*") if path.is_dir())


def newest(folder: Path) -> Path | None:
    """Return the newest intact checkpoint in `folder`, or None.

    A damaged checkpoint is logged and renamed to ``torn-step-...``, and the one before it is tried.
    """
    for path in reversed(steps_of(folder)):
        try:
            check(path)
            return path
        except CheckpointError as error:
            renamed = folder / (TORN + path.name)
            shutil.rmtree(renamed, ignore_errors=True)
            path.rename(renamed)
            log.warning("%s: this checkpoint is damaged and isn't used (renamed to %s)", error, renamed.name)
    return None


def agreed(folder: Path, steps: int) -> Path | None:
    """Return `newest`, determined by the first process and broadcast to all. Every process must call this.

    Raises:
        CheckpointError: the newest checkpoint is beyond `steps`, the length of the run.
    """
    found: Path | None = broadcast(newest(folder) if distributed.get_rank() == 0 else None)
    if found and int(found.name.removeprefix(PREFIX)) > steps:
        raise CheckpointError(
            f"{found} is beyond train.steps ({steps}): raise train.steps, or delete {folder} to start over"
        )
    return found


def prune(folder: Path, keep: int, best_step: int | None) -> None:
    """Remove all checkpoints except the `keep` newest ones and the one of `best_step`."""
    for old in steps_of(folder)[:-keep]:
        if old.name != name_of(best_step):
            shutil.rmtree(old)


def name_of(step: int | None) -> str | None:
    """Return the name of the checkpoint of a step."""
    return None if step is None else f"{PREFIX}{step:08d}"


def save(engine: deepspeed.DeepSpeedEngine, average: Average, position: Position, folder: Path, keep: int) -> None:
    """Write a checkpoint at `position`, and remove all except the `keep` newest and the best. Every process must call this."""
    name, unfinished = f"{name_of(position.step)}", folder / "unfinished"
    if position.held_out is not None and (position.best is None or position.held_out < position.best):
        position.best, position.best_step = position.held_out, position.step
    first = distributed.get_rank() == 0
    if first:
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(parents=True)
    barrier()
    engine.save_checkpoint(str(unfinished), tag=name, save_latest=False, exclude_frozen_parameters=True)
    barrier()
    if first:
        values = {f"{i:05d}": value.cpu().contiguous() for i, value in enumerate(average.values)}
        save_file(values, unfinished / name / "average.safetensors")
        (unfinished / name / "position.json").write_text(json.dumps(asdict(position)), encoding="utf-8")
        write_manifest(unfinished / name)
        shutil.rmtree(folder / name, ignore_errors=True)
        (unfinished / name).rename(folder / name)
        shutil.rmtree(unfinished)
        prune(folder, keep, position.best_step)
    barrier()


def position_of(path: Path) -> Position:
    """Read the position of the checkpoint at `path`."""
    try:
        return Position(**json.loads((path / "position.json").read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError) as error:
        raise CheckpointError(f"{path / 'position.json'}: {error}; delete {path} to go on from an older one") from None


def load(engine: deepspeed.DeepSpeedEngine, average: Average, path: Path, states: Path) -> None:
    """Load weights, optimiser states and averages from the checkpoint at `path`. Every process must call this.

    Args:
        states: folder of DeepSpeed's states: `path`, or its conversion for another number of processes.

    Raises:
        CheckpointError: the weights don't match the model.
    """
    loaded, _ = engine.load_checkpoint(
        str(states.parent), tag=states.name, load_module_strict=False, custom_load_fn=_load_trained
    )
    if loaded is None:
        raise CheckpointError(f"{states}: DeepSpeed found no states in it; delete {path} to go on from an older one")
    values = load_file(path / "average.safetensors")
    for i, value in enumerate(average.values):
        value.copy_(values[f"{i:05d}"])


def fits_as_it_is(written: Position, now: Position) -> bool:
    """Whether a run of `now`'s processes and ZeRO stage loads a checkpoint without conversion."""
    stage = now.zero if written.zero is None else written.zero
    return stage == now.zero and (not now.zero or written.processes == now.processes)


def refuse_impossible(path: Path, written: Position, now: Position, settings: TrainSettings) -> None:
    """Check that a run of `now`'s processes and ZeRO stage can resume the checkpoint. Changes nothing.

    Raises:
        CheckpointError: DeepSpeed can't convert it. The message names the number of processes and the stage that can.
    """
    why = None
    if written.zero is not None and {written.zero, now.zero} not in ({1, 2}, {1}, {2}, {3}):
        why = f"DeepSpeed doesn't convert the states of ZeRO {written.zero} for ZeRO {now.zero}"
    elif settings.optimiser.name != "adamw":
        why = f"a universal checkpoint can only have AdamW's float32 states, not those of {settings.optimiser.name}"
    elif settings.engine.offload != "none":
        why = f"a universal checkpoint can't be loaded with engine.offload {settings.engine.offload}"
    if why:
        raise CheckpointError(
            f"{path} was written by {written.processes} processes with engine.zero {written.zero}, this run has "
            f"{now.processes} with engine.zero {now.zero}, and {why}: start it with {written.processes} processes and "
            f"engine.zero {written.zero}, or delete {path.parent} to start over"
        )


def convert_to_universal(path: Path, folder: Path) -> Path:
    """Convert the checkpoint at `path` to a universal one below `folder`, which is emptied first. Call in one process only."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    made = folder / path.name
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


def all_finite(parameters: list[nn.Parameter]) -> bool:
    """Whether all parameters are finite, under ZeRO 3 on all processes."""
    held = [part for part in map(_held, parameters) if part.numel()]
    norms = torch.stack(torch._foreach_norm(held, float("inf")))
    bad = (~norms.isfinite()).any().float()
    return not bool(add_up(bad))


def _held(parameter: Any) -> torch.Tensor:
    """Return this process's part of a parameter, without padding.

    ZeRO 3 partitions a parameter into equal parts. The last part may end with uninitialised padding.
    """
    part: torch.Tensor = getattr(parameter, "ds_tensor", parameter).detach()
    if not hasattr(parameter, "ds_tensor"):
        return part
    held = parameter.ds_numel - distributed.get_rank(parameter.ds_process_group) * part.numel()
    return part[: max(0, held)]


def _load_trained(src: dict[str, torch.Tensor], dst: nn.Module) -> None:
    """Load all trainable weights strictly. Checkpoints don't have the frozen ones."""
    wanted = {name for name, parameter in dst.named_parameters() if parameter.requires_grad}
    if set(src) != wanted:
        odd = sorted(set(src) ^ wanted)
        raise CheckpointError(f"the checkpoint's weights don't fit the model: {odd[:3]} (of {len(odd)}); delete it")
    dst.load_state_dict(src, strict=False)
