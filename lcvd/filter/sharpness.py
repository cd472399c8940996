"""Face sharpness: variance of the Laplacian at a fixed size, so that clips of different resolution are comparable."""

import cv2
import numpy as np

_SIDE = 128


def face_sharpness(image: np.ndarray, box: np.ndarray) -> float:
    """Return the variance of the Laplacian, in grey levels squared, over `box` (x0, y0, x1, y1) resized to 128 px.

    `image` is (H, W, 3) uint8 RGB. The box is clipped to the image.
    """
    height, width = image.shape[:2]
    x0, y0 = np.clip(np.floor(box[:2]), 0, (width - 1, height - 1)).astype(int)
    x1, y1 = np.clip(np.ceil(box[2:]), (x0 + 1, y0 + 1), (width, height)).astype(int)
    grey = cv2.cvtColor(np.ascontiguousarray(image[y0:y1, x0:x1]), cv2.COLOR_RGB2GRAY)
    return float(cv2.Laplacian(cv2.resize(grey, (_SIDE, _SIDE), interpolation=cv2.INTER_AREA), cv2.CV_64F).var())
