"""One process of a training run that records what a GPU would need in order: ``python recorder.py SETTINGS SHARDS PLACE``.

Writes ``PLACE/calls-RANK.json``: the calls of the accelerator's `set_device` and of torch.distributed's collectives, each with
the device that it names. The calls are real; only a record is added.
"""

import functools
import json
import os
import sys
from pathlib import Path
from typing import Any

import torch
from deepspeed.accelerator import get_accelerator
from torch import Tensor, distributed

from lcvd.config.settings import Settings
from lcvd.train.trainer import Training

COLLECTIVES = ("all_reduce", "broadcast", "all_gather_into_tensor", "reduce_scatter_tensor", "barrier",
               "broadcast_object_list", "all_gather_object")  # fmt: skip
calls: list[dict[str, Any]] = []


def record(place: Any, name: str) -> None:
    """Have each call of ``place.name`` by this project's code or DeepSpeed's recorded."""
    real = getattr(place, name)

    @functools.wraps(real)
    def called(*args: Any, **options: Any) -> Any:
        tensors = [value for value in (*args, *options.values()) if isinstance(value, Tensor)]
        named = [str(tensor.device) for tensor in tensors] or [str(options.get("device", ""))]
        calls.append({"name": name, "devices": named, "argument": args[0] if name == "set_device" else None})
        return real(*args, **options)

    setattr(place, name, called)


def main(settings: str, shards: str, place: str) -> None:
    record(get_accelerator(), "set_device")
    record(distributed, "init_process_group")
    for name in COLLECTIVES:
        record(distributed, name)
    torch.use_deterministic_algorithms(True, warn_only=True)
    read = Settings.model_validate_json(Path(settings).read_text(encoding="utf-8"))
    Training(read, Path(shards), Path(place) / "scratch", Path(place) / "out").run()
    distributed.destroy_process_group()
    (Path(place) / f"calls-{os.environ['RANK']}.json").write_text(json.dumps(calls), encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
