"""Settings of the stage `train`: model, objective, optimiser, engine and monitoring."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, model_validator

from lcvd.config.section import Section

SVD_SIGMAS = (0.002, 700.0)
"""Lowest and highest noise level (sigma) of Stable Video Diffusion."""


class LatentSettings(Section):
    """The latent space, defined by its autoencoder."""

    autoencoder: Literal["tiny", "sd-vae-ft-mse"] = "sd-vae-ft-mse"
    """Autoencoder: ``tiny`` is included in the project, ``sd-vae-ft-mse`` is the published one."""

    @property
    def channels(self) -> int:
        """Number of latent channels (SVD: 4). Latents have 1/8 of the frame's side. The UNet has twice as many input channels."""
        return {"tiny": 16, "sd-vae-ft-mse": 4}[self.autoencoder]


class UNetSettings(Section):
    """Architecture of diffusers' `UNetSpatioTemporalConditionModel`. The defaults are those of SVD-XT."""

    channels: tuple[int, ...] = (320, 640, 1280, 1280)
    """Number of channels of each block, a multiple of 32 (GroupNorm). All blocks but the last attend to the image token."""
    heads: tuple[int, ...] = (5, 10, 20, 20)
    """Number of attention heads of each block."""
    layers: int = Field(2, ge=1)
    """Number of residual layers per block."""
    time_ids_dim: int = Field(256, ge=2)
    """Embedding width of each of the three added time ids."""

    @model_validator(mode="after")
    def _blocks(self) -> UNetSettings:
        if len(self.channels) != len(self.heads) or len(self.channels) < 2:
            raise ValueError(
                f"unet.channels {self.channels} and unet.heads {self.heads}: expected one entry per block and at least 2 blocks"
            )
        for width, heads in zip(self.channels, self.heads, strict=True):
            if width % 32 or width % heads:
                raise ValueError(f"unet.channels: {width} must be a multiple of 32 and of its {heads} heads")
        return self


class ImageEncoderSettings(Section):
    """Architecture of transformers' `CLIPVisionModelWithProjection`. The defaults are those of ViT-H/14."""

    width: int = Field(1280, ge=1)
    """Width of the hidden states."""
    layers: int = Field(32, ge=1)
    """Number of transformer layers."""
    heads: int = Field(16, ge=1)
    """Number of attention heads."""
    mlp: int = Field(5120, ge=1)
    """Hidden width of the feed-forward layers."""
    patch: int = Field(14, ge=1, le=224)
    """Side in pixels of a patch of the 224 px image."""
    projection: int = Field(1024, ge=1)
    """Width of the image token and therefore of the UNet's cross-attention."""


class ModelSettings(Section):
    """The model. The defaults are those of the paper."""

    start: str = Field("random", min_length=1)
    """Initial weights: ``random`` (from the seed), ``svd-xt`` (UNet and image encoder; the adapters are random), ``published``
    (the LCVD paper's), or a model: ``small`` (included), a folder that training or `lcvd convert` wrote, or owner/name on a hub.
    A model's own autoencoder is used."""
    size: int = Field(512, ge=64, multiple_of=64)
    """Side in pixels of the model's frames. Frames of larger shards are resized to it."""
    frames: int = Field(16, ge=2)
    """Number of frames per window, including the reference frame."""
    overlap: int = Field(6, ge=1)
    """Number of frames that consecutive windows of a long video share, including the reference frame."""
    conditions: tuple[Literal["shading", "reference"], ...] = ("shading", "reference")
    """Adapters, in the order in which they are applied."""
    warp_reference: bool = False
    """Warp the reference portrait to each frame's head pose before it enters the reference adapter. The paper feeds the same
    unwarped portrait to every frame; warping spares small models from learning the motion and preserves identity."""
    sigmas: tuple[float, float] = SVD_SIGMAS
    """Lowest and highest noise level (sigma) at which the exported model is sampled. The default is SVD's range. A model trained
    on a narrower range (`objective`) should be sampled within that range."""
    latents: LatentSettings = LatentSettings()
    unet: UNetSettings = UNetSettings()
    image_encoder: ImageEncoderSettings = ImageEncoderSettings()

    @model_validator(mode="after")
    def _consistent(self) -> ModelSettings:
        if self.overlap >= self.frames:
            raise ValueError(f"model.overlap ({self.overlap}) must be below model.frames ({self.frames})")
        if not 0 < self.sigmas[0] < self.sigmas[1]:
            raise ValueError(f"model.sigmas is {self.sigmas}; expected (lowest, highest), both above 0")
        if sorted(self.conditions) != ["reference", "shading"]:
            raise ValueError(f"model.conditions is {self.conditions}; name shading and reference, each once")
        return self


