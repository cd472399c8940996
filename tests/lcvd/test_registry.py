"""A registry finds what this project and installed packages declare, and says what is wrong with a name."""

import sys
from pathlib import Path
from typing import Annotated

import pytest
from pydantic import TypeAdapter, ValidationError

from lcvd.errors import LcvdError, UsageError
from lcvd.registry import Names, Registry
from tests.packages import install


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A package with an int, a str and a module that fails, declared under ``lcvd.test``."""
    entries = "[lcvd.test]\nseven = toy_numbers:SEVEN\nword = toy_numbers:WORD\nbroken = toy_broken:X\n"
    modules = {"toy_numbers": "SEVEN = 7\nWORD = 'seven'\n", "toy_broken": "import no_such_module_here\n"}
    install(monkeypatch, tmp_path, "toy-numbers", entries, **modules)


def test_own_and_installed_entries(installed: None) -> None:
    registry: Registry[int] = Registry("number", "lcvd.test", int)
    registry.register("one", 1)
    assert registry.names() == ("one", "broken", "seven", "word")
    assert "toy_numbers" not in sys.modules
    assert registry.get("one") == 1
    assert registry.get("seven") == 7


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("sevn", "unknown number 'sevn'; did you mean 'seven'?"),
        ("zzz", "unknown number 'zzz'; known: broken, seven, word"),
        ("word", "number 'word' of package toy-numbers is a str, not a int"),
        ("broken", "number 'broken' of package toy-numbers can't be imported: No module named 'no_such_module_here'"),
    ],
)
def test_what_is_wrong_is_named(installed: None, name: str, message: str) -> None:
    with pytest.raises(UsageError, match=message.replace("?", r"\?")):
        Registry[int]("number", "lcvd.test", int).get(name)


def test_a_name_is_registered_once() -> None:
    registry: Registry[int] = Registry("number", "lcvd.test.none", int)
    registry.register("one", 1)
    with pytest.raises(LcvdError, match="number 'one' is registered twice"):
        registry.register("one", 2)


def test_settings_admit_own_and_installed_names_and_import_neither(installed: None) -> None:
    names = Names("number", "lcvd.test", ("one",))
    known = TypeAdapter(Annotated[str, names])
    assert [known.validate_python(name) for name in ("one", "broken")] == ["one", "broken"]
    with pytest.raises(ValidationError, match=r"unknown number 'sevn'; did you mean 'seven'\?"):
        known.validate_python("sevn")
    assert names.package("seven") == {"package": "toy-numbers 1.0"}
    assert names.package("one") == {}
