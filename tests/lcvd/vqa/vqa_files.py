"""Faster-VQA with the golden rules' random weights, and a checkpoint of it in the published layout."""

from pathlib import Path

import numpy as np
import torch

from lcvd.vqa.fastervqa import FasterVqa
from tests.golden_rules import fan_in, rule_weights


def exceptions(key: str, x: np.ndarray) -> np.ndarray | None:
    """Exceptions to the weight rules for fixture ``fastervqa``."""
    if key.endswith("_position_bias_table"):
        return 0.5 * x
    return 0.7 * fan_in(x) if key.endswith("patch_embed.proj.weight") else None


def golden_network(seed: int) -> FasterVqa:
    network = FasterVqa()
    network.load_state_dict(rule_weights(network, seed, exceptions))
    return network.eval()


def write_checkpoint(weights: Path, seed: int = 0) -> Path:
    """Write a checkpoint into a weights folder, with the scores that the training script saves next to the tensors."""
    path = weights / "fastervqa" / "FAST_VQA_3D_1_1.pth"
    path.parent.mkdir(parents=True, exist_ok=True)
    scores = (np.float64(0.87), np.float32(0.86))
    torch.save({"state_dict": golden_network(seed).state_dict(), "validation_results": scores}, path)
    return path


def golden_video(seed: int, height: int, width: int, frames: int = 32) -> np.ndarray:
    """The golden rules' video, (T, H, W, 3) uint8."""
    t, y, x = np.mgrid[:frames, :height, :width]
    planes = (3 * x + 5 * y + 7 * t + 13 * seed, x * x // 64 + y * y // 32 + 11 * t, x * y // 16 + 3 * t + seed)
    return np.stack([plane % 256 for plane in planes], -1).astype(np.uint8)
