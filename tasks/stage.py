"""What all stage flows share: folders, lock, server, plain errors, the ledger written at the end."""

from __future__ import annotations

import contextlib
import logging
import os
import re
import shutil
import sys
from collections.abc import Iterator, Sequence, Sized
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout
from prefect import Flow, tags

from lcvd.cache.store import Cache
from lcvd.config.io import SettingsError, load_settings
from lcvd.ledger.rows import ClipError, Row, write_ledger
from lcvd.ledger.story import counts, last_rows
from tasks.artifacts import show_ledger
from tasks.deathwatch import dvc_above, end_with, on_sigterm
from tasks.environment import PARENT_RUN, scratch
from tasks.runners import RunnerError
from tasks.server import ServerError, prefect_server
from tasks.supervisor import ChildError

DATA = Path("data")
log = logging.getLogger("lcvd.stage")


class StageError(RuntimeError):
    """A stage can't do its work; the message says why and what to do next."""


EXPECTED = (StageError, SettingsError, RunnerError, ServerError, ChildError, ClipError)


@dataclass(frozen=True)
class Stage:
    """One of the six stages. Paths are relative to the project, so that none of this machine enters an artifact."""

    name: str

    @property
    def out(self) -> Path:
        """The stage's folder of artifacts."""
        return DATA / self.name

    @property
    def cache(self) -> Cache:
        """The scratch cache, shared by all stages."""
        return Cache(scratch() / "cache")

    def fresh(self) -> Path:
        """The stage's folder, emptied: its files may be read-only links into DVC's cache, never to be written to."""
        for path in self.out.iterdir() if self.out.exists() else ():
            if path.name == ".gitignore":
                continue
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink()
        self.out.mkdir(parents=True, exist_ok=True)
        return self.out

    def input(self, stage: str) -> Path:
        """Folder of an earlier stage.

        Raises:
            StageError: it hasn't run.
        """
        folder = DATA / stage
        if not folder.exists():
            raise StageError(f"{folder} isn't there; run `dvc repro {stage}` first")
        return folder

    def need(self, clips: Sized) -> None:
        """Raise a StageError that counts the reasons when no clip is left."""
        if len(clips):
            return
        tally = counts(row for _, row in last_rows(DATA).values())
        reasons = ", ".join(f"{number} {key}" for key, number in tally.items() if ":" in key) or "there were no clips"
        raise StageError(f"nothing left to work on: {reasons}. `lcvd ledger` names the clips; thresholds are in params.yaml")

    def finish(self, rows: Sequence[Row]) -> None:
        """Write the ledger, tell the counts, show them in Prefect."""
        rows = [replace(row, detail=_portable(row.detail)) for row in rows]
        write_ledger(self.out / "ledger.parquet", rows)
        tally = counts(rows)
        log.info("%s: %s", self.name, ", ".join(f"{number} {key}" for key, number in tally.items()) or "no clips")
        show_ledger(self.name, rows)


def main(flow: Flow[Any, Any]) -> None:
    """``python -m flows.<stage>``: an expected error is one plain message and exit code 1."""
    on_sigterm()
    if (dvc := dvc_above()) is not None:
        end_with(dvc)
    logging.getLogger("prefect.flow_runs").addFilter(_unexpected)
    try:
        settings = load_settings("params.yaml")
        with _lock(flow.name), prefect_server(), tags(*_parent()):
            flow(settings)
    except EXPECTED as error:
        print(f"{flow.name}: {error}", file=sys.stderr, flush=True)
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)


@contextlib.contextmanager
def _lock(name: str) -> Iterator[None]:
    """One process a stage in a scratch folder (whoever kills `dvc` frees DVC's own lock); freed by the kernel."""
    path = scratch() / "locks" / f"{name}.lock"
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(path)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        log.warning("%s: another process runs this stage in %s; waiting until it ends", name, scratch())
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


def _parent() -> list[str]:
    return [f"parent:{os.environ[PARENT_RUN]}"] if PARENT_RUN in os.environ else []


def _unexpected(record: logging.LogRecord) -> bool:
    """Drops Prefect's traceback of an error that `main` tells in plain words."""
    error = record.exc_info[1] if record.exc_info else None
    return not isinstance(error, EXPECTED) and not str(record.msg).startswith("Finished in state")


def _portable(detail: str) -> str:
    """The text without paths of this machine, which would make equal inputs give different bytes."""
    detail = re.sub(rf"{re.escape(str(scratch()))}[^\s'\"]*", ".lcvd", detail)
    return detail.replace(f"{Path.cwd()}{os.sep}", "")
