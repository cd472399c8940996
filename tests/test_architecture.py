"""Architecture rules that can be checked: import direction, rooms, stages, and the dependencies declared to DVC."""

import ast
import re
from functools import cache

import pytest
import yaml

from lcvd.cache.imports import ROOT, closure, direct_imports, module_file
from lcvd.config.settings import Settings
from lcvd.train.stage import MODULE
from tasks.ops.write_deps import LAUNCHED, SOURCES, rewrite, source_deps

ROOMS = ("video", "face", "render", "light", "studio", "download", "vqa", "filter", "reconstruct", "shard", "model", "train",
         "metrics", "relighting", "evaluate", "report", "app", "cli")  # fmt: skip
SHARED = ("errors", "registry", "config", "ledger", "cache", "weights")  # may be used by all rooms
STAGES = ("download", "filter", "reconstruct", "shard", "train", "evaluate")


@cache
def modules() -> list[str]:
    files = [path for package in ("lcvd", "tasks", "flows") for path in (ROOT / package).rglob("*.py")]
    return sorted(".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__") for path in files)


def foreign(module: str) -> set[str]:
    """Top-level names of everything that a module imports."""
    path = module_file(module)
    assert path is not None
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module.split(".")[0])
    return names


@cache
def pipeline() -> dict:
    return yaml.safe_load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))["stages"]


def test_flows_import_tasks_and_tasks_import_lcvd():
    allowed = {"lcvd": {"lcvd"}, "tasks": {"lcvd", "tasks"}, "flows": {"lcvd", "tasks"}}
    wrong = [
        f"{module} imports {name}"
        for module in modules()
        for name in direct_imports(module, typed=True)
        if name.split(".")[0] not in allowed[module.split(".")[0]]
    ]
    assert not wrong


def test_the_library_imports_neither_prefect_nor_dvc():
    assert not [m for m in modules() if m.startswith("lcvd.") and foreign(m) & {"prefect", "dvc", "tasks", "flows"}]


def test_only_flows_define_flows_and_only_tasks_define_tasks():
    for module in modules():
        path = module_file(module)
        assert path is not None
        text = path.read_text(encoding="utf-8")
        assert "@flow" not in text or module.startswith("flows."), module
        assert not re.search(r"^@task\b", text, re.MULTILINE) or module.startswith("tasks."), module


def test_rooms_use_rooms_above_them():
    wrong = []
    for module in modules():
        room = module.split(".")[1] if module.startswith("lcvd.") else None
        for name in direct_imports(module, typed=True) if room else ():
            other = name.split(".")[1] if "." in name else None
            if other in (None, room, *SHARED):
                continue
            if room in SHARED or ROOMS.index(other) > ROOMS.index(room):
                wrong.append(f"{module} imports {name}")
    assert not wrong


def test_every_room_is_listed():
    rooms = {module.split(".")[1] for module in modules() if module.startswith("lcvd.")}
    assert rooms <= {*ROOMS, *SHARED}


def test_there_are_no_import_cycles():
    for module in modules():
        if any(module in closure(name) for name in direct_imports(module)):
            circle = [name for name in closure(module) if module in closure(name)]
            pytest.fail(f"{module} is in a circle with {circle}")


def test_importing_a_room_imports_no_other():
    for path in (ROOT / "lcvd").rglob("__init__.py"):
        body = ast.parse(path.read_text(encoding="utf-8")).body
        if path == ROOT / "lcvd" / "__init__.py":  # `lcvd.relight(...)`
            names = {module for node in body if isinstance(node, ast.ImportFrom) for module in [node.module]}
            names |= {alias.name for node in body if isinstance(node, ast.Import) for alias in node.names}
            assert names <= {"__future__", "typing"}, path
            continue
        assert all(isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) for node in body), path


def test_stages_have_one_name_everywhere():
    assert tuple(pipeline()) == STAGES
    for name, stage in pipeline().items():
        assert (ROOT / "lcvd" / name / "stage.py").is_file()
        assert stage["cmd"] == f"python -m flows.{name}"
        assert stage["outs"] == [f"data/{name}"]
        assert name in stage["params"]
        assert f'name="{name}"' in (ROOT / "flows" / f"{name}.py").read_text(encoding="utf-8")
        assert name in Settings.model_fields


@pytest.mark.parametrize("stage", STAGES)
def test_deps_are_the_import_graph(stage):
    """`python -m tasks.ops.write_deps` writes them."""
    deps = pipeline()[stage]["deps"]
    assert [dep for dep in deps if dep.startswith(SOURCES)] == source_deps(stage)
    assert len(deps) == len(set(deps))


def test_rewriting_deps_changes_nothing_else(tmp_path):
    path = tmp_path / "dvc.yaml"
    text = (ROOT / "dvc.yaml").read_text(encoding="utf-8")
    path.write_text(text, encoding="utf-8")
    assert not rewrite(path)
    path.write_text(text.replace("      - lcvd/video\n", ""), encoding="utf-8")
    assert rewrite(path)
    assert path.read_text(encoding="utf-8") == text


def test_launched_modules_are_known():
    assert LAUNCHED == {"train": (MODULE,)}


@pytest.mark.parametrize("stage", STAGES)
def test_params_are_the_sections_that_the_code_reads(stage):
    """Every setting that a stage's modules read must be a parameter of the stage; otherwise DVC misses its changes."""
    declared = pipeline()[stage]["params"]
    sections = "|".join(name for name in Settings.model_fields if name != "runner")
    pattern = re.compile(rf"\bsettings\.((?:{sections})\b(?:\.[a-z_]+)*)")
    read: set[str] = set()
    for module in {f"flows.{stage}", *LAUNCHED.get(stage, ())}:
        for name in closure(module):
            path = module_file(name)
            assert path is not None
            if not name.startswith("lcvd.config."):
                read |= set(pattern.findall(path.read_text(encoding="utf-8")))
    missed = {key for key in read if not any(key == param or key.startswith(f"{param}.") for param in declared)}
    assert not missed


@pytest.mark.parametrize("stage", STAGES)
def test_params_are_all_in_the_file(stage):
    """`lcvd config use demo` writes params.yaml; DVC does not run a stage with a missing parameter."""
    found = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    for param in pipeline()[stage]["params"]:
        value = found
        for part in param.split("."):
            assert part in value, param
            value = value[part]


def test_a_changed_runner_makes_nothing_stale():
    assert not [name for name, stage in pipeline().items() if "runner" in stage["params"]]


def test_nothing_persists():
    assert "persist" not in (ROOT / "dvc.yaml").read_text(encoding="utf-8")
    assert (ROOT / ".dvc" / "config").read_text(encoding="utf-8").count('type = "hardlink,symlink"') == 1
