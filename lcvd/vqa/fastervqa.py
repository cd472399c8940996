"""Faster-VQA (Wu et al. 2023): video quality from fragments of a clip's frames, with the published checkpoint (spec F)."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from lcvd.vqa.swin3d import Swin3D
from lcvd.weights.registry import require
from lcvd.weights.strict import load_network

WEIGHTS = "fastervqa"
"""Name in the weights registry."""
INPUT = (3, 32, 224, 224)
"""Channels, frames, height and width of the input. Attention windows and fragment grid require exactly this size."""
PARAMETERS, TENSORS = 28_078_620, 193
"""Number of parameters and tensors of the published backbone (spec J1)."""
_MEAN, _STD = (123.675, 116.28, 103.53), (58.395, 57.12, 57.375)
_CENTRE, _SPREAD = 0.14759505, 0.03613452


class QualityHead(nn.Module):
    """Quality of each token: two 1 x 1 x 1 convolutions with a GELU in between."""

    def __init__(self) -> None:
        super().__init__()
        self.fc_hid = nn.Conv3d(768, 64, 1)
        self.fc_last = nn.Conv3d(64, 1, 1)

    def forward(self, x_BCDHW: Tensor) -> Tensor:
        """Map features (B, 768, D, H, W) to qualities (B, 1, D, H, W)."""
        return self.fc_last(functional.gelu(self.fc_hid(x_BCDHW)))


class FasterVqa(nn.Module):
    """Backbone and head. New instances have random weights; `load_fastervqa` loads the published ones."""

    def __init__(self) -> None:
        super().__init__()
        self.fragments_backbone = Swin3D()
        self.vqa_head = QualityHead()

    def forward(self, fragments_BCDHW: Tensor) -> Tensor:
        """Return the quality map (B, 1, 16, 7, 7) of fragments (B, 3, 32, 224, 224), RGB in [0, 255] of any dtype.

        The mean of the map is the raw score; `rescaled` maps it to [0, 1].

        Raises:
            ValueError: the fragments have another shape.
        """
        if fragments_BCDHW.ndim != 5 or tuple(fragments_BCDHW.shape[1:]) != INPUT:
            raise ValueError(
                f"Faster-VQA expects fragments (B, {', '.join(map(str, INPUT))}), got {tuple(fragments_BCDHW.shape)}"
            )
        weight = self.vqa_head.fc_last.weight
        mean, std = (weight.new_tensor(values)[:, None, None, None] for values in (_MEAN, _STD))
        return self.vqa_head(self.fragments_backbone((fragments_BCDHW.to(weight) - mean) / std))


def rescaled(raw: Tensor) -> Tensor:
    """Map raw scores to [0, 1] as the published script does: a raw score of 0.16225 becomes 0.6."""
    return torch.sigmoid((raw - _CENTRE) / _SPREAD)


def load_fastervqa() -> FasterVqa:
    """Load the network with the published weights from the weights folder, frozen and in evaluation mode.

    Raises:
        MissingWeights: the file is missing.
        ModelError: the file isn't a checkpoint of exactly this network.
    """
    return load_network(FasterVqa, require(WEIGHTS), "state_dict")
