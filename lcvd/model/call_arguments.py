"""What a call of the pipeline asks for, checked: pictures, conditions, guidance, generator."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import torch
from torch import Tensor

from lcvd.errors import UsageError
from lcvd.model.lcvd import LCVD
from lcvd.model.pictures import Given, Pictures, WithReference, picture
from lcvd.model.seeds import generator as seeded

Guidance = float | Sequence[float] | Tensor


LED = {
    "shading": ("reference_hint", "hints"),
    "landmark": ("reference_landmarks", "landmarks"),
    "reference": ("reference", "warped_reference"),
}
"""Of conditions that change from frame to frame, the arguments with the reference's picture and with the other frames'."""


def led_pictures(names: Collection[str], size: int, **arguments: Any) -> dict[str, Pictures]:
    """The pictures of the conditions `names` in every frame, the reference's first; shading is one of them, and has as many
    as the others.

    Args:
        arguments: those of the call, by name.
    """
    led: dict[str, Pictures] = {}
    for name, (first, rest) in LED.items():
        if name not in names:
            continue
        for argument in (rest, first):
            if arguments[argument] is None:
                raise UsageError(f"{argument}: expected pictures, got None")
        led[name] = WithReference(picture(first, arguments[first], size), Given(rest, arguments[rest], size))
    count = len(led["shading"])
    for name, pictures in led.items():
        if len(pictures) != count:
            raise UsageError(f"{LED[name][1]}: expected {count - 1}, one a hint, got {len(pictures) - 1}")
    return led


def condition_sets(model: LCVD, positive: Collection[str], negative: Collection[str]) -> list[set[str]]:
    """Conditions of y1, of y2, and of y3, which are y2's without the reference (`sampler.WEAKER`, `FULL`, `UNLIKE`)."""
    for name, given in (("positive", positive), ("negative", negative)):
        unknown = {given} if isinstance(given, str) else set(given) - set(model.adapters)
        if unknown:
            raise UsageError(f"{name}: expected some of {list(model.adapters)}, got {given!r}")
    return [set(negative), set(positive), set(positive) - {"reference"}]


def conditions_of(adapters: str) -> dict[str, tuple[str, ...]]:
    """The pipeline's `positive` and `negative` conditions when only some adapters are used, as in the paper's Table 4:
    ``shading+reference`` (its F_s + F_r, the method), ``reference`` (F_r) or ``shading`` (F_s). Guidance always starts from
    what is left without the shading.
    """
    names = tuple(adapters.split("+"))
    return {"positive": names, "negative": tuple(name for name in names if name != "shading")}


def strength_of(guidance: Guidance | None, count: int) -> float | Tensor:
    """Guidance of `count` frames, the reference included."""
    if guidance is None:
        raise UsageError("guidance: expected a number (published: 4.5), (lowest, highest) or one a hint, got None")
    values = torch.as_tensor(guidance, dtype=torch.float32)
    if not (values.isfinite().all() and (values >= 0).all()):
        raise UsageError(f"guidance: expected finite numbers of at least 0, got {guidance}")
    if values.ndim == 0:
        return float(values)
    if len(values) == 2:
        return torch.linspace(float(values[0]), float(values[1]), count)
    if values.shape != (count - 1,):
        raise UsageError(f"guidance: expected one number, two, or {count - 1} (one a hint), got {tuple(values.shape)}")
    return torch.cat([values[:1], values])


def generator_of(given: torch.Generator | int | None) -> torch.Generator:
    """The generator that a call draws from."""
    if given is None:
        raise UsageError(
            "generator: expected a seed or a torch.Generator, got None: without it nothing could be repeated"
        )
    if isinstance(given, int):
        return seeded(given, "relight")
    if given.device.type != "cpu":
        raise UsageError(f"generator: expected one on the CPU, so that every device draws the same; got {given.device}")
    return given
