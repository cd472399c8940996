"""The pipeline: shapes, seeds, lengths, conditions, forms of input and output, and that bad arguments are named."""

from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from lcvd.config.profiles import profile
from lcvd.model.conditioned import AdapterFeatures
from lcvd.model.conditioning import Conditioning
from lcvd.model.guidance import Guidance
from lcvd.model.images import GivenImages
from lcvd.model.lcvd import LCVD
from lcvd.model.pipeline import Interrupted, LCVDPipeline
from lcvd.model.recipe import Recipe
from tests.lcvd.model.test_lcvd import trained

SIZE, WINDOW = 64, 4


@pytest.fixture(scope="module")
def pipe() -> LCVDPipeline:
    """A small model whose adapters do something."""
    settings = profile("demo").train.model
    unet = settings.unet.model_copy(update={"channels": (32, 32), "heads": (1, 1), "layers": 1})
    pipe = LCVDPipeline.of(
        trained(
            LCVD.fresh(
                settings.model_copy(
                    update={
                        "start": "random",
                        "size": SIZE,
                        "frames": WINDOW,
                        "overlap": 2,
                        "unet": unet,
                        "warp_reference": False,
                    }
                ),
                0,
            )
        )
    )
    pipe.set_progress_bar_config(disable=True)
    return pipe


def pictures(frames: int) -> dict[str, Any]:
    """Random images: a reference and `frames` hints."""
    rng = np.random.default_rng(0)

    def picture(*shape: int) -> np.ndarray:
        return rng.integers(256, size=shape, dtype=np.uint8)

    return {
        "reference": picture(SIZE, SIZE, 3),
        "reference_mask": picture(SIZE, SIZE),
        "reference_hint": picture(SIZE, SIZE, 3),
        "hints": picture(frames, SIZE, SIZE, 3),
    }


def made(pipe: LCVDPipeline, given: dict[str, Any], **options: Any) -> Any:
    """Frames after two steps."""
    return called(pipe, given | {"guidance": 1.5, "generator": 0, "steps": 2} | options)


def called(pipe: LCVDPipeline, arguments: dict[str, Any]) -> Any:
    """The frames of a call whose conditioning and guidance are given by their fields."""
    own = pipe.sampling.guidance_for()
    weights = {
        name: arguments.pop(name)
        for name in ("likeness", "positive", "negative", "clip_in_negative")
        if name in arguments
    }
    if weights:
        arguments["guidance"] = replace(own, scale=arguments["guidance"], **weights)
    inputs = {field.name: arguments.pop(field.name) for field in fields(Conditioning) if field.name in arguments}
    return pipe(Conditioning(**inputs), **arguments).frames


@pytest.mark.parametrize("frames", [1, 3, 9])
@pytest.mark.parametrize("recipe", ["published", "default", "fast"])
def test_one_frame_a_hint_the_same_for_a_seed(pipe: LCVDPipeline, frames: int, recipe: str) -> None:
    runs = [made(pipe, pictures(frames), generator=seed, recipe=recipe) for seed in (0, 0, 1)]
    assert runs[0].shape == (frames, SIZE, SIZE, 3)
    assert runs[0].dtype == np.uint8
    np.testing.assert_array_equal(runs[0], runs[1])
    assert (runs[0] != runs[2]).any()


def test_without_guidance_only_the_weaker_conditions_count(pipe: LCVDPipeline) -> None:
    given = pictures(3)
    other = given | {"hints": 255 - given["hints"]}
    weak = [made(pipe, hints, guidance=0.0) for hints in (given, other)]
    np.testing.assert_array_equal(*weak)
    full = [made(pipe, hints, guidance=1.0) for hints in (given, other)]
    assert (full[0] != full[1]).any()


def test_conditions_and_token_can_be_chosen(pipe: LCVDPipeline) -> None:
    given = pictures(3)
    # y2 of `shading` alone doesn't depend on the reference's adapter, so equals itself whatever y1 is at guidance 1
    same = [made(pipe, given, guidance=1.0, positive=("shading",), negative=no) for no in ((), ("reference",))]
    assert np.abs(same[0].astype(int) - same[1]).max() <= 1
    kept = [made(pipe, given, guidance=3.0, clip_in_negative=kept) for kept in (False, True)]
    assert (kept[0] != kept[1]).any()


