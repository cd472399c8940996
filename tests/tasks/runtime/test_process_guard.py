"""No descendant of a supervised command outlives it."""

import signal
import subprocess
import textwrap
import time

import pytest

from tasks.runtime.supervisor import start, supervise
from tests.tasks.runtime.test_supervisor import ROOT, python

# A child with a child of its own that ignores SIGTERM, and a grandchild that left the process group.
FAMILY = """
    import os, signal, subprocess, sys, time
    stubborn = subprocess.Popen([sys.executable, "-c", "import signal, time; signal.signal(15, signal.SIG_IGN); print('up', flush=True); time.sleep(600)"], stdout=subprocess.PIPE)
    stubborn.stdout.readline()
    away = subprocess.Popen(["sleep", "600"], start_new_session=True)
    print(os.getpid(), stubborn.pid, away.pid, flush=True)
    time.sleep(600)
"""


def test_an_exception_ends_the_whole_family(running, eventually):
    pids: list[int] = []

    def emit(line: str) -> None:
        pids.extend(int(pid) for pid in line.split())
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        supervise(python(FAMILY), emit=emit, grace=1)
    assert len(pids) == 3
    eventually(lambda: not any(running(pid) for pid in pids), 5)


def test_a_child_that_cleans_up_may_do_so(tmp_path):
    code = f"""
        import signal, sys, time, pathlib
        def bye(*_):
            time.sleep(0.5); pathlib.Path({str(tmp_path / "clean")!r}).touch(); print("cleaned", flush=True); sys.exit(0)
        signal.signal(15, bye)
        print("ready"); time.sleep(600)
    """
    seen: list[str] = []

    def emit(line: str) -> None:
        seen.append(line)
        if line == "ready":
            raise RuntimeError("stop")

    with pytest.raises(RuntimeError, match="stop"):
        supervise(python(code), emit=emit, grace=10)
    assert (tmp_path / "clean").exists()
    assert seen == ["ready", "cleaned"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_children_die_with_their_parent(number, running, eventually):
    code = f"""
        import sys; sys.path.insert(0, {str(ROOT)!r})
        from tasks.runtime.orphan_guard import on_sigterm
        from tasks.runtime.supervisor import supervise
        on_sigterm()
        supervise([sys.executable, "-u", "-c", {textwrap.dedent(FAMILY)!r}], emit=lambda line: print(line, flush=True), grace=1)
    """
    parent = subprocess.Popen(python(code), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    assert parent.stdout is not None
    pids = [int(pid) for pid in parent.stdout.readline().split()]
    assert len(pids) == 3
    parent.send_signal(number)
    parent.wait(20)
    parent.stdout.close()
    eventually(lambda: not any(running(pid) for pid in pids), 10)


def test_a_guard_that_is_killed_takes_its_command_along(running, eventually):
    guard = start(python("import os, time; print(os.getpid()); time.sleep(600)"))
    assert guard.stdout is not None
    pid = int(guard.stdout.readline())
    guard.kill()
    guard.wait()
    guard.stdout.close()
    eventually(lambda: not running(pid), 5)


def test_what_a_finished_child_leaves_behind_is_ended(running):
    code = "import subprocess; print(subprocess.Popen(['sleep', '600'], start_new_session=True).pid)"
    begin = time.monotonic()
    [line] = supervise(python(code), emit=lambda line: None, grace=5)
    assert not running(int(line))
    assert time.monotonic() - begin < 4
