"""The image token: CLIP's embedding of the reference image (spec A5)."""

import torch
import torch.nn.functional as F
from torch import Tensor

from lcvd.config.train import ImageEncoderSettings
from lcvd.model.hf_classes import CLIPVisionConfig, CLIPVisionModelWithProjection
from lcvd.model.seeds import seeded_construction

CLIP_SIZE = 224
CLIP_MEAN = (0.48145466, 0.4578275, 0.40821073)
CLIP_STD = (0.26862954, 0.26130258, 0.27577711)


def clip_pixels(images_B3HW: Tensor) -> Tensor:
    """CLIP's input (B,3,224,224) from images in [-1,1]: blurred, resized and normalised with CLIP's mean and deviation.

    The blur has a standard deviation of (side/224 - 1)/2 px, at least 0.001, and reflects the image at its border. At 512 px its
    kernel is 3 px wide.
    """
    height, width = images_B3HW.shape[-2:]
    x = images_B3HW
    for dim, side in ((-1, width), (-2, height)):
        x = _blur(x, max((side / CLIP_SIZE - 1) / 2, 0.001), dim)
    x = F.interpolate(x, (CLIP_SIZE, CLIP_SIZE), mode="bicubic", align_corners=True)
    mean, std = (torch.tensor(v, dtype=x.dtype, device=x.device)[:, None, None] for v in (CLIP_MEAN, CLIP_STD))
    return ((x + 1) / 2 - mean) / std


def vision_config(settings: ImageEncoderSettings) -> CLIPVisionConfig:
    """Config of an image encoder of the given shape."""
    return CLIPVisionConfig(
        hidden_size=settings.width,
        intermediate_size=settings.mlp,
        projection_dim=settings.projection,
        num_hidden_layers=settings.layers,
        num_attention_heads=settings.heads,
        image_size=CLIP_SIZE,
        patch_size=settings.patch,
        hidden_act="gelu",
    )


def new_image_encoder(settings: ImageEncoderSettings, seed: int) -> CLIPVisionModelWithProjection:
    """A frozen image encoder of the given shape, with random weights from `seed`."""
    with seeded_construction(seed, "image_encoder"):
        return CLIPVisionModelWithProjection(vision_config(settings)).eval().requires_grad_(False)


def image_token(encoder: CLIPVisionModelWithProjection, images_B3HW: Tensor) -> Tensor:
    """The token (B,1,projection) of unmasked images in [-1,1]."""
    return encoder(pixel_values=clip_pixels(images_B3HW).to(encoder.dtype)).image_embeds[:, None]


def _blur(x: Tensor, sigma: float, dim: int) -> Tensor:
    """Gaussian blur along one image axis. The kernel spans four standard deviations: an odd number of pixels, at least 3."""
    size = int(max(4 * sigma, 3))
    size += 1 - size % 2
    half = size // 2
    weights = torch.exp(-0.5 * (torch.arange(-half, half + 1, dtype=x.dtype, device=x.device) / sigma) ** 2)
    weights = (weights / weights.sum()).expand(x.shape[1], 1, -1)
    if dim == -1:
        return F.conv2d(F.pad(x, (half, half, 0, 0), mode="reflect"), weights[:, :, None, :], groups=x.shape[1])
    return F.conv2d(F.pad(x, (0, 0, half, half), mode="reflect"), weights[:, :, :, None], groups=x.shape[1])