def test_likeness_is_guidance_by_the_reference(pipe: LCVDPipeline) -> None:
    """Where the light is followed once: y2 + (w - 1)(y2 - y3) is guidance w from `shading` alone, whose prediction y3 is."""
    given, between = pictures(4), (0.001, 1000.0)
    recipe = Recipe(3, interval=between, likeness=between)
    how: dict[str, Any] = {"recipe": recipe, "steps": None, "output_type": "latent"}
    likeness = made(pipe, given, **how, guidance=1.0, likeness=2.5)
    torch.testing.assert_close(likeness, made(pipe, given, **how, guidance=2.5, negative=("shading",)))
    assert (likeness - made(pipe, given, **how, guidance=1.0)).abs().max() > 1e-3
    alone = [made(pipe, given, **how, positive=("shading",), negative=(), likeness=w) for w in (1.0, 2.5)]
    assert torch.equal(*alone), "without the reference there is nothing to be like"


def test_guidance_rises_from_the_first_to_the_last_frame(pipe: LCVDPipeline) -> None:
    options = {"steps": 1, "output_type": "latent"}
    pair, each = (made(pipe, pictures(3), guidance=g, **options) for g in ((0.0, 3.0), (1.0, 2.0, 3.0)))
    torch.testing.assert_close(pair, each)
    torch.testing.assert_close(pair[2], made(pipe, pictures(3), guidance=3.0, **options)[2])


def test_rows_at_once_change_nothing_and_a_budget_bounds_memory(pipe: LCVDPipeline) -> None:
    plain = made(pipe, pictures(9), output_type="latent", recipe="published")
    budgeted = made(pipe, pictures(9), output_type="latent", recipe="published", memory_budget_gb=64)
    torch.testing.assert_close(plain, budgeted, atol=1e-3, rtol=1e-3)
    with pytest.raises(ValueError, match=r"memory_budget_gb: 0\.01 is too little, .* needs \d"):
        made(pipe, pictures(9), memory_budget_gb=0.01)


def test_arrays_tensors_and_images_are_the_same(pipe: LCVDPipeline, tmp_path: Path) -> None:
    given = pictures(3)
    expected = made(pipe, given)
    floats = {name: value.astype(np.float32) / 255 for name, value in given.items()}
    tensors = {
        name: torch.from_numpy(v).movedim(-1, -3) if v.ndim > 2 else torch.from_numpy(v) for name, v in floats.items()
    }
    images = {name: Image.fromarray(value) for name, value in given.items() if name != "hints"}
    images["hints"] = [Image.fromarray(hint) for hint in given["hints"]]
    np.save(tmp_path / "hints.npy", given["hints"])
    mapped = given | {"hints": np.load(tmp_path / "hints.npy", mmap_mode="r")}
    for form in (floats, tensors, images, mapped):
        assert np.abs(made(pipe, form).astype(int) - expected).max() <= 1


def test_forms_of_the_result(pipe: LCVDPipeline) -> None:
    given = pictures(3)
    expected = made(pipe, given)
    as_np, as_pt, as_pil = (made(pipe, given, output_type=kind) for kind in ("np", "pt", "pil"))
    assert np.abs(as_np * 255 - expected).max() <= 0.5 + 1e-3
    np.testing.assert_allclose(as_pt.movedim(1, -1).numpy(), as_np)
    np.testing.assert_array_equal(np.stack([np.asarray(image) for image in as_pil]), expected)
    latents = made(pipe, given, output_type="latent")
    assert latents.shape == (3, 16, 8, 8)
    windows = list(pipe.decode_uint8(latents, 2))
    assert [len(window) for window in windows] == [2, 1]
    assert np.abs(np.concatenate(windows).astype(int) - expected).max() <= 1  # other frames at once, other rounding


