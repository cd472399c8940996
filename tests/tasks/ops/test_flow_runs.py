"""Timeouts and notifications, on a real Prefect server: a webhook block calls a server of this test."""

import json
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.tasks.helpers.repository import commit

SLOW = f"""
stages:
  quick:
    cmd: mkdir -p data/quick && echo 1 > data/quick/out
    outs: [data/quick]
  slow:
    cmd: "{sys.executable} -c 'import time; print(\\"at work\\", flush=True); time.sleep(300)'"
    deps: [data/quick]
    outs: [data/slow]
"""


@pytest.fixture
def webhook(prefect_api) -> Iterator[list[dict[str, str]]]:
    """What block ``custom-webhook/team`` was told."""
    from prefect.blocks.notifications import CustomWebhookNotificationBlock

    told: list[dict[str, str]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            told.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url, form = f"http://127.0.0.1:{server.server_port}/", {"subject": "{{subject}}", "body": "{{body}}"}
        CustomWebhookNotificationBlock(name="team", url=url, json_data=form).save("team", overwrite=True)
        yield told
        server.shutdown()


def test_a_stage_ends_when_its_hours_are_over_and_the_block_hears_of_it(repository: Path, webhook) -> None:
    from flows.train_lcvd import train_lcvd
    from tasks.runtime.entrypoint import StageError

    (repository / "dvc.yaml").write_text(SLOW)
    commit(repository)
    begin = time.monotonic()
    with pytest.raises(StageError, match=r"stage slow exceeded its limit of 0\.002.* hours"):
        train_lcvd(hours={"slow": 8 / 3600}, notify="custom-webhook/team")
    assert time.monotonic() - begin < 120
    assert (repository / "data" / "quick" / "out").exists()
    [message] = webhook
    assert message["subject"].startswith("train-lcvd, run ")
    assert message["subject"].endswith(": Failed")
    assert "stage slow exceeded" in message["body"]
    assert train_lcvd(["quick"], notify="custom-webhook/team") is None
    assert webhook[1]["subject"].endswith(": Completed")


def test_hours_that_make_no_sense_are_named(repository: Path, prefect_api) -> None:
    from flows.train_lcvd import train_lcvd
    from tasks.runtime.entrypoint import StageError

    with pytest.raises(StageError, match=r"hours: 'sceond' found, one of .*second"):
        train_lcvd(hours={"sceond": 1.0})
    with pytest.raises(StageError, match="stage first: 0 found, a number above 0 expected"):
        train_lcvd(hours={"first": 0.0})
    assert not (repository / "data" / "first").exists()


def test_a_block_that_can_t_notify_is_named_before_anything_runs(repository: Path, prefect_api) -> None:
    from prefect.blocks.system import Secret

    from flows.nightly_eval import nightly_eval
    from flows.train_lcvd import train_lcvd
    from tasks.runtime.entrypoint import StageError

    with pytest.raises(StageError, match="notify: no block 'slack-webhook/nobody' on this Prefect server"):
        train_lcvd(notify="slack-webhook/nobody")
    Secret(value="x").save("word", overwrite=True)
    with pytest.raises(StageError, match="block 'secret/word' is a Secret, not a notification block"):
        nightly_eval(notify="secret/word")
    assert not (repository / "data" / "first").exists()
