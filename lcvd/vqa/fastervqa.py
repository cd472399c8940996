"""Faster-VQA (Wu et al. 2023): a clip's quality from fragments of its frames, with the published checkpoint (spec F)."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional

from lcvd.vqa.swin3d import Swin3D
from lcvd.weights.registry import require
from lcvd.weights.strict import load_network

WEIGHTS = "fastervqa"
"""Name in the weights registry."""
INPUT = (3, 32, 224, 224)
"""Channels, frames, rows and columns of fragments; windows and fragment grid hold for this size alone."""
PARAMETERS, TENSORS = 28_078_620, 193
"""Of the published backbone (spec J1)."""
_MEAN, _STD = (123.675, 116.28, 103.53), (58.395, 57.12, 57.375)
_CENTRE, _SPREAD = 0.14759505, 0.03613452


class Head(nn.Module):
    """A quality for each place: two 1 x 1 x 1 convolutions with GELU between them."""

    def __init__(self) -> None:
        super().__init__()
        self.fc_hid = nn.Conv3d(768, 64, 1)
        self.fc_last = nn.Conv3d(64, 1, 1)

    def forward(self, x_BCDHW: Tensor) -> Tensor:
        """Features (B, 768, D, H, W) to (B, 1, D, H, W)."""
        return self.fc_last(functional.gelu(self.fc_hid(x_BCDHW)))


class FasterVqa(nn.Module):
    """Backbone and head; new instances have random weights (`load_fastervqa` gives the published ones)."""

    def __init__(self) -> None:
        super().__init__()
        self.fragments_backbone = Swin3D()
        self.vqa_head = Head()

    def forward(self, fragments_BCDHW: Tensor) -> Tensor:
        """Quality map (B, 1, 16, 7, 7) of fragments (B, 3, 32, 224, 224), RGB of 0 to 255 in any type; its mean is the raw
        score, which `rescaled` brings to [0, 1].

        Raises:
            ValueError: the fragments have another shape.
        """
        if fragments_BCDHW.ndim != 5 or tuple(fragments_BCDHW.shape[1:]) != INPUT:
            raise ValueError(
                f"Faster-VQA takes fragments (B, {', '.join(map(str, INPUT))}), not {tuple(fragments_BCDHW.shape)}"
            )
        weight = self.vqa_head.fc_last.weight
        mean, std = (weight.new_tensor(values)[:, None, None, None] for values in (_MEAN, _STD))
        return self.vqa_head(self.fragments_backbone((fragments_BCDHW.to(weight) - mean) / std))


def rescaled(raw: Tensor) -> Tensor:
    """Raw scores to [0, 1], as the published script does: 0.6 is a raw score of 0.16225."""
    return torch.sigmoid((raw - _CENTRE) / _SPREAD)


def load_fastervqa(path: Path | None = None) -> FasterVqa:
    """The network with the published weights, in evaluation mode; `path` None looks in the weights folder.

    Raises:
        MissingWeights: the file isn't there.
        ModelError: the file isn't a checkpoint of exactly this network.
    """
    return load_network(FasterVqa, path or require(WEIGHTS), "state_dict")
