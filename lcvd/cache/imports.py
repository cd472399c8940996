"""The import graph of this project, read from source: which rooms a module uses, and a hash over them.

`rooms` names what ``dvc.yaml`` must list as dependencies; `rooms_hash` is the code's part of every cache key. A room is
a folder below ``lcvd/`` or ``tasks/``; a module of ``flows`` counts alone.
"""

from __future__ import annotations

import ast
import functools
import hashlib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("lcvd", "tasks", "flows")


def module_file(module: str) -> Path | None:
    """Source file of a module of this project, or None."""
    base = ROOT.joinpath(*module.split("."))
    for path in (base.with_suffix(".py"), base / "__init__.py"):
        if path.is_file():
            return path
    return None


@functools.cache
def direct_imports(module: str) -> frozenset[str]:
    """Modules of this project that `module` imports anywhere in its source, functions included."""
    path = module_file(module)
    if path is None:
        raise ModuleNotFoundError(f"{module}: no source file under {ROOT}")
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            submodules = {f"{node.module}.{alias.name}" for alias in node.names}
            known = {name for name in submodules if module_file(name)} if _ours(node.module) else set()
            found.update(known or {node.module})
    return frozenset(name for name in found if _ours(name) and module_file(name))


@functools.cache
def closure(module: str) -> frozenset[str]:
    """`module` and all modules of this project that importing it, or calling it, can load."""
    seen, todo = {module}, [module]
    while todo:
        fresh = direct_imports(todo.pop()) - seen
        seen |= fresh
        todo += fresh
    return frozenset(seen)


@functools.cache
def rooms(module: str) -> frozenset[str]:
    """Paths, relative to the project, of the rooms and files that `module` uses (``lcvd/face``, ``tasks/runtime/map_chunks.py``)."""
    found = set()
    for name in closure(module):
        parts = name.split(".")
        if parts[0] != "flows" and len(parts) > 2:
            found.add("/".join(parts[:2]))
        elif len(parts) > 1:
            found.add("/".join(parts) + ".py")
    return frozenset(found)


@functools.cache
def rooms_hash(module: str) -> str:
    """Hash of every file in the ``lcvd`` rooms that `module` uses; changes with any of their code or assets."""
    digest = hashlib.sha256()
    for room in sorted(room for room in rooms(module) if room.startswith("lcvd/")):
        for path in sorted((ROOT / room).rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
                digest.update(f"{path.relative_to(ROOT).as_posix()}\0".encode())
                digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def _ours(name: str) -> bool:
    return name.split(".")[0] in PACKAGES
