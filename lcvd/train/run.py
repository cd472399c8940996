"""One process of a training run: ``python -m lcvd.train.run --settings S.json --data D --scratch K --out O``.

`lcvd.train.stage.launch_command` says how to start it. Exit codes: 0 done; 75 asked to end, the checkpoint is
written and the same command goes on; 1 an error, named on the last line.
"""

from __future__ import annotations

import argparse
import logging
import sys
from pathlib import Path

import torch
from torch import distributed
from transformers.utils import logging as transformers_logging

from lcvd.config.settings import Settings
from lcvd.errors import expected
from lcvd.train.trainer import Interrupted, Training

INTERRUPTED = 75
GONE = ("closed by peer", "reset by peer", "Broken pipe")
"""How gloo's and NCCL's errors say that a process at the other end of a connection has died, whatever it was doing."""


def main(arguments: list[str] | None = None) -> int:
    """Train; returns the exit code."""
    parser = argparse.ArgumentParser(prog="lcvd.train.run", description=__doc__)
    parser.add_argument("--settings", type=Path, required=True, help="all settings, as JSON")
    parser.add_argument("--data", type=Path, required=True, help="folder of stage shard")
    parser.add_argument("--scratch", type=Path, required=True, help="folder for checkpoints")
    parser.add_argument("--out", type=Path, required=True, help="folder for model, metrics and loss curve")
    parser.add_argument("--local_rank", type=int, default=0, help="given by DeepSpeed's launcher, not used")
    given = parser.parse_args(arguments)
    settings = Settings.model_validate_json(given.settings.read_text(encoding="utf-8"))
    logging.getLogger("DeepSpeed").setLevel(logging.WARNING)
    torch.use_deterministic_algorithms(True, warn_only=True)
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
    transformers_logging.disable_progress_bar()
    try:
        Training(settings.train, settings.seed, given.data, given.scratch, given.out).run()
    except Interrupted as error:
        print(f"training: {error}; start it again to go on", file=sys.stderr)
        return INTERRUPTED
    except Exception as error:
        message = expected(error)
        if isinstance(error, RuntimeError) and any(words in str(error) for words in GONE):
            message = f"another process of this run is gone: {error}; start it again to go on"
        if message is None:
            raise
        print(f"training: {message}", file=sys.stderr)
        return 1
    finally:
        if distributed.is_initialized():
            distributed.destroy_process_group()
    return 0


if __name__ == "__main__":
    sys.exit(main())
