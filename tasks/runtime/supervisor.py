"""Start and supervise child processes: `dvc`, `git`, training, stages of another worktree.

A child runs under `tasks.runtime.process_guard` in its own session, with the virtual environment's ``bin`` first on PATH. Its
output is forwarded line by line. Its process tree ends when the child ends, when this process ends, and on any exception here.
"""

import codecs
import logging
import os
import re
import select
import shlex
import signal
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from lcvd.errors import LcvdError
from tasks.runtime.environment import SUPERVISED

GUARD = Path(__file__).with_name("process_guard.py")
PROGRESS_EVERY_S = 10.0
SHOWN = 30  # lines of a failed child in the error message
_ANSI = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
log = logging.getLogger("lcvd.child")


class ChildError(LcvdError, RuntimeError):
    """A child process failed; the message contains its last lines."""

    def __init__(self, name: str, returncode: int, tail: Sequence[str]) -> None:
        super().__init__(name, returncode, tuple(tail))
        self.name, self.returncode, self.tail = name, returncode, tuple(tail)

    def __str__(self) -> str:
        number = self.returncode - 128
        known = number in {each.value for each in signal.Signals}
        how = f"was ended by {signal.Signals(number).name}" if known else f"ended with code {self.returncode}"
        shown = "\n".join(f"  {line}" for line in self.tail[-SHOWN:]) or "  (it printed nothing)"
        return f"{self.name} {how}; its last lines:\n{shown}"


def child_environment(extra: Mapping[str, str | None] | None = None) -> dict[str, str]:
    """This process's environment with `extra` (None: unset), and this interpreter's ``bin`` first on PATH.

    Otherwise a stage could run another Python.
    """
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])
    env = {**os.environ, "PATH": path, "PYTHONUNBUFFERED": "1", SUPERVISED: "1", **(extra or {})}
    return {key: value for key, value in env.items() if value is not None}


def start(
    argv: Sequence[str],
    *,
    cwd: Path | None = None,
    env: Mapping[str, str | None] | None = None,
    output: int = subprocess.PIPE,
    watch: int | None = None,
    grace: float = 10.0,
) -> subprocess.Popen[bytes]:
    """Start `argv` under a guard process that ends it on SIGTERM or when process `watch` (default: this one) dies."""
    guard = [sys.executable, "-S", "-E", str(GUARD), "--watch", str(watch or os.getpid()), "--grace", str(grace), "--"]
    return subprocess.Popen(
        [*guard, *argv],
        cwd=cwd,
        env=child_environment(env),
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )


def supervise(
    argv: Sequence[str],
    *,
    name: str | None = None,
    cwd: Path | None = None,
    env: Mapping[str, str | None] | None = None,
    emit: Callable[[str], None] = log.info,
    grace: float = 10.0,
    tail: int = 30,
) -> list[str]:
    """Run `argv` to its end and pass each line to `emit`; of a progress bar, one state in ten seconds.

    On any exception (cancellation, a signal, Ctrl-C) the child's tree gets SIGTERM, and SIGKILL after `grace` seconds.

    Returns:
        The last `tail` lines.

    Raises:
        ChildError: the child's exit code wasn't 0.
    """
    child = start(argv, cwd=cwd, env=env, grace=grace)
    last: deque[str] = deque(maxlen=tail)
    try:
        for line in _lines(child):
            last.append(line)
            emit(line)
        code = child.wait()
    except BaseException:
        _stop(child, emit, grace)
        raise
    if code:
        raise ChildError(name or shlex.join(argv), code, last)
    return list(last)


def _lines(child: subprocess.Popen[bytes], deadline: float | None = None) -> Iterator[str]:
    """Complete lines, and of a progress bar at most one state per `PROGRESS_EVERY_S` and the last one."""
    assert child.stdout is not None
    descriptor, decoder = child.stdout.fileno(), codecs.getincrementaldecoder("utf-8")("replace")
    rest, state, shown = "", "", time.monotonic()
    while deadline is None or time.monotonic() < deadline:
        # short waits, because an exception from another thread (a task's timeout) is raised between two Python instructions
        if not select.select([descriptor], [], [], 0.1)[0]:
            continue
        data = os.read(descriptor, 65536)
        *parts, rest = re.split(r"([\r\n])", rest + decoder.decode(data, final=not data) + ("" if data else "\n"))
        for part, end in zip(parts[::2], parts[1::2], strict=True):
            text = _ANSI.sub("", part).rstrip() or (state if end == "\n" else "")
            state = text if end == "\r" else ""
            if text and (end == "\n" or time.monotonic() - shown > PROGRESS_EVERY_S):
                shown, state = time.monotonic(), ""
                yield text
        if not data:
            return


def _stop(child: subprocess.Popen[bytes], emit: Callable[[str], None], grace: float) -> None:
    """End the child's tree: SIGTERM to the guard, which ends it, then SIGKILL to the guard."""
    child.terminate()
    try:
        for line in _lines(child, time.monotonic() + 2 * grace + 2):
            emit(line)
        child.wait(timeout=1)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()
