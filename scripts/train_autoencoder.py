"""Train the demo's tiny autoencoder: ``python -m scripts.train_autoencoder`` rewrites
``lcvd/model/assets/tiny_autoencoder``.

Training images: photographs shipped with scikit-image (public domain or CC0), and frames of the portrait studio
(animated photographs and computer-generated heads) under many lights. Some images, people, motions and lights are held
out and used for measurement only.
"""

import argparse
import json
from collections.abc import Iterator, Sequence
from importlib.metadata import distribution
from itertools import islice
from pathlib import Path

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from lcvd.array import Array
from lcvd.light.presets import PRESETS
from lcvd.model.hf_classes import AutoencoderKL
from lcvd.model.latents import TINY, LatentCodec
from lcvd.model.load import ONE_FILE, load_vae
from lcvd.model.packing import Packing
from lcvd.studio.clip import MOVING, StudioClip

CHANNELS = {8: (16, 32, 64, 128), 4: (16, 48, 128)}
"""Channels of the blocks by scale; resolution is halved after every block except the last."""
PHOTOGRAPHS = ("astronaut.png", "coffee.png", "motorcycle_left.png", "hubble_deep_field.jpg", "grass.png", "gravel.png",
               "brick.png", "retina.jpg", "rocket.jpg", "camera.png", "moon.png", "ihc.png")  # fmt: skip
HELD_OUT_PHOTOGRAPHS = ("chelsea.png", "coins.png", "color.png")
PHOTOS, HEADS, HELD_OUT_HEADS = ("astronaut", "hopper"), range(40), range(9000, 9008)
HELD_OUT_SEED = 10_000
SIZES = (128, 176, 256)
FRAMES, STRIDE = 12, 23
CROP = 64
PORTRAITS = 0.75
"""Fraction of the crops that come from the studio."""
COARSE = 0.25
"""Weight of the image decoded from latents at half size. A latent space in which neighbouring latents have the same
meaning is easier to generate."""


def new_autoencoder(scale: int, channels: int) -> AutoencoderKL:
    """A new autoencoder that reduces images `scale` times, without attention, so that it works for any size."""
    widths = CHANNELS[scale]
    model = AutoencoderKL(
        down_block_types=("DownEncoderBlock2D",) * len(widths),
        up_block_types=("UpDecoderBlock2D",) * len(widths),
        block_out_channels=widths,
        layers_per_block=1,
        latent_channels=channels,
        norm_num_groups=1,
        sample_size=128,
        mid_block_add_attention=False,
        use_quant_conv=False,
        use_post_quant_conv=False,
        force_upcast=False,
    )
    # Start almost without latent noise; with the usual standard deviation of 1, nothing is learned for a long time.
    torch.nn.init.constant_(model.encoder.conv_out.bias[channels:], -6)
    torch.nn.init.zeros_(model.encoder.conv_out.weight[channels:])
    return model


