"""A stage ends with the `dvc` that started it, a pool worker with its stage: no orphan works on.

`dvc repro` that gets SIGTERM or SIGKILL leaves its command running. The parent-death signal alone doesn't help there: it
concerns the parent *thread*, and a shell may stand between. So the process watches from inside.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

from tasks.runtime.process_guard import watch

_ADOPTERS = {"systemd", "init", "launchd"}
_SHELLS = {"sh", "dash", "bash", "zsh", "fish", "ksh", "busybox"}


LOADED = threading.Event()
"""Set when what a stage needs is imported, and the stage watches for itself."""


class DvcGone(RuntimeError):
    """This stage is an orphan: whoever killed its `dvc` did so while the stage was starting."""


def end_while_loading() -> None:
    """Kill this stage when its `dvc` ends while it still imports: that takes seconds, and there is nothing to unwind. Exits at
    once where it has ended already."""
    dvc = dvc_here(os.environ.get("DVC_STAGE", ""))
    if dvc is not None:
        end_with(dvc, grace=0, until=LOADED)


def dvc_here(name: str) -> int | None:
    """`dvc_above` for the program `name`, which says so and exits where its `dvc` has ended already."""
    try:
        return dvc_above()
    except DvcGone as error:
        print(f"{name}: {error}", file=sys.stderr, flush=True)
        sys.exit(128 + signal.SIGTERM)


def end_with(pid: int, grace: float = 15.0, until: threading.Event | None = None) -> None:
    """From now on (and no more once `until` is set), when process `pid` ends this one gets SIGTERM, and after `grace` seconds
    SIGKILL."""
    alive, handles = watch(pid)

    def wait() -> None:
        import select

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
    """Process id of the `dvc` that runs this process as a stage's command, shells skipped; None outside of DVC.

    Raises:
        DvcGone: it ended before anybody looked.
    """
    if "DVC_STAGE" not in os.environ:
        return None
    pid = os.getppid()
    while (name_parent := _name_and_parent(pid)) and name_parent[0] in _SHELLS:
        pid = name_parent[1]
    if (pid <= 1 or (name_parent and name_parent[0] in _ADOPTERS)) and not _runs_dvc(pid):
        raise DvcGone("the dvc that started this stage has ended")
    return pid if pid > 1 else None


def on_sigterm(handler: Callable[[], None] | None = None) -> None:
    """SIGTERM unwinds the main thread like Ctrl-C does, so that `finally` blocks end the children."""

    def unwind(number: int, frame: object) -> None:
        if handler:
            handler()
        sys.exit(128 + number)

    signal.signal(signal.SIGTERM, unwind)


def _runs_dvc(pid: int) -> bool:
    """In a container, `dvc` itself may be process 1."""
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
