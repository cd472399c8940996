"""The import graph of this project, read from source, and the code's part of every cache key.

`code_key` hashes what a module really imports, by its meaning: comments, docstrings and formatting don't count. `rooms`
names the folders that ``dvc.yaml`` lists as dependencies: a folder below ``lcvd/`` or ``tasks/``; a module of ``flows``
counts alone.
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

from lcvd.cache.source import Import, Source, Use, parse

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("lcvd", "tasks", "flows")
WITHOUT_EFFECT = ("lcvd.cache.", "lcvd.ledger.", "lcvd.errors", "lcvd.registry")
"""Modules that store, name and count results but compute none, so they are in no key."""
SETTINGS = "lcvd.config."
"""Modules of which a key holds only the parts that other modules use, without the settings' fields."""
DOCUMENTS = (".md", "/metrics.json")
"""Files beside assets that no code reads: model cards and their numbers."""


class Tree(Protocol):
    """The files of one state of the project, which stays as it is; paths are relative to it, with forward slashes."""

    def __hash__(self) -> int:
        """Results are kept for each tree."""

    def has(self, path: str) -> bool:
        """Whether there is such a file."""

    def digest(self, path: str) -> str:
        """A hash of a file's bytes."""

    def source(self, path: str) -> Source:
        """What a Python file contributes."""

    def below(self, folder: str) -> list[str]:
        """Every file below `folder`, or `folder` itself if it is a file, sorted."""


class WorkingTree:
    """The files below a folder as they are on disk; each Python file is read once."""

    def __init__(self, root: Path = ROOT) -> None:
        self.root = root
        self._sources: dict[str, Source] = {}

    def has(self, path: str) -> bool:
        """See `Tree`."""
        return (self.root / path).is_file()

    def digest(self, path: str) -> str:
        """See `Tree`."""
        return hashlib.sha256((self.root / path).read_bytes()).hexdigest()

    def source(self, path: str) -> Source:
        """See `Tree`."""
        if path not in self._sources:
            self._sources[path] = parse((self.root / path).read_text(encoding="utf-8"))
        return self._sources[path]

    def below(self, folder: str) -> list[str]:
        """See `Tree`."""
        place = self.root / folder
        found = [place] if place.is_file() else [path for path in place.rglob("*") if path.is_file()]
        return sorted(path.relative_to(self.root).as_posix() for path in found)


HERE = WorkingTree()


@functools.cache
def module_path(module: str, tree: Tree = HERE) -> str | None:
    """Path of a module of this project, or None."""
    base = module.replace(".", "/")
    return next((path for path in (f"{base}.py", f"{base}/__init__.py") if tree.has(path)), None)


def _found(module: str, tree: Tree) -> str:
    path = module_path(module, tree)
    if path is None:
        raise ModuleNotFoundError(f"{module}: no source file under {ROOT}")
    return path


def module_file(module: str) -> Path | None:
    """`module_path` on disk."""
    path = module_path(module)
    return None if path is None else ROOT / path


@functools.cache
def direct_imports(module: str, tree: Tree = HERE, typed: bool = False) -> frozenset[str]:
    """Modules of this project that `module` imports anywhere in its source, functions included.

    Args:
        typed: imports for type checking count too; Python never runs them.
    """
    source = tree.source(_found(module, tree))
    imports = (*source.imports, *(source.typed if typed else ()))
    return frozenset(found[0] for each in imports if (found := _target(each, tree)))


def _target(each: Import, tree: Tree) -> tuple[str, str | None] | None:
    """The module of this project that an import loads, and the name taken from it; None for another package."""
    if each.module.split(".")[0] not in PACKAGES:
        return None
    if each.name and module_path(f"{each.module}.{each.name}", tree):
        return f"{each.module}.{each.name}", None
    return (each.module, each.name) if module_path(each.module, tree) else None


@functools.cache
def closure(module: str, tree: Tree = HERE) -> frozenset[str]:
    """`module` and all modules of this project that importing it, or calling it, can load."""
    seen, todo = {module}, [module]
    while todo:
        fresh = direct_imports(todo.pop(), tree) - seen
        seen |= fresh
        todo += fresh
    return frozenset(seen)


@functools.cache
def rooms(module: str) -> frozenset[str]:
    """Paths, relative to the project, of the rooms and files that `module` uses (``lcvd/face``, ``tasks/runtime``)."""
    found = set()
    for name in closure(module):
        parts = name.split(".")
        if parts[0] != "flows" and len(parts) > 2:
            found.add("/".join(parts[:2]))
        elif len(parts) > 1:
            found.add("/".join(parts) + ".py")
    return frozenset(found)


@functools.cache
def code_key(*modules: str, alone: tuple[str, ...] = (), tree: Tree = HERE, assets: bool = True) -> str:
    """Hash of the meaning of `modules`, of every module that they import, and of the assets that all these name.

    Args:
        alone: modules that count without what they import, because the cache key holds what comes from there.
        assets: False where the other parts of the cache key decide the content of every asset that is used.

    Raises:
        ModuleNotFoundError: one of `modules` isn't a module of this project.
    """
    lines = [f"{module} {tree.source(_found(module, tree)).whole.meaning}" for module in alone]
    return hashlib.sha256("\n".join([*lines, *code_lines(*modules, tree=tree, assets=assets)]).encode()).hexdigest()


def code_lines(*modules: str, tree: Tree = HERE, assets: bool = True) -> list[str]:
    """What `code_key` hashes: each module, definition of settings and asset with its hash, sorted.

    Of a settings module only the definitions count that others use. A class of settings counts without its fields and
    validators, whose values are in the key already; but with them where it is used as a value: ``TrackSettings()`` takes
    defaults, which no other part of a key holds.
    """
    lines: set[str] = set()
    seen: set[tuple[str, str | None, Use]] = set()
    todo: list[tuple[str, str | None, Use]] = [(module, None, Use.VALUE) for module in modules]
    while todo:
        want = module, name, use = todo.pop()
        if want in seen:
            continue
        seen.add(want)
        path = _found(module, tree)
        source = tree.source(path)
        definition = source.definitions.get(name) if name else None
        part = definition.used(use) if definition else source.whole
        if part.meaning and not module.startswith(WITHOUT_EFFECT):
            lines.add(f"{module} {name or ''} {part.meaning}")
        if assets and not definition:
            lines.update(f"{file} {tree.digest(file)}" for file in _asset_files(path, source, tree))
        neighbours = [Import(module, other, other) for other in source.definitions] if definition else []
        for each in (*neighbours, *source.imports):
            how = part.names.get(each.local, None if definition else Use.NAME)
            if how is not None and (found := _target(each, tree)):
                todo.append((*found, how) if found[0].startswith(SETTINGS) else (found[0], None, Use.VALUE))
    return sorted(lines)


def _asset_files(path: str, source: Source, tree: Tree) -> Iterator[str]:
    """Data files that a module names below its folder: neither code nor documents."""
    folder = path.rpartition("/")[0]
    for asset in source.assets:
        yield from (each for each in tree.below(f"{folder}/{asset}") if not each.endswith((".py", ".pyc", *DOCUMENTS)))
