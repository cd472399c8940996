"""A cache key changes with what a module means, and with nothing else."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from lcvd.cache.imports import (
    DOCUMENTS,
    HERE,
    ROOT,
    WITHOUT_EFFECT,
    Tree,
    closure,
    code_key,
    direct_imports,
    module_path,
    rooms,
)
from lcvd.config.section import Section
from tasks.ops.write_deps import LAUNCHED

FILES = {
    "lcvd/a/entry.py": """
        from lcvd.a.near import CONSTANT
        from lcvd.config.stage import SIDE, StageSettings
        from lcvd.config.stage import LIMIT as HIGHEST
        from typing import TYPE_CHECKING
        if TYPE_CHECKING:
            from lcvd.a.unrelated import X
        if not TYPE_CHECKING:
            from lcvd.a.running import Y

        def run(settings: StageSettings) -> int:
            from lcvd.a.late import late
            return late() + CONSTANT + SIDE + HIGHEST + settings.twice()
        """,
    "lcvd/a/near.py": "from pathlib import Path\nCONSTANT = 1\nDATA = Path(__file__).parent / 'assets' / 'data.npz'\n",
    "lcvd/a/late.py": "def late() -> int:\n    return 2\n",
    "lcvd/a/unrelated.py": "X = 1\n",
    "lcvd/a/running.py": "Y = 1\n",
    "lcvd/a/assets/data.npz": "bytes",
    "lcvd/a/assets/other.npz": "bytes",
    "lcvd/ledger/rows.py": "ROWS = 1\n",
    "lcvd/config/stage.py": """
        from typing import ClassVar, Literal
        from lcvd.config.section import Section
        SIDE = 3
        OTHER = 4
        LIMIT = 9
        Kind = Literal["a"]
        class PartSettings(Section):
            length: int = 7
            @property
            def half(self) -> int:
                return self.length // 2
        class Common(Section):
            def both(self) -> int:
                return 11
        class StageSettings(Common, Section):
            factor: ClassVar[int] = 10
            size: int = 5
            kind: Kind = "a"
            inner: PartSettings = PartSettings()
            def twice(self) -> int:
                return 2 * self.size
        class OtherSettings(Section):
            def thrice(self) -> int:
                return 3
        """,
    "lcvd/config/section.py": "class Section: ...\n",
}


class Project:
    """A small project on disk, whose keys are asked for again after an edit."""

    def __init__(self, root: Path) -> None:
        self.root = root
        for path, text in FILES.items():
            lines = text.split("\n")
            indent = min((len(x) - len(x.lstrip()) for x in lines if x.strip()), default=0)
            self.write(path, "\n".join(line[indent:] for line in lines))

    def write(self, path: str, text: str) -> None:
        (self.root / path).parent.mkdir(parents=True, exist_ok=True)
        (self.root / path).write_text(text, encoding="utf-8")

    def edit(self, path: str, old: str, new: str) -> None:
        text = (self.root / path).read_text(encoding="utf-8")
        assert old in text
        self.write(path, text.replace(old, new))

    def key(self) -> str:
        return code_key("lcvd.a.entry", tree=Tree(self.root))


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


CHANGES_NOTHING = {
    "a comment": ("lcvd/a/near.py", "CONSTANT = 1", "# why\nCONSTANT = 1"),
    "a module's docstring": ("lcvd/a/near.py", "from pathlib", '"""Text."""\nfrom pathlib'),
    "a function's docstring": ("lcvd/a/late.py", "    return 2", '    """Text."""\n    return 2'),
    "an attribute's docstring": ("lcvd/a/near.py", "CONSTANT = 1", 'CONSTANT = 1\n"""Text."""'),
    "formatting": ("lcvd/a/near.py", "CONSTANT = 1", "CONSTANT = (\n    1\n)"),
    "another module of the room": ("lcvd/a/unrelated.py", "X = 1", "X = 2"),
    "another asset of the room": ("lcvd/a/assets/other.npz", "bytes", "others"),
    "a setting's default": ("lcvd/config/stage.py", "size: int = 5", "size: int = 6"),
    "a new setting": ("lcvd/config/stage.py", "size: int = 5", "size: int = 5\n    more: int = 1"),
    "a constant of the settings that isn't used": ("lcvd/config/stage.py", "OTHER = 4", "OTHER = 5"),
    "a setting's permitted values": ("lcvd/config/stage.py", 'Literal["a"]', 'Literal["a", "b"]'),
    "a default of a section within": ("lcvd/config/stage.py", "length: int = 7", "length: int = 8"),
    "a module imported for type checking": ("lcvd/a/unrelated.py", "X = 1", "X = 2"),
    "values derived from settings that aren't used": ("lcvd/config/stage.py", "return 3", "return 4"),
}
CHANGES_THE_KEY = {
    "a constant": ("lcvd/a/near.py", "CONSTANT = 1", "CONSTANT = 2"),
    "a function that is imported in a function": ("lcvd/a/late.py", "return 2", "return 3"),
    "an import": ("lcvd/a/late.py", "def late", "import math\ndef late"),
    "an asset": ("lcvd/a/assets/data.npz", "bytes", "others"),
    "a constant of the settings": ("lcvd/config/stage.py", "SIDE = 3", "SIDE = 4"),
    "a constant of the settings that is renamed": ("lcvd/config/stage.py", "LIMIT = 9", "LIMIT = 8"),
    "a module imported except for type checking": ("lcvd/a/running.py", "Y = 1", "Y = 2"),
    "a value derived from settings": ("lcvd/config/stage.py", "2 * self", "3 * self"),
    "a value derived in a section within": ("lcvd/config/stage.py", "self.length // 2", "self.length // 3"),
    "a value derived in a base class": ("lcvd/config/stage.py", "return 11", "return 12"),
    "a class variable of settings": ("lcvd/config/stage.py", "ClassVar[int] = 10", "ClassVar[int] = 20"),
}


@pytest.mark.parametrize("what", CHANGES_NOTHING)
def test_an_edit_that_changes_nothing_keeps_the_key(project: Project, what: str) -> None:
    before = project.key()
    project.edit(*CHANGES_NOTHING[what])
    assert project.key() == before


@pytest.mark.parametrize("what", CHANGES_THE_KEY)
def test_an_edit_that_can_change_the_result_changes_the_key(project: Project, what: str) -> None:
    before = project.key()
    project.edit(*CHANGES_THE_KEY[what])
    assert project.key() != before


@pytest.mark.parametrize("made", ["StageSettings()", "partial(StageSettings)()"])
@pytest.mark.parametrize("default", ["size: int = 5", "length: int = 7"])
def test_defaults_count_where_code_takes_them(project: Project, made: str, default: str) -> None:
    """``StageSettings()`` in code takes defaults that no other part of a key holds."""
    project.edit("lcvd/a/entry.py", "return late()", f"settings = {made}\n    return late()")
    before = project.key()
    project.edit("lcvd/config/stage.py", default, f"{default}0")
    assert project.key() != before


def test_modules_that_only_store_results_are_in_no_key(project: Project) -> None:
    project.edit("lcvd/a/late.py", "def late", "from lcvd.ledger.rows import ROWS\ndef late")
    before = project.key()
    project.edit("lcvd/ledger/rows.py", "ROWS = 1", "ROWS = 2")
    assert project.key() == before


def test_assets_can_be_left_to_the_rest_of_a_key(project: Project) -> None:
    before = code_key("lcvd.a.entry", tree=Tree(project.root), assets=False)
    project.edit(*CHANGES_THE_KEY["an asset"])
    assert code_key("lcvd.a.entry", tree=Tree(project.root), assets=False) == before


def test_a_module_can_count_without_its_imports(project: Project) -> None:
    """For a key that holds hashes of all that the imported modules give it."""

    def key() -> str:
        return code_key("lcvd.a.near", alone=("lcvd.a.entry",), tree=Tree(project.root))

    before = key()
    project.edit("lcvd/a/late.py", "return 2", "return 3")
    assert key() == before
    project.edit("lcvd/a/entry.py", "late() + CONSTANT", "late() - CONSTANT")
    assert key() != before


def test_a_module_that_is_not_of_this_project_has_no_key(project: Project) -> None:
    with pytest.raises(ModuleNotFoundError, match=r"lcvd\.a\.gone"):
        code_key("lcvd.a.gone", tree=Tree(project.root))


def test_settings_modules_hold_only_definitions() -> None:
    """Keys hold definitions of the settings that are used; another statement, such as a call, would be in none."""
    allowed = (ast.Import, ast.ImportFrom, ast.ClassDef, ast.FunctionDef, ast.Assign, ast.AnnAssign, ast.Expr)
    for path in sorted((ROOT / "lcvd" / "config").rglob("*.py")):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            assert isinstance(node, allowed), (path, node.lineno)
            assert not isinstance(node, ast.Expr) or isinstance(node.value, ast.Constant), (path, node.lineno)


def test_settings_are_recognised_by_their_base() -> None:
    """A class that derives from a class of settings names `Section` itself, or its fields would be taken for code."""
    todo = [Section]
    while todo:
        for found in todo.pop().__subclasses__():
            if found.__module__.startswith("lcvd."):
                assert Section in found.__bases__, found
            todo.append(found)


def test_every_import_is_absolute() -> None:
    """The import graph leaves relative imports out."""
    for path in (path for path in HERE.below("lcvd") if path.endswith(".py")):
        nodes = ast.walk(ast.parse((ROOT / path).read_text(encoding="utf-8")))
        assert not [node.lineno for node in nodes if isinstance(node, ast.ImportFrom) and node.level], path


def test_every_data_file_that_a_stage_uses_is_in_its_key() -> None:
    """Each asset folder is named by ``Path(__file__).parent / ...`` in a module; a new way to find one would go unnoticed."""
    named = set()
    for path in HERE.below("lcvd"):
        if path.endswith(".py"):
            for asset in HERE.source(path).assets:
                named |= set(HERE.below(f"{path.rpartition('/')[0]}/{asset}"))
    data = {
        path
        for path in HERE.below("lcvd")
        if not path.endswith((".py", ".pyc", ".nbi", ".nbc", "py.typed", *DOCUMENTS))
    }
    assert data <= named


def test_settings_are_imported_by_name() -> None:
    """A key holds the names that a module imports from the settings; an imported settings module would hide them."""
    config = {path.rpartition("/")[2].removesuffix(".py") for path in HERE.below("lcvd/config") if path.endswith(".py")}
    for path in HERE.below("lcvd"):
        if path.endswith(".py"):
            imports = HERE.source(path).imports
            assert not {each.name for each in imports if each.module == "lcvd.config"} & config, path
            assert not [each for each in imports if each.module.startswith("lcvd.config.") and not each.name], path


def test_modules_without_effect_exist_and_compute_nothing_heavy() -> None:
    for prefix in WITHOUT_EFFECT:
        files = HERE.below("lcvd/" + prefix.removeprefix("lcvd.").rstrip(".")) or [str(module_path(prefix))]
        for path in (path for path in files if path.endswith(".py")):
            names = {each.module.split(".")[0] for each in HERE.source(path).imports}
            assert not names & {"torch", "numpy", "cv2", "scipy", "numba", "diffusers"}, path


def test_launched_modules_have_keys() -> None:
    for modules in LAUNCHED.values():
        for module in modules:
            assert len(code_key(module)) == 64


def test_direct_imports_are_found_in_functions_too() -> None:
    assert "lcvd.ledger.rows" in direct_imports("lcvd.cli.ledger") | direct_imports("lcvd.cli.main")
    assert "lcvd.config.settings" in direct_imports("lcvd.config.io")


def test_the_closure_contains_what_python_really_loads() -> None:
    code = "import sys, lcvd.video.clip; print(*[m for m in sys.modules if m.split('.')[0] == 'lcvd'])"
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True
    ).stdout.split()
    packages = {name.rsplit(".", 1)[0] for name in closure("lcvd.video.clip")} | {"lcvd"}
    assert set(loaded) - packages == set(closure("lcvd.video.clip")) - packages


def test_rooms_are_folders() -> None:
    assert {"lcvd/video", "lcvd/ledger"} <= rooms("lcvd.video.clip")
    assert "tasks/runtime" in rooms("flows.filter")
