import subprocess
import sys
import textwrap
from pathlib import Path

from tasks.runtime.entrypoint import only_one
from tasks.runtime.supervisor import child_environment

ROOT = Path(__file__).resolve().parents[3]


def program(code: str) -> list[str]:
    return [sys.executable, "-c", f"import sys; sys.path.insert(0, {str(ROOT)!r})\n" + textwrap.dedent(code)]


def test_an_expected_error_is_one_line_and_others_show_where_they_come_from(tmp_path):
    code = """
        from tasks.runtime.entrypoint import StageError, entry
        with entry("filter"):
            raise {}("no clips are left")
    """
    expected, bug = (
        subprocess.run(
            program(code.format(kind)), cwd=tmp_path, env=child_environment(), capture_output=True, text=True
        )
        for kind in ("StageError", "ZeroDivisionError")
    )
    assert (expected.returncode, expected.stderr) == (1, "filter: no clips are left\n")
    assert bug.returncode == 1
    assert "Traceback" in bug.stderr


def test_the_second_waits_for_the_first_which_may_be_killed(tmp_path, monkeypatch, eventually):
    monkeypatch.chdir(tmp_path)
    code = """
        import time
        from tasks.runtime.entrypoint import only_one
        with only_one("stage"):
            print("in", flush=True); time.sleep(600)
    """
    first = subprocess.Popen(program(code), env=child_environment(), stdout=subprocess.PIPE, text=True)
    assert first.stdout is not None
    assert first.stdout.readline() == "in\n"
    second = subprocess.Popen(
        program(code), env=child_environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert second.stderr is not None
    assert "another process does this" in second.stderr.readline()
    assert second.poll() is None
    with only_one("another-stage"):
        pass
    first.kill()
    first.wait()
    assert second.stdout is not None
    assert second.stdout.readline() == "in\n"
    second.kill()
    second.communicate()
    first.stdout.close()
