"""Scratch folders of training runs: their key, other runs that a new one could continue, and how it continues one."""

import json
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lcvd.cache.atomic import write_text_whole
from lcvd.cache.imports import code_key
from lcvd.cache.store import file_hash, key_of, link_or_copy
from lcvd.config.settings import Settings
from lcvd.errors import UsageError
from lcvd.train.stage import LAUNCHED

IDENTITY, HASHES, STEPS = "identity.json", "hashes.json", "step-*"


@dataclass(frozen=True)
class Identity:
    """Everything that decides the result of a run: a run resumes from checkpoints of the same identity."""

    parts: Mapping[str, Any]
    """``seed``, ``train`` (settings by dotted key), ``shards`` and ``start weights`` (hashes by path) and ``code``."""

    @classmethod
    def of(cls, settings: Settings, data: Path, runs: Path) -> "Identity":
        """The identity of a run on the shards in `data`.

        `runs`, the folder of all runs, remembers the shards' hashes; a shard is hashed again if its size or time changes.
        """
        shards, start = hashes(data, runs / HASHES), settings.train.model.start
        train = dict(_flat(settings.train.decisive))
        weights = hashes(Path(start), runs / HASHES, "*.safetensors") if Path(start).is_dir() else {}
        parts = {"seed": settings.seed, "train": train, "shards": shards, "start weights": weights}
        return cls({**parts, "code": code_key(*LAUNCHED)})

    @property
    def key(self) -> str:
        """Name of the run's scratch folder."""
        return key_of(**self.parts)

    def write(self, folder: Path) -> None:
        """Write the identity into a run's scratch folder."""
        write_text_whole(folder / IDENTITY, json.dumps(self.parts, indent=1, sort_keys=True) + "\n")

    def changes(self, old: Mapping[str, Any]) -> list[str]:
        """In words, how this run differs from one with the parts `old`."""
        train, before = self.parts["train"], old["train"]
        found = [
            f"train.{key}: {before.get(key)} -> {train.get(key)}"
            for key in sorted({*train, *before})
            if train.get(key) != before.get(key)
        ]
        found += [f"seed: {old['seed']} -> {self.parts['seed']}"] if old["seed"] != self.parts["seed"] else []
        found += [f"the {name}" for name in ("shards", "start weights", "code") if old[name] != self.parts[name]]
        return found


def other_runs(runs: Path, identity: Identity) -> Iterator[str]:
    """For each other run that has a checkpoint: its folder, step, and what differs. Nothing if this run has one."""
    if _checkpoints(runs / identity.key):
        return
    for path in sorted(runs.glob(f"*/{IDENTITY}"), key=lambda path: path.stat().st_mtime):
        if found := _checkpoints(path.parent):
            changes = identity.changes(json.loads(path.read_text(encoding="utf-8")))
            yield f"{path.parent} has a checkpoint of {found[-1].name}; this run differs in {'; '.join(changes)}"


def continue_from(folder: Path, scratch: Path) -> None:
    """Let the run in `scratch` start from the newest checkpoint of the run in `folder`, which is kept.

    Does nothing if the run has a checkpoint of its own: a resumed run resumes from that.

    Raises:
        UsageError: `folder` has no checkpoint.
    """
    if _checkpoints(scratch):
        return
    found = _checkpoints(folder)
    if not found:
        raise UsageError(f"{folder}: no checkpoint to resume from; name a folder below .lcvd/train")
    aside = scratch / "checkpoints" / "unfinished"
    shutil.rmtree(aside, ignore_errors=True)
    for path in (each for each in found[-1].rglob("*") if each.is_file()):
        link_or_copy(path, aside / path.relative_to(found[-1]))
    aside.rename(scratch / "checkpoints" / found[-1].name)


def hashes(data: Path, known: Path, pattern: str = "*.tar") -> dict[str, str]:
    """SHA-256 of each file of the `pattern` below `data`, by relative path. Hashes are remembered in the file `known` by size and time."""
    rows = json.loads(known.read_text(encoding="utf-8")) if known.is_file() else {}
    found, new = {}, {}
    for path in sorted(data.rglob(pattern)):
        state, name = path.stat(), str(path.absolute())
        size, time, sha256 = rows.get(name, (None, None, None))
        if (size, time) != (state.st_size, state.st_mtime_ns):
            sha256 = file_hash(path)
        new[name] = (state.st_size, state.st_mtime_ns, sha256)
        found[path.relative_to(data).as_posix()] = sha256
    write_text_whole(known, json.dumps({**rows, **new}))
    return found


def _checkpoints(folder: Path) -> list[Path]:
    return sorted(path for path in (folder / "checkpoints").glob(STEPS) if path.is_dir())


def _flat(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in values.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value
