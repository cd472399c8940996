"""`LCVDPipeline`: a portrait and a sequence of shading hints to a video, as a diffusers pipeline (spec D)."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from lcvd.errors import LcvdError, UsageError
from lcvd.model.batch_sizing import GB, rows_within
from lcvd.model.call_arguments import Guidance, condition_sets, generator_of, led_pictures, strength_of
from lcvd.model.conditioned import Conditioned
from lcvd.model.conditions import Conditions
from lcvd.model.hf_classes import BaseOutput, DiffusionPipeline
from lcvd.model.hub import Parts, load_parts, save_parts
from lcvd.model.lcvd import CONDITIONS, LCVD
from lcvd.model.masks import latent_mask
from lcvd.model.objective import time_ids
from lcvd.model.pictures import picture, portrait_mask
from lcvd.model.recipe import Recipe, recipe_of
from lcvd.model.sampler import sample
from lcvd.model.sampling_state import Kept
from lcvd.model.schedule import Scheduler

Callback = Callable[[DiffusionPipeline, int, Tensor, dict[str, Tensor]], dict[str, Any] | None]
ROWS = 2
MOST_ROWS = 64
OUTPUTS = ("uint8", "np", "pt", "pil", "latent")


@dataclass
class LCVDOutput(BaseOutput):
    """What a pipeline gives back."""

    frames: Any
    """The video without the reference, in the form asked for."""


class LCVDPipeline(DiffusionPipeline):
    """Animates and relights a portrait.

    The reference with its own hint is frame 0 of every window; it isn't part of the result. Latents stay in the
    computer's memory, and windows of them go to the device, which therefore needs no more memory for a longer video.
    """

    model_cpu_offload_seq = "image_encoder->unet->vae"
    _exclude_from_cpu_offload = ["shading_adapter", "reference_adapter", "landmark_adapter", "packing"]  # noqa: RUF012
    _optional_components = ["shading_adapter", "reference_adapter", "landmark_adapter", "packing"]  # noqa: RUF012
    _callback_tensor_inputs = ["latents"]  # noqa: RUF012

    def __init__(
        self,
        unet: Any,
        vae: Any,
        image_encoder: Any,
        scheduler: Scheduler,
        shading_adapter: Any = None,
        reference_adapter: Any = None,
        landmark_adapter: Any = None,
        packing: Any = None,
        *,
        size: int = 512,
        frames: int = 16,
        overlap: int = 6,
        warp_reference: bool = False,
    ) -> None:
        super().__init__()
        given = dict(zip(CONDITIONS, (shading_adapter, reference_adapter, landmark_adapter), strict=True))
        self.register_modules(
            unet=unet,
            vae=vae,
            image_encoder=image_encoder,
            scheduler=scheduler,
            packing=packing,
            **{f"{name}_adapter": adapter for name, adapter in given.items()},
        )
        sizes = {"size": size, "frames": frames, "overlap": overlap, "warp_reference": warp_reference}
        self.register_to_config(**sizes)
        adapters = {name: adapter for name, adapter in given.items() if adapter is not None}
        self.parts = Parts(unet, adapters, image_encoder, vae, packing, scheduler, sizes)
        self.model = LCVD.of(self.parts)
        self._interrupted = False

    @classmethod
    def of(cls, model: LCVD | Parts) -> LCVDPipeline:
        """A pipeline around a model; both share its parts."""
        parts: Parts = model if isinstance(model, Parts) else model.parts()
        return cls(**parts.named(), **parts.sizes)

    @classmethod
    def from_pretrained(
        cls,
        where: Path | str,
        *,
        torch_dtype: torch.dtype = torch.float32,
        device: torch.device | str = "cpu",
        **hub: Any,
    ) -> LCVDPipeline:
        """The pipeline of the model in a folder, or in a hub's repository "owner/name"; strict, see `hub.load_parts`.

        Raises:
            ModelError: it isn't a model, or a part doesn't fit its config; files and keys are named.
        """
        return cls.of(load_parts(where, torch_dtype, **hub)).to(device)

    def save_pretrained(self, folder: Path | str, **options: Any) -> None:
        """Write all parts below `folder`; see `hub.save_parts`. `push_to_hub` uses it."""
        save_parts(self.parts, folder, **options)

    def compile_blocks(self, **options: Any) -> None:
        """Let `torch.compile` (which takes `options`) compile the UNet's blocks one by one: minutes on the first call,
        faster from then on. What the adapters add stays outside, so other hints compile nothing again; other sizes do."""
        for block in (*self.unet.down_blocks, self.unet.mid_block, *self.unet.up_blocks):
            block.compile(**options)

    def interrupt(self) -> None:
        """End the run in progress after the rows that are being computed; its call raises `Interrupted`."""
        self._interrupted = True

    @torch.inference_mode()
    def __call__(
        self,
        reference: Any,
        reference_mask: Any,
        reference_hint: Any,
        hints: Any,
        *,
        guidance: Guidance | None = None,
        likeness: float = 1.0,
        generator: torch.Generator | int | None = None,
        recipe: Recipe | str = "default",
        steps: int | None = None,
        positive: Collection[str] = ("shading", "reference"),
        negative: Collection[str] = ("reference",),
        clip_in_negative: bool = False,
        warped_reference: Any = None,
        reference_landmarks: Any = None,
        landmarks: Any = None,
        fps: float = 7,
        motion_bucket_id: float = 127,
        noise_aug_strength: float = 0.02,
        decode_chunk_size: int = 8,
        memory_budget_gb: float | None = None,
        output_type: str = "uint8",
        progress: Callable[[int, int], None] | None = None,
        callback_on_step_end: Callback | None = None,
        kept: Kept | None = None,
    ) -> LCVDOutput:
        """The portrait in the pose and light of every hint.

        The prediction is ``y1 + guidance * (y2 - y1) + (likeness - 1) * (y2 - y3)`` with y2 under the conditions `positive`,
        y1 under `negative`, and y3 under `positive` without the reference.

        Args:
            reference: the portrait, one picture of `config.size` px: PIL image, array (H,W,3) or tensor (3,H,W), uint8
                or in [0,1].
            reference_mask: (H,W), bool, uint8 or in [0,1]; over half means person. Outside, the picture is kept.
            reference_hint: shading of the reference's own pose and light, one picture.
            hints: shading of the wanted poses and light, N pictures: array (N,H,W,3), tensor (N,3,H,W), list of images,
                or anything that renders or reads them on demand (`inputs.Given`).
            guidance: how strongly the shading is followed: the published default 4.5, 1 for the demo's model;
                (lowest, highest) rises over the video; N numbers, one a hint.
            likeness: how strongly the reference is followed: 1 as the network predicts (the published way), more
                exaggerates what it makes of it, at the recipe's noise levels for that. It counts where the reference is
                among `positive`, and costs a third evaluation there, unless guidance is 1, which needs no first.
            generator: a seed, or a CPU generator.
            recipe: ``default``, ``published`` or ``fast`` (`recipe.RECIPES`), or a `Recipe`.
            steps: denoising steps, instead of the recipe's.
            positive: conditions of y2. negative: conditions of y1. The paper's ablation F_r is ("reference",) for both
                with guidance 1, F_s is ("shading",) against ().
            clip_in_negative: keep the image token under `negative`; the published system leaves it out.
            warped_reference: the portrait as it stands in the pose of each hint, N pictures (`lcvd.render.warp.WarpedReference`): what a
                model needs that was trained so (`model.warp_reference`), and others don't look at.
            reference_landmarks: landmark map of the reference, where `landmark` is a condition; landmarks: N of them.
            fps: frames a second, motion_bucket_id, noise_aug_strength: SVD's conditioning numbers, as trained; the
                last is also the noise put on the reference.
            decode_chunk_size: at most so many frames are decoded at once.
            memory_budget_gb: bound on memory, weights included; how many rows the network is given, and frames are
                decoded, at once is then measured (`memory.rows_within`). None: two rows, a window under two sets.
            output_type: ``uint8`` (N,H,W,3), ``np`` the same in [0,1], ``pt`` (N,3,H,W) in [0,1], ``pil`` images, or
                ``latent`` (N,C,h,w).
            progress: called with (rows computed, rows in all).
            callback_on_step_end: diffusers' callback (pipeline, step, timestep, {"latents"}); may return other latents.
            kept: the folder in which this very call keeps what it has done, to go on from there if it is ended.

        Raises:
            TypeError, ValueError: an argument is missing, or has a wrong type, shape or range; it is named.
            Interrupted: `interrupt` was called.
        """
        self._interrupted = False
        size, model, device = self.config.size, self.model, self._execution_device
        chosen = recipe_of(recipe, steps)
        if output_type not in OUTPUTS:
            raise UsageError(f"output_type: expected one of {', '.join(OUTPUTS)}, got {output_type!r}")
        if not 0 <= likeness < float("inf"):
            raise UsageError(f"likeness: expected a finite number of at least 0, got {likeness}")
        sets = condition_sets(model, positive, negative)
        used = set().union(*sets)
        still = "reference" in used and not model.warp_reference
        moving = led_pictures(
            (used | {"shading"}) - ({"reference"} if still else set()),
            size,
            reference=reference,
            reference_hint=reference_hint,
            reference_landmarks=reference_landmarks,
            hints=hints,
            landmarks=landmarks,
            warped_reference=warped_reference,
        )
        count = len(moving["shading"])
        strength, rng = strength_of(guidance, count), generator_of(generator)
        signed = picture("reference", reference, size) * 2 - 1
        mask = portrait_mask("reference_mask", reference_mask, size)
        noise = torch.randn(model.frames, model.codec.channels, size // 8, size // 8, generator=rng)
        noisy = signed + noise_aug_strength * torch.randn(1, *signed.shape, generator=rng)[0]
        led = {name: pictures for name, pictures in moving.items() if name in used}
        network = Conditioned(
            model,
            device,
            Conditions(model, signed if still else None, led, device),
            sets,
            tokens=self._tokens(signed, clip_in_negative),
            condition=self._condition(noisy, mask),
            ids=time_ids(torch.tensor([noise_aug_strength], device=device), fps - 1, motion_bucket_id),
        )
        rows, chunk = self._at_once(network, noise, decode_chunk_size, memory_budget_gb)
        with self.progress_bar(total=chosen.steps) as bar:
            latents = sample(
                network,
                noise,
                count,
                scheduler=self.scheduler,
                recipe=chosen,
                guidance=strength,
                likeness=likeness if "reference" in positive else 1.0,
                overlap=self.config.overlap,
                rows=rows,
                progress=self._progress(progress),
                on_step=self._stepper(bar, callback_on_step_end),
                kept=kept,
            )
        result = self._output(latents[1:], output_type, chunk)
        self.maybe_free_model_hooks()
        return LCVDOutput(frames=result)

    def decode(self, latents_NChw: Tensor, chunk: int = 8) -> Iterator[Tensor]:
        """Frames (n,3,H,W) float32 in [0,1] of latents, at most `chunk` at a time, on the CPU."""
        for part in latents_NChw.split(chunk):
            with torch.inference_mode():
                decoded = self.model.codec.decode(part.to(self._execution_device, self.vae.dtype))
            yield ((decoded.float() + 1) / 2).cpu()

    def shown(self, latents_NChw: Tensor, chunk: int = 8) -> Iterator[NDArray[np.uint8]]:
        """As `decode`, as pictures (n,H,W,3) uint8."""
        return (to_uint8(part) for part in self.decode(latents_NChw, chunk))

    def _at_once(self, network: Conditioned, noise: Tensor, chunk: int, budget_gb: float | None) -> tuple[int, int]:
        """How many rows the network is given at once, and how many frames are decoded, at most `chunk`."""
        if budget_gb is None:
            return ROWS, chunk
        budget, device = int(budget_gb * GB), self._execution_device
        rows = rows_within(
            budget, lambda n: network.try_out(noise, n), device, MOST_ROWS, "one window under one set of conditions"
        )

        def decode(n: int) -> object:
            return list(self.decode(noise[:1].expand(n, -1, -1, -1), n))

        return rows, rows_within(budget, decode, device, chunk, "decoding one frame")

    def _tokens(self, signed_3HW: Tensor, clip_in_negative: bool) -> Tensor:
        """Image tokens (3,1,D) of the weaker and of the full conditions, and of those without the reference."""
        token = self.model.token(signed_3HW[None].to(self._execution_device)).to(self.unet.dtype)
        none = torch.zeros_like(token)
        return torch.cat([token if clip_in_negative else none, token, none])

    def _condition(self, noisy_3HW: Tensor, mask_HW: Tensor) -> Tensor:
        """Latent (1,C,h,w) of the noisy reference without the portrait."""
        device, dtype = self._execution_device, self.vae.dtype
        upcast = dtype == torch.float16 and self.vae.config.force_upcast
        if upcast:
            self.vae.to(torch.float32)
        latent = self.model.codec.encode_condition(noisy_3HW[None].to(device, self.vae.dtype))
        if upcast:
            self.vae.to(dtype)
        return (latent * (1 - latent_mask(mask_HW[None].to(device)))).to(self.unet.dtype)

    def _progress(self, progress: Callable[[int, int], None] | None) -> Callable[[int, int], None]:
        def advance(done: int, total: int) -> None:
            if self._interrupted:
                raise Interrupted(f"interrupted after {done} of {total} evaluations of the network")
            if progress:
                progress(done, total)

        return advance

    def _stepper(self, bar: Any, callback: Callback | None) -> Callable[[int, Tensor, Tensor], Tensor | None]:
        def step(number: int, timestep: Tensor, latents: Tensor) -> Tensor | None:
            bar.update()
            changed = callback(self, number, timestep, {"latents": latents}) if callback else None
            return changed.get("latents") if changed else None

        return step

    def _output(self, latents_NChw: Tensor, kind: str, chunk: int) -> Any:
        if kind == "latent":
            return latents_NChw
        if kind == "pt":
            return torch.cat(list(self.decode(latents_NChw, chunk)))
        if kind == "np":
            return np.concatenate([part.movedim(1, -1).numpy() for part in self.decode(latents_NChw, chunk)])
        video = np.concatenate(list(self.shown(latents_NChw, chunk)))
        return video if kind == "uint8" else [Image.fromarray(frame) for frame in video]


class Interrupted(LcvdError, RuntimeError):
    """A run was ended by `LCVDPipeline.interrupt`."""


def to_uint8(frames_n3HW: Tensor) -> NDArray[np.uint8]:
    """Frames in [0,1] to (n,H,W,3) uint8."""
    pixels: NDArray[np.uint8] = (frames_n3HW * 255).round().to(torch.uint8).movedim(1, -1).cpu().numpy()
    return pixels
