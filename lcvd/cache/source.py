"""Analyse the syntax tree of a Python file for cache keys: hashes, names, imports and assets."""

import ast
import functools
import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any

SECTION = "Section"
"""Base class of all settings classes; each of them lists it directly among its bases."""
_ANNOTATIONS = ("annotation", "returns")
_FOLDER = ast.dump(ast.parse("Path(__file__).parent", mode="eval").body)


class Use(IntEnum):
    """How code uses a name; the strongest use counts."""

    TYPE = 0
    """In annotations only."""
    NAME = 1
    """Before a dot: ``Settings.model_validate``."""
    VALUE = 2
    """Anything else: called, passed as an argument, derived from."""


@dataclass(frozen=True)
class Import:
    """One name that a file imports."""

    module: str
    name: str | None
    """None for the module itself."""
    local: str
    """Name in the file."""


@dataclass(frozen=True)
class Part:
    """A file, or a definition in it."""

    meaning: str
    """Hash of the syntax tree without docstrings; empty if nothing else is left."""
    names: dict[str, Use]
    """All names in it, by their use."""


@dataclass(frozen=True)
class Definition:
    """A top-level class, function or constant."""

    whole: Part
    derived: Part | None
    """Settings classes only: the class without fields and validators, which leaves methods that derive values from fields."""

    def used(self, use: Use) -> Part:
        """The part that counts for a use. As a value, a settings class counts whole, with the classes of its fields."""
        if self.derived is None:
            return Part("", dict.fromkeys(self.whole.names, Use.TYPE)) if use is Use.TYPE else self.whole
        return (
            Part(self.whole.meaning, dict.fromkeys(self.whole.names, Use.VALUE)) if use is Use.VALUE else self.derived
        )


@dataclass(frozen=True)
class Source:
    """The analysis of a file."""

    whole: Part
    imports: tuple[Import, ...]
    """Imports that Python executes, including those in functions."""
    typed: tuple[Import, ...]
    """Imports for type checkers only."""
    assets: tuple[str, ...]
    """Files and folders in expressions ``Path(__file__).parent / ...``, relative to the file's folder."""
    text: str = field(repr=False)

    @functools.cached_property
    def definitions(self) -> dict[str, Definition]:
        """Top-level definitions by name."""
        body = ast.parse(self.text).body
        return {name: Definition(part(node), _derived(node)) for node in body for name in _defined(node)}


def parse(text: str) -> Source:
    """Analyse a Python file's text."""
    reader = _Reader([ast.parse(text)])
    return Source(reader.part(), tuple(reader.imports), tuple(reader.typed), tuple(sorted(reader.assets)), text)


def part(*nodes: ast.AST) -> Part:
    """Hash and names of syntax trees."""
    return _Reader(nodes).part()


def _defined(node: ast.stmt) -> Iterator[str]:
    if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
        yield node.name
    elif isinstance(node, ast.Assign | ast.AnnAssign):
        for target in node.targets if isinstance(node, ast.Assign) else [node.target]:
            yield from (each.id for each in ast.walk(target) if isinstance(each, ast.Name))


def _derived(node: ast.stmt) -> Part | None:
    if not isinstance(node, ast.ClassDef) or SECTION not in part(*node.bases).names:
        return None
    types = part(*(each.annotation for each in node.body if isinstance(each, ast.AnnAssign))).names
    node.body = [each for each in node.body if not _is_field(each) and not _is_docstring(each)]
    left = part(node)
    return Part(left.meaning if node.body else "", dict.fromkeys(types, Use.TYPE) | left.names)


def _is_field(node: ast.stmt) -> bool:
    """Whether a statement of a settings class is a field or a validator."""
    if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
        return not node.target.id.startswith("_") and "ClassVar" not in part(node.annotation).names
    names = part(*node.decorator_list).names if isinstance(node, ast.FunctionDef) else ()
    return any(name.endswith("_validator") for name in names)


def _is_docstring(node: Any) -> bool:
    return isinstance(node, ast.Expr) and _string(node.value) is not None


def _string(node: ast.expr) -> str | None:
    """Value of a string literal; None for other expressions."""
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


class _Reader:
    """Reads syntax trees in one pass."""

    def __init__(self, nodes: Iterable[ast.AST]) -> None:
        self.imports: list[Import] = []
        self.typed: list[Import] = []
        self.assets: set[str] = set()
        self._names: dict[str, Use] = {}
        self._text: list[str] = []
        self._seen: set[ast.AST] = set()
        for node in nodes:
            self._read(node, Use.VALUE)

    def part(self) -> Part:
        """Hash and names of everything that was read."""
        return Part(hashlib.sha256("\n".join(self._text).encode()).hexdigest(), self._names)

    def _read(self, node: Any, use: Use) -> None:
        """Record type and fields of `node` and of all nodes in it; its names count as used in the way `use`."""
        if isinstance(node, ast.AST):
            self._text.append(type(node).__name__)
            if isinstance(node, ast.Name):
                self._names[node.id] = max(use, self._names.get(node.id, use))
            elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
                use = min(use, Use.NAME)
            elif isinstance(node, ast.If) and _is_type_checking(node.test):
                inner = [each for statement in node.body for each in ast.walk(statement)]
                self.typed += (found for each in inner for found in _imports(each))
                self._seen.update(inner)
            elif isinstance(node, ast.Import | ast.ImportFrom):
                self.imports += () if node in self._seen else _imports(node)
            elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div):
                self._note_asset(node)
            for name in node._fields:
                if name != "ctx":  # load or store, which follows from the position
                    self._read(getattr(node, name, None), Use.TYPE if name in _ANNOTATIONS else use)
        elif isinstance(node, list):
            self._text.append("[")
            for each in node:
                if not _is_docstring(each):
                    self._read(each, use)
            self._text.append("]")
        else:
            self._text.append(repr(node))

    def _note_asset(self, node: ast.expr) -> None:
        """Record the path after ``Path(__file__).parent /``, up to the first part that isn't a literal."""
        parts: list[str] = []
        while isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div) and node not in self._seen:
            self._seen.add(node)
            constant = _string(node.right)
            parts = [] if constant is None else [constant, *parts]
            node = node.left
        if ast.dump(node) == _FOLDER:
            self.assets.add("/".join(parts))


def _is_type_checking(test: ast.expr) -> bool:
    """Whether a condition is ``TYPE_CHECKING`` or ``typing.TYPE_CHECKING``."""
    return "TYPE_CHECKING" in (getattr(test, "id", None), getattr(test, "attr", None))


def _imports(node: ast.AST) -> Iterator[Import]:
    if isinstance(node, ast.Import):
        yield from (Import(each.name, None, each.asname or each.name) for each in node.names)
    elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
        yield from (Import(node.module, each.name, each.asname or each.name) for each in node.names)
