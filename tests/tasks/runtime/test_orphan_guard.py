"""`dvc repro` that is killed takes its stage, and what the stage started, along."""

import re
import shutil
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from tasks.runtime.supervisor import child_environment

ROOT = Path(__file__).resolve().parents[3]

STAGE = f"""
    import sys; sys.path.insert(0, {str(ROOT)!r})
    import os
    from pathlib import Path
    from tasks.runtime.entrypoint import entry, only_one
    from tasks.runtime.supervisor import supervise
    def started(line):
        Path("pids").write_text(f"{{os.getpid()}} {{line}}")
    with entry("stage"), only_one("stage"):
        supervise([sys.executable, "-u", "-c", "import os, time; print(os.getpid()); time.sleep(600)"], emit=started)
"""


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    def run(*argv: str) -> None:
        subprocess.run(argv, cwd=tmp_path, env=child_environment(), check=True, capture_output=True)

    run("git", "init", "--quiet")
    run(sys.executable, "-m", "dvc", "init", "--quiet")
    (tmp_path / "stage.py").write_text(textwrap.dedent(STAGE))
    # `true` keeps the shell that DVC starts between dvc and the stage
    (tmp_path / "dvc.yaml").write_text(
        "stages:\n  stage:\n    cmd: true; python stage.py; true\n    deps: [stage.py]\n"
    )
    return tmp_path


@pytest.mark.parametrize(("number", "shell"), [(signal.SIGKILL, "sh"), (signal.SIGTERM, "bash")])
def test_a_stage_ends_with_dvc(number, shell, repository, eventually, running):
    env = child_environment({"SHELL": shutil.which(shell)})
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    dvc = subprocess.Popen([sys.executable, "-m", "dvc", "repro"], cwd=repository, env=env, **quiet)
    eventually((repository / "pids").exists)
    eventually(lambda: (repository / "pids").read_text())
    pids = [int(pid) for pid in (repository / "pids").read_text().split()]
    assert len(pids) == 2
    assert all(running(pid) for pid in pids)
    dvc.send_signal(number)
    dvc.wait()
    eventually(lambda: not any(running(pid) for pid in pids), 15)


def test_a_stage_whose_dvc_ended_while_it_was_starting_does_nothing(tmp_path, eventually):
    """Adopted by init before it looks."""
    code = f"""
        import sys, time; sys.path.insert(0, {str(ROOT)!r})
        from pathlib import Path
        from tasks.runtime.entrypoint import entry
        while Path({str(tmp_path / "parent")!r}).exists():
            time.sleep(0.05)
        try:
            with entry("stage"):
                Path({str(tmp_path / "worked")!r}).touch()
        except SystemExit as error:
            Path({str(tmp_path / "code")!r}).write_text(str(error.code))
    """
    (tmp_path / "parent").touch()
    (tmp_path / "stage.py").write_text(textwrap.dedent(code))
    starter = "import os, subprocess, sys; subprocess.Popen([sys.executable, 'stage.py'], start_new_session=True); os._exit(0)"
    subprocess.run([sys.executable, "-c", starter], cwd=tmp_path, env=child_environment({"DVC_STAGE": "x"}), check=True)
    (tmp_path / "parent").unlink()
    eventually((tmp_path / "code").exists, 60)
    eventually(lambda: (tmp_path / "code").read_text() == str(128 + signal.SIGTERM))
    assert not (tmp_path / "worked").exists()


def _abandoned(stage: list[str], folder: Path, **environment: str) -> None:
    """Start a stage's process whose `dvc` is no more."""
    code = f"import os, subprocess; subprocess.Popen({stage!r}, start_new_session=True, stderr=open('said', 'w')); os._exit(0)"
    env = child_environment({"DVC_STAGE": "shard", "PYTHONPATH": str(ROOT), **environment})
    subprocess.run([sys.executable, "-c", code], cwd=folder, env=env, check=True)


def test_a_stage_whose_dvc_has_ended_imports_nothing_more(tmp_path, eventually):
    """Python tells of each import. The watch may see dvc end, or find it ended."""
    _abandoned([sys.executable, "-X", "importtime", "-m", "flows.shard"], tmp_path)
    eventually(lambda: "tasks.runtime.orphan_guard" in (tmp_path / "said").read_text(), 60)
    before = ""
    while before != (before := (tmp_path / "said").read_text()):
        time.sleep(1.0)
    assert not re.search(r"\| +(prefect|torch)$", before, re.MULTILINE)


def test_a_stage_that_still_imports_is_killed_with_its_dvc(tmp_path, eventually, running):
    (tmp_path / "stage.py").write_text(
        "import os\nfrom pathlib import Path\nfrom tasks.runtime.orphan_guard import end_while_loading\n"
        "end_while_loading()\nPath('pid').write_text(str(os.getpid()))\nwhile True: pass\n"
    )
    env = child_environment({"DVC_STAGE": "shard", "PYTHONPATH": str(ROOT)})
    code = "import subprocess, sys; subprocess.run([sys.executable, 'stage.py'])"
    dvc = subprocess.Popen([sys.executable, "-c", code], cwd=tmp_path, env=env)
    eventually(lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text(), 60)
    pid = int((tmp_path / "pid").read_text())
    assert running(pid)
    dvc.kill()
    dvc.wait()
    eventually(lambda: not running(pid))
