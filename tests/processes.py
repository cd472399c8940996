"""Which processes are at work where."""

from __future__ import annotations

import contextlib
from pathlib import Path

import psutil


def working_in(folder: Path) -> list[psutil.Process]:
    """Every process whose working folder is `folder` or below it, zombies aside: whoever starts one there passes its own on."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            if Path(process.cwd()).is_relative_to(folder) and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
    return found


def command_of(process: psutil.Process) -> str:
    """What it was started with; nothing if it is gone."""
    with contextlib.suppress(psutil.Error):
        return " ".join(process.cmdline())
    return ""
