"""Checkpoints: written aside, then renamed, so that one that is there is whole.

A checkpoint `step-00000100` holds DeepSpeed's states of every process, the averaged weights, and what the loop needs to
go on as if it had never stopped.
"""

from __future__ import annotations

import json
import shutil
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import deepspeed
import torch
from safetensors.torch import load_file, save_file
from torch import distributed, nn

from lcvd.training.ema import Average

PREFIX = "step-"


class CheckpointError(RuntimeError):
    """A checkpoint can't be used for this run; says why and what to do."""


@dataclass
class Position:
    """Where a run stands."""

    step: int = 0
    """Optimiser steps done."""
    processes: int = 1
    loss: float | None = None
    """Moving average of the loss."""
    since: list[float] = field(default_factory=lambda: [0.0, 0.0, 0.0])
    """Sums of L_LDM and L_p, and their number, since the last point of the curve."""
    points: list[dict[str, Any]] = field(default_factory=list)
    """The loss curve so far."""


def newest(folder: Path) -> Path | None:
    """The newest checkpoint in `folder`, or None."""
    found = sorted(path for path in folder.glob(f"{PREFIX}*") if path.is_dir())
    return found[-1] if found else None


def save(engine: deepspeed.DeepSpeedEngine, average: Average, position: Position, folder: Path, keep: int) -> None:
    """Write a checkpoint at `position` and remove all but the `keep` newest. Every process calls it."""
    name, aside = f"{PREFIX}{position.step:08d}", folder / "unfinished"
    first = distributed.get_rank() == 0
    if first:
        shutil.rmtree(aside, ignore_errors=True)
        aside.mkdir(parents=True)
    distributed.barrier()
    engine.save_checkpoint(str(aside), tag=name, save_latest=False, exclude_frozen_parameters=True)
    if first:
        values = {f"{i:05d}": value.cpu().contiguous() for i, value in enumerate(average.values)}
        save_file(values, aside / name / "average.safetensors")
        (aside / name / "position.json").write_text(json.dumps(asdict(position)), encoding="utf-8")
    distributed.barrier()
    if first:
        shutil.rmtree(folder / name, ignore_errors=True)
        (aside / name).rename(folder / name)
        shutil.rmtree(aside)
        for old in sorted(path for path in folder.glob(f"{PREFIX}*") if path.is_dir())[:-keep]:
            shutil.rmtree(old)
    distributed.barrier()


def load(engine: deepspeed.DeepSpeedEngine, average: Average, path: Path) -> Position:
    """Take over everything from the checkpoint at `path`. Every process calls it.

    Raises:
        CheckpointError: it was written by another number of processes, or its weights don't fit.
    """
    try:
        position = Position(**json.loads((path / "position.json").read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError) as error:
        raise CheckpointError(f"{path / 'position.json'}: {error}; delete {path} to go on from an older one") from None
    world = distributed.get_world_size()
    if position.processes != world:
        raise CheckpointError(
            f"{path} was written by {position.processes} processes, this run has {world}: start it with "
            f"{position.processes}, or delete {path.parent} to begin anew"
        )
    loaded, _ = engine.load_checkpoint(
        str(path.parent), tag=path.name, load_module_strict=False, custom_load_fn=_load_trained
    )
    if loaded is None:
        raise CheckpointError(f"{path}: DeepSpeed found no states in it; delete it to go on from an older one")
    values = load_file(path / "average.safetensors")
    for i, value in enumerate(average.values):
        value.copy_(values[f"{i:05d}"])
    return position


def all_finite(parameters: list[nn.Parameter]) -> bool:
    """Whether no parameter holds a number that isn't finite."""
    norms = torch.stack(torch._foreach_norm([p.detach() for p in parameters], float("inf")))
    return bool(norms.isfinite().all())


def _load_trained(src: dict[str, torch.Tensor], dst: nn.Module) -> None:
    """Load all weights but frozen ones, which checkpoints leave out, strictly."""
    wanted = {name for name, parameter in dst.named_parameters() if parameter.requires_grad}
    if set(src) != wanted:
        odd = sorted(set(src) ^ wanted)
        raise CheckpointError(f"the checkpoint's weights don't fit the model: {odd[:3]} (of {len(odd)}); delete it")
    dst.load_state_dict(src, strict=False)
