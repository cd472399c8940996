"""The one place where network classes of diffusers and transformers are imported.

Both import torchvision wherever one is installed (some metric packages bring it along), which fails for a build that
doesn't fit torch; so that mismatch is mended first.
"""

# ruff: noqa: E402

from __future__ import annotations

import logging

from lcvd.weights.torchvision_guard import allow_torchvision

allow_torchvision()
# diffusers imports bitsandbytes where some package brought it along, which then warns of a 4-bit kernel that nothing here uses.
logging.getLogger("bitsandbytes.backends.cpu.ops").setLevel(logging.ERROR)

from diffusers import (
    AutoencoderKL,
    DiffusionPipeline,
    EDMDPMSolverMultistepScheduler,
    EulerDiscreteScheduler,
    UNetSpatioTemporalConditionModel,
)
from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.models.modeling_utils import ModelMixin
from diffusers.utils import BaseOutput
from transformers import CLIPVisionConfig, CLIPVisionModelWithProjection

__all__ = [
    "AutoencoderKL",
    "BaseOutput",
    "CLIPVisionConfig",
    "CLIPVisionModelWithProjection",
    "ConfigMixin",
    "DiffusionPipeline",
    "EDMDPMSolverMultistepScheduler",
    "EulerDiscreteScheduler",
    "ModelMixin",
    "UNetSpatioTemporalConditionModel",
    "register_to_config",
]
