"""Named implementations: this project's own, and those that installed packages declare as entry points."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from importlib.metadata import EntryPoint, entry_points
from typing import Generic, TypeVar, cast

from lcvd.errors import UsageError

T = TypeVar("T")


class Registry(Generic[T]):
    """Implementations of one kind by name.

    An installed package adds one by an entry point in `group`; its name is the entry point's, its value a `kind`. A
    package's module is imported when its name is first looked up, so listing names imports nothing.
    """

    def __init__(self, kind: str, group: str, base: type | None = None) -> None:
        """`kind`: what an entry is called in errors, such as ``metric``; `base`: the class every entry is an instance of."""
        self.kind = kind
        self.group = group
        self.base = base
        self._items: dict[str, T] = {}

    def register(self, name: str, item: T) -> T:
        """Add `item` as `name` and return it.

        Raises:
            UsageError: the name is taken.
        """
        if name in self._items:
            raise UsageError(f"{self.kind} {name!r} is registered twice")
        self._items[name] = item
        return item

    def get(self, name: str) -> T:
        """The implementation called `name`.

        Raises:
            UsageError: there is none (the message lists the known names), an installed package's entry point can't be
                imported, or what it names isn't a `kind`.
        """
        if name not in self._items:
            found = self._installed().get(name)
            if found is None:
                close = difflib.get_close_matches(name, self.names(), n=1)
                hint = f"did you mean {close[0]!r}?" if close else f"known: {', '.join(self.names())}"
                raise UsageError(f"unknown {self.kind} {name!r}; {hint}")
            self._items[name] = self._load(found)
        return self._items[name]

    def names(self) -> tuple[str, ...]:
        """All names: this project's in the order of registration, then those of installed packages, sorted."""
        return (*self._items, *sorted(set(self._installed()) - set(self._items)))

    def __contains__(self, name: object) -> bool:
        return name in self.names()

    def __iter__(self) -> Iterator[str]:
        return iter(self.names())

    def _installed(self) -> dict[str, EntryPoint]:
        return {point.name: point for point in entry_points(group=self.group)}

    def _load(self, point: EntryPoint) -> T:
        package = point.dist.name if point.dist else point.value
        try:
            item = point.load()
        except Exception as error:
            raise UsageError(f"{self.kind} {point.name!r} of package {package} can't be imported: {error}") from error
        if self.base is not None and not isinstance(item, self.base):
            raise UsageError(
                f"{self.kind} {point.name!r} of package {package} is a {type(item).__name__}, not a {self.base.__name__}"
            )
        return cast(T, item)
