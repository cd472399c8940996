"""Two real processes over gloo, under every ZeRO stage, against one process at the same global batch."""

import csv
import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from lcvd.config.settings import Settings
from lcvd.model.lcvd import LCVD
from lcvd.model.pipeline import LCVDPipeline
from tests.lcvd.train.conftest import tiny
from tests.lcvd.train.worker import start

ENGINES: dict[str, dict[str, Any]] = {
    "zero1": {"zero": 1},
    "zero2": {"zero": 2},
    "zero3": {"zero": 3},
    "offload1": {"zero": 1, "offload": "optimiser"},
    "offload3": {"zero": 3, "offload": "all"},
}
QUICK = "zero2"


def settings(**train: Any) -> Settings:
    """Four steps; without averages, which ZeRO 3 can't have."""
    adamw = {"name": "adamw", "lr": 1e-3, "betas": (0.9, 0.99)}
    return tiny(steps=4, optimiser=adamw, watch={"log_every": 1, "held_out_windows": 3, "held_out_every": 2}, **train)


def curve(place: Path, name: str) -> list[float]:
    with (place / f"out/dvclive/plots/metrics/train/{name}.tsv").open(newline="") as stream:
        return [float(row[name]) for row in csv.DictReader(stream, delimiter="\t")]


def weights(place: Path) -> dict[str, torch.Tensor]:
    found = {}
    for part in ("unet", "shading_adapter", "reference_adapter"):
        file = load_file(place / f"out/model/{part}/diffusion_pytorch_model.safetensors")
        found |= {f"{part}.{key}": value for key, value in file.items()}
    return found


def same_weights(a: Path, b: Path) -> None:
    """Up to what rounding does to Adam, whose first steps are as large for a gradient of nearly zero as for any other."""
    one, two = weights(a), weights(b)
    assert one.keys() == two.keys()
    for key, value in one.items():
        torch.testing.assert_close(two[key], value, atol=4e-4, rtol=0, msg=lambda text, key=key: f"{key}: {text}")
    off = torch.cat([(two[key] - value).abs().flatten() for key, value in one.items()])
    assert off.mean() < 1e-5


@pytest.fixture(scope="module")
def one(shards: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of one process without ZeRO."""
    place = tmp_path_factory.mktemp("one")
    start(1, [(settings(), shards, place)], place)
    return place


@pytest.fixture(scope="module", params=[QUICK, pytest.param("rest", marks=pytest.mark.slow)])
def two(request: pytest.FixtureRequest, shards: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """By name of the engine, a run of two processes."""
    root = tmp_path_factory.mktemp("two")
    names = [name for name in ENGINES if (name == QUICK) == (request.param == QUICK)]
    start(2, [(settings(processes=2, engine=ENGINES[name]), shards, root / name) for name in names], root / "all")
    return {name: root / name for name in names}


@pytest.fixture(scope="module")
def again(two: dict[str, Path], shards: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The same runs without offloading, gone on from their checkpoint of step 2 by one process."""
    root, runs = tmp_path_factory.mktemp("again"), []
    for name in (name for name in two if "offload" not in ENGINES[name]):
        part = "scratch/checkpoints/step-00000002"
        shutil.copytree(two[name] / part, root / name / part)
        runs.append((settings(engine=ENGINES[name]), shards, root / name))
    start(1, runs, root / "all")
    return {place.name: place for _, _, place in runs}


OTHER_STAGE = {"zero1": 2}


@pytest.mark.slow
@pytest.mark.parametrize("two", ["rest"], indirect=True)
def test_a_run_resumes_under_another_zero_stage(two: dict[str, Path], one: Path, shards: Path, tmp_path: Path) -> None:
    runs = []
    for name in set(two) & set(OTHER_STAGE):
        part = "scratch/checkpoints/step-00000002"
        shutil.copytree(two[name] / part, tmp_path / name / part)
        runs.append((settings(processes=2, engine={"zero": OTHER_STAGE[name]}), shards, tmp_path / name))
    start(2, runs, tmp_path / "all")
    for _, _, place in runs:
        same_weights(one, place)
        assert curve(place, "loss")[:2] == curve(two[place.name], "loss")[:2], "it resumed from step 2"


def test_two_processes_make_the_model_of_one(one: Path, two: dict[str, Path]) -> None:
    for name, place in two.items():
        assert curve(place, "loss") == pytest.approx(curve(one, "loss"), rel=1e-5), name
        assert curve(place, "grad_norm") == pytest.approx(curve(one, "grad_norm"), rel=1e-4), name
        assert curve(place, "held_out") == pytest.approx(curve(one, "held_out"), rel=1e-4), name
        same_weights(one, place)
        LCVDPipeline.from_pretrained(place / "out/model")


def test_a_checkpoint_of_two_processes_goes_on_in_one(one: Path, two: dict[str, Path], again: dict[str, Path]) -> None:
    """With the samples that two would have seen: the loss of a step names them as well as their numbers would."""
    for name, place in again.items():
        assert curve(place, "loss") == pytest.approx(curve(one, "loss"), rel=1e-5), name
        assert curve(place, "loss")[:2] == curve(two[name], "loss")[:2], "the first half is the checkpoint's own"
        same_weights(two[name], place)


def test_weights_moved(one: Path) -> None:
    """Or the comparisons above would hold for runs that do nothing."""
    fresh = LCVD.fresh(settings().train.model, 0).unet.state_dict()
    moved = [
        not torch.equal(value, fresh[key.removeprefix("unet.")])
        for key, value in weights(one).items()
        if key.startswith("unet.")
    ]
    assert sum(moved) > 0.9 * len(moved)


def test_speed_is_written_beside_the_checkpoints_and_not_into_the_artifact(one: Path) -> None:
    rows = [json.loads(line) for line in (one / "scratch/log/speed.jsonl").read_text().splitlines()]
    assert [row["step"] for row in rows] == [1, 2, 3, 4]
    for row in rows:
        assert 0 <= row["data_wait_share"] <= 1
        assert row["of_peak"] > 0
        assert row["clips_per_s"] * row["seconds_per_step"] == pytest.approx(2)
    text = (one / "out/dvclive/metrics.json").read_text() + (one / "out/metrics.json").read_text()
    assert "seconds" not in text
    assert "tflops" not in text
