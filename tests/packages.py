"""Packages that exist for the length of a test."""

from pathlib import Path

import pytest


def install(
    monkeypatch: pytest.MonkeyPatch, folder: Path, name: str, entries: str, version: str = "1.0", **modules: str
) -> None:
    """A package `name` with `modules` (source by module name) and entry points `entries` (the text of entry_points.txt).

    Installed again in the same folder, it's another version of it; module names shouldn't be used twice in a process.
    """
    for old in folder.glob("*.dist-info/*"):
        old.unlink()
    for module, source in modules.items():
        (folder / f"{module}.py").write_text(source, encoding="utf-8")
    info = folder / f"{name.replace('-', '_')}-{version}.dist-info"
    info.mkdir(exist_ok=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n", encoding="utf-8")
    (info / "entry_points.txt").write_text(entries, encoding="utf-8")
    monkeypatch.syspath_prepend(str(folder))
