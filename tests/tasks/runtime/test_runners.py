"""Task runners of the settings."""

import subprocess
import sys

LEFT_LOCKED = """
from lcvd.config.runner import RunnerSettings
from tasks.runtime.runners import task_runner

with task_runner(RunnerSettings(kind="processes", workers=1), 1) as runner:
    # What a worker leaves behind that is killed in the middle of a message; nobody releases it.
    runner._subprocess_message_queue._wlock.acquire()
print("left")
"""


def test_a_process_ends_though_a_killed_worker_left_the_message_queue_locked():
    done = subprocess.run([sys.executable, "-c", LEFT_LOCKED], capture_output=True, text=True, timeout=180, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "left\n"
