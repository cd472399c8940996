"""Input crop of DECA's encoder: a square box around the face, warped to 224 x 224 (spec C1, K6).

A crop transform is a (3, 3) float64 matrix from image pixels to crop pixels, both with pixel centres at integers. All
crops of a window are warped in one batch on the encoder's device.
"""

import importlib
from types import ModuleType

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from lcvd.array import Array
from lcvd.errors import MissingPackage
from lcvd.face.geometry import CROP

_POINTS, _MARGIN = 1.1, 1.25
"""Published scale factors: from the landmarks' bounding box to the face, and from the face to the crop."""
_JAW = (127, 234, 93, 132, 58, 172, 136, 150, 149, 176, 148, 152, 377, 400, 378, 379, 365, 397, 288, 361, 323, 454, 356)
_BROWS = (70, 63, 105, 66, 107, 336, 296, 334, 293, 300)
LIKE_68 = (*_JAW, *_BROWS, 4, 61, 291)
"""MediaPipe landmarks with the same bounding box as the 68 landmarks: jaw, upper edge of the brows, nose tip, mouth."""


def crops_of(landmarks: Array, present: Array, height: int, width: int) -> Array:
    """Compute crop transforms (T, 3, 3) from 68 landmarks per frame, or from MediaPipe's 478.

    Args:
        landmarks: (T, 68, 2) or (T, 478, 2 or more) in pixels. The box is computed in float32 (K6).
        present: (T,) bool. Frames without a face use the whole image, as in the published code.
        height: image height in pixels. width: image width in pixels.

    Raises:
        ValueError: another number of landmarks.
    """
    if landmarks.shape[1] not in (68, 478):
        raise ValueError(f"{landmarks.shape[1]} landmarks; expected 68 (face-alignment) or 478 (MediaPipe)")
    points = landmarks[:, LIKE_68] if landmarks.shape[1] == 478 else landmarks
    boxes = (
        box_of(at[:, :2]) if seen else box_of_image(height, width) for at, seen in zip(points, present, strict=True)
    )
    return np.stack([crop_transform(*box) for box in boxes])


def box_of(points: Array) -> tuple[Array, int]:
    """Return centre (2,) and side of the square around landmarks (L, 2). The side is int(((w + h) / 2 * 1.1) * 1.25)."""
    points = np.asarray(points, np.float32)
    low, high = points.min(0), points.max(0)
    extent = high - low
    size = (extent[0] + extent[1]) / np.float32(2) * np.float32(_POINTS)
    return high - extent / np.float32(2), int(size * np.float32(_MARGIN))


def box_of_image(height: int, width: int) -> tuple[Array, int]:
    """Return centre and side for a frame without a face. As in the published code, height and width are swapped."""
    centre = np.array([height - 1, width - 1]) / 2
    return centre, int((height - 1 + width - 1) / 2 * _POINTS * _MARGIN)


def crop_transform(centre: Array, size: int) -> Array:
    """Return the similarity (3, 3) that maps the square's corners to (0, 0), (0, 223) and (223, 0)."""
    scale = (CROP - 1) / size
    corner = np.asarray(centre, np.float64) - size / 2
    return np.array([[scale, 0, -scale * corner[0]], [0, scale, -scale * corner[1]], [0, 0, 1]])


def warp(frames: Array, transforms: Array, device: torch.device | str = "cpu") -> Tensor:
    """Warp frames (n, H, W, 3) uint8 to crops (n, 3, 224, 224) float32 in [0, 1]: bilinear, black outside the frame.

    Only the region covered by the crops is copied to `device`.
    """
    inverse = np.linalg.inv(transforms)
    edge = np.array([[0, 0, 1], [CROP - 1, 0, 1], [0, CROP - 1, 1], [CROP - 1, CROP - 1, 1]], np.float64)
    corners = (edge @ inverse.swapaxes(1, 2))[..., :2].reshape(-1, 2)
    limits = np.array(frames.shape[2:0:-1])
    low = np.clip(np.floor(corners.min(0)).astype(int) - 1, 0, limits - 2)
    high = np.clip(np.ceil(corners.max(0)).astype(int) + 2, low + 2, limits)
    cut = np.ascontiguousarray(frames[:, low[1] : high[1], low[0] : high[0]])
    images = torch.from_numpy(cut).to(device).permute(0, 3, 1, 2).float() / 255
    # Crop pixels to normalised positions in the copied region: -1 and 1 are the centres of its outermost pixels.
    scale = 2 / (high - low - 1)
    normal = np.array([[scale[0], 0, -scale[0] * low[0] - 1], [0, scale[1], -scale[1] * low[1] - 1]])
    rows, columns = np.mgrid[:CROP, :CROP].astype(np.float64)
    pixels = np.stack([columns, rows, np.ones_like(rows)], -1)
    grid = np.einsum("nab,hwb->nhwa", normal @ inverse, pixels).astype(np.float32)
    return functional.grid_sample(images, torch.from_numpy(grid).to(device), align_corners=True)


def face_alignment_package() -> ModuleType:
    """Import ``face-alignment`` (extra ``lcvd[deca]``). It downloads its two networks on first use.

    Raises:
        ImportError: the package isn't installed.
    """
    try:
        return importlib.import_module("face_alignment")
    except ImportError as error:
        raise MissingPackage(
            "reconstruct.deca.landmarks is face-alignment, whose package isn't installed: pip install 'lcvd[deca]', "
            f"or set it to mediapipe ({error})"
        ) from None


class FaceAlignment:
    """Landmarks as in the published code: face-alignment's S3FD and 2DFAN-4 without flip test.

    Raises:
        ImportError: see `face_alignment_package`.
    """

    def __init__(self, device: torch.device | str = "cpu") -> None:
        package = face_alignment_package()
        self._find = package.FaceAlignment(package.LandmarksType.TWO_D, device=str(device), flip_input=False)

    def __call__(self, frames: Array) -> tuple[Array, Array]:
        """Return the landmarks (n, 68, 2) float32 of the first face in each frame, and whether there is a face (n,).

        `frames` is (n, H, W, 3) uint8 RGB. Rows without a face are zero.
        """
        landmarks, present = np.zeros((len(frames), 68, 2), np.float32), np.zeros(len(frames), bool)
        for i, frame in enumerate(frames):
            found = self._find.get_landmarks(frame)
            if found:
                landmarks[i], present[i] = found[0], True
        return landmarks, present
