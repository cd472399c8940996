"""Estimate face codes with DECA, on batches of crops (spec C1, C2, E1)."""

import functools

import numpy as np
import torch

from lcvd.array import Array
from lcvd.config.reconstruct import DecaSettings
from lcvd.device import default_device
from lcvd.face import flame
from lcvd.face.codes import FaceCodes
from lcvd.face.deca import DecaCodes, encode, load_encoder
from lcvd.face.deca_crop import FaceAlignment, crops_of, warp
from lcvd.face.embedding import five_points
from lcvd.face.fit import EYE_CORNERS
from lcvd.face.heads import HeadModel, head_of, posed
from lcvd.face.track import FaceTrack
from lcvd.ledger.rows import ClipError
from lcvd.weights.registry import require


class DecaCoder:
    """Estimates FLAME codes for one clip, from windows of frames passed in order.

    Args:
        track: the clip's MediaPipe face track. Crops are computed from it unless `settings` select face-alignment.
        square: the clip's square crop (x0, y0, side) in clip-frame pixels. Crop transforms are relative to it.
        settings: selects the landmarks for the crops.

    Raises:
        MissingWeights: a published file is missing.
        ImportError: `settings` select face-alignment, which isn't installed.
    """

    def __init__(self, track: FaceTrack, square: Array, settings: DecaSettings) -> None:
        self.head: HeadModel = head_of(flame.NAME)
        self._track, self._square = track, np.asarray(square)
        self._device = default_device()
        self._encoder = _encoder(require("deca"), self._device)
        self._find = _face_alignment(self._device) if settings.landmarks == "face-alignment" else None
        self._parameters: list[Array] = []
        self._crops: list[Array] = []
        self._present: list[Array] = []

    def update(self, window: Array, squares: Array) -> None:
        """Take the next frames (n, H, W, 3) uint8 RGB; `squares` isn't used."""
        start = sum(map(len, self._present))
        seen = self._track.slice(start, start + len(window))
        landmarks, present = self._find(window) if self._find else (seen.landmarks, seen.present)
        crops = crops_of(landmarks, present, *window.shape[1:3])
        parameters = encode(self._encoder, warp(window, crops, self._device)).float().cpu().numpy()
        to_frame = np.array([[1, 0, self._square[0]], [0, 1, self._square[1]], [0, 0, 1]], np.float64)
        self._parameters.append(parameters)
        self._crops.append(crops @ to_frame)
        self._present.append(present)

    def finish(self) -> FaceCodes:
        """Return the codes of all frames.

        Identity is the mean of the frames' shape coefficients, so that it is constant over the clip. Frames without a
        face are interpolated and have confidence 0, all others 1.

        Raises:
            ClipError: no frame has a face (`no_face`).
        """
        present = np.concatenate(self._present)
        if not present.any():
            raise ClipError("no_face", "no frame has a face to crop")
        crops = _bridged(np.concatenate(self._crops), present)
        codes = DecaCodes.split(torch.from_numpy(_bridged(np.concatenate(self._parameters), present)))
        return FaceCodes(
            head=self.head.name,
            identity=codes.shape.numpy()[present].mean(axis=0),
            expression=codes.expression.numpy(),
            pose=codes.pose.numpy(),
            camera=codes.camera.numpy(),
            crop=crops,
            light=codes.light.numpy(),
            square=self._square.astype(np.int32),
            confidence=present.astype(np.float32),
        )

    def error(self, codes: FaceCodes) -> Array:
        """Return the mean distance (T',) of the mesh's eyes, nose tip and mouth corners from the track's, in the T' frames
        with a face, as a fraction of the inter-ocular distance (outer eye corners)."""
        seen, points = codes.window(np.flatnonzero(self._track.present)), self._track.landmarks[self._track.present]
        marks = self.head.five_points(posed(self.head, seen)[1])[..., :2]
        gap = (marks + 1) * codes.square[2] / 2 + codes.square[:2] - five_points(points)
        unit = np.linalg.norm(np.subtract(*np.moveaxis(points[:, EYE_CORNERS], 1, 0)), axis=-1)
        error: Array = np.linalg.norm(gap, axis=-1).mean(1) / np.maximum(unit, np.median(unit))
        return error


def _bridged(values: Array, present: Array) -> Array:
    """Interpolate linearly over the rows of values (T, ...) that aren't `present`. Returns float32."""
    flat, known = values.reshape(len(values), -1), np.flatnonzero(present)
    columns = [np.interp(np.arange(len(flat)), known, column[known]) for column in flat.T]
    return np.stack(columns, axis=1).reshape(values.shape).astype(np.float32)


_face_alignment = functools.lru_cache(maxsize=1)(FaceAlignment)
_encoder = functools.lru_cache(maxsize=1)(load_encoder)
