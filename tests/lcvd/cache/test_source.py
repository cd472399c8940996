"""What is read from a file's syntax tree."""

from __future__ import annotations

from lcvd.cache.source import parse


def test_imports_for_type_checking_are_apart() -> None:
    source = parse(
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from a import B\nelse:\n    from c import D\n"
    )
    assert ("a", ("B",)) in source.typed
    assert ("a", ("B",)) not in source.imports
    assert ("c", ("D",)) in source.imports


def test_the_constant_part_of_an_asset_s_path() -> None:
    text = "X = Path(__file__).parent / 'assets' / 'a.npz'\nY = Path(__file__).parent / 'b' / name / 'c'\nZ = Path(x) / 'd'\n"
    assert parse(text).assets == ("assets/a.npz", "b")


def test_a_class_without_its_fields_and_validators() -> None:
    text = "class S(Section):\n    a: int = {}\n    @model_validator(mode='after')\n    def _v(self): return {}\n    def d(self): return {}\n"
    one, other = (parse(text.format(*values)).definitions["S"] for values in ((1, 1, 1), (2, 2, 1)))
    assert one.without_fields == other.without_fields
    assert one.meaning != other.meaning
    assert parse(text.format(1, 1, 2)).definitions["S"].without_fields != one.without_fields
