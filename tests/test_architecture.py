"""Architecture rules that can be checked: import direction, rooms, stages, and the dependencies declared to DVC."""

import ast
import re
from functools import cache

import pytest
import yaml

from lcvd.cache.imports import HERE, ROOT, closure, direct_imports, module_path
from lcvd.config.settings import Settings
from lcvd.train.stage import MODULE
from tasks.ops.write_deps import LAUNCHED, SOURCES, rewrite, source_deps

ROOMS = ("video", "face", "render", "light", "studio", "download", "vqa", "filter", "reconstruct", "shard", "model", "train",
         "metrics", "relighting", "evaluate", "report", "app", "cli")  # fmt: skip
SHARED = (
    "errors",
    "registry",
    "progress",
    "device",
    "array",
    "config",
    "ledger",
    "cache",
    "weights",
)  # may be used by all rooms
TESTED_IN = {
    "lcvd/app/relight/test_page.py": "app/relight/make",  # what the page's jobs run
    "lcvd/download/datasets/test_registry.py": "download/datasets/base download/datasets/files",
    "lcvd/download/fetch/test_http.py": "download/fetch/disk_space",
    "lcvd/download/fetch/test_media_cache.py": "download/fetch/failures",
    "lcvd/evaluate/test_benchmark.py": "evaluate/engine evaluate/inputs/base evaluate/inputs/files evaluate/methods/base "
    "evaluate/methods/lcvd",
    "lcvd/evaluate/test_stage.py": "evaluate/inputs/shards",
    "lcvd/light/test_estimate.py": "light/skin_samples",
    "lcvd/metrics/test_measure.py": "metrics/accumulators",
    "lcvd/metrics/test_session.py": "metrics/base metrics/extras",
    "lcvd/model/test_lcvd.py": "model/conditioned model/load",
    "lcvd/model/test_convert.py": "model/published",
    "lcvd/model/test_latents.py": "model/packing",
    "lcvd/model/test_objective.py": "model/seeds",
    "lcvd/model/test_pipeline.py": "model/images",
    "lcvd/model/test_sampler.py": "model/recipe",
    "lcvd/reconstruct/estimators/test_deca.py": "face/deca_coder",
    "lcvd/reconstruct/test_stage.py": "reconstruct/contact_sheet reconstruct/estimators/open_head",
    "lcvd/relighting/test_api.py": "relighting/options relighting/result relighting/scene "
    "relighting/output/options relighting/output/paste relighting/output/prefetch relighting/output/provenance",
    "lcvd/render/test_rasterize.py": "render/threads",
    "lcvd/report/test_build.py": "report/collect report/figures report/media",
    "lcvd/train/test_dataset.py": "shard/resize",
    "lcvd/train/test_run.py": "train/sample_videos train/trainer",
}
"""Modules of lcvd without a test file of their own, by the test that runs them: one call or one result needs them all."""
NOT_ONE_MODULE = {
    "flows": "flows run together, through DVC",
    "tasks/test_": "a deployment with its server, workers and storage",
    "test_": "rules of the whole project",
    "lcvd/app/relight/test_browser.py": "the page in a real browser",
    "lcvd/app/study/test_browser.py": "the page in a real browser",
    "lcvd/report/test_browser.py": "the report in a real browser",
    "lcvd/evaluate/test_window_memory.py": "the memory of the whole evaluation",
    "lcvd/model/test_hub_remote.py": "a hub on another machine",
    "lcvd/train/test_options.py": "runs with every option of training",
    "lcvd/train/test_slurm.py": "runs on several nodes",
    "lcvd/train/test_zero.py": "runs of several processes",
}
"""Tests of several modules at once, by the beginning of their path below tests/, with the reason."""
RUN_BY_ALL = ("commands/retry", "ops/write_deps", "runtime/gpu_slots")
"""Modules of tasks without a test file of their own: tests of stages, flows and this file run them."""
STAGES = ("download", "filter", "reconstruct", "shard", "train", "evaluate")


@cache
def modules() -> list[str]:
    files = [path for package in ("lcvd", "tasks", "flows") for path in (ROOT / package).rglob("*.py")]
    return sorted(".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__") for path in files)


def text_of(module: str) -> str:
    path = module_path(module)
    assert path is not None
    return HERE.source(path).text


def foreign(module: str) -> set[str]:
    """Top-level names of everything that a module imports."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(text_of(module))):
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
        text = text_of(module)
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
            if not name.startswith("lcvd.config."):
                read |= set(pattern.findall(text_of(name)))
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


def behaves(path):
    """Whether a module defines a function that does something: not a protocol, nor a class of fields alone."""
    functions = [n for n in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(n, ast.FunctionDef)]
    return any(
        not all(isinstance(n, ast.Expr) and isinstance(n.value, ast.Constant) for n in f.body) for f in functions
    )


def test_each_module_has_its_test_file():
    """tests/lcvd/a/test_b.py tests lcvd/a/b.py; the exceptions are in `TESTED_IN` and `RUN_BY_ALL`. A command in lcvd/cli only
    reads its arguments: the tests of what it calls run it."""
    elsewhere = {f"lcvd/{name}" for names in TESTED_IN.values() for name in names.split()}
    elsewhere |= {f"tasks/{name}" for name in RUN_BY_ALL}
    without = set()
    for package in ("lcvd", "tasks"):
        for path in (ROOT / package).rglob("*.py"):
            name = path.relative_to(ROOT).with_suffix("").as_posix()
            own = ROOT / "tests" / path.relative_to(ROOT).with_name(f"test_{path.name}")
            if path.name != "__init__.py" and not own.is_file() and behaves(path) and not name.startswith("lcvd/cli/"):
                without.add(name)
    assert without - elsewhere == set(), "write a test file, or name the test in TESTED_IN"
    assert elsewhere - without == set(), "these have a test file of their own, or are gone: remove them from the list"
    assert not [test for test in TESTED_IN if not (ROOT / "tests" / test).is_file()]


def test_each_test_file_has_its_module():
    wrong = []
    for path in (ROOT / "tests").rglob("test_*.py"):
        name = path.relative_to(ROOT / "tests")
        if not (ROOT / name.with_name(name.name.removeprefix("test_"))).is_file():
            wrong += [] if name.as_posix().startswith(tuple(NOT_ONE_MODULE)) else [name.as_posix()]
    assert not wrong
