"""``lcvd explain FILE``: the origin of an artifact: stages, data, code, settings, weights, revision, flow runs.

Everything but the hash of FILE is read from ``dvc.lock``, git, DVC's cache and the ledgers.
"""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any

import click
import yaml

from lcvd.errors import UsageError
from lcvd.ledger.story import story
from lcvd.weights.registry import REGISTRY, find_weights, weights_hash
from tasks.ops.dvc import git
from tasks.runtime.entrypoint import StageError
from tasks.runtime.run_log import last_run
from tasks.runtime.supervisor import ChildError

LOCK = "dvc.lock"
_SELECTED_BY: dict[str, tuple[str, str | tuple[str, ...]]] = {
    "deca": ("reconstruct.codes", "deca"),
    "flame": ("reconstruct.codes", "deca"),
    "flame-masks": ("reconstruct.codes", "deca"),
    "u2net-human": ("reconstruct.mask", "u2net"),
    "fastervqa": ("filter.quality.metric", "fastervqa"),
    "svd-xt": ("train.model.start", ("svd-xt", "published")),
    "lcvd": ("train.model.start", "published"),
    "sd-vae-ft-mse": ("train.model.latents.autoencoder", "sd-vae-ft-mse"),
}
"""Published weights: the setting that selects them, and the possible beginnings of its value."""


@dataclass(frozen=True)
class Made:
    """A stage in ``dvc.lock``: its command, settings, and the hashes of its inputs (data, code) and outputs."""

    stage: str
    command: str
    data: dict[str, str]
    code: dict[str, str]
    settings: dict[str, Any]
    outs: dict[str, str]


def lineage(lock: dict[str, Any], path: str) -> list[Made]:
    """The stage that wrote `path` (relative to the project) and all stages before it, nearest first.

    Raises:
        StageError: no stage wrote it.
    """
    made = {name: _made(name, found) for name, found in lock.get("stages", {}).items()}
    first = next((each for each in made.values() if _holding(each.outs, path)), None)
    if first is None:
        outs = sorted(out for each in made.values() for out in each.outs)
        raise StageError(
            f"{path} is no artifact of the pipeline; {LOCK} has {', '.join(outs) or 'none: run `dvc repro`'}"
        )
    needed: dict[str, set[str]] = {}
    waiting = [first]
    while waiting:
        each = waiting.pop()
        if each.stage not in needed:
            before = [other for other in made.values() if set(each.data) & set(other.outs)]
            needed[each.stage] = {other.stage for other in before}
            waiting += before
    return [made[name] for name in reversed([*TopologicalSorter(needed).static_order()])]


def _made(name: str, found: dict[str, Any]) -> Made:
    deps = {each["path"]: each.get("md5", "") for each in found.get("deps", [])}
    data = {path: md5 for path, md5 in deps.items() if path.startswith("data/")}
    settings = {key: value for each in found.get("params", {}).values() for key, value in each.items()}
    outs = {each["path"]: each.get("md5", "") for each in found.get("outs", [])}
    return Made(name, found["cmd"], data, {path: deps[path] for path in deps if path not in data}, settings, outs)


def _holding(outs: dict[str, str], path: str) -> str | None:
    return next((out for out in outs if path == out or path.startswith(f"{out}/")), None)


def recorded_md5(root: Path, made: Made, path: str) -> str | None:
    """The MD5 that DVC recorded for `path`; None if `path` is a folder in an output, or DVC's cache lacks the list of its files."""
    out = _holding(made.outs, path) or ""
    md5 = made.outs.get(out, "")
    if out == path or not md5.endswith(".dir"):
        return md5 or None
    listed = root / ".dvc" / "cache" / "files" / "md5" / md5[:2] / md5[2:]
    if not listed.is_file():
        return None
    files = {each["relpath"]: each["md5"] for each in json.loads(listed.read_text(encoding="utf-8"))}
    return files.get(path.removeprefix(f"{out}/"))


def published_weights(settings: dict[str, Any]) -> list[str]:
    """Names of the published weights that a stage's settings select."""
    return [name for name, (key, start) in _SELECTED_BY.items() if str(_value(settings, key)).startswith(start)]


