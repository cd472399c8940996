"""Contradicting training settings are rejected."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from lcvd.config.train import ModelSettings, UNetSettings


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
