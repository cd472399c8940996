"""Named implementations: this project's own, and those that installed packages declare as entry points."""

import difflib
import re
from collections.abc import Callable, Iterable, Iterator
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Generic, TypeVar, cast

from pydantic_core import core_schema

from lcvd.errors import UsageError

T = TypeVar("T")


class Names:
    """Names of the implementations of one kind. Nothing is imported to list or check them.

    As metadata of a field of the settings (``Annotated[str, MASKERS]``) it admits these names only.
    """

    def __init__(self, kind: str, group: str, own: Iterable[str] = (), families: Iterable[str] = ()) -> None:
        """`kind`: what an entry is called in errors, such as ``metric``; `group`: the entry points of installed packages;
        `own`: this project's names; `families`: ``IQ`` admits any ``IQ(name)``."""
        self.kind = kind
        self.group = group
        self._own = list(own)
        self._families = list(families)

    def names(self) -> tuple[str, ...]:
        """All names: this project's in their order, then those of installed packages, sorted."""
        return (*self._own, *sorted(set(self._installed()) - set(self._own)))

    def listed(self) -> tuple[str, ...]:
        """All names, and the families, such as ``IQ(...)``."""
        return (*self.names(), *(f"{family}(...)" for family in self._families))

    def check(self, name: str) -> str:
        """`name` itself.

        Raises:
            UsageError: there is none of that name; the message has the closest name, or all.
        """
        if name not in self._own and not self._family(name) and name not in self._installed():
            close = difflib.get_close_matches(name, self.listed(), n=1)
            hint = f"did you mean {close[0]!r}?" if close else f"known: {', '.join(self.listed())}"
            raise UsageError(f"unknown {self.kind} {name!r}; {hint}")
        return name

    def package(self, name: str) -> dict[str, str]:
        """``{"package": "NAME VERSION"}`` of the installed package that declares `name`, for cache keys and provenance; empty
        if `name` is this project's own."""
        point = None if name in self._own else self._installed().get(name)
        return {"package": f"{point.dist.name} {point.dist.version}"} if point and point.dist else {}

    def __contains__(self, name: object) -> bool:
        return name in self.names()

    def __iter__(self) -> Iterator[str]:
        return iter(self.names())

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> Any:
        return core_schema.no_info_after_validator_function(self.check, handler(source))

    def _family(self, name: str) -> str:
        """The family of `name`, or ''."""
        found = re.fullmatch(r"(\w+)\([\w+.-]+\)", name)
        return found[1] if found and found[1] in self._families else ""

    def _installed(self) -> dict[str, EntryPoint]:
        return {point.name: point for point in entry_points(group=self.group)}


class Registry(Names, Generic[T]):
    """Implementations of one kind by name.

    An installed package adds one by an entry point in `group`; its name is the entry point's, its value a `kind`. A
    package's module is imported when its name is first looked up.
    """

    def __init__(self, kind: str, group: str, base: type | None = None) -> None:
        """`base`: the class or runtime-checkable protocol that every entry is an instance of; else as `Names`."""
        super().__init__(kind, group)
        self.base = base
        self._items: dict[str, T] = {}
        self._makers: dict[str, Callable[[str], T]] = {}

    def register(self, name: str, item: T) -> T:
        """Add `item` as `name` and return it.

        Raises:
            UsageError: the name is taken.
        """
        if name in self._own:
            raise UsageError(f"{self.kind} {name!r} is registered twice")
        self._own.append(name)
        self._items[name] = item
        return item

    def register_family(self, family: str, make: Callable[[str], T]) -> None:
        """Let `make` make every entry ``family(...)``, from its name."""
        self._families.append(family)
        self._makers[family] = make

    def get(self, name: str) -> T:
        """The implementation called `name`.

        Raises:
            UsageError: there is none (see `check`), an installed package's entry point can't be imported, or what it names
                isn't a `kind`.
        """
        if name not in self._items:
            family = self._family(self.check(name))
            self._items[name] = self._makers[family](name) if family else self._load(self._installed()[name])
        return self._items[name]

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
        if getattr(item, "name", point.name) != point.name:
            raise UsageError(f"{self.kind} {point.name!r} of package {package} has another name, {item.name!r}")
        return cast(T, item)
