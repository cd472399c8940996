"""Windows over long videos against the published code's, and properties."""

from pathlib import Path

import numpy as np
import pytest
import torch

from lcvd.model.windows import blend_weights, tiled_noise, windows


@pytest.mark.golden
def test_golden_composer_guidance_and_tiles_windows(golden_dir: Path) -> None:
    d = np.load(golden_dir / "composer_guidance_and_tiles.npz")
    for key in (key for key in d.files if key.startswith("windows_")):
        np.testing.assert_array_equal(windows(int(key[8:])).numpy(), d[key], err_msg=key)
    np.testing.assert_array_equal(blend_weights().numpy(), d["weights"])


@pytest.mark.parametrize(("frames", "count"), [(16, 1), (17, 2), (100, 10), (101, 10)])
def test_number_of_windows(frames: int, count: int) -> None:
    assert len(windows(frames)) == count


@pytest.mark.parametrize(("length", "overlap"), [(16, 6), (8, 3), (4, 1), (5, 4)])
def test_every_frame_is_covered_and_the_reference_leads(length: int, overlap: int) -> None:
    for frames in range(length, 60):
        found = windows(frames, length, overlap)
        assert (found[:, 0] == 0).all()
        assert set(found.flatten().tolist()) == set(range(frames))
        for step in range(7):
            found = windows(frames, length, overlap, "shifted", step)
            assert (found[:, 0] == 0).all()
            assert set(found.flatten().tolist()) == set(range(frames))
            assert (found[:, 1:].diff(dim=1) == 1).all()


def test_shifted_windows_have_their_borders_everywhere_and_cost_less() -> None:
    """Over 25 steps, no pair of neighbouring frames inside is a border of two windows for long."""
    frames, length, steps = 101, 16, 25
    split = torch.zeros(frames)
    count = 0
    for step in range(steps):
        found = windows(frames, length, 1, "shifted", step)
        count += len(found)
        together = {(int(a), int(b)) for row in found for a, b in zip(row[1:-1], row[2:], strict=True)}
        split += torch.tensor([float((f, f + 1) not in together) for f in range(frames)])
    assert split[1 : frames - 1].max() <= 0.2 * steps
    assert count / steps < 0.8 * len(windows(frames))


def test_what_doesnt_fit_is_named() -> None:
    with pytest.raises(ValueError, match="15 frames are fewer than one window of 16"):
        windows(15)
    with pytest.raises(ValueError, match="overlap of 16"):
        windows(20, 16, 16)


def test_noise_is_tiled() -> None:
    noise = torch.randn(4, 1, 2, 2, generator=torch.Generator().manual_seed(0))
    long = tiled_noise(noise, 10)
    assert all(torch.equal(long[f], noise[f % 4]) for f in range(10))
