"""Common parts of all stage flows: folders, lock, and the ledger at the end."""

import contextlib
import logging
import os
import re
import shutil
from collections.abc import Iterator, Sequence, Sized
from dataclasses import dataclass, replace
from itertools import takewhile
from pathlib import Path
from typing import Any, cast

from prefect import Flow, State

from lcvd.cache.store import Cache, key_of
from lcvd.config.io import load_settings
from lcvd.ledger.rows import Row, read_ledger, write_ledger
from lcvd.ledger.story import STAGES, counts
from tasks.runtime.artifacts import show_ledger
from tasks.runtime.entrypoint import GRACE_S, StageError, entry, only_one, served
from tasks.runtime.environment import scratch
from tasks.runtime.run_log import remember

DATA = Path("data")
log = logging.getLogger("lcvd.stage")


@dataclass(frozen=True)
class Stage:
    """One of the six stages. Paths are relative to the project, so that artifacts contain no paths of this machine."""

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
        """The stage's folder, emptied: its files may be links into DVC's cache, which must not be overwritten."""
        for path in self.out.iterdir() if self.out.exists() else ():
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink()
        self.out.mkdir(parents=True, exist_ok=True)
        return self.out

    @contextlib.contextmanager
    def temporary(self) -> Iterator[Path]:
        """An empty folder on the file system of the scratch cache, for files that are packed later.

        Each checkout has its own, because several may share a scratch folder.
        """
        folder = scratch() / "aside" / key_of(out=str(self.out.absolute()))
        shutil.rmtree(folder, ignore_errors=True)  # left by a run that was killed
        folder.mkdir(parents=True)
        yield folder
        shutil.rmtree(folder)

    def input(self, stage: str) -> Path:
        """Folder of an earlier stage.

        Raises:
            StageError: it hasn't run.
        """
        folder = DATA / stage
        if not folder.exists():
            raise StageError(f"{folder} doesn't exist; run `dvc repro {stage}` first")
        return folder

    def need(self, clips: Sized, rows: Sequence[Row] = ()) -> None:
        """Require at least one clip. `rows`: rows of this stage, which are written before the error is raised.

        Raises:
            StageError: there is no clip; the message counts the reasons.
        """
        if len(clips):
            return
        if rows:
            self.finish(rows)
        last: dict[str, Row] = {}
        for stage in takewhile(
            lambda stage: stage != self.name, STAGES
        ):  # later stages' ledgers are from an earlier run
            last |= {row.id: row for row in read_ledger(self.input(stage) / "ledger.parquet")}
        last |= {row.id: row for row in rows}
        tally = counts(last.values())
        reasons = ", ".join(f"{number} {key}" for key, number in tally.items() if ":" in key) or "there were no clips"
        raise StageError(f"no clips left: {reasons}. `lcvd ledger` lists the clips; thresholds are in params.yaml")

    def finish(self, rows: Sequence[Row]) -> None:
        """Write the ledger, log the counts and show them in Prefect."""
        rows = [replace(row, detail=_portable(row.detail)) for row in rows]
        write_ledger(self.out / "ledger.parquet", rows)
        tally = counts(rows)
        log.info("%s: %s", self.name, ", ".join(f"{number} {key}" for key, number in tally.items()) or "no clips")
        show_ledger(self.name, rows)


def main(flow: Flow[Any, Any], grace: float = GRACE_S) -> None:
    """Run ``python -m flows.<stage>``; `grace`: see `entry`."""
    with entry(flow.name, grace):
        settings = load_settings("params.yaml")
        with only_one(flow.name), served():
            state = cast("State[Any]", flow(settings, return_state=True))
            if state.state_details.flow_run_id:
                remember(flow.name, str(state.state_details.flow_run_id), state.name or state.type.value)
            state.result()


def _portable(detail: str) -> str:
    """`detail` without paths of this machine, which would make an artifact's bytes depend on it."""
    detail = re.sub(rf"{re.escape(str(scratch()))}[^\s'\"]*", ".lcvd", detail)
    return detail.replace(f"{Path.cwd()}{os.sep}", "")
