"""Animate and relight a portrait: shading hints and a reference image to a video (spec D)."""

from __future__ import annotations

from collections.abc import Callable, Collection

import numpy as np
import torch
from torch import Tensor

from lcvd.model.lcvd import LCVD
from lcvd.model.masks import latent_mask
from lcvd.model.objective import network_input, time_ids, to_signed, to_unit
from lcvd.model.sampler import sample
from lcvd.model.seeds import generator

CONDITION_SIGMA = 0.02
DECODE_CHUNK = 16


@torch.inference_mode()
def relight_frames(
    model: LCVD,
    reference: np.ndarray,
    reference_mask: np.ndarray,
    reference_hint: np.ndarray,
    hints: np.ndarray,
    *,
    guidance: float = 4.5,
    steps: int = 25,
    seed: int = 0,
    positive: Collection[str] = ("shading", "reference"),
    negative: Collection[str] = ("reference",),
    clip_in_negative: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> np.ndarray:
    """The portrait in the pose and light of every hint, (N,H,W,3) uint8 RGB.

    The reference with its own hint is frame 0 of every window; it is not part of the result. The prediction is
    ``y1 + guidance * (y2 - y1)`` with y2 under the conditions `positive` and y1 under `negative`, in one batch.

    Args:
        reference: the portrait (H,W,3), uint8 RGB, H = W = `model.size`.
        reference_mask: (H,W), uint8 or bool; more than half of full scale means person. Outside, the picture is kept.
        reference_hint: shading of the reference's own pose and light, (H,W,3) uint8.
        hints: shading of the wanted poses and light, (N,H,W,3) uint8.
        guidance: how strongly the shading is followed: the published default 4.5; 1 to 1.5 for the demo's model.
        clip_in_negative: keep the image token under `negative`; the published system leaves it out.
        progress: called with (network calls done, network calls in all).

    Raises:
        ValueError: a picture has another shape than the model's.
    """
    _check(model.size, reference=reference, reference_mask=reference_mask, reference_hint=reference_hint, hints=hints)
    device, sets = model.device, (set(negative), set(positive))
    picture = to_signed(torch.from_numpy(reference).to(device))[None]
    sequence = torch.from_numpy(np.concatenate([reference_hint[None], hints]))
    rng = generator(seed, "relight")
    latents_shape = (model.frames, model.codec.channels, model.size // 8, model.size // 8)
    noise = torch.randn(latents_shape, generator=rng).to(device)
    noisy = picture + CONDITION_SIGMA * torch.randn(picture.shape, generator=rng).to(device)
    outside = 1 - latent_mask(torch.from_numpy(reference_mask[None]).to(device))
    condition = (model.codec.encode_condition(noisy) * outside).expand(2, -1, -1, -1)
    ids = time_ids(torch.full((2,), CONDITION_SIGMA, device=device))
    token = model.token(picture)
    tokens = torch.cat([token if clip_in_negative else torch.zeros_like(token), token])
    used = [name for name in model.adapters if name in sets[0] | sets[1]]
    gates = {name: torch.tensor([float(name in chosen) for chosen in sets], device=device) for name in used}
    features = _features(model, used, picture, sequence)

    def network(scaled_TChw: Tensor, timestep: Tensor, indices_T: Tensor) -> tuple[Tensor, Tensor]:
        x = network_input(scaled_TChw[None].expand(2, -1, -1, -1, -1), condition)
        chosen = {name: f[indices_T][None] if len(f) > 1 else f[None] for name, f in features.items()}
        y = model(x, timestep.to(device).expand(2), tokens, ids, chosen, gates)
        return y[0], y[1]

    latents = sample(
        network, noise, len(sequence), steps=steps, guidance=guidance, overlap=model.overlap, progress=progress
    )
    return np.concatenate([_to_uint8(model.codec.decode(part)) for part in latents[1:].split(DECODE_CHUNK)])


def _features(model: LCVD, names: Collection[str], picture: Tensor, sequence_NHW3: Tensor) -> dict[str, Tensor]:
    """Adapter features of all frames (N,c,h,w), or (1,c,h,w) of the reference, which is the same in all of them."""
    result: dict[str, Tensor] = {}
    for name in names:
        if name == "reference":
            result[name] = model.features({name: picture[:, None]})[name][0]
        else:
            parts = [to_unit(part.to(model.device))[None] for part in sequence_NHW3.split(DECODE_CHUNK)]
            result[name] = torch.cat([model.features({name: part})[name][0] for part in parts])
    return result


def _to_uint8(frames_N3HW: Tensor) -> np.ndarray:
    return ((frames_N3HW + 1) * 127.5).round().to(torch.uint8).movedim(1, -1).cpu().numpy()


def _check(size: int, **pictures: np.ndarray) -> None:
    for name, picture in pictures.items():
        wanted = (size, size) if name == "reference_mask" else (size, size, 3)
        if picture.shape[-len(wanted) :] != wanted or picture.ndim != len(wanted) + (name == "hints"):
            raise ValueError(f"{name} has shape {picture.shape}; this model works at {size}x{size} px")
