"""DPR as a method: every frame's lightness relit by the published hourglass, each frame by itself; colour stays.

The network sees the lightness L of CIE Lab at 512 px, from OpenCV's 8-bit conversion, over 255. What it returns is brought
to the frame's size and takes L's place; a and b stay as they are. So it can't tint: of a coloured light it gets the luma.
"""

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch

from lcvd.array import Array
from lcvd.evaluate.inputs.base import VideoRequest
from lcvd.evaluate.methods.base import Method, Options
from lcvd.evaluate.methods.hourglass import Hourglass
from lcvd.render.sh import LUMA, check_light
from lcvd.weights.registry import require, weights_hash
from lcvd.weights.strict import load_network

WEIGHTS = "dpr"
"""Name in the weights registry."""
SIDE, BATCH = 512, 8
"""Pixels that the network was trained on; frames that go through it at once."""
SCALE = 0.9
"""A shading of DPR's convention over one of ours (`lcvd.light.estimate`). Over 18 portraits, what the network says of their
light shades the front of a sphere 0.90 times (median; 0.80 to 1.04) as brightly as what our fit says."""


class Dpr(Method):
    """Relights the input's own frames; needs the published file.

    Raises:
        MissingWeights: the file isn't there; the message says its licence and where it is published.
        ModelError: it isn't a state dict of exactly this network.
    """

    title = "DPR"
    meaning = "the driving frames relit by Deep Single-Image Portrait Relighting, frame by frame"

    def __init__(self, options: Options) -> None:
        self._network = load_dpr().to(options.device)
        self._weights = {WEIGHTS: weights_hash(WEIGHTS)}

    def relight(self, request: VideoRequest) -> Iterator[Array]:
        """The input's frames, relit."""
        light = dpr_light(request.light.sh)
        for frames in request.input.frames():
            yield relight_frames(self._network, frames, light)

    def facts(self) -> dict[str, Any]:
        """The network's side, how lights are converted, and its weights' hash."""
        return {"side": SIDE, "light_scale": SCALE, "weights": self._weights}


def load_dpr(path: Path | None = None) -> Hourglass:
    """The network with the published weights, in evaluation mode; `path` None looks in the weights folder.

    Raises:
        MissingWeights, ModelError: see `Dpr`.
    """
    return load_network(Hourglass, path or require(WEIGHTS))


def dpr_light(light: Array) -> Array:
    """A light (9, 3) of ours as the nine coefficients that DPR takes, float32 (9,).

    DPR's axes are X to the picture's right, Y away from the camera, Z up, its order is degree by degree from -m to m, and
    its constants fold in the whole Lambertian kernel, factor pi of the constant term included. So the shading is the same
    function of the normal, in luma, times `SCALE`.

    Raises:
        ValueError: see `lcvd.render.sh.check_light`.
    """
    even, x, y, z, xy, xz, yz, sides, front = check_light(light).astype(np.float64) @ np.asarray(LUMA)
    # Ours are x^2 - y^2 and 3 z^2 - 1, theirs 3 y^2 - 1 and x^2 - z^2 of the same axes: a rotation within the band.
    root = math.sqrt(3)
    up, across = -(root * sides + front) / 2, (sides - root * front) / 2
    values = [even / math.pi, -z, y, x, -xz, -yz, up, xy, across]
    return (SCALE * np.asarray(values)).astype(np.float32)


@torch.inference_mode()
def relight_frames(network: Hourglass, frames: Array, light: Array) -> Array:
    """Frames (n, H, W, 3) uint8 RGB under DPR's coefficients `light` (9,): the same shape, uint8."""
    device = next(network.parameters()).device
    target = torch.from_numpy(np.asarray(light, np.float32)).to(device)
    lab = np.stack([cv2.cvtColor(frame, cv2.COLOR_RGB2LAB) for frame in frames])
    for start in range(0, len(lab), BATCH):
        part = lab[start : start + BATCH]
        given = torch.from_numpy(np.stack([lightness(picture) for picture in part])[:, None]).to(device)
        relit = network(given, target.expand(len(part), -1))[0][:, 0].cpu().numpy()
        for picture, values in zip(part, relit, strict=True):
            picture[..., 0] = np.rint(255 * np.clip(_resized(values, picture.shape[1::-1]), 0, 1))
    return np.stack([cv2.cvtColor(picture, cv2.COLOR_LAB2RGB) for picture in lab])


def lightness(lab: Array) -> Array:
    """What the network sees of a picture in 8-bit Lab (H, W, 3): float32 (512, 512) in [0, 1]."""
    return _resized(lab[..., 0], (SIDE, SIDE)).astype(np.float32) / 255


def _resized(plane: Array, size: tuple[int, ...]) -> Array:
    if plane.shape[::-1] == size:
        return plane
    shrinks = plane.shape[1] > size[0]
    return cv2.resize(plane, size, interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)
