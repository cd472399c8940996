"""Shared by all dataset readers: annotation files, error reports, and rows in the manifest's columns."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

Record = dict[str, str]
"""A manifest row: value by column."""


@dataclass(frozen=True)
class Annotation:
    """One published annotation file."""

    file: str
    """File name in the dataset's annotation folder."""
    url: str = ""
    """Download address; empty if the file must be downloaded by hand."""
    sha256: str = ""
    """SHA-256 of the file; empty if it is unknown."""


@dataclass
class ImportResult:
    """Result of reading annotation files."""

    rows: list[Record] = field(default_factory=list)
    """Columns ``licence`` and ``dataset`` may be missing if they are those of the dataset."""
    errors: list[str] = field(default_factory=list)
    """Annotations that violate the format: file, line, field, found, expected."""
    omitted: list[str] = field(default_factory=list)
    """Clips that cannot be used because the dataset lacks data, for example a box."""

    def add_error(self, file: str, line: int | None, name: str, found: object, expected: str) -> None:
        """Record one error."""
        place = file if line is None else f"{file}, line {line}"
        text = found if found is None or isinstance(found, str) else str(found)
        self.errors.append(f"{place}, {name}: found {text!r}; expected {expected}")


@dataclass(frozen=True)
class Dataset:
    """A published collection of clips."""

    name: str
    licence: str
    address: str
    """Web page of the dataset."""
    annotations: tuple[Annotation, ...]
    read: Callable[[Path], ImportResult]
    """Reads an annotation file or a folder of them."""
