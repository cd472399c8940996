"""The planner against what a real run holds, the spec's numbers, and its own arithmetic."""

from dataclasses import replace
from pathlib import Path

from click.testing import CliRunner

from lcvd.cli.plan import plan
from lcvd.config.io import dump_settings
from lcvd.config.train import EngineSettings
from lcvd.train.planner import GPUS, HEADROOM, Planner, describe
from tests.lcvd.train.conftest import tiny


def test_more_sharing_needs_less_and_the_pick_is_the_fastest_that_fits() -> None:
    settings = tiny(processes=2, optimiser={"name": "adamw"}).train
    planner = Planner(settings, GPUS["h100"])
    sizes = [planner.option(EngineSettings(zero=zero, checkpointed_levels=0)).bytes for zero in (1, 2, 3)]
    assert sizes[0] > sizes[1]
    found = list(planner.options())
    best = planner.best()
    assert best is not None
    assert best.seconds == min(option.seconds for option in found if option.fits)
    small = GPUS["h100"].__class__(1.0, GPUS["h100"].flops, 1.0, 1.0, 1.0)
    assert Planner(settings, small).best() is None


def test_videos_keep_no_engine_from_being_planned() -> None:
    """ZeRO 3 can't make any; where only it fits, the plan says so instead of leaving it out."""
    watch = {"video_every": 10}
    settings = tiny(processes=2, optimiser={"name": "adamw"}, watch=watch).train
    planner = Planner(settings, GPUS["h100"])
    found = list(planner.options())
    assert {option.engine.zero for option in found} == {0, 1, 2, 3}
    assert {bool(option.needs) for option in found if option.engine.zero == 3} == {True}
    assert not [option for option in found if option.engine.zero < 3 and option.needs]
    silent = tiny(processes=2, optimiser={"name": "adamw"}).train
    assert len(found) == len(list(Planner(silent, GPUS["h100"]).options()))
    assert not [option for option in Planner(silent, GPUS["h100"]).options() if option.needs]

    least = min(found, key=lambda option: option.bytes)
    assert least.engine.zero == 3
    gpu = replace(GPUS["h100"], memory=least.bytes / HEADROOM + 1)
    best = Planner(settings, gpu).best()
    assert best is not None
    assert best.engine == least.engine
    assert any("train.watch.video_every 0" in line for line in describe(best, settings))


def test_the_command_prints_parts_and_a_pick(tmp_path: Path) -> None:
    path = tmp_path / "params.yaml"
    path.write_text(dump_settings(tiny()))
    done = CliRunner().invoke(plan, ["--gpu", "a100-80", "--params", str(path)])
    assert done.exit_code == 0, done.output
    for word in (
        "weights",
        "gradients",
        "optimiser",
        "activations",
        "Fastest configuration that fits",
        "optimiser steps/s",
    ):
        assert word in done.output
    refused = CliRunner().invoke(plan, ["--gpus", "3", "--params", str(path)])
    assert refused.exit_code == 2
    assert "can't be trained on 3 GPUs: " in refused.output
    assert "isn't a multiple of" in refused.output
    assert "pydantic" not in refused.output
