"""What every dataset's reader shares: annotation files, mistakes named by place, rows in the manifest's columns."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

Record = dict[str, str]
"""A manifest row by column."""


@dataclass(frozen=True)
class Annotation:
    """One published annotation file."""

    file: str
    """Its name below the dataset's folder."""
    url: str = ""
    """Where it is fetched from; empty where only a person can get it."""
    sha256: str = ""
    """Hash of its bytes; empty where nobody published or measured one."""


@dataclass
class Reading:
    """What a reader made of annotation files."""

    rows: list[Record] = field(default_factory=list)
    mistakes: list[str] = field(default_factory=list)
    """What isn't as the format says: file, line, field, found, expected."""
    omitted: list[str] = field(default_factory=list)
    """What the dataset itself leaves out, such as clips without a box."""

    def mistake(self, file: str, line: int | None, name: str, found: object, expected: str) -> None:
        """Note one mistake."""
        place = file if line is None else f"{file}, line {line}"
        told = found if found is None or isinstance(found, str) else str(found)
        self.mistakes.append(f"{place}, {name}: found {told!r}; expected {expected}")


@dataclass(frozen=True)
class Dataset:
    """A published collection of clips."""

    name: str
    licence: str
    address: str
    """Its owner's page."""
    annotations: tuple[Annotation, ...]
    read: Callable[[Path], Reading]
    """Reads an annotation file, or a folder of them."""
