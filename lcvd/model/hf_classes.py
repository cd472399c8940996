"""Network classes of diffusers and transformers. No other module imports them.

Both packages import torchvision if it is installed, for example as a dependency of a metric package. That import fails if
torchvision doesn't match the version of torch, so `allow_torchvision` runs first.
"""

# ruff: noqa: E402

import logging

from lcvd.weights.torchvision_guard import allow_torchvision

allow_torchvision()
# diffusers imports bitsandbytes if it is installed, which then warns about a 4-bit kernel that this project doesn't use.
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