class ObjectiveSettings(Section):
    """The EDM objective and its sampling distributions."""

    sigma_mean: float = 0.7
    """Mean of ln(sigma) of the training noise levels."""
    sigma_std: float = Field(1.6, gt=0)
    """Standard deviation of ln(sigma) of the training noise levels."""
    condition_mean: float = -3.0
    """Mean of ln(sigma) of the noise added to the reference image."""
    condition_std: float = Field(0.5, ge=0)
    """Standard deviation of ln(sigma) of the noise added to the reference image."""
    dropout: float = Field(0.1, ge=0, le=1 / 3)
    """Condition dropout probability p: with p only the image token is dropped, with p only the condition latent, with p both."""
    gate: float = Field(0.5, ge=0, le=1)
    """Probability that an adapter is enabled, drawn independently for each."""
    gate_none: float = Field(0.1, ge=0, le=1)
    """Probability that all adapters are disabled."""
    gate_all: float = Field(0.1, ge=0, le=1)
    """Probability that all adapters are enabled."""
    portrait_weight: float = Field(1.0, ge=0)
    """Weight of L_p, the loss inside the portrait mask."""

    @model_validator(mode="after")
    def _gates(self) -> ObjectiveSettings:
        if self.gate_none + self.gate_all > 1:
            raise ValueError(f"objective.gate_none + objective.gate_all is {self.gate_none + self.gate_all}, above 1")
        return self


class OptimiserSettings(Section):
    """The optimiser and its learning-rate schedule."""

    name: Literal["adamw", "adamw8bit"] = "adamw8bit"
    """Optimiser. ``adamw8bit`` needs the extra `adam8bit` (bitsandbytes)."""
    lr: float = Field(1e-5, gt=0)
    """Peak learning rate."""
    schedule: Literal["constant", "cosine"] = "constant"
    """Learning-rate schedule. ``cosine`` decays to zero over all steps."""
    warmup: int = Field(0, ge=0)
    """Number of steps over which the learning rate rises linearly from zero."""
    betas: tuple[float, float] = (0.9, 0.999)
    """Adam's decay rates of the first and second moment."""
    weight_decay: float = Field(1e-2, ge=0)
    """Coefficient of the decoupled weight decay."""
    eps: float = Field(1e-8, gt=0)
    """Adam's epsilon."""
    clip: float = Field(1.0, gt=0)
    """Maximum gradient norm; larger gradients are clipped to it."""
    ema: float = Field(0.0, ge=0, lt=1)
    """Decay of the exponential moving average of the weights, which is exported; 0 exports the last weights."""


class EngineSettings(Section):
    """How DeepSpeed distributes a run over memory and processes. It affects the result only by rounding."""

    zero: Literal[0, 1, 2, 3] = 0
    """DeepSpeed's ZeRO stage: 1 partitions the optimiser states over the processes, 2 also the gradients, 3 also the weights."""
    offload: Literal["none", "optimiser", "all"] = "none"
    """State offloaded to host memory. ``optimiser``: optimiser states (ZeRO 1 to 3); ``all``: also weights (ZeRO 3)."""
    checkpointed_levels: int = Field(4, ge=0)
    """Number of UNet levels with activation checkpointing, from the highest resolution down. A larger number means all."""
    compile: bool = False
    """Compile the UNet's blocks with `torch.compile`: takes minutes at the start and makes each step faster."""

    @model_validator(mode="after")
    def _possible(self) -> EngineSettings:
        if self.offload != "none" and self.zero == 0:
            raise ValueError(f"engine.offload is {self.offload}, which needs engine.zero 1, 2 or 3")
        if self.offload == "all" and self.zero != 3:
            raise ValueError(f"engine.offload is all, which needs engine.zero 3 (it is {self.zero}); or set optimiser")
        if self.compile and self.zero == 3:
            raise ValueError(
                "engine.compile doesn't support engine.zero 3, which gathers weights block by block: set zero to 0, 1 or 2"
            )
        return self


class WatchSettings(Section):
    """Measurements taken during training."""

    log_every: int = Field(10, ge=1)
    """Number of optimiser steps between points of the loss curve. Each point is the mean over those steps."""
    held_out_every: int = Field(0, ge=0)
    """Number of optimiser steps between measurements of the held-out loss; 0 measures only the final model."""
    held_out_windows: int = Field(16, ge=1)
    """Number of windows of the held-out loss. Each has fixed noise, at one quantile of the training noise levels."""
    video_every: int = Field(0, ge=0)
    """Number of optimiser steps between sample videos of fixed portraits, hints and seeds, which are written next to the log
    and not tracked by DVC; 0 makes none. They are sampled with the model's own defaults."""
    video_clips: int = Field(2, ge=1)
    """Number of sample videos, each of another portrait."""
    trackers: tuple[Literal["tensorboard", "wandb"], ...] = ()
    """Experiment trackers that log the numbers in addition to DVCLive. Each needs the package of the same name."""


