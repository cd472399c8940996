"""Settings of the stage `train`: the model, the objective, the optimiser."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from lcvd.config.section import Section

SVD_SIGMAS = (0.002, 700.0)
"""Lowest and highest noise level of Stable Video Diffusion."""


class LatentSettings(Section):
    """What a latent is: which autoencoder makes it."""

    autoencoder: Literal["tiny", "sd-vae-ft-mse"] = "sd-vae-ft-mse"
    """``tiny`` comes with the project, ``sd-vae-ft-mse`` is the published one."""

    @property
    def channels(self) -> int:
        """Latent channels at an eighth of the frame's side; the UNet takes twice as many in (SVD: 4)."""
        return {"tiny": 16, "sd-vae-ft-mse": 4}[self.autoencoder]


class UNetSettings(Section):
    """Shape of diffusers' `UNetSpatioTemporalConditionModel`; the defaults are SVD-XT's."""

    channels: tuple[int, ...] = (320, 640, 1280, 1280)
    """Channels of the blocks, each a multiple of 32 (GroupNorm); all but the last block attend to the image token."""
    heads: tuple[int, ...] = (5, 10, 20, 20)
    """Attention heads of the blocks."""
    layers: int = Field(2, ge=1)
    """Residual layers a block."""
    time_ids_dim: int = Field(256, ge=2)
    """Width of the embedding of each of the three time ids."""

    @model_validator(mode="after")
    def _blocks(self) -> UNetSettings:
        if len(self.channels) != len(self.heads) or len(self.channels) < 2:
            raise ValueError(f"unet.channels {self.channels} and unet.heads {self.heads}: one entry a block, 2 or more")
        for width, heads in zip(self.channels, self.heads, strict=True):
            if width % 32 or width % heads:
                raise ValueError(f"unet.channels: {width} must be a multiple of 32 and of its {heads} heads")
        return self


class ImageEncoderSettings(Section):
    """Shape of transformers' `CLIPVisionModelWithProjection`; the defaults are ViT-H/14's."""

    width: int = Field(1280, ge=1)
    """Hidden width."""
    layers: int = Field(32, ge=1)
    """Transformer layers."""
    heads: int = Field(16, ge=1)
    """Attention heads."""
    mlp: int = Field(5120, ge=1)
    """Width inside the feed-forward layers."""
    patch: int = Field(14, ge=1, le=224)
    """Side of a patch of the 224 px image."""
    projection: int = Field(1024, ge=1)
    """Width of the image token, which is the UNet's cross-attention width."""


class ModelSettings(Section):
    """The model; the defaults are the paper's."""

    start: Literal["random", "small", "svd-xt"] = "random"
    """Weights that training starts from: drawn from the seed; ``small``, the model that comes with the project; ``svd-xt``,
    the published UNet and image encoder. The frozen image encoder is the start's, too."""
    size: int = Field(512, ge=64, multiple_of=64)
    """Side of the frames that the model sees; smaller than the shards' means that frames are resized."""
    frames: int = Field(16, ge=2)
    """Frames of a window, the reference frame included."""
    overlap: int = Field(6, ge=1)
    """Frames that neighbouring windows of a long video share, the reference frame included."""
    conditions: tuple[Literal["shading", "reference"], ...] = ("shading", "reference")
    """Adapters, in order."""
    carried: bool = False
    """Show the reference adapter the portrait as it stands in each frame, carried there by the mesh, instead of the same picture
    in all of them (the paper's): a small model then needn't learn to move a face, and keeps its likeness."""
    sigmas: tuple[float, float] = SVD_SIGMAS
    """Lowest and highest noise level that the exported model is sampled at; SVD's. A model that was trained on few others spends
    its steps better between those that it knows (`objective`)."""
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
    """The EDM objective and its random draws."""

    sigma_mean: float = 0.7
    """Mean of ln sigma."""
    sigma_std: float = Field(1.6, gt=0)
    """Standard deviation of ln sigma."""
    condition_mean: float = -3.0
    """Mean of ln sigma of the noise on the reference image."""
    condition_std: float = Field(0.5, ge=0)
    """Standard deviation of the same."""
    dropout: float = Field(0.1, ge=0, le=1 / 3)
    """p: the image token alone is dropped with p, token and condition latent with p, the latent alone with p."""
    gate: float = Field(0.5, ge=0, le=1)
    """Probability that an adapter is on."""
    gate_none: float = Field(0.1, ge=0, le=1)
    """Probability that all adapters are forced off."""
    gate_all: float = Field(0.1, ge=0, le=1)
    """Probability that all adapters are forced on."""
    portrait_weight: float = Field(1.0, ge=0)
    """Weight of the loss inside the portrait, L_p."""

    @model_validator(mode="after")
    def _gates(self) -> ObjectiveSettings:
        if self.gate_none + self.gate_all > 1:
            raise ValueError(f"objective.gate_none + objective.gate_all is {self.gate_none + self.gate_all}, above 1")
        return self


