"""Stage download with worker processes, a server that simulates failures, and `lcvd retry download`."""

import pytest

from lcvd.ledger.rows import read_ledger
from tests.bad_server import bad_server

PATHS = {
    "good": "", "busy-once": "", "404": "dead", "403": "blocked", "bot": "blocked", "inwards": "private_address",
    "stall": "broken", "cut": "broken", "short-length": "broken",
}  # fmt: skip
TRANSIENT = ("bot", "stall", "cut", "short-length")


def reasons(project) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for row in read_ledger(project.folder / "data" / "download" / "ledger.parquet"):
        found.setdefault(row.id.rpartition("_")[0], set()).add(row.reason)
    return found


@pytest.mark.slow
def test_a_second_run_downloads_only_what_failed_transiently(fresh_project):
    with bad_server() as server:
        # Used as a proxy, so that addresses look public and a redirect to a private network differs from them.
        fresh_project.environment = {"http_proxy": server.address, "no_proxy": "127.0.0.1,localhost"}
        rows = [
            f"{path}_{clip},{path},http://clips.test/{path},frame:{30 * clip + index},frame:{30 * clip + 25},,test,test\n"
            for index, path in enumerate(PATHS)  # different frames of the same file, otherwise they would be duplicates
            for clip in range(3)
        ]
        fresh_project.sources(*rows)
        fresh_project.settings(download={"retries": 0, "timeout_s": 5.0, "backoff_s": 0.01, "min_free_gb": 0.0})
        fresh_project.dvc("repro", "download")
        assert reasons(fresh_project) == {path: {word} for path, word in PATHS.items()}
        assert server.counts() == {path: 2 if path in ("403", "bot", "busy-once") else 1 for path in PATHS}
        server.repaired = True
        server.hits.clear()
        fresh_project.dvc("repro", "--single-item", "--force", "download")  # the first command of `lcvd retry download`
        expected = {path: {"" if path in TRANSIENT else word} for path, word in PATHS.items()}
        assert reasons(fresh_project) == expected
        assert server.counts() == dict.fromkeys(TRANSIENT, 1) | {"403": 2}
