"""Settings of the stage `train`: the model, the objective, the optimiser."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from lcvd.config.section import Section


class LatentSettings(Section):
    """What a latent is: which autoencoder makes it (spec A4)."""

    autoencoder: Literal["tiny", "sd-vae-ft-mse"] = "sd-vae-ft-mse"
    """``tiny`` comes with the project, ``sd-vae-ft-mse`` is the published one."""

    @property
    def channels(self) -> int:
        """Latent channels at an eighth of the frame's side; the UNet takes twice as many in (spec A1: 4)."""
        return {"tiny": 16, "sd-vae-ft-mse": 4}[self.autoencoder]


class UNetSettings(Section):
    """Shape of diffusers' `UNetSpatioTemporalConditionModel`; the defaults are SVD-XT's (spec A1)."""

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
    """Shape of transformers' `CLIPVisionModelWithProjection`; the defaults are ViT-H/14's (spec A5)."""

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

    size: int = Field(512, ge=64, multiple_of=64)
    """Side of the frames that the model sees; smaller than the shards' means that frames are resized."""
    frames: int = Field(16, ge=2)
    """Frames of a window, the reference frame included."""
    overlap: int = Field(6, ge=1)
    """Frames that neighbouring windows of a long video share, the reference frame included (spec D)."""
    conditions: tuple[Literal["shading", "reference"], ...] = ("shading", "reference")
    """Adapters, in order."""
    latents: LatentSettings = LatentSettings()
    unet: UNetSettings = UNetSettings()
    image_encoder: ImageEncoderSettings = ImageEncoderSettings()

    @model_validator(mode="after")
    def _consistent(self) -> ModelSettings:
        if self.overlap >= self.frames:
            raise ValueError(f"model.overlap ({self.overlap}) must be below model.frames ({self.frames})")
        if sorted(self.conditions) != ["reference", "shading"]:
            raise ValueError(f"model.conditions is {self.conditions}; name shading and reference, each once")
        return self


class ObjectiveSettings(Section):
    """The EDM objective and its random draws (spec B2)."""

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
    """The optimiser (spec B3)."""

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


class TrainSettings(Section):
    """Stage ``train`` (spec B)."""

    steps: int = Field(30_000, ge=1)
    """Optimiser steps."""
    batch: int = Field(1, ge=1)
    """Clips a process and micro-step."""
    accumulation: int = Field(8, ge=1)
    """Micro-steps an optimiser step."""
    processes: int = Field(1, ge=1)
    """Processes (one a GPU) that DeepSpeed's launcher starts on this machine."""
    zero: Literal[0, 1, 2] = 0
    """DeepSpeed's ZeRO stage: 1 shares optimiser states between processes, 2 gradients too."""
    precision: Literal["fp32", "bf16"] = "bf16"
    """Autocast of the network; weights, gradients and losses stay float32."""
    gradient_checkpointing: bool = True
    """Compute activations again in the backward pass instead of keeping them."""
    stride: int = Field(4, ge=1)
    """Frames between neighbours of a training window in a clip that is long enough (spec B1)."""
    prepared: bool = True
    """Train from the latents that stage shard prepared; false encodes the frames in every step."""
    loaders: int = Field(4, ge=1)
    """Threads that decode ahead of the step."""
    max_broken: float = Field(0.01, ge=0, lt=1)
    """Share of clips that may be broken (a torn shard, a part that doesn't decode): they are named and left out."""
    memory_mb: int = Field(512, ge=0)
    """Clips are decoded once and held when all of them together need no more than this."""
    checkpoint_every: int = Field(1000, ge=1)
    """Optimiser steps between checkpoints."""
    keep: int = Field(2, ge=1)
    """Newest checkpoints kept."""
    log_every: int = Field(10, ge=1)
    """Optimiser steps between points of the loss curve, each the mean over those steps."""
    validation_windows: int = Field(16, ge=1)
    """Fixed windows, noises and noise levels on which the final model's loss is measured."""
    model: ModelSettings = ModelSettings()
    objective: ObjectiveSettings = ObjectiveSettings()
    optimiser: OptimiserSettings = OptimiserSettings()
