"""A versioned list of JSON lines: tracked by DVC, written beside and renamed, because the old file may be a link."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from prefect import task
from prefect.cache_policies import NO_CACHE

from lcvd.cache.atomic import write_text_whole
from tasks.ops.dvc import bring, dvc, was_busy
from tasks.runtime.entrypoint import only_one


def read_history(root: Path, path: Path) -> list[dict[str, Any]]:
    """Entries, oldest first; a history that is tracked but not here is brought from DVC's cache or remote."""
    if not (root / path).exists():
        if not (root / f"{path}.dvc").exists():
            return []
        bring(root, f"{path}.dvc")
    return [json.loads(line) for line in (root / path).read_text(encoding="utf-8").splitlines()]


@task(
    name="history",
    cache_policy=NO_CACHE,
    persist_result=False,
    retries=5,
    retry_delay_seconds=10,
    retry_condition_fn=was_busy,
)
def append_history(root: Path, path: Path, entry: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Add an entry and let DVC track the new file (commit ``<path>.dvc`` when you commit); returns the entries before.

    An entry that is the last one already isn't added again, so that a retry is harmless.
    """
    with only_one("history"):
        before = read_history(root, path)
        if before and before[-1] == entry:
            before = before[:-1]
        lines = [json.dumps(each, sort_keys=True) + "\n" for each in (*before, entry)]
        write_text_whole(root / path, "".join(lines))
        dvc("add", path.as_posix(), root=root)
    return before
