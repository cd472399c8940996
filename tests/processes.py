"""Find running processes."""

import contextlib
from pathlib import Path

import psutil


def processes_in(folder: Path) -> list[psutil.Process]:
    """All processes, except zombies, whose working directory is in `folder`; child processes inherit it."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            if Path(process.cwd()).is_relative_to(folder) and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
    return found


def command_of(process: psutil.Process) -> str:
    """Command line of a process; empty if it has exited."""
    with contextlib.suppress(psutil.Error):
        return " ".join(process.cmdline())
    return ""
