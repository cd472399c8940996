"""Contradicting training settings are rejected."""

from typing import Any

import pytest
from pydantic import ValidationError

from lcvd.config.train import ModelSettings, UNetSettings
from tests.lcvd.train.conftest import tiny


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"sigmas": (1.0, 0.5)}, r"model.sigmas is \(1.0, 0.5\); expected \(lowest, highest\)"),
        ({"sigmas": (0.0, 0.5)}, "both above 0"),
        ({"frames": 4, "overlap": 4}, r"model.overlap \(4\) must be below model.frames \(4\)"),
        ({"conditions": ("shading", "shading")}, "name shading and reference, each once"),
    ],
)
def test_an_impossible_model_is_rejected(given: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        ModelSettings(**given)


def test_unet_widths_must_fit_group_norm_and_heads() -> None:
    with pytest.raises(ValidationError, match="unet.channels: 48 must be a multiple of 32 and of its 2 heads"):
        UNetSettings(channels=(32, 48), heads=(1, 2))


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        ({"global_batch": 7, "batch": 2}, r"global_batch \(7\) isn't a multiple of .* \(2 x 1 x 1 = 2\)"),
        ({"global_batch": 8, "processes": 3}, r"\(1 x 3 x 1 = 3\)"),
        ({"engine": {"zero": 4}}, "engine.zero"),
        ({"engine": {"zer": 1}}, "Extra inputs"),
        ({"engine": {"zero": 0, "offload": "optimiser"}}, "needs engine.zero 1, 2 or 3"),
        ({"engine": {"zero": 2, "offload": "all"}}, "needs engine.zero 3"),
        ({"engine": {"zero": 3, "compile": True}}, "engine.compile"),
        ({"engine": {"zero": 3}, "optimiser": {"ema": 0.9}}, "set optimiser.ema to 0"),
        ({"engine": {"zero": 3}, "optimiser": {}, "watch": {"video_every": 5}}, "set watch.video_every to 0"),
        ({"engine": {"zero": 1, "offload": "optimiser"}, "optimiser": {"name": "adamw8bit"}}, "set optimiser.name"),
        ({"precision": "fp16"}, "set engine.zero to 1, 2 or 3"),
    ],
)
def test_bad_settings_are_refused_when_they_are_read(bad: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        tiny(**bad)