def photographs(names: tuple[str, ...]) -> list[Array]:
    """Images (H, W, 3) uint8 shipped with scikit-image."""
    folder = Path(str(distribution("scikit-image").locate_file("skimage/data")))
    return [cv2.cvtColor(cv2.imread(str(folder / name), cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB) for name in names]


def portraits(people: Sequence[str], seed: int, rounds: int) -> list[Array]:
    """Frames (S, S, 3) uint8 of each of `people`, from `rounds` clips each under a moving or a preset light."""
    lights, results = (MOVING, MOVING, *PRESETS), []
    for number in range(rounds * len(people)):
        clip = StudioClip(
            people[number % len(people)],
            seed + number,
            lights[number % len(lights)],
            FRAMES * STRIDE,
            SIZES[number % len(SIZES)],
        )
        results += [frame for frames, _ in clip.render(range(0, clip.frames, STRIDE)) for frame in frames]
    return results


def crops(images: list[Array], faces: list[Array], batch: int, seed: int) -> Iterator[Tensor]:
    """Endless batches (B, 3, CROP, CROP) in [-1, 1] with random positions, scales, mirroring, brightness and colour
    casts."""
    rng = np.random.default_rng(seed)
    while True:
        chosen = []
        for _ in range(batch):
            sources = faces if rng.random() < PORTRAITS else images
            source = sources[rng.integers(len(sources))]
            side = min(round(CROP * rng.choice([1, 1, 1, 1.5, 2])), *source.shape[:2])
            y, x = (rng.integers(length - side + 1) for length in source.shape[:2])
            crop = cv2.resize(source[y : y + side, x : x + side], (CROP, CROP), interpolation=cv2.INTER_AREA)
            crop = crop[:, :: rng.choice([-1, 1])].astype(np.float32)
            if rng.random() < 0.5:
                cast = rng.uniform(0.6, 1.25) * rng.uniform(0.9, 1.1, 3).astype(np.float32)
                crop = np.clip(crop * cast.astype(np.float32), 0, 255)
            if rng.random() < 0.1:
                crop = crop[..., rng.permutation(3)]
            chosen.append(crop)
        yield torch.from_numpy(np.stack(chosen)).movedim(-1, 1) / 127.5 - 1


def loss_of(model: AutoencoderKL, images_N3HW: Tensor, noise: torch.Generator, kl: float) -> Tensor:
    """Charbonnier error of the decoded image and of an image decoded from latents at half size, plus weighted KL."""
    posterior = model.encode(images_N3HW).latent_dist
    mean, std = posterior.mean.float(), posterior.std.float()
    latents = mean + std * torch.randn(mean.shape, generator=noise)
    error = _distance(model.decode(latents).sample.float(), images_N3HW)
    half = F.avg_pool2d(latents, 2), F.avg_pool2d(images_N3HW, 2)
    coarse = _distance(model.decode(half[0]).sample.float(), half[1])
    divergence = 0.5 * (mean**2 + std**2 - 1 - 2 * std.log()).mean()
    return error + COARSE * coarse + kl * divergence


def _distance(decoded: Tensor, true: Tensor) -> Tensor:
    return ((decoded - true) ** 2 + 1e-4).sqrt().mean()


def train(options: argparse.Namespace, images: list[Array], faces: list[Array]) -> AutoencoderKL:
    """Train for `options.steps` with a cosine schedule in bfloat16 autocast; `options` are those of the command line."""
    torch.manual_seed(options.seed)
    model = new_autoencoder(options.scale, options.channels).to(memory_format=torch.channels_last).train()
    optimiser = torch.optim.AdamW(model.parameters(), lr=options.lr, betas=(0.9, 0.99), weight_decay=1e-4)
    noise = torch.Generator().manual_seed(options.seed)
    for step, batch in enumerate(islice(crops(images, faces, options.batch, options.seed), options.steps)):
        rate = options.lr * min(1, (step + 1) / 100) * (0.5 + 0.5 * np.cos(np.pi * step / options.steps))
        for group in optimiser.param_groups:
            group["lr"] = rate
        with torch.autocast("cpu", torch.bfloat16):
            loss = loss_of(model, batch.to(memory_format=torch.channels_last), noise, options.kl)
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        if step % 100 == 0:
            print(f"step {step} of {options.steps}: loss {loss.item():.4f}", flush=True)
    return model.eval()


@torch.inference_mode()
def packing(model: AutoencoderKL, images: list[Array]) -> Packing:
    """The packing that rotates and scales latents: principal components on `images`, each divided by the square root of
    its standard deviation, with unit variance in total."""
    batch = next(crops(images, images, 512, 1))
    codec = LatentCodec(model)
    packed = F.pixel_unshuffle(model.encode(batch).latent_dist.mode(), codec.pack)
    rows = packed.movedim(1, -1).flatten(0, 2).double()
    values, vectors = torch.linalg.eigh(torch.cov(rows.T))
    root = values.flip(0).clamp(min=1e-6) ** 0.25
    basis = vectors.flip(1).T / root[:, None] / (root**2).mean().sqrt()
    rotated = {"mean": rows.mean(0).float(), "basis": basis.float()}
    return Packing(codec.channels, codec.pack).turned(rotated)


@torch.inference_mode()
def psnr(model: AutoencoderKL, images: list[Array], size: int = 128) -> float:
    """Mean PSNR in dB between images, resized to `size` px, and their reconstructions."""
    results = []
    for image in images:
        side = min(image.shape[:2])
        y, x = ((length - side) // 2 for length in image.shape[:2])
        square = cv2.resize(image[y : y + side, x : x + side], (size, size), interpolation=cv2.INTER_AREA)
        true = torch.from_numpy(square).movedim(-1, 0)[None].float() / 127.5 - 1
        decoded = model.decode(model.encode(true).latent_dist.mode()).sample.clamp(-1, 1)
        results.append(10 * np.log10(4 / ((decoded - true) ** 2).mean().item()))
    return float(np.mean(results))


def heads(numbers: Sequence[int]) -> list[str]:
    """Identities of computer-generated heads."""
    return [f"head-{number}" for number in numbers]


def measure(model: AutoencoderKL) -> dict[str, float]:
    """PSNR in dB on held-out images."""
    seen = portraits(PHOTOS, HELD_OUT_SEED, 3)
    return {
        "photographs": psnr(model, photographs(HELD_OUT_PHOTOGRAPHS)),
        "renders of the two photographed people, new motions and lights": psnr(model, seen),
        "renders of eight new computer-generated heads": psnr(
            model, portraits(heads(HELD_OUT_HEADS), HELD_OUT_SEED, 1)
        ),
    }


def main() -> None:
    """Train, measure and write the autoencoder."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scale", type=int, choices=sorted(CHANNELS), default=4)
    parser.add_argument("--channels", type=int, default=4)
    parser.add_argument("--steps", type=int, default=10_000)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--lr", type=float, default=2e-3)
    parser.add_argument("--kl", type=float, default=1e-5)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=TINY)
    options = parser.parse_args()
    faces = portraits(PHOTOS, 0, 12) + portraits(heads(HEADS), 0, 2)
    print(f"{len(faces)} frames", flush=True)
    model = train(options, photographs(PHOTOGRAPHS), faces)
    model.register_to_config(scaling_factor=1.0)
    rotated = packing(model, faces)
    for part, folder in ((model, options.out), (rotated, options.out / "packing")):
        part.half().save_pretrained(folder, max_shard_size=ONE_FILE)
    print(json.dumps(measure(load_vae(options.out).float()), indent=1))


if __name__ == "__main__":
    main()
