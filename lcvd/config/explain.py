"""Explain every key of ``params.yaml`` from the types and docstrings of the settings classes."""

import difflib
import types
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from lcvd.config.settings import Settings
from lcvd.errors import UsageError
from lcvd.registry import Names

_BOUNDS = {"ge": "at least", "gt": "above", "le": "at most", "lt": "below", "multiple_of": "a multiple of"}


@dataclass(frozen=True)
class Key:
    """One key: its dotted name, allowed values, default (for the full-size model) and meaning."""

    name: str
    takes: str
    default: Any
    meaning: str


def keys(section: type[BaseModel] = Settings, prefix: str = "") -> Iterator[Key]:
    """Yield every key of a section and of its subsections, in the order of ``params.yaml``."""
    for name, field in section.model_fields.items():
        kind = field.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            yield from keys(kind, f"{prefix}{name}.")
        else:
            default = "(the profile's)" if field.is_required() else field.default
            yield Key(prefix + name, _takes(kind, field), default, " ".join((field.description or "").split()))


def explained(name: str) -> list[Key]:
    """Return the key called `name`, or all keys of the section called `name`.

    Raises:
        UsageError: there is no such key. The message suggests similar keys.
    """
    found = [key for key in keys() if key.name == name or key.name.startswith(f"{name}.")]
    if not found:
        known = [key.name for key in keys()]
        alike = [each for each in known if name.rpartition(".")[2] in each] or difflib.get_close_matches(name, known)
        raise UsageError(f"no key {name!r}" + (f"; similar keys: {', '.join(alike[:8])}" if alike else ""))
    return found


def _takes(kind: Any, field: FieldInfo) -> str:
    limits = [(words, getattr(rule, name, None)) for rule in field.metadata for name, words in _BOUNDS.items()]
    bounds = [f"{words} {limit}" for words, limit in limits if limit is not None]
    return ", ".join([_words(kind, field.metadata), *bounds])


def _words(kind: Any, metadata: Iterable[Any] = ()) -> str:
    """Describe a type, and what its annotation adds (`metadata`), in words."""
    origin, arguments = get_origin(kind), get_args(kind)
    if origin is Annotated:
        return _words(arguments[0], arguments[1:])
    for names in metadata:
        if isinstance(names, Names):
            return " or ".join(f"`{name}`" for name in names.listed())
    if origin is Literal:
        return " or ".join(f"`{value}`" for value in arguments)
    if origin is tuple:
        inner = arguments[:-1] if arguments[-1] is Ellipsis else arguments
        each = ", ".join(dict.fromkeys(_words(argument) for argument in inner))
        return f"list of {each}" if arguments[-1] is Ellipsis else f"{len(inner)} values: {each}"
    if origin in (Union, types.UnionType):
        return " or ".join(_words(argument) for argument in arguments)
    if arguments:
        return _words(arguments[0])
    return {int: "whole number", float: "number", bool: "true or false", str: "text", type(None): "null"}[kind]
