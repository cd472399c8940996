"""The portrait mask at the size of latents (spec A6)."""

import torch
from torch import Tensor


def latent_mask(masks_NHW: Tensor) -> Tensor:
    """Portrait masks (N,H,W), uint8 or bool, as float32 (N,1,H/8,W/8) of 0 and 1 (1 = person): thresholded at half of the full
    scale, then every eighth pixel (nearest neighbour)."""
    person = masks_NHW if masks_NHW.dtype == torch.bool else masks_NHW > 127
    return person[:, None, ::8, ::8].float()
