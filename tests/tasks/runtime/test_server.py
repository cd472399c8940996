import os
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from tasks.runtime.supervisor import child_environment

ROOT = Path(__file__).resolve().parents[3]

STAGE = """
import os, sys
from tasks.runtime.environment import prepare
prepare()
from prefect import flow
from tasks.runtime.server import prefect_server
@flow
def stage():
    return 1
with prefect_server() as url:
    assert os.environ["PREFECT_API_URL"] == url
    stage()
    print(url, flush=True)
assert "PREFECT_API_URL" not in os.environ
"""


def alive(url: str) -> bool:
    try:
        return (
            urllib.request.build_opener(urllib.request.ProxyHandler({})).open(f"{url}/health", timeout=5).status == 200
        )
    except OSError:
        return False


def test_the_stages_of_one_dvc_share_a_server_that_ends_with_it(tmp_path, eventually):
    env = child_environment({"DVC_STAGE": "x", "PYTHONPATH": str(ROOT), "PREFECT_API_URL": None, "LCVD_SCRATCH": None})
    # this parent stands for `dvc repro`
    parent = subprocess.Popen(
        [sys.executable, "-c", "import subprocess, sys; [subprocess.run([sys.executable, '-c', sys.argv[1]], check=True) "
         "for _ in range(2)]; input()", STAGE],
        cwd=tmp_path, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert parent.stdout is not None
    first, second = (parent.stdout.readline().strip() for _ in range(2))
    assert first == second
    assert first.startswith("http://127.0.0.1:")
    assert alive(first)
    parent.kill()
    parent.wait()
    parent.stdout.close()
    eventually(lambda: not alive(first), 15)


def test_a_named_server_that_doesnt_answer_is_an_error(monkeypatch):
    from tasks.runtime.server import ServerError, prefect_server

    monkeypatch.setenv("PREFECT_API_URL", "http://127.0.0.1:9/api")
    with (
        pytest.raises(ServerError, match=r"PREFECT_API_URL=http://127.0.0.1:9/api: no Prefect server responds"),
        prefect_server(),
    ):
        pass
    assert os.environ["PREFECT_API_URL"].endswith(":9/api")