def _value(settings: dict[str, Any], wanted: str) -> Any:
    """Value of the setting `wanted`; the keys of `settings` may be that name or any parent section."""
    for name, value in settings.items():
        if wanted == name or wanted.startswith(f"{name}."):
            for part in wanted.removeprefix(name).split(".")[1:]:
                value = value.get(part) if isinstance(value, dict) else None
            return value
    return None


def revision(root: Path) -> str:
    """Description of the commit with the present state of ``dvc.lock``."""
    try:
        if git("status", "--porcelain", "--", LOCK, root=root):
            return f"not committed: {LOCK} differs from the last commit"
        return (
            "".join(git("log", "-1", "--format=%h of %cs: %s", "--", LOCK, root=root)) or f"{LOCK} was never committed"
        )
    except ChildError:
        return "unknown: this is no git repository"


def describe(root: Path, path: Path) -> Iterator[str]:
    """Lines about the origin of the artifact at `path`.

    Raises:
        StageError: it isn't an artifact of the pipeline, or the pipeline never ran here.
    """
    inside = (
        path.resolve().relative_to(root.resolve()).as_posix() if path.resolve().is_relative_to(root.resolve()) else ""
    )
    side = path.with_suffix(".json")
    if path.suffix == ".mp4" and side.is_file() and not inside.startswith("data/"):
        raise StageError(f"{path} wasn't made by the pipeline; its origin is in {side}")
    if not (root / LOCK).is_file():
        raise StageError(f"{LOCK} not found; run this in the project's folder, after `dvc repro`")
    steps = lineage(yaml.safe_load((root / LOCK).read_text(encoding="utf-8")), inside or str(path))
    yield inside
    yield from _state(root, steps[0], path, inside)
    yield f"  revision  {revision(root)}"
    if (root / "data" / "download").is_dir() and (clip := _clip(root, path.stem)):
        yield f"  clip      {clip}"
    for made in steps:
        yield f"{made.stage}: {made.command}"
        yield from (f"  data      {name} {md5}" for name, md5 in made.data.items())
        yield from (f"  made      {name} {md5}" for name, md5 in made.outs.items())
        digest = hashlib.sha256(json.dumps(made.code, sort_keys=True).encode()).hexdigest()
        yield f"  code      {len(made.code)} folders and files, together {digest[:16]}"
        yield from (f"  setting   {key}: {json.dumps(value)}" for key, value in made.settings.items())
        yield from (f"  weights   {name}: {_weights(name)}" for name in published_weights(made.settings))
        if run := last_run(root, made.stage):
            yield f"  flow run  {run['id']}, ended {run['ended']} ({run['state']}), the last one here"


def _state(root: Path, made: Made, path: Path, inside: str) -> Iterator[str]:
    recorded = recorded_md5(root, made, inside)
    if not path.exists():
        yield f"  missing; `dvc checkout` or `dvc pull` restores it (md5 {recorded})"
    elif path.is_file() and recorded and not recorded.endswith(".dir"):
        with path.open("rb") as stream:
            found = hashlib.file_digest(stream, "md5").hexdigest()
        yield f"  md5       {found}" + ("" if found == recorded else f", but {LOCK} has {recorded}: changed since")
    elif recorded:
        yield f"  md5       {recorded}"
    elif path.is_dir():
        yield "  md5       none: part of the folder listed below"
    else:
        yield "  md5       unknown: DVC's cache lacks the list of the folder's files"


def _clip(root: Path, stem: str) -> str:
    """The history of a clip in one line, if the file is named after one: ``CLIP`` or ``CLIP_...``; else ''."""
    for name in (stem, *(stem.rsplit("_", count)[0] for count in range(1, stem.count("_") + 1))):
        try:
            rows = story(root / "data", name)
        except UsageError:
            continue
        address = next((row.fields["address"] for _, row in rows if "address" in row.fields), "")
        return f"{name} {address}: " + ", ".join(f"{stage} {row.status}" for stage, row in rows)
    return ""


def _weights(name: str) -> str:
    licence = next(each.licence for each in REGISTRY if each.name == name)
    path = find_weights(name)
    here = f"sha256 {weights_hash(name)[:16]}" if path and path.is_file() else "a folder" if path else "missing"
    return f"{here} ({licence})"


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
def explain(file: Path) -> None:
    """Show the origin of the artifact FILE: data, code, settings, weights, revision, flow runs."""
    for line in describe(Path.cwd(), file):
        click.echo(line)
