import shutil
import signal
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path

import pytest

from tasks.runtime.supervisor import ChildError, child_environment, start, supervise

ROOT = Path(__file__).resolve().parents[3]


def python(code: str) -> list[str]:
    return [sys.executable, "-u", "-c", textwrap.dedent(code)]


# A child with a child of its own that ignores SIGTERM, and a grandchild that left the process group.
FAMILY = """
    import os, signal, subprocess, sys, time
    stubborn = subprocess.Popen([sys.executable, "-c", "import signal, time; signal.signal(15, signal.SIG_IGN); print('up', flush=True); time.sleep(600)"], stdout=subprocess.PIPE)
    stubborn.stdout.readline()
    away = subprocess.Popen(["sleep", "600"], start_new_session=True)
    print(os.getpid(), stubborn.pid, away.pid, flush=True)
    time.sleep(600)
"""


def test_lines_arrive_one_by_one_and_the_last_are_returned():
    seen: list[tuple[float, str]] = []
    code = "import time\nprint('one'); time.sleep(0.6); print('zwei ü'); import sys; print('three', file=sys.stderr)"
    tail = supervise(python(code), emit=lambda line: seen.append((time.monotonic(), line)), tail=2)
    assert [line for _, line in seen] == ["one", "zwei ü", "three"]
    assert seen[1][0] - seen[0][0] > 0.4
    assert tail == ["zwei ü", "three"]


def test_a_progress_bar_is_one_line():
    seen: list[str] = []
    code = r"import sys; [sys.stderr.write(f'\r{i}/100') for i in range(101)]; sys.stderr.write('\n'); print('a\r\nb'); print('\x1b[31mred\x1b[0m')"
    supervise(python(code), emit=seen.append)
    assert seen == ["100/100", "a", "b", "red"]


def test_a_long_progress_bar_is_heard_of_before_it_ends(monkeypatch):
    monkeypatch.setattr("tasks.runtime.supervisor.PROGRESS_EVERY_S", 0.2)
    seen: list[str] = []
    code = r"import sys, time; [(sys.stderr.write(f'\r{i}/10'), sys.stderr.flush(), time.sleep(0.1)) for i in range(11)]; sys.stderr.write('\n')"
    supervise(python(code), emit=seen.append)
    assert 3 <= len(seen) <= 8
    assert seen[-1] == "10/10"


def test_a_failure_tells_code_and_last_lines():
    with pytest.raises(ChildError, match=r"(?s)the-name ended with code 3; its last lines:\n  why$") as caught:
        supervise(python("print('why'); raise SystemExit(3)"), name="the-name", emit=lambda line: None)
    assert caught.value.returncode == 3
    with pytest.raises(ChildError, match="was ended by SIGKILL"):
        supervise(python("import os; os.kill(os.getpid(), 9)"), emit=lambda line: None)
    with pytest.raises(ChildError, match=r"(?s)127.*no-such-program: No such file"):
        supervise(["no-such-program"], emit=lambda line: None)


def test_the_environments_python_is_first_on_path():
    assert shutil.which("python", path=child_environment()["PATH"]) == str(Path(sys.executable).parent / "python")
    [line] = supervise(["python", "-c", "import sys; print(sys.prefix)"], emit=lambda line: None)
    assert line == sys.prefix


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


def test_a_leash_that_is_killed_takes_its_command_along(running, eventually):
    leash = start(python("import os, time; print(os.getpid()); time.sleep(600)"))
    assert leash.stdout is not None
    pid = int(leash.stdout.readline())
    leash.kill()
    leash.wait()
    leash.stdout.close()
    eventually(lambda: not running(pid), 5)


def test_what_a_finished_child_leaves_behind_is_ended(running):
    code = "import subprocess; print(subprocess.Popen(['sleep', '600'], start_new_session=True).pid)"
    begin = time.monotonic()
    [line] = supervise(python(code), emit=lambda line: None, grace=5)
    assert not running(int(line))
    assert time.monotonic() - begin < 4


def test_two_at_once_from_threads():
    results: dict[int, list[str]] = {}

    def work(i: int) -> None:
        results[i] = supervise(python(f"import time; time.sleep(0.3); print({i})"), emit=lambda line: None)

    threads = [threading.Thread(target=work, args=(i,)) for i in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == {0: ["0"], 1: ["1"]}


def test_a_child_doesnt_wait_for_input():
    assert supervise(python("import sys; print(repr(sys.stdin.read()))"), emit=lambda line: None) == ["''"]
