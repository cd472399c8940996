"""`LCVDPipeline`: a diffusers pipeline from a portrait and shading hints to a video (spec D)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from lcvd.errors import LcvdError, UsageError
from lcvd.model.batch_sizing import GB, rows_within
from lcvd.model.conditioned import Conditioned
from lcvd.model.conditioning import Conditioning
from lcvd.model.guidance import Guidance, Scale
from lcvd.model.hf_classes import BaseOutput, DiffusionPipeline
from lcvd.model.hub import find_model
from lcvd.model.lcvd import CONDITIONS, LCVD
from lcvd.model.objective import time_ids
from lcvd.model.parts import Parts, load_parts, save_parts
from lcvd.model.precision import allow_tf32, dtype_for
from lcvd.model.recipe import Recipe
from lcvd.model.sampler import sample
from lcvd.model.sampling import Sampling
from lcvd.model.sampling_state import StateFolder
from lcvd.model.schedule import Scheduler
from lcvd.model.seeds import generator_of

Callback = Callable[[DiffusionPipeline, int, Tensor, dict[str, Tensor]], dict[str, Any] | None]
ROWS = 2
MOST_ROWS = 64
OUTPUTS = ("uint8", "np", "pt", "pil", "latent")


@dataclass
class LCVDOutput(BaseOutput):
    """Result of a pipeline call."""

    frames: Any
    """The video without the reference, in the requested form."""


class LCVDPipeline(DiffusionPipeline):
    """Animates and relights a portrait.

    The reference with its own hint is frame 0 of every window and isn't part of the result. The latents stay in main memory and
    only windows of them are moved to the device, so a longer video needs no more device memory.
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
        sampling: Mapping[str, Any] | None = None,
        trained_on: Mapping[str, Any] | None = None,
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
        config = {
            "size": size,
            "frames": frames,
            "overlap": overlap,
            "warp_reference": warp_reference,
            "sampling": asdict(Sampling(**(sampling or {}))),
            "trained_on": dict(trained_on or {}),
        }
        self.register_to_config(**config)
        adapters = {name: adapter for name, adapter in given.items() if adapter is not None}
        self.parts = Parts(unet, adapters, image_encoder, vae, packing, scheduler, config)
        self.model = LCVD.of(self.parts)
        self._interrupted = False

    @property
    def sampling(self) -> Sampling:
        """How the model is sampled by default."""
        return self.model.sampling

    @classmethod
    def of(cls, model: LCVD | Parts) -> LCVDPipeline:
        """A pipeline of a model; both share its parts."""
        parts: Parts = model if isinstance(model, Parts) else model.parts()
        return cls(**parts.named(), **parts.config)

    @classmethod
    def from_pretrained(
        cls,
        where: Path | str,
        *,
        torch_dtype: torch.dtype | str = torch.float32,
        device: torch.device | str = "cpu",
        **hub: Any,
    ) -> LCVDPipeline:
        """Load a model folder, ``small``, or a repository "owner/name" of the hub. See `parts.load_parts`.
        `torch_dtype`: the type in which it runs, or ``auto``, ``fp32``, ``bf16`` or ``fp16`` (`precision.dtype_for`).

        Raises:
            ModelError: it isn't a model, or a part doesn't fit its config; the error names files and keys.
        """
        folder = find_model(where, **hub)
        if isinstance(torch_dtype, str):
            torch_dtype = dtype_for(torch_dtype, torch.device(device), folder)
        if torch_dtype == torch.float32:
            allow_tf32()
        return cls.of(load_parts(folder, torch_dtype)).to(device)

    def save_pretrained(self, folder: Path | str, **options: Any) -> None:
        """Write the model to `folder`; see `parts.save_parts`. `push_to_hub` calls it."""
        save_parts(self.parts, folder, **options)

    def compile_blocks(self, **options: Any) -> None:
        """Compile each block of the UNet with `torch.compile`, which takes `options`. The first call then takes minutes, later ones
        are faster. Other hints don't trigger a recompilation, other sizes do."""
        for block in (*self.unet.down_blocks, self.unet.mid_block, *self.unet.up_blocks):
            block.compile(**options)

    def interrupt(self) -> None:
        """Stop the run in progress after the current call of the network; the pipeline call raises `Interrupted`."""
        self._interrupted = True

    @torch.inference_mode()
    def __call__(
        self,
        conditioning: Conditioning,
        *,
        generator: torch.Generator | int | None = None,
        guidance: Guidance | Scale | None = None,
        likeness: float | None = None,
        recipe: Recipe | str | None = None,
        steps: int | None = None,
        fps: float = 7,
        motion_bucket_id: float = 127,
        noise_aug_strength: float = 0.02,
        decode_chunk_size: int = 8,
        memory_budget_gb: float | None = None,
        output_type: str = "uint8",
        progress: Callable[[int, int], None] | None = None,
        callback_on_step_end: Callback | None = None,
        state_folder: StateFolder | None = None,
    ) -> LCVDOutput:
        """Generate the portrait in the pose and light of every hint. What isn't given is the model's own (`sampling`).

        Args:
            conditioning: portrait, mask, hints and, for a model with `warp_reference`, the warped reference.
            generator: a seed, or a CPU generator.
            guidance: strength of the target light: a number, (first, last) or one number per hint, with the model's own
                likeness and adapters; or a `Guidance`, which holds all of them.
            likeness: strength of the portrait, see `Guidance.likeness`; it goes with a `guidance` of numbers only.
            recipe: ``default``, ``published`` or ``fast`` (`recipe.RECIPES`), or a `Recipe`.
            steps: number of denoising steps; None with a `recipe`: the recipe's.
            fps: frames per second. motion_bucket_id, noise_aug_strength: SVD's other conditioning numbers, as in training;
                the last one is also the noise level of the reference.
            decode_chunk_size: maximum number of frames decoded at once.
            memory_budget_gb: upper bound of memory, weights included. It determines how many windows are computed and frames
                decoded at once (`batch_sizing.rows_within`). None: two rows, one window under two sets of conditions.
            output_type: ``uint8`` (N,H,W,3), ``np`` the same in [0,1], ``pt`` (N,3,H,W) in [0,1], ``pil`` images, or
                ``latent`` (N,C,h,w).
            progress: called with (rows computed, total rows).
            callback_on_step_end: diffusers' callback (pipeline, step, timestep, {"latents"}); it may return other latents.
            state_folder: where this call saves its progress, to continue from there after it was stopped.

        Raises:
            UsageError: an argument is missing, or has a wrong type, shape or range; the error names it.
            Interrupted: `interrupt` was called.
        """
        self._interrupted = False
        if output_type not in OUTPUTS:
            raise UsageError(f"output_type: expected one of {', '.join(OUTPUTS)}, got {output_type!r}")
        chosen, weights = self.sampling.recipe_for(recipe, steps), self._guidance(guidance, likeness)
        model, rng, side = self.model, generator_of(generator, "relight"), self.config.size
        noise = torch.randn(model.frames, model.codec.channels, side // 8, side // 8, generator=rng)
        reference_noise = noise_aug_strength * torch.randn(1, 3, side, side, generator=rng)[0]
        ids = time_ids(torch.tensor([noise_aug_strength], device=self._execution_device), fps - 1, motion_bucket_id)
        network = Conditioned(model, self._execution_device, conditioning, weights, noise=reference_noise, ids=ids)
        rows, chunk = self._at_once(network, noise, decode_chunk_size, memory_budget_gb)
        latents = self._sample(network, noise, chosen, weights, rows, progress, callback_on_step_end, state_folder)
        result = self._output(latents[1:], output_type, chunk)
        self.maybe_free_model_hooks()
        return LCVDOutput(frames=result)

    def decode(self, latents_NChw: Tensor, chunk: int = 8) -> Iterator[Tensor]:
        """Decode latents to frames (n,3,H,W) float32 in [0,1] on the CPU, at most `chunk` at a time."""
        for part in latents_NChw.split(chunk):
            with torch.inference_mode():
                decoded = self.model.codec.decode(part.to(self._execution_device, self.vae.dtype))
            yield ((decoded.float() + 1) / 2).cpu()

    def decode_uint8(self, latents_NChw: Tensor, chunk: int = 8) -> Iterator[NDArray[np.uint8]]:
        """Decode latents to frames (n,H,W,3) uint8, at most `chunk` at a time."""
        return (to_uint8(part) for part in self.decode(latents_NChw, chunk))

    def _at_once(self, network: Conditioned, noise: Tensor, chunk: int, budget_gb: float | None) -> tuple[int, int]:
        """Rows per call of the network, and frames decoded at once, which are at most `chunk`."""
        if budget_gb is None:
            return ROWS, chunk
        budget, device = int(budget_gb * GB), self._execution_device
        rows = rows_within(
            budget, lambda n: network.try_out(noise, n), device, MOST_ROWS, "one window under one set of conditions"
        )

        def decode(n: int) -> object:
            return list(self.decode(noise[:1].expand(n, -1, -1, -1), n))

        return rows, rows_within(budget, decode, device, chunk, "decoding one frame")

    def _guidance(self, given: Guidance | Scale | None, likeness: float | None) -> Guidance:
        """The guidance of a call."""
        if not isinstance(given, Guidance):
            return self.sampling.guidance_for(given, likeness)
        if likeness is not None:
            raise UsageError("likeness: the Guidance object that was given holds it; leave it out")
        return given

    def _sample(
        self,
        network: Conditioned,
        noise_TChw: Tensor,
        recipe: Recipe,
        guidance: Guidance,
        rows: int,
        progress: Callable[[int, int], None] | None,
        callback: Callback | None,
        state_folder: StateFolder | None,
    ) -> Tensor:
        """`sampler.sample` with a progress bar and diffusers' callback; `interrupt` stops it."""

        def advance(done: int, total: int) -> None:
            if self._interrupted:
                raise Interrupted(f"interrupted after {done} of {total} evaluations of the network")
            if progress:
                progress(done, total)

        def on_step(number: int, timestep: Tensor, latents: Tensor) -> Tensor | None:
            bar.update()
            changed = callback(self, number, timestep, {"latents": latents}) if callback else None
            return changed.get("latents") if changed else None

        with self.progress_bar(total=recipe.steps) as bar:
            return sample(
                network,
                noise_TChw,
                network.frames,
                scheduler=self.scheduler,
                recipe=recipe,
                guidance=guidance,
                overlap=self.config.overlap,
                rows=rows,
                progress=advance,
                on_step=on_step,
                state_folder=state_folder,
            )

    def _output(self, latents_NChw: Tensor, kind: str, chunk: int) -> Any:
        if kind == "latent":
            return latents_NChw
        if kind == "pt":
            return torch.cat(list(self.decode(latents_NChw, chunk)))
        if kind == "np":
            return np.concatenate([part.movedim(1, -1).numpy() for part in self.decode(latents_NChw, chunk)])
        video = np.concatenate(list(self.decode_uint8(latents_NChw, chunk)))
        return video if kind == "uint8" else [Image.fromarray(frame) for frame in video]


class Interrupted(LcvdError, RuntimeError):
    """`LCVDPipeline.interrupt` or a caller's `cancel` stopped the run."""


def to_uint8(frames_n3HW: Tensor) -> NDArray[np.uint8]:
    """Convert frames in [0,1] to (n,H,W,3) uint8."""
    pixels: NDArray[np.uint8] = (frames_n3HW * 255).round().to(torch.uint8).movedim(1, -1).cpu().numpy()
    return pixels