class OptimiserSettings(Section):
    """The optimiser."""

    name: Literal["adamw", "adamw8bit"] = "adamw8bit"
    """``adamw8bit`` needs the extra `adam8bit` (bitsandbytes)."""
    lr: float = Field(1e-5, gt=0)
    """Peak learning rate."""
    schedule: Literal["constant", "cosine"] = "constant"
    """``cosine`` falls to zero over all steps."""
    warmup: int = Field(0, ge=0)
    """Steps over which the rate rises from zero."""
    betas: tuple[float, float] = (0.9, 0.999)
    """Adam's decay rates."""
    weight_decay: float = Field(1e-2, ge=0)
    """Decoupled weight decay."""
    eps: float = Field(1e-8, gt=0)
    """Adam's epsilon."""
    clip: float = Field(1.0, gt=0)
    """Largest norm of the gradient."""
    ema: float = Field(0.0, ge=0, lt=1)
    """Decay of the averaged weights that are exported; 0 exports the last weights."""


class EngineSettings(Section):
    """How DeepSpeed spreads a run over memory and processes. The result depends on it by rounding alone."""

    zero: Literal[0, 1, 2, 3] = 0
    """DeepSpeed's ZeRO stage: 1 shares optimiser states between processes, 2 gradients too, 3 weights too."""
    offload: Literal["none", "optimiser", "all"] = "none"
    """What is kept in host memory: optimiser states (ZeRO 1 to 3), or weights as well (ZeRO 3)."""
    checkpointed_levels: int = Field(4, ge=0)
    """Of the UNet's levels, from the largest pictures down, those whose activations are computed again in the backward
    pass instead of being kept; the number of levels or more means all."""
    compile: bool = False
    """Let `torch.compile` compile the UNet's blocks: minutes at the start, faster steps."""

    @model_validator(mode="after")
    def _possible(self) -> EngineSettings:
        if self.offload != "none" and self.zero == 0:
            raise ValueError(f"engine.offload is {self.offload}, which needs engine.zero 1, 2 or 3")
        if self.offload == "all" and self.zero != 3:
            raise ValueError(f"engine.offload is all, which needs engine.zero 3 (it is {self.zero}); or set optimiser")
        if self.compile and self.zero == 3:
            raise ValueError(
                "engine.compile can't see weights that engine.zero 3 fetches block by block: use 0, 1 or 2"
            )
        return self


class WatchSettings(Section):
    """What is measured while training."""

    log_every: int = Field(10, ge=1)
    """Optimiser steps between points of the loss curve, each the mean over those steps."""
    held_out_every: int = Field(0, ge=0)
    """Optimiser steps between measurements of the held-out loss; 0 measures the final model alone."""
    held_out_windows: int = Field(16, ge=1)
    """Fixed windows and noises on which it is measured, one at each quantile of the training noise levels."""
    video_every: int = Field(0, ge=0)
    """Optimiser steps between videos of fixed portraits, hints and seeds (beside the log, untracked); 0 makes none."""
    video_clips: int = Field(2, ge=1)
    """Portraits of those videos."""
    video_guidance: float = Field(4.5, ge=0)
    """Their guidance."""
    trackers: tuple[Literal["tensorboard", "wandb"], ...] = ()
    """Where the numbers go as well; DVCLive always has them. Each needs the package of its name."""


