"""What a sampling run has done, kept in a folder: the same run, started again, goes on from there to the same bytes.

After each denoising step its state replaces the last one's; within a step the network's outputs are kept as they come.
All files are written aside and renamed, so a process killed at any time leaves whole ones; a torn one (a machine that
lost power) counts as absent.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from lcvd.cache.atomic import written_whole

_STATE = "state.safetensors"


@dataclass(frozen=True)
class State:
    """A run after `done` >= 1 steps: latents (N,C,h,w) `before` the last of them, the `prediction` it followed, and the
    latents `after` it. A multistep solver needs all three to go on."""

    done: int
    before: Tensor
    prediction: Tensor
    after: Tensor


class StateFolder:
    """The folder of one run; whoever names it vouches that everything that decides the run is part of the name."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder

    def state(self) -> State | None:
        """The state after the last whole step, if there is one."""
        found = _read(self._folder / _STATE)
        return None if found is None else State(int(found.pop("done")), **found)

    def save_step(self, state: State) -> None:
        """Keep the state after a step, whose outputs aren't needed any more."""
        _write(
            self._folder / _STATE,
            {
                "done": torch.tensor(state.done),
                "before": state.before,
                "prediction": state.prediction,
                "after": state.after,
            },
        )
        for path in self._folder.glob("rows-*"):
            path.unlink()

    def rows(self, step: int, part: int, count: int) -> Tensor | None:
        """The network's outputs (R,T,C,h,w) for call number `part` of a step, with `count` rows, if they are kept."""
        found = _read(self._rows(step, part, count))
        return None if found is None else found["outputs"]

    def save_rows(self, step: int, part: int, outputs_RTChw: Tensor) -> None:
        """Keep the network's outputs of one call."""
        _write(self._rows(step, part, len(outputs_RTChw)), {"outputs": outputs_RTChw})

    def _rows(self, step: int, part: int, count: int) -> Path:
        return self._folder / f"rows-{step:03}-{part:06}-{count}.safetensors"


def _write(path: Path, tensors: dict[str, Tensor]) -> None:
    with written_whole(path) as temporary:
        save_file({name: tensor.detach().cpu().contiguous().clone() for name, tensor in tensors.items()}, temporary)


def _read(path: Path) -> dict[str, Tensor] | None:
    try:
        return load_file(path)
    except (OSError, SafetensorError):
        return None
