"""CLIP's input against numbers of the published code."""

from pathlib import Path

import numpy as np
import pytest
import torch

from lcvd.config.profiles import profile
from lcvd.model.image_token import clip_pixels, image_token, new_image_encoder


@pytest.mark.golden
def test_golden_clip_preprocess(golden_dir: Path) -> None:
    d = np.load(golden_dir / "clip_preprocess.npz")
    seed = int(d["seed"])
    y, x = np.mgrid[:512, :512]
    wave = (128 + 127 * np.sin(x * y / 900 + seed)).astype(int)
    image = np.stack([(5 * x + 3 * y + 31 * seed) % 256, ((x // 7 + y // 5) % 2) * 255, wave], -1).astype(np.uint8)
    np.testing.assert_array_equal(image[::64, ::64], d["img_check"])
    signed = torch.from_numpy(image).movedim(-1, 0)[None].float() / 127.5 - 1
    np.testing.assert_allclose(signed[0, :, ::32, ::32].numpy(), d["vae_input_sub"], atol=5e-5)
    pixels = clip_pixels(signed.repeat(2, 1, 1, 1))
    assert torch.equal(pixels[0], pixels[1])
    np.testing.assert_allclose(pixels[0, :, ::4, ::4].numpy(), d["clip_pixels_sub"], atol=5e-5)
    np.testing.assert_allclose(pixels[0, :, :3].numpy(), d["clip_pixels_border"], atol=5e-5)
    np.testing.assert_allclose(pixels[0].mean((1, 2)).numpy(), d["clip_mean"], atol=5e-5)


def test_small_images_arent_blurred_and_tokens_tell_images_apart() -> None:
    encoder = new_image_encoder(profile("demo").train.model.image_encoder, seed=0)
    images = torch.rand(3, 3, 128, 128, generator=torch.Generator().manual_seed(0)) * 2 - 1
    images[1] = -images[0]
    tokens = image_token(encoder, images)
    assert tokens.shape == (3, 1, 64)
    assert not tokens.requires_grad
    distance = torch.cdist(tokens[:, 0], tokens[:, 0])
    assert distance[0, 1] > 0.1
