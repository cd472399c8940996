"""The model with the inputs of one video, evaluated under the sets of conditions that guidance compares.

Shape suffixes: R rows, T frames of a window, C latent channels, h w latent sides, D token width, H W pixels.
"""

from collections.abc import Mapping

import torch
from torch import Tensor

from lcvd.model.conditioning import Conditioning
from lcvd.model.guidance import POSITIVE, Guidance
from lcvd.model.images import Images, image_tensor, portrait_mask
from lcvd.model.lcvd import CONDITIONS, LCVD
from lcvd.model.masks import latent_mask
from lcvd.model.objective import network_input
from lcvd.model.sampler import Rows

CHUNK = 16
KEPT_BYTES = 1_000_000_000
"""Limit of the features cached on the device. Features of frames beyond it are computed on every request."""


class AdapterFeatures:
    """Features of the reference, and of each condition that changes from frame to frame.

    Features don't depend on the noise level, so those of the first frames are computed once and cached. Computing the features
    of a frame costs a fiftieth of the network at full size, so recomputing the rest costs little and bounds the memory.

    Args:
        reference: (3,H,W) in [-1,1], the same for all frames; None if the reference adapter isn't used, or its images are in
            `moving`.
        moving: images by the name of their condition, one per frame.
    """

    def __init__(
        self,
        model: LCVD,
        reference: Tensor | None,
        moving: Mapping[str, Images],
        device: torch.device,
        kept_bytes: int = KEPT_BYTES,
    ) -> None:
        self._model, self._moving, self._device = model, dict(moving), device
        self._still: dict[str, Tensor] = {}
        if reference is not None:
            self._still = model.features({"reference": reference[None, None].to(device, self._dtype)})
        self._kept = {name: self._first(name, kept_bytes // len(moving)) for name in moving}

    def of(self, frames_RT: Tensor) -> dict[str, Tensor]:
        """Features by condition: (R,T,c,h,w), or (1,1,c,h,w) if they are the same for all frames."""
        found = dict(self._still)
        for name, kept in self._kept.items():
            flat = frames_RT.flatten()
            if len(flat) and int(flat.max()) < len(kept):
                features = kept[flat.to(kept.device)]
            else:
                features = torch.cat([self._computed(name, part) for part in flat.split(CHUNK)])
            found[name] = features.unflatten(0, frames_RT.shape)
        return found

    @property
    def _dtype(self) -> torch.dtype:
        return next(self._model.adapters.parameters()).dtype

    def _first(self, name: str, kept_bytes: int) -> Tensor:
        """Features of the first frames, as many as fit into `kept_bytes`."""
        one = self._computed(name, torch.tensor([0]))
        count = min(len(self._moving[name]), kept_bytes // (one.numel() * one.element_size()))
        kept = one.new_empty((count, *one.shape[1:]))
        for part in torch.arange(count).split(CHUNK):
            kept[part[0] : part[-1] + 1] = self._computed(name, part)
        return kept

    def _computed(self, name: str, indices_n: Tensor) -> Tensor:
        images = self._moving[name].at(indices_n).to(self._device, self._dtype)
        if name == "reference":
            images = 2 * images - 1  # the value range of the reference adapter
        return self._model.features({name: images[None]})[name][0]


class Conditioned:
    """The network that `sampler.sample` calls; rows are moved to the device and the outputs back.

    Args:
        conditioning: the inputs; checked here.
        guidance: says which conditions are in each set.
        noise: (3,H,W), added to the reference before it is encoded. ids: time ids (1,3) on `device`.

    Attributes:
        frames: number of frames of the video, the reference included.

    Raises:
        UsageError: an input is missing, or has a wrong type, shape or range; the error names it.
    """

    def __init__(
        self,
        model: LCVD,
        device: torch.device,
        conditioning: Conditioning,
        guidance: Guidance,
        *,
        noise: Tensor,
        ids: Tensor,
    ) -> None:
        guidance.check_adapters(list(model.adapters))
        self._model, self._device, self._ids = model, device, ids
        sets = guidance.condition_sets()
        used = set().union(*sets)
        fixed = "reference" in used and not model.warp_reference
        moving = conditioning.sequences(used - ({"reference"} if fixed else set()), model.size)
        self.frames = len(moving["shading"])
        guidance.scale_of(self.frames)  # a wrong length is refused before anything is computed
        reference = image_tensor("reference", conditioning.reference, model.size) * 2 - 1
        mask = portrait_mask("reference_mask", conditioning.reference_mask, model.size)
        self._features = AdapterFeatures(
            model,
            reference if fixed else None,
            {name: images for name, images in moving.items() if name in used},
            device,
        )
        self._tokens = self._image_tokens(reference, guidance.clip_in_negative)
        self._condition = self._condition_latent(reference + noise, mask)
        self._gates = {
            name: torch.tensor([float(name in chosen) for chosen in sets], device=device, dtype=model.unet.dtype)
            for name in CONDITIONS
            if name in used
        }

    def __call__(self, scaled_RTChw: Tensor, timestep: Tensor, rows: Rows) -> Tensor:
        """v-predictions (R,T,C,h,w) float32, on the device of the input."""
        count, which = len(rows.set_R), rows.set_R.to(self._device)
        scaled = scaled_RTChw.to(self._device, self._model.unet.dtype)
        x = network_input(scaled, self._condition.expand(count, -1, -1, -1))
        gates = {name: gate[which] for name, gate in self._gates.items()}
        time = timestep.to(self._device).expand(count)
        features = self._features.of(rows.frames_RT)
        output = self._model(x, time, self._tokens[which], self._ids.expand(count, -1), features, gates)
        return output.float().to(scaled_RTChw.device)

    def try_out(self, noise_TChw: Tensor, count: int) -> Tensor:
        """The output of `count` rows of noise, all of frame 0, to measure the memory of one call."""
        rows = Rows(torch.zeros(count, len(noise_TChw), dtype=torch.long), torch.full((count,), POSITIVE))
        return self(noise_TChw.expand(count, *noise_TChw.shape), torch.tensor(0.0), rows)

    def _image_tokens(self, reference_3HW: Tensor, in_negative: bool) -> Tensor:
        """Image tokens (3,1,D), one per set of conditions."""
        token = self._model.token(reference_3HW[None].to(self._device)).to(self._model.unet.dtype)
        none = torch.zeros_like(token)
        return torch.cat([token if in_negative else none, token, none])

    def _condition_latent(self, noisy_3HW: Tensor, mask_HW: Tensor) -> Tensor:
        """Latent (1,C,h,w) of the noisy reference, zero inside the portrait mask."""
        codec, vae = self._model.codec, self._model.codec.autoencoder
        dtype = vae.dtype
        upcast = dtype == torch.float16 and vae.config.force_upcast
        if upcast:
            vae.to(torch.float32)
        latent = codec.encode_condition(noisy_3HW[None].to(self._device, vae.dtype))
        if upcast:
            vae.to(dtype)
        return (latent * (1 - latent_mask(mask_HW[None].to(self._device)))).to(self._model.unet.dtype)
