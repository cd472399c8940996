"""``python -m tasks.ops.write_deps``: write the source rooms that each stage's flow uses into ``dvc.yaml``; the test compares them."""

from __future__ import annotations

import sys
from pathlib import Path

from ruamel.yaml import YAML

from lcvd.cache.imports import ROOT, rooms

LAUNCHED = {"train": ("lcvd.train.run",)}
"""Modules that a stage starts as processes of their own, which the import graph of its flow can't see."""
SOURCES = ("flows/", "tasks/", "lcvd/")


def source_deps(stage: str) -> list[str]:
    """Rooms and files, relative to the project, whose change makes `stage` stale."""
    modules = (f"flows.{stage}", *LAUNCHED.get(stage, ()))
    return sorted({*(f"flows/{stage}.py",), *(room for module in modules for room in rooms(module))})


def rewrite(path: Path) -> bool:
    """Bring the `deps` of every stage in `path` up to date (inputs stay); True if the file changed."""
    yaml = YAML()
    yaml.indent(mapping=2, sequence=4, offset=2)
    yaml.width = 4096
    before = path.read_text(encoding="utf-8")
    document = yaml.load(before)
    for name, stage in document["stages"].items():
        inputs = [dep for dep in stage["deps"] if not dep.startswith(SOURCES)]
        stage["deps"] = [*inputs, *source_deps(name)]
    with path.open("w", encoding="utf-8") as stream:
        yaml.dump(document, stream)
    return path.read_text(encoding="utf-8") != before


if __name__ == "__main__":
    sys.stdout.write("dvc.yaml: deps rewritten\n" if rewrite(ROOT / "dvc.yaml") else "dvc.yaml: deps are up to date\n")
