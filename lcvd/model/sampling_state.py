"""Progress of a sampling run, saved to a folder. The same run, started again, continues from there to the same bytes.

After each denoising step the state of that step replaces the previous one. Within a step the network's outputs are saved one by
one. Files are written under another name and renamed, so a killed process leaves complete files. A truncated file, which a power
failure can leave, is treated as missing.
"""

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
    """A run after `done` >= 1 steps: the latents (N,C,h,w) `before` and `after` the last step, and its `prediction`. A multistep
    solver needs all three to continue."""

    done: int
    before: Tensor
    prediction: Tensor
    after: Tensor


class StateFolder:
    """State directory of one sampling run. The caller must derive its name from everything that affects the result."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder

    def state(self) -> State | None:
        """The state after the last completed step; None before the first."""
        found = _read(self._folder / _STATE)
        return None if found is None else State(int(found.pop("done")), **found)

    def save_step(self, state: State) -> None:
        """Save the state after a step and delete the step's outputs."""
        _write(self._folder / _STATE, vars(state) | {"done": torch.tensor(state.done)})
        for path in self._folder.glob("rows-*"):
            path.unlink()

    def rows(self, step: int, part: int, count: int) -> Tensor | None:
        """The network's saved outputs (R,T,C,h,w) of call number `part` of a step, with `count` rows; None if there are none."""
        found = _read(self._rows(step, part, count))
        return None if found is None else found["outputs"]

    def save_rows(self, step: int, part: int, outputs_RTChw: Tensor) -> None:
        """Save the network's outputs of one call."""
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
