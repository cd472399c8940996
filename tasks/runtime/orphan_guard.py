"""Terminate a stage when its parent `dvc` process exits, and a pool worker when its stage exits.

A `dvc repro` that gets SIGTERM or SIGKILL leaves its command running. The parent-death signal isn't enough: it depends on
the parent *thread*, and a shell may be between the two processes. So the stage itself watches `dvc`.
"""

import os
import select
import signal
import sys
import threading
import time
from pathlib import Path

from tasks.runtime.process_guard import watch

_ADOPTERS = {"systemd", "init", "launchd"}
_SHELLS = {"sh", "dash", "bash", "zsh", "fish", "ksh", "busybox"}


LOADED = threading.Event()
"""Set when the stage's imports are finished and `entry` watches `dvc`."""


class DvcGone(RuntimeError):
    """The `dvc` of this stage ended while the stage was starting."""


def end_while_loading() -> None:
    """Kill this stage if its `dvc` ends during the imports, which take seconds and leave nothing to clean up."""
    end_with_dvc(os.environ.get("DVC_STAGE", ""), grace=0, until=LOADED)


def end_with_dvc(name: str, grace: float, until: threading.Event | None = None) -> None:
    """`end_with` for the `dvc` that runs the program `name`, if one does; exits at once if it has ended already."""
    try:
        dvc = dvc_above()
    except DvcGone as error:
        print(f"{name}: {error}", file=sys.stderr, flush=True)
        sys.exit(128 + signal.SIGTERM)
    if dvc is not None:
        end_with(dvc, grace, until)


def end_with(pid: int, grace: float, until: threading.Event | None = None) -> None:
    """When process `pid` ends, send SIGTERM to this process, and SIGKILL after `grace` seconds (0: SIGKILL at once).

    Has no effect any more once `until` is set.
    """
    alive, handles = watch(pid)

    def wait() -> None:
        while alive():
            if handles:
                select.select(handles, [], [])
            else:
                time.sleep(0.5)
        if until and until.is_set():
            return
        if grace > 0:
            os.kill(os.getpid(), signal.SIGTERM)
            time.sleep(grace)
        os.kill(os.getpid(), signal.SIGKILL)

    threading.Thread(target=wait, name=f"ends with {pid}", daemon=True).start()


def dvc_above() -> int | None:
    """Process id of the `dvc` that runs this process as a stage's command, directly or by shells; None outside of DVC.

    Raises:
        DvcGone: it has ended already.
    """
    if "DVC_STAGE" not in os.environ:
        return None
    pid = os.getppid()
    while (name_parent := _name_and_parent(pid)) and name_parent[0] in _SHELLS:
        pid = name_parent[1]
    if (pid <= 1 or (name_parent and name_parent[0] in _ADOPTERS)) and not _runs_dvc(pid):
        raise DvcGone("the dvc that started this stage has ended")
    return pid if pid > 1 else None


def on_sigterm() -> None:
    """Let SIGTERM unwind the stack of the main thread like Ctrl-C, so that `finally` blocks end the child processes."""

    def unwind(number: int, frame: object) -> None:
        sys.exit(128 + number)

    signal.signal(signal.SIGTERM, unwind)


def _runs_dvc(pid: int) -> bool:
    """Whether process `pid` is `dvc`, which may be process 1 in a container."""
    try:
        return b"dvc" in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False


def _name_and_parent(pid: int) -> tuple[str, int] | None:
    try:
        head, _, tail = Path(f"/proc/{pid}/stat").read_text().rpartition(")")
    except OSError:
        return None
    return head.partition("(")[2], int(tail.split()[1])
