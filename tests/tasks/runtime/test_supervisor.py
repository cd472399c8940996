import shutil
import sys
import textwrap
import threading
import time
from pathlib import Path

import pytest

from tasks.runtime.supervisor import ChildError, child_environment, supervise

ROOT = Path(__file__).resolve().parents[3]


def python(code: str) -> list[str]:
    return [sys.executable, "-u", "-c", textwrap.dedent(code)]


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