def test_decoding_is_chunked_and_slicing_is_possible(pipe: LCVDPipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    sizes: list[int] = []
    hook = pipe.vae.decoder.register_forward_pre_hook(lambda _module, args: sizes.append(len(args[0])))
    try:
        chunks = made(pipe, pictures(5), decode_chunk_size=2)
        assert sizes == [2, 2, 1]
        pipe.vae.enable_slicing()
        sliced = made(pipe, pictures(5), decode_chunk_size=5)
        assert sizes[3:] == [1] * 5
    finally:
        hook.remove()
        pipe.vae.disable_slicing()
    assert np.abs(chunks.astype(int) - sliced).max() <= 1


def test_progress_callback_and_interruption(pipe: LCVDPipeline) -> None:
    seen: list[tuple[int, int]] = []
    steps: list[int] = []

    def callback(given: Any, step: int, _timestep: Tensor, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
        assert given is pipe
        steps.append(step)
        return {"latents": tensors["latents"] * 0}

    options = {"recipe": "published", "output_type": "latent"}
    made(pipe, pictures(9), progress=lambda done, total: seen.append((done, total)), **options)
    assert seen[-1][0] == seen[-1][1] == 2 * len(seen)
    assert not made(pipe, pictures(3), callback_on_step_end=callback, **options).any()
    assert steps == [0, 1]
    with pytest.raises(Interrupted, match="interrupted after 6 of 16"):
        made(pipe, pictures(9), progress=lambda done, _: pipe.interrupt() if done == 4 else None, **options)
    assert made(pipe, pictures(1)).shape[0] == 1, "the next call isn't interrupted"


class Rendered:
    """Hints made on demand; notes how many at once."""

    def __init__(self, hints: np.ndarray) -> None:
        self.hints, self.most = hints, 0

    def __len__(self) -> int:
        return len(self.hints)

    def __getitem__(self, indices: np.ndarray) -> np.ndarray:
        self.most = max(self.most, len(indices))
        return self.hints[indices]


def test_hints_may_be_rendered_on_demand_a_few_at_a_time(pipe: LCVDPipeline) -> None:
    given = pictures(40)
    source = Rendered(given["hints"])
    np.testing.assert_array_equal(made(pipe, given | {"hints": source}, steps=1), made(pipe, given, steps=1))
    assert source.most <= 16


def test_features_beyond_what_is_kept_are_computed_again(pipe: LCVDPipeline) -> None:
    hints = GivenImages("hints", pictures(20)["hints"], SIZE)
    frame = pipe.model.features({"shading": torch.zeros(1, 1, 3, SIZE, SIZE)})["shading"]
    few, all_ = (
        AdapterFeatures(pipe.model, None, {"shading": hints}, torch.device("cpu"), kept * frame.numel() * 4)
        for kept in (5, 20)
    )
    frames = torch.tensor([[0, 3, 4], [4, 5, 19]])
    torch.testing.assert_close(few.of(frames)["shading"], all_.of(frames)["shading"])
    assert len(few._kept["shading"]) == 5


def test_lower_precision_is_near(pipe: LCVDPipeline, tmp_path: Path) -> None:
    pipe.save_pretrained(tmp_path)
    low = LCVDPipeline.from_pretrained(tmp_path, torch_dtype=torch.bfloat16)
    low.set_progress_bar_config(disable=True)
    assert low.unet.dtype == low.vae.dtype == torch.bfloat16
    gap = np.abs(made(low, pictures(3)).astype(int) - made(pipe, pictures(3)))
    assert 0 < gap.mean() < 8


BAD: list[tuple[dict[str, Any], str]] = [
    ({"guidance": -1.0}, "guidance: expected finite numbers of at least 0, got -1"),
    ({"guidance": float("nan")}, "guidance: expected finite"),
    ({"likeness": float("inf")}, "likeness: expected a finite number of at least 0, got inf"),
    ({"guidance": [1.0] * 5}, r"guidance: .* 3 \(one per hint\), got \(5,\)"),
    ({"generator": None}, "generator: expected a seed or a torch.Generator, got None"),
    ({"hints": None}, "hints: expected images, got None"),
    ({"hints": 7}, "hints: expected arrays, tensors or images, got int"),
    ({"hints": np.zeros((0, SIZE, SIZE, 3), np.uint8)}, "hints: expected at least one image"),
    ({"hints": np.full((3, SIZE, SIZE, 3), 255.0, np.float32)}, r"hints: expected values in \[0, 1\].*got 255 to 255"),
    ({"hints": np.zeros((3, SIZE, SIZE, 3), np.int64)}, "hints: expected uint8 or floating-point numbers, got torch.int64"),
    ({"hints": np.full((3, SIZE, SIZE, 3), np.nan, np.float32)}, r"hints: expected values in \[0, 1\]"),
    ({"hints": np.zeros((3, 32, SIZE, 3), np.uint8)}, r"hints: expected shape \(1, 64, 64, 3\), got \(1, 32, 64, 3\)"),
    ({"reference": np.zeros((32, 32, 3), np.uint8)}, r"reference: expected shape \(64, 64, 3\), got \(32, 32, 3\)"),
    ({"reference": torch.zeros(3, SIZE, SIZE) - 1}, r"reference: expected values in \[0, 1\].*got -1"),
    ({"reference_mask": np.zeros((SIZE, SIZE, 3), np.uint8)}, r"reference_mask: expected shape \(64, 64\)"),
    ({"reference_hint": "a.png"}, "reference_hint: expected an array, a tensor or an image, got str"),
    ({"positive": ("shading", "landmark")}, r"positive: expected some of \['shading', 'reference'\]"),
    ({"negative": "reference"}, "negative: expected some of"),
    ({"recipe": "slow"}, "recipe: expected one of published, default, fast, got 'slow'"),
    ({"steps": 0}, "steps: expected at least 1, got 0"),
    ({"output_type": "gif"}, "output_type: expected one of uint8, np, pt, pil, latent, got 'gif'"),
]  # fmt: skip


@pytest.mark.parametrize(("wrong", "message"), BAD, ids=[message[:40] for _, message in BAD])
def test_bad_arguments_are_named(pipe: LCVDPipeline, wrong: dict[str, Any], message: str) -> None:
    with pytest.raises((ValueError, TypeError), match=f"^{message}"):
        called(pipe, pictures(3) | {"guidance": 1.0, "generator": 0, "steps": 1} | wrong)


def test_a_reference_warped_to_its_own_pose_is_the_reference(pipe: LCVDPipeline) -> None:
    moving = LCVDPipeline(**pipe.parts.named(), size=SIZE, frames=WINDOW, overlap=2, warp_reference=True)
    moving.set_progress_bar_config(disable=True)
    given = pictures(6)
    still = np.repeat(given["reference"][None], 6, axis=0)
    same, expected = (made(each, given, warped_reference=still, output_type="latent") for each in (moving, pipe))
    torch.testing.assert_close(same, expected, rtol=1e-4, atol=1e-4)
    other = made(moving, given, warped_reference=given["hints"], output_type="latent")
    assert (other - expected).abs().max() > 0.01
    for wrong, message in (
        ({}, "warped_reference: expected images, got None"),
        ({"warped_reference": still[:5]}, "warped_reference: expected 6, one per hint, got 5"),
    ):
        with pytest.raises(ValueError, match=message):
            made(moving, given, **wrong)
    only = {"positive": ("shading",), "negative": ()}
    np.testing.assert_array_equal(made(moving, given, **only), made(pipe, given, **only))


def test_landmark_maps_are_one_a_hint(pipe: LCVDPipeline) -> None:
    parts = pipe.parts
    extra = trained(pipe.model).adapters["shading"]
    three = LCVDPipeline(**parts.named(), landmark_adapter=extra, size=SIZE, frames=WINDOW, overlap=2)
    three.set_progress_bar_config(disable=True)
    given, sets = pictures(3), {"positive": ("landmark", "reference"), "negative": ()}
    drawn = {"reference_landmarks": given["reference_hint"], "landmarks": given["hints"]}
    # An adapter with the same input has the same output, whatever its name.
    expected = made(three, given, positive=("shading", "reference"), negative=())
    np.testing.assert_array_equal(made(three, given, **sets, **drawn), expected)
    with pytest.raises(ValueError, match="landmarks: expected 3, one per hint, got 2"):
        made(three, given, **sets, **drawn | {"landmarks": given["hints"][:2]})
    with pytest.raises(ValueError, match="landmarks: expected images, got None"):
        made(three, given, **sets)


def test_the_papers_ablations(pipe: LCVDPipeline) -> None:
    names = {"shading+reference": (("shading", "reference"), ("reference",))}
    names |= {"reference": (("reference",), ("reference",)), "shading": (("shading",), ())}
    for adapters, expected in names.items():
        found = Guidance.of_adapters(adapters, 1.5)
        assert (found.positive, found.negative) == expected
    given = pictures(3)
    relit = given | {"hints": 255 - given["hints"]}
    blind = [made(pipe, hints, guidance=Guidance.of_adapters("reference", 1.5)) for hints in (given, relit)]
    np.testing.assert_array_equal(*blind)
    for adapters in ("shading", "shading+reference"):
        seen = [made(pipe, hints, guidance=Guidance.of_adapters(adapters, 1.5)) for hints in (given, relit)]
        assert (seen[0] != seen[1]).any(), adapters


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_compiled_blocks_give_the_same(pipe: LCVDPipeline, tmp_path: Path) -> None:
    pipe.save_pretrained(tmp_path)
    compiled = LCVDPipeline.from_pretrained(tmp_path)
    compiled.set_progress_bar_config(disable=True)
    compiled.compile_blocks()
    given = pictures(3)
    plain, fast = (made(each, given, output_type="latent", steps=1) for each in (pipe, compiled))
    torch.testing.assert_close(fast, plain, atol=1e-3, rtol=1e-3)
    assert set(compiled.unet.state_dict()) == set(pipe.unet.state_dict()), "compiling renames no key"
