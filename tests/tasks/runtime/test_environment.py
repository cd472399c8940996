"""A flow's process and those who read what it prints."""

import subprocess
import sys
from pathlib import Path

from tasks.runtime.supervisor import child_environment

SPEAKER = """
import logging, os, sys
from tasks.runtime.environment import outlive_reader, prepare
prepare()
import prefect, prefect.main
if sys.argv[1] == "outlives":
    outlive_reader()
log = logging.getLogger("lcvd.speaker")
log.info("first")
sys.stdin.read()
for number in range(3):
    log.info("message %d", number)
print("at its end", file=open(sys.argv[2], "w"))
"""


def test_a_run_goes_on_when_nobody_reads_it(tmp_path: Path) -> None:
    """Rich, which prints Prefect's messages, ends a program that nobody reads."""
    assert not _reaches_its_end("doesn't", tmp_path)
    assert _reaches_its_end("outlives", tmp_path)


def _reaches_its_end(how: str, folder: Path) -> bool:
    last = folder / how
    options = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    argv = [sys.executable, "-c", SPEAKER, how, str(last)]
    environment = child_environment({"LCVD_SCRATCH": str(folder), "PREFECT_API_URL": "http://127.0.0.1:9/api"})
    with subprocess.Popen(argv, env=environment, **options) as speaker:
        assert speaker.stdout
        assert speaker.stdin
        assert any(b"first" in line for line in speaker.stdout)
        speaker.stdout.close()
        speaker.stdin.close()
        speaker.wait(60)
    return last.exists()
