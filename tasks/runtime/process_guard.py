"""Run one command, and end all processes that it started when the watched process dies.

``python tasks/runtime/process_guard.py --watch PID --grace SECONDS -- command ...``: the supervisor starts this program instead
of the command, because only a process that outlives its parent can clean up after a parent that got SIGKILL. The command runs
in its own process group. On Linux the guard adopts orphaned descendants (child subreaper), so those that left the group are
ended too, and the command gets SIGKILL if the guard itself is killed (parent-death signal). Exit code: the command's, or
128 + signal. Imports only the standard library, to start fast.
"""

import argparse
import contextlib
import ctypes
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36
LINUX = sys.platform == "linux"


def main(argv: list[str]) -> int:
    """Run the command until it or the watched process ends; returns the exit code."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--watch", type=int, required=True)
    parser.add_argument("--grace", type=float, required=True)
    parser.add_argument("command", nargs="+")
    options = parser.parse_args(argv)

    wake, poke = os.pipe()
    os.set_blocking(poke, False)
    signal.set_wakeup_fd(poke, warn_on_full_buffer=False)
    stopped: list[int] = []
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda number, frame: stopped.append(number))
    signal.signal(signal.SIGCHLD, lambda number, frame: None)

    libc = ctypes.CDLL(None) if LINUX else None
    if libc:
        libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    alive, handle = watch(options.watch)
    if not alive():
        return 128 + signal.SIGTERM
    try:
        # preexec_fn is safe here: this process has one thread
        hook = (lambda: libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0) and None) if libc else None
        child = subprocess.Popen(options.command, process_group=0, preexec_fn=hook)
    except OSError as error:
        print(f"{options.command[0]}: {error.strerror}", flush=True)
        return 127
    while child.poll() is None and not stopped and alive():
        if wake in select.select([wake, *handle], [], [], 1.0)[0]:
            os.read(wake, 4096)
    end_all(child, options.grace)
    code = child.returncode
    return code if code >= 0 else 128 - code


def watch(pid: int) -> tuple[Callable[[], bool], list[int]]:
    """(function that returns whether process `pid` is alive, file descriptors that `select` reports when it ends)."""
    if hasattr(os, "pidfd_open"):
        try:
            handle = os.pidfd_open(pid)
        except ProcessLookupError:
            return (lambda: False), []
        return (lambda: not select.select([handle], [], [], 0)[0]), [handle]

    def exists() -> bool:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return False
        return True

    return exists, []


def end_all(child: subprocess.Popen[bytes], grace: float) -> None:
    """Send SIGTERM to the command's group and to all adopted descendants, and SIGKILL after `grace` seconds."""
    deadline = time.monotonic() + grace
    number: int = signal.SIGTERM
    while True:
        child.poll()
        left = _descendants(os.getpid())
        group = _signal_group(child.pid, 0)
        if not left and not group:
            return
        if number != 0:
            _signal_group(child.pid, number)
            for pid in left:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, number)
            number = 0
        elif time.monotonic() > deadline:
            number, deadline = signal.SIGKILL, time.monotonic() + grace
            continue
        time.sleep(0.02)
        _reap(child)


def _signal_group(group: int, number: int) -> bool:
    try:
        os.killpg(group, number)
    except (ProcessLookupError, PermissionError):  # PermissionError: macOS, if only zombies are left
        return False
    return True


def _reap(child: subprocess.Popen[bytes]) -> None:
    """Reap adopted processes that ended, except the command, whose exit code `child` returns."""
    for pid in _descendants(os.getpid(), zombies=True):
        if pid != child.pid:
            with contextlib.suppress(ChildProcessError):
                os.waitpid(pid, os.WNOHANG)


def _descendants(root: int, zombies: bool = False) -> list[int]:
    """All live processes (or all zombies) that descend from `root`; empty on systems without /proc."""
    children: dict[int, list[tuple[int, str]]] = {}
    for entry in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, parent = entry.read_text().rpartition(")")[2].split()[:2]
        except (OSError, ValueError):
            continue
        children.setdefault(int(parent), []).append((int(entry.parent.name), state))
    found, todo = [], [root]
    while todo:
        for pid, state in children.get(todo.pop(), []):
            todo.append(pid)
            if (state == "Z") == zombies:
                found.append(pid)
    return found


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
