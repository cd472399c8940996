"""What one Python file contributes to cache keys, read from its syntax tree."""

from __future__ import annotations

import ast
import functools
import hashlib
import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

Imports = tuple[tuple[str, tuple[str, ...]], ...]
"""Imported modules, and the names taken from each."""


@dataclass(frozen=True)
class Definition:
    """One top-level name of a file."""

    meaning: str
    """Hash of its syntax tree without docstrings."""
    uses: frozenset[str]
    """Names that it reads."""
    without_fields: str
    """For a class, the same without fields and validators: what is left derives values from the fields."""
    uses_without_fields: frozenset[str]


@dataclass(frozen=True)
class Source:
    """What a file contributes."""

    meaning: str
    """Hash of its syntax tree without docstrings; comments and formatting aren't in a syntax tree."""
    imports: Imports
    """Imports that Python runs, those in functions included."""
    typed: Imports
    """Imports for type checking alone."""
    called: frozenset[str]
    """Names that it calls."""
    assets: tuple[str, ...]
    """Files and folders that ``Path(__file__).parent / ...`` names, relative to the file's folder."""
    tree: ast.Module = field(repr=False)

    @functools.cached_property
    def definitions(self) -> dict[str, Definition]:
        """Every top-level name."""
        return dict(_definitions(self.tree))


def parse(text: str) -> Source:
    """Analyse a Python file's text."""
    tree = ast.parse(text)
    nodes = list(ast.walk(tree))
    _drop_docstrings(nodes)
    typed = {
        id(inner)
        for node in nodes
        if isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING")
        for part in node.body
        for inner in ast.walk(part)
    }
    imports = [node for node in nodes if isinstance(node, (ast.Import, ast.ImportFrom))]
    return Source(
        meaning=_hash([tree]),
        imports=tuple(_imports(node for node in imports if id(node) not in typed)),
        typed=tuple(_imports(node for node in imports if id(node) in typed)),
        called=frozenset(n.func.id for n in nodes if isinstance(n, ast.Call) and isinstance(n.func, ast.Name)),
        assets=tuple(sorted(set(_assets(nodes)))) if "__file__" in text else (),
        tree=tree,
    )


def _drop_docstrings(nodes: Sequence[ast.AST]) -> None:
    """Remove the docstrings of modules, classes, functions and attributes."""
    for node in nodes:
        for name in ("body", "orelse", "finalbody"):
            statements = getattr(node, name, None)
            if isinstance(statements, list) and any(map(_is_text, statements)):
                setattr(node, name, [each for each in statements if not _is_text(each)] or [ast.Pass()])


def _is_text(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


def _imports(nodes: Iterable[ast.AST]) -> Iterator[tuple[str, tuple[str, ...]]]:
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from ((alias.name, ()) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            yield node.module, tuple(alias.name for alias in node.names)


def _assets(nodes: Sequence[ast.AST]) -> Iterator[str]:
    """What follows ``Path(__file__).parent /``, up to the first part that isn't a constant."""
    divisions = [node for node in nodes if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div)]
    inner = {id(node.left) for node in divisions}
    for division in divisions:
        node: ast.expr = division
        parts: list[ast.expr] = []
        while isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div):
            parts.insert(0, node.right)
            node = node.left
        if id(division) not in inner and ast.unparse(node) == "Path(__file__).parent":
            constant = itertools.takewhile(lambda part: isinstance(part, ast.Constant), parts)
            yield "/".join(str(ast.literal_eval(part)) for part in constant)


def _definitions(tree: ast.Module) -> Iterator[tuple[str, Definition]]:
    for node in tree.body:
        if isinstance(node, (ast.ClassDef, ast.FunctionDef)):
            left = [each for each in node.body if _derives_values(each)] if isinstance(node, ast.ClassDef) else [node]
            yield node.name, Definition(_hash([node]), _uses([node]), _hash(left), _uses(left))
        elif isinstance(node, (ast.Assign, ast.AnnAssign)):
            for target in node.targets if isinstance(node, ast.Assign) else [node.target]:
                for name in _uses([target]):
                    yield name, Definition(_hash([node]), _uses([node]), _hash([node]), _uses([node]))


def _derives_values(node: ast.stmt) -> bool:
    """Whether a statement of a class is a method or property that isn't a pydantic validator."""
    return isinstance(node, ast.FunctionDef) and not any(
        "_validator" in ast.unparse(decorator) for decorator in node.decorator_list
    )


def _uses(nodes: Sequence[ast.AST]) -> frozenset[str]:
    return frozenset(inner.id for node in nodes for inner in ast.walk(node) if isinstance(inner, ast.Name))


def _hash(nodes: Sequence[ast.AST]) -> str:
    return hashlib.sha256("\n".join(map(ast.dump, nodes)).encode()).hexdigest()
