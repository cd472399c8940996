"""The untrained model of `relighting`'s tests, the made-up videos of `metrics`' tests, and codes of a head that turns."""

import numpy as np

from lcvd.face.codes import FaceCodes
from lcvd.face.geometry import whole_square
from lcvd.face.head import load_head
from lcvd.light.presets import preset
from tests.lcvd.metrics.conftest import real, video  # noqa: F401
from tests.lcvd.relighting.conftest import model, portrait, relight_settings, scratch, tiny_model  # noqa: F401


def turning_head(frames: int, size: int) -> FaceCodes:
    """The neutral head, turning by 0.6 radians, under a light from the front."""
    head = load_head()
    pose = np.zeros((frames, 3), np.float32)
    pose[:, 1] = np.linspace(-0.3, 0.3, frames)
    return FaceCodes(
        head=head.name,
        identity=np.zeros(len(head.identity_basis), np.float32),
        expression=np.zeros((frames, len(head.expression_basis)), np.float32),
        pose=pose,
        camera=np.tile(np.array([1.4, 0, 0], np.float32), (frames, 1)),
        light=np.tile(preset("front"), (frames, 1, 1)),
        crop=whole_square(np.array([0, 0, size]), frames),
        square=np.array([0, 0, size], np.int32),
        confidence=np.ones(frames, np.float32),
    )
