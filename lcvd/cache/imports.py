"""The import graph of this project, read from its source, and the code's part of every cache key.

`code_key` hashes a module and everything that it imports, without comments, docstrings and formatting. `rooms` returns the
folders below ``lcvd/`` and ``tasks/`` and the single modules of ``flows`` that ``dvc.yaml`` lists as dependencies.
"""

import functools
import hashlib
from collections.abc import Iterator
from pathlib import Path

from lcvd.cache.source import Import, Source, Use, parse

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("lcvd", "tasks", "flows")
WITHOUT_EFFECT = ("lcvd.cache.", "lcvd.ledger.", "lcvd.errors", "lcvd.registry")
"""Modules that store, name or count results but don't compute any; no key contains them."""
SETTINGS = "lcvd.config."
"""Of these modules, a key contains only the definitions that other modules use, without the fields of settings."""
DOCUMENTS = (".md", "/metrics.json")
"""Endings of files next to assets that no code reads: model cards and their metrics."""


class Tree:
    """The files of the project in the folder `root`, which must not change while this process runs.

    Paths are relative to `root`, with forward slashes. Subclasses may read the files from another place.
    """

    def __init__(self, root: Path = ROOT) -> None:
        self.root = root
        self._sources: dict[str, Source] = {}

    def has(self, path: str) -> bool:
        """Whether `path` is a file."""
        return (self.root / path).is_file()

    def digest(self, path: str) -> str:
        """A hash of a file's bytes."""
        return hashlib.sha256((self.root / path).read_bytes()).hexdigest()

    def source(self, path: str) -> Source:
        """The analysis of a Python file, which is read once."""
        if path not in self._sources:
            self._sources[path] = parse((self.root / path).read_text(encoding="utf-8"))
        return self._sources[path]

    def below(self, folder: str) -> list[str]:
        """All files below `folder`, or `folder` itself if it is a file, sorted."""
        top = self.root / folder
        return sorted(path.relative_to(self.root).as_posix() for path in (top, *top.rglob("*")) if path.is_file())


HERE = Tree()


@functools.cache
def module_path(module: str, tree: Tree = HERE) -> str | None:
    """Path of a module's file; None: this project has no such module."""
    base = module.replace(".", "/")
    return next((path for path in (f"{base}.py", f"{base}/__init__.py") if tree.has(path)), None)


def _found(module: str, tree: Tree) -> str:
    path = module_path(module, tree)
    if path is None:
        raise ModuleNotFoundError(f"{module}: no source file under {ROOT}")
    return path


@functools.cache
def direct_imports(module: str, tree: Tree = HERE, typed: bool = False) -> frozenset[str]:
    """Modules of this project that `module` imports anywhere in its source, functions included.

    Args:
        typed: include imports that only type checkers see.
    """
    source = tree.source(_found(module, tree))
    imports = (*source.imports, *(source.typed if typed else ()))
    return frozenset(found[0] for each in imports if (found := _target(each, tree)))


def _target(each: Import, tree: Tree) -> tuple[str, str | None] | None:
    """The module of this project that an import loads, and the name imported from it; None for other packages."""
    if each.module.split(".")[0] not in PACKAGES:
        return None
    if each.name and module_path(f"{each.module}.{each.name}", tree):
        return f"{each.module}.{each.name}", None
    return (each.module, each.name) if module_path(each.module, tree) else None


@functools.cache
def closure(module: str, tree: Tree = HERE) -> frozenset[str]:
    """`module` and all modules of this project that it imports, directly or indirectly, functions included."""
    seen, todo = {module}, [module]
    while todo:
        fresh = direct_imports(todo.pop(), tree) - seen
        seen |= fresh
        todo += fresh
    return frozenset(seen)


@functools.cache
def rooms(module: str) -> frozenset[str]:
    """Folders and files that `module` uses, relative to the project (``lcvd/face``, ``tasks/runtime``)."""
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
    """Hash of the code of `modules`, of all modules that they import, and of the assets that these read.

    Args:
        alone: further modules, without their imports (for results of the imports that are in the cache key by value).
        assets: False if other parts of the cache key determine the content of every asset that is used.

    Raises:
        ModuleNotFoundError: one of `modules` isn't a module of this project.
    """
    lines = [f"{module} {tree.source(_found(module, tree)).whole.meaning}" for module in alone]
    return hashlib.sha256("\n".join([*lines, *code_lines(*modules, tree=tree, assets=assets)]).encode()).hexdigest()


def code_lines(*modules: str, tree: Tree = HERE, assets: bool = True) -> list[str]:
    """The lines that `code_key` hashes: each module, used definition of a settings module and asset, with its hash, sorted.

    A settings class counts without its fields and validators, because a key contains the fields' values already. If code
    uses the class as a value, they count: ``TrackSettings()`` takes default values, which are nowhere else in the key.
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
    """Data files that a module reads from its own folder, without code and `DOCUMENTS`."""
    folder = path.rpartition("/")[0]
    for asset in source.assets:
        yield from (each for each in tree.below(f"{folder}/{asset}") if not each.endswith((".py", ".pyc", *DOCUMENTS)))
