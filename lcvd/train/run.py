"""One process of a training run: ``python -m lcvd.train.run --settings S.json --data D --scratch K --out O``.

`lcvd.train.stage.launch_command` returns the command to start it. Exit codes: 0, completed; 75, terminated by a signal after
writing a checkpoint (run the same command to resume); 1, an error, printed on the last line.
"""

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
"""Parts of gloo's and NCCL's error messages when another process of the run has died."""


def main(arguments: list[str] | None = None) -> int:
    """Train, and return the exit code."""
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
        Training(settings, given.data, given.scratch, given.out).run()
    except Interrupted as error:
        print(f"training: {error}; start it again to resume", file=sys.stderr)
        return INTERRUPTED
    except Exception as error:
        message = expected(error)
        if isinstance(error, RuntimeError) and any(words in str(error) for words in GONE):
            message = f"another process of this run has died: {error}; start it again to resume"
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
