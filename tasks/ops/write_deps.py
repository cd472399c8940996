"""``python -m tasks.ops.write_deps``: write the source folders and files that each stage uses into ``dvc.yaml``."""

import sys
from pathlib import Path

from ruamel.yaml import YAML

from lcvd.cache.imports import ROOT, rooms

LAUNCHED = {"train": ("lcvd.train.run",)}
"""Modules that a stage starts as separate processes, which aren't in the import graph of its flow."""
SOURCES = ("flows/", "tasks/", "lcvd/")


def source_deps(stage: str) -> list[str]:
    """Folders and files, relative to the project, on which the code of `stage` depends."""
    modules = (f"flows.{stage}", *LAUNCHED.get(stage, ()))
    return sorted({f"flows/{stage}.py"}.union(*map(rooms, modules)))


def rewrite(path: Path) -> bool:
    """Update the code in the `deps` of every stage in `path`; returns whether the file changed."""
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
