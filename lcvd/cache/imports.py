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

from lcvd.cache.source import Source, parse

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


def module_path(module: str, tree: Tree = HERE) -> str | None:
    """Path of a module of this project, or None."""
    base = module.replace(".", "/")
    return next((path for path in (f"{base}.py", f"{base}/__init__.py") if tree.has(path)), None)


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
    path = module_path(module, tree)
    if path is None:
        raise ModuleNotFoundError(f"{module}: no source file under {ROOT}")
    source = tree.source(path)
    found: set[str] = set()
    for name, parts in (*source.imports, *(source.typed if typed else ())):
        if name.split(".")[0] in PACKAGES:
            submodules = {f"{name}.{part}" for part in parts if module_path(f"{name}.{part}", tree)}
            found |= submodules or {name}
    return frozenset(name for name in found if module_path(name, tree))


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
def code_key(module: str, tree: Tree = HERE, assets: bool = True) -> str:
    """Hash of the meaning of every module in `module`'s `closure` and of the assets that these modules name.

    Args:
        assets: False where the other parts of the cache key hold a hash of every asset that is used.
    """
    names = sorted(n for n in closure(module, tree) if n.startswith("lcvd.") and not n.startswith(WITHOUT_EFFECT))
    sources = {name: tree.source(str(module_path(name, tree))) for name in names if not name.startswith(SETTINGS)}
    digest = hashlib.sha256()
    for name, source in sources.items():
        digest.update(f"{name}\0{source.meaning}\0".encode())
    for part in _used_settings(sources, tree):
        digest.update(f"{part}\0".encode())
    for path in _asset_files(sources, tree) if assets else ():
        digest.update(f"{path}\0{tree.digest(path)}\0".encode())
    return digest.hexdigest()


def _used_settings(sources: dict[str, Source], tree: Tree) -> list[str]:
    """The meaning of each definition of a settings module that `sources` use, directly or through other definitions.

    A settings class counts without its fields and validators, whose values are in the key already; but with them where it is
    called: ``TrackSettings()`` takes defaults, which no other part of a key holds.
    """
    called = frozenset[str]().union(*(source.called for source in sources.values()))
    todo = [use for source in sources.values() for use in _names(source)]
    seen: set[tuple[str, str]] = set()
    parts = []
    while todo:
        module, name = todo.pop()
        path = module_path(module, tree)
        if not module.startswith(SETTINGS) or path is None or (module, name) in seen:
            continue
        seen.add((module, name))
        source = tree.source(path)
        if definition := source.definitions.get(name):
            whole = name in called
            parts.append(f"{module}.{name}\0{definition.meaning if whole else definition.without_fields}")
            uses = definition.uses if whole else definition.uses_without_fields
            todo += [(module, use) for use in uses]
            todo += [(other, use) for other, use in _names(source) if use in uses]
    return sorted(parts)


def _names(source: Source) -> Iterator[tuple[str, str]]:
    """The names that a file imports, with the module of each."""
    yield from ((module, part) for module, parts in source.imports for part in parts)


def _asset_files(sources: dict[str, Source], tree: Tree) -> list[str]:
    """Data files that the modules name below their own folders; neither code nor documents."""
    found = set()
    for name, source in sources.items():
        folder = str(module_path(name, tree)).rpartition("/")[0]
        for asset in source.assets:
            found |= {path for path in tree.below(f"{folder}/{asset}") if not path.endswith(DOCUMENTS)}
    return sorted(path for path in found if "__pycache__" not in path and not path.endswith(".py"))
