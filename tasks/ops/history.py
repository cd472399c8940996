"""A history file of JSON lines, tracked by DVC."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from prefect import task

from lcvd.cache.atomic import write_text_whole
from tasks.ops.dvc import bring, dvc, was_busy
from tasks.runtime.entrypoint import only_one


def read_history(root: Path, path: Path) -> list[dict[str, Any]]:
    """Entries, oldest first. A tracked history that is missing is restored from DVC's cache or remote."""
    if not (root / path).exists():
        if not (root / f"{path}.dvc").exists():
            return []
        bring(root, f"{path}.dvc")
    return [json.loads(line) for line in (root / path).read_text(encoding="utf-8").splitlines()]


@task(
    name="history",
    persist_result=False,
    retries=5,
    retry_delay_seconds=10,
    retry_condition_fn=was_busy,
)
def append_history(root: Path, path: Path, entry: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Append an entry and update DVC's ``<path>.dvc`` (commit it with your next commit); returns the earlier entries.

    If the last entry is the same, it isn't appended again, so that a retry has no effect.
    """
    with only_one("history"):
        before = read_history(root, path)
        if before and before[-1] == entry:
            before = before[:-1]
        lines = [json.dumps(each, sort_keys=True) + "\n" for each in (*before, entry)]
        write_text_whole(root / path, "".join(lines))  # a new file, because the old one may be a link into DVC's cache
        dvc("add", path.as_posix(), root=root)
    return before
