"""Generation from a model: shapes, seeds, lengths, conditions, and that the sets are batched rightly."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from lcvd.config.profiles import profile
from lcvd.model.lcvd import LCVD
from lcvd.relight.relight import relight_frames

SIZE, WINDOW = 64, 4


@pytest.fixture(scope="module")
def model() -> LCVD:
    """A small model whose adapters do something."""
    settings = profile("demo").train.model
    unet = settings.unet.model_copy(update={"channels": (32, 32), "heads": (1, 1), "layers": 1})
    model = LCVD.fresh(settings.model_copy(update={"size": SIZE, "frames": WINDOW, "overlap": 2, "unet": unet}), 0)
    for adapter in model.adapters.values():
        torch.nn.init.normal_(adapter.final_proj.weight, std=0.5, generator=torch.Generator().manual_seed(1))
    return model


def pictures(frames: int) -> dict[str, np.ndarray]:
    """Random pictures of a reference, and of `frames` hints."""
    rng = np.random.default_rng(0)

    def picture(*shape: int) -> np.ndarray:
        return rng.integers(256, size=shape, dtype=np.uint8)

    return {
        "reference": picture(SIZE, SIZE, 3),
        "reference_mask": picture(SIZE, SIZE),
        "reference_hint": picture(SIZE, SIZE, 3),
        "hints": picture(frames, SIZE, SIZE, 3),
    }


@pytest.mark.parametrize("frames", [1, 3, 9])
def test_one_frame_a_hint_the_same_for_a_seed(model: LCVD, frames: int) -> None:
    runs = [relight_frames(model, **pictures(frames), steps=2, seed=seed) for seed in (0, 0, 1)]
    assert runs[0].shape == (frames, SIZE, SIZE, 3)
    assert runs[0].dtype == np.uint8
    np.testing.assert_array_equal(runs[0], runs[1])
    assert (runs[0] != runs[2]).any()


def test_without_guidance_only_the_weaker_conditions_count(model: LCVD) -> None:
    given = pictures(3)
    other = given | {"hints": 255 - given["hints"]}
    weak = [relight_frames(model, **hints, guidance=0.0, steps=2) for hints in (given, other)]
    np.testing.assert_array_equal(*weak)
    full = [relight_frames(model, **hints, guidance=1.0, steps=2) for hints in (given, other)]
    assert (full[0] != full[1]).any()


def test_conditions_and_token_can_be_chosen(model: LCVD) -> None:
    given = pictures(3)
    # y2 of `shading` alone doesn't depend on the reference's adapter, so equals itself whatever y1 is at guidance 1
    same = [
        relight_frames(model, **given, guidance=1.0, steps=2, positive=("shading",), negative=negative)
        for negative in ((), ("reference",))
    ]
    assert np.abs(same[0].astype(int) - same[1]).max() <= 1
    kept = [relight_frames(model, **given, guidance=3.0, steps=2, clip_in_negative=kept) for kept in (False, True)]
    assert (kept[0] != kept[1]).any()


def test_progress_reaches_its_end(model: LCVD) -> None:
    seen: list[tuple[int, int]] = []
    relight_frames(model, **pictures(9), steps=2, progress=lambda done, total: seen.append((done, total)))
    assert seen[-1][0] == seen[-1][1] == len(seen)


@pytest.mark.parametrize("name", ["reference", "reference_mask", "reference_hint", "hints"])
def test_a_picture_of_another_size_is_named(model: LCVD, name: str) -> None:
    given = pictures(2)
    given[name] = given[name][..., :32, :] if name != "reference_mask" else given[name][:32]
    with pytest.raises(ValueError, match=rf"^{name} has shape .*64x64 px"):
        relight_frames(model, **given)