class TrainSettings(Section):
    """Stage ``train``."""

    steps: int = Field(30_000, ge=1)
    """Optimiser steps."""
    global_batch: int = Field(8, ge=1)
    """Clips an optimiser step, over all processes and micro-steps."""
    batch: int = Field(1, ge=1)
    """Clips a process and micro-step."""
    processes: int = Field(1, ge=1)
    """Processes (one a GPU) that DeepSpeed's launcher starts on each machine."""
    machines: int = Field(1, ge=1)
    """Machines; with more than one, ``LCVD_HOSTFILE`` names the file that lists them (`docs/training.md`)."""
    precision: Literal["fp32", "bf16", "fp16"] = "bf16"
    """Autocast of the network; weights, gradients and losses stay float32. ``fp16`` scales the loss (ZeRO 1 to 3)."""
    stride: int = Field(4, ge=1)
    """Frames between neighbours of a training window in a clip that is long enough."""
    prepared: bool = True
    """Train from the latents that stage shard prepared; false encodes the frames in every step."""
    hints: Literal["stored", "rendered"] = "stored"
    """Shading hints as stage shard stored them, or rendered from the face codes when a window is loaded, at the model's
    size, on CUDA where PyTorch3D is usable: `docs/training.md` says which is faster where."""
    loaders: int = Field(4, ge=1)
    """Threads that decode ahead of the step."""
    balance_light: float = Field(0.0, ge=0, le=1)
    """How evenly light is drawn from all sides: 0 draws every clip once an epoch, 1 draws each of eleven directions
    equally often, however few clips have it (docs/curation.md)."""
    max_broken: float = Field(0.01, ge=0, lt=1)
    """Share of clips that may be broken (a torn shard, a part that doesn't decode): they are named and left out."""
    memory_mb: int = Field(512, ge=0)
    """Clips are decoded once and held when all of them together need no more than this."""
    checkpoint_every: int = Field(1000, ge=1)
    """Optimiser steps between checkpoints."""
    keep: int = Field(2, ge=1)
    """Newest checkpoints kept, beside the best by held-out loss."""
    engine: EngineSettings = EngineSettings()
    watch: WatchSettings = WatchSettings()
    model: ModelSettings = ModelSettings()
    objective: ObjectiveSettings = ObjectiveSettings()
    optimiser: OptimiserSettings = OptimiserSettings()

    @property
    def world(self) -> int:
        """Processes on all machines."""
        return self.processes * self.machines

    @property
    def accumulation(self) -> int:
        """Micro-steps an optimiser step."""
        return self.global_batch // (self.batch * self.world)

    @model_validator(mode="after")
    def _possible(self) -> TrainSettings:
        share = self.batch * self.world
        if self.global_batch % share:
            raise ValueError(
                f"train.global_batch ({self.global_batch}) doesn't divide by train.batch x processes x machines "
                f"({self.batch} x {self.processes} x {self.machines} = {share})"
            )
        if self.engine.zero == 3 and self.optimiser.ema:
            raise ValueError(
                "engine.zero 3 leaves no process with whole weights to average: set optimiser.ema to 0, or zero 2"
            )
        if self.engine.zero == 3 and self.watch.video_every:
            raise ValueError(
                "engine.zero 3 leaves no process with a whole model to make videos with: set watch.video_every to 0, or "
                "zero 2"
            )
        if self.engine.offload != "none" and self.optimiser.name == "adamw8bit":
            raise ValueError(
                "engine.offload keeps float32 states in host memory: set optimiser.name to adamw, or offload to none"
            )
        if self.precision == "fp16" and self.engine.zero == 0:
            raise ValueError(
                "precision fp16 scales the loss by ZeRO's optimiser: set engine.zero to 1, 2 or 3, or use bf16"
            )
        return self
