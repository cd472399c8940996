"""What is read from a file's syntax tree."""

from lcvd.cache.source import Import, Use, parse


def test_imports_for_type_checking_are_apart() -> None:
    source = parse(
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from a import B\nelse:\n    from c import D\n"
    )
    assert Import("a", "B", "B") in source.typed
    assert Import("a", "B", "B") not in source.imports
    assert Import("c", "D", "D") in source.imports


def test_the_constant_part_of_an_asset_s_path() -> None:
    text = "X = Path(__file__).parent / 'assets' / 'a.npz'\nY = Path(__file__).parent / 'b' / name / 'c'\nZ = Path(x) / 'd'\n"
    assert parse(text).assets == ("assets/a.npz", "b")


def test_a_class_without_its_fields_and_validators() -> None:
    text = "class S(Section):\n    a: int = {}\n    @model_validator(mode='after')\n    def _v(self): return {}\n    def d(self): return {}\n"
    one, other = (parse(text.format(*values)).definitions["S"] for values in ((1, 1, 1), (2, 2, 1)))
    assert one.used(Use.NAME) == other.used(Use.NAME)
    assert one.used(Use.VALUE) != other.used(Use.VALUE)
    assert parse(text.format(1, 1, 2)).definitions["S"].used(Use.NAME) != one.used(Use.NAME)


def test_the_strongest_use_of_a_name_counts() -> None:
    names = parse("def f(a: A, b: B, c: C) -> D:\n    B.x\n    C.x\n    return g(C)\n").whole.names
    assert names == {"A": Use.TYPE, "B": Use.NAME, "C": Use.VALUE, "D": Use.TYPE, "g": Use.VALUE}
