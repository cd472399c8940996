"""The block transform against SciPy's DCT, and on real pictures."""

from __future__ import annotations

import math
from pathlib import Path

import cv2
import decord
import numpy as np
import pytest
import scipy.fft
import torch

from lcvd.model.latents import COEFFICIENTS, COLOURS, BlockDCT, codec_from


def test_colours_and_blocks_are_orthonormal() -> None:
    torch.testing.assert_close(COLOURS @ COLOURS.T, torch.eye(3))
    basis = BlockDCT(len(COEFFICIENTS)).basis.flatten(1)
    torch.testing.assert_close(basis @ basis.T, torch.eye(len(basis)), atol=5e-6, rtol=0)


def test_coefficients_are_scipys() -> None:
    picture = np.random.default_rng(0).uniform(-1, 1, (3, 16, 24))
    rotated = np.einsum("kc,chw->khw", COLOURS.double().numpy(), picture)
    codec = BlockDCT(len(COEFFICIENTS))
    latents = codec.encode(torch.from_numpy(picture).float()[None])[0]
    for row in range(2):
        for column in range(3):
            block = scipy.fft.dctn(
                rotated[:, 8 * row : 8 * row + 8, 8 * column : 8 * column + 8], axes=(1, 2), norm="ortho"
            )
            expected = [(block[c, v, h] - mean) / math.sqrt(std) for c, v, h, mean, std in COEFFICIENTS]
            np.testing.assert_allclose(latents[:, row, column].numpy(), expected, atol=2e-5)


def test_decode_is_the_projection() -> None:
    codec = BlockDCT(16)
    latents = 0.1 * torch.randn(2, 16, 4, 4, generator=torch.Generator().manual_seed(0))
    frames = codec.decode(latents)
    assert frames.abs().max() < 1, "nothing was clamped"
    torch.testing.assert_close(codec.encode(frames), latents, atol=2e-5, rtol=0)
    assert codec.decode(100 * latents).abs().max() == 1


def test_what_doesnt_fit_is_named() -> None:
    with pytest.raises(ValueError, match="20x16 px: both sides must be multiples of 8"):
        BlockDCT(4).encode(torch.zeros(1, 3, 16, 20))
    with pytest.raises(ValueError, match="latents.channels is 99"):
        BlockDCT(99)
    with pytest.raises(ValueError, match="codec 'vae'"):
        codec_from({"codec": "vae"})
    assert codec_from(BlockDCT(5).config()).channels == 5


def test_real_frames_are_halfway_whitened_and_kept(clips_dir: Path) -> None:
    """On one frame of each clip: unit variance together, the table's deviations, and the PSNR that it claims."""
    frames = []
    for path in sorted(clips_dir.glob("*.mp4")):
        reader = decord.VideoReader(str(path), num_threads=1)
        frame = reader[len(reader) // 2].asnumpy()
        side = min(frame.shape[:2])
        y, x = (frame.shape[0] - side) // 2, (frame.shape[1] - side) // 2
        frames.append(cv2.resize(frame[y : y + side, x : x + side], (128, 128), interpolation=cv2.INTER_AREA))
    pictures = torch.from_numpy(np.stack(frames)).movedim(-1, 1).float() / 127.5 - 1
    codec = BlockDCT(16)
    latents = codec.encode(pictures)
    whitened = latents.std((0, 2, 3)) / torch.tensor([row[4] for row in COEFFICIENTS[:16]]).sqrt()
    assert (whitened > 0.5).all()
    assert (whitened < 2).all()
    assert latents.std().item() == pytest.approx(1, abs=0.3)
    error = ((codec.decode(latents) - pictures) ** 2).mean((1, 2, 3))
    assert (10 * (4 / error).log10()).mean() > 29
