import os
from pathlib import Path

from tests.tasks.helpers.repository import commit, dvc_cli, run


def test_a_history_grows_is_tracked_and_comes_back(repository, prefect_api):
    from prefect import flow

    from tasks.ops.history import append_history, read_history

    path = Path("data/history/nightly.jsonl")

    @flow
    def append(entry: dict) -> list[dict]:
        return append_history(repository, path, entry)

    assert read_history(repository, path) == []
    assert append({"night": 1}) == []
    assert append({"night": 2}) == [{"night": 1}]
    assert append({"night": 2}) == [{"night": 1}]  # a retry
    assert not os.access(repository / path, os.W_OK) or os.getuid() == 0
    assert "nightly.jsonl" in (repository / "data" / "history" / ".gitignore").read_text()
    old = commit(repository)
    append({"night": 3})
    (repository / path).unlink()
    assert [entry["night"] for entry in read_history(repository, path)] == [1, 2, 3]
    run(repository, "git", "checkout", "--quiet", old, "--", "data/history")
    dvc_cli(repository, "checkout", f"{path}.dvc")
    assert [entry["night"] for entry in read_history(repository, path)] == [1, 2]