class TrainSettings(Section):
    """Stage ``train``."""

    steps: int = Field(30_000, ge=1)
    """Number of optimiser steps."""
    global_batch: int = Field(8, ge=1)
    """Number of clips per optimiser step, over all processes and micro-steps."""
    batch: int = Field(1, ge=1)
    """Number of clips per process and micro-step."""
    processes: int = Field(1, ge=1)
    """Number of training processes per machine, one per GPU."""
    machines: int = Field(1, ge=1)
    """Number of machines. With more than one, ``LCVD_HOSTFILE`` must name the file that lists them (`docs/training.md`)."""
    trained: tuple[str, ...] = Field(("unet", "adapters"), min_length=1)
    """Parts to train; all others are frozen. ``unet``, ``temporal`` (the UNet's temporal layers), ``adapters``, ``shading``,
    ``reference``, or the beginning of a parameter's name, such as ``unet.up_blocks``."""
    precision: Literal["fp32", "bf16", "fp16"] = "bf16"
    """Autocast precision. Weights, gradients and losses stay float32. ``fp16`` uses loss scaling and needs ZeRO 1 to 3."""
    stride: int = Field(4, ge=1)
    """Distance, in clip frames, between consecutive frames of a training window. Shorter clips use a smaller distance."""
    prepared: bool = True
    """Train on the latents that stage `shard` stored; false encodes the frames in every step."""
    hints: Literal["stored", "rendered"] = "stored"
    """Source of the shading hints: ``stored`` reads those that stage `shard` stored; ``rendered`` renders them from the face
    codes at the model's size when a window is loaded, on CUDA if PyTorch3D is usable (`docs/training.md` compares both)."""
    loaders: int = Field(4, ge=1)
    """Number of threads that decode and prefetch the next batches."""
    balance_light: float = Field(0.0, ge=0, le=1)
    """Strength of balancing clips by light direction: 0 draws every clip once per epoch, 1 draws each of eleven light-direction
    bins equally often, however few clips it has (docs/curation.md)."""
    max_broken: float = Field(0.01, ge=0, lt=1)
    """Maximum fraction of broken clips, which are logged and skipped. Above this fraction training stops."""
    memory_mb: int = Field(512, ge=0)
    """Memory limit, in megabytes per process, for caching decoded clips. Clips are cached only if all of them fit."""
    checkpoint_every: int = Field(1000, ge=1)
    """Number of optimiser steps between checkpoints."""
    keep: int = Field(2, ge=1)
    """Number of most recent checkpoints to keep, in addition to the one with the lowest held-out loss."""
    engine: EngineSettings = EngineSettings()
    watch: WatchSettings = WatchSettings()
    model: ModelSettings = ModelSettings()
    objective: ObjectiveSettings = ObjectiveSettings()
    optimiser: OptimiserSettings = OptimiserSettings()

    @property
    def world(self) -> int:
        """Number of processes on all machines."""
        return self.processes * self.machines

    @property
    def accumulation(self) -> int:
        """Number of micro-steps per optimiser step."""
        return self.global_batch // (self.batch * self.world)

    @property
    def decisive(self) -> dict[str, Any]:
        """The settings that decide the result of a run, JSON-able; a run can resume with any value of the others.

        `engine`, `processes`, `machines` and `batch` change the result only by rounding. `steps` counts if the learning rate
        depends on it.
        """
        spread = {"processes", "machines", "batch", "engine"}
        technical = {"loaders", "max_broken", "memory_mb", "checkpoint_every", "keep", "watch"}
        length = {"steps"} if self.optimiser.schedule == "constant" else set()
        return self.model_dump(mode="json", exclude=spread | technical | length)

    @model_validator(mode="after")
    def _possible(self) -> TrainSettings:
        share = self.batch * self.world
        if self.global_batch % share:
            raise ValueError(
                f"train.global_batch ({self.global_batch}) isn't a multiple of train.batch x processes x machines "
                f"({self.batch} x {self.processes} x {self.machines} = {share})"
            )
        if self.engine.zero == 3 and self.optimiser.ema:
            raise ValueError(
                "optimiser.ema needs whole weights in one process, which engine.zero 3 doesn't have: set optimiser.ema to 0, or "
                "engine.zero to 2"
            )
        if self.engine.zero == 3 and self.watch.video_every:
            raise ValueError(
                "watch.video_every needs a whole model in one process, which engine.zero 3 doesn't have: set "
                "watch.video_every to 0, or engine.zero to 2"
            )
        if self.engine.offload != "none" and self.optimiser.name == "adamw8bit":
            raise ValueError(
                "engine.offload keeps float32 optimiser states, which adamw8bit doesn't have: set optimiser.name to adamw, or "
                "offload to none"
            )
        if self.precision == "fp16" and self.engine.zero == 0:
            raise ValueError(
                "precision fp16 needs the loss scaling of ZeRO's optimiser: set engine.zero to 1, 2 or 3, or use bf16"
            )
        return self
