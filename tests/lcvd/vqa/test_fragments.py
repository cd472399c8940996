"""Input of Faster-VQA: patches against golden values, frames of both samplings, seeds, memory."""

from pathlib import Path

import numpy as np
import pytest

from lcvd.vqa.fragments import Draw, extract_fragments, patches, plan_draws, script_frames, segment_frames
from tests.lcvd.vqa.vqa_files import golden_video


@pytest.fixture(scope="module")
def golden(golden_dir: Path) -> dict[str, np.ndarray]:
    return dict(np.load(golden_dir / "fastervqa.npz"))


def lengths(golden: dict[str, np.ndarray], start: str) -> dict[str, int]:
    """Keys that tell frames, and the length of each one's clip."""
    return {key: int(key.split("_")[2]) for key in golden if key.startswith(start)}


@pytest.mark.golden
def test_golden_fastervqa_fragments(golden: dict[str, np.ndarray]) -> None:
    cases = [key.removesuffix("_hw") for key in golden if key.startswith("frag_") and key.endswith("_hw")]
    assert cases
    for case in cases:
        video = golden_video(int(golden["seed"]), *golden[f"{case}_hw"].tolist())
        draw = Draw(tuple(range(32)), golden[f"{case}_off_h"], golden[f"{case}_off_w"])
        out = extract_fragments([draw], lambda indices, video=video: video[list(indices)], 5)[0].astype(np.float64)
        np.testing.assert_allclose(out[:, ::4, ::9, ::7], golden[f"{case}_sub"], atol=1e-3)
        np.testing.assert_allclose(out.sum((2, 3)), golden[f"{case}_frame_sums"], atol=1e-3)


@pytest.mark.golden
def test_golden_fastervqa_frames(golden: dict[str, np.ndarray]) -> None:
    rng = np.random.default_rng(0)
    for key, frames in lengths(golden, "script_frames_").items():
        assert script_frames(frames, rng) == golden[key].tolist()
    for key, frames in lengths(golden, "fragments_frames_").items():
        for found in (golden[key], np.array(segment_frames(frames, rng))):
            segments = found.reshape(8, 4) - np.arange(8)[:, None] * (frames // 8)
            assert (np.diff(segments) == 2).all()
            assert (segments[:, 0] >= 0).all()
            assert (segments[:, 0] < max(1, frames // 8 - 8)).all()


@pytest.mark.parametrize("frames", [1, 5, 16, 63, 71])
@pytest.mark.parametrize("sampling", ["script", "fragments"])
def test_short_clips_repeat_frames(frames: int, sampling: str) -> None:
    [draw] = plan_draws(frames, 256, 256, sampling, seed=0, draws=1)
    assert len(draw.frames) == 32
    assert set(draw.frames) <= set(range(frames))


def test_draws_depend_on_the_seed_but_not_on_the_number_of_draws() -> None:
    def drawn(seed: int, draws: int) -> list[tuple]:
        found = plan_draws(400, 300, 500, "fragments", seed, draws)
        return [(draw.frames, draw.rows.tobytes(), draw.columns.tobytes()) for draw in found]

    assert drawn(0, 3) == drawn(0, 3)
    assert drawn(0, 3)[:2] == drawn(0, 2)
    assert len({*drawn(0, 3), *drawn(1, 3)}) == 6
    [draw] = plan_draws(400, 300, 500, "script", 0, 1)
    assert (draw.rows.min(), draw.rows.max()) == (0, 300 // 7 - 32 - 1)
    assert draw.columns.max() == 500 // 7 - 32 - 1
    with pytest.raises(ValueError, match="without frames"):
        plan_draws(0, 300, 500, "script", 0, 1)


def test_offsets_are_zero_if_a_cell_is_as_small_as_a_patch() -> None:
    narrow, wide = (plan_draws(40, 230, width, "script", 3, 1)[0] for width in (224, 600))
    assert not narrow.rows.any()
    assert not narrow.columns.any()
    assert wide.columns.any()


def test_each_frame_is_fetched_once_in_order_in_small_batches() -> None:
    video = golden_video(1, 240, 260, 90)
    asked: list[list[int]] = []

    def fetch(indices):
        asked.append(list(indices))
        return video[list(indices)]

    draws = plan_draws(90, 240, 260, "fragments", 0, 3)
    out = extract_fragments(draws, fetch, 10)
    flat = [index for part in asked for index in part]
    assert flat == sorted({frame for draw in draws for frame in draw.frames})
    assert max(map(len, asked)) == 10
    for number, draw in enumerate(draws):
        alone = extract_fragments([draw], lambda indices: video[list(indices)], 90)
        np.testing.assert_array_equal(out[number], alone[0])


@pytest.mark.parametrize(("height", "width"), [(144, 176), (20, 400), (224, 100)])
def test_small_frames_are_enlarged(height: int, width: int) -> None:
    image = np.full((height, width, 3), 77, np.uint8)
    none = np.zeros((7, 7), np.int64)
    out = patches(image, none, none)
    assert out.shape == (3, 224, 224)
    assert np.abs(out.astype(int) - 77).max() <= 1
