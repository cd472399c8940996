"""HDR environment maps as light: equirectangular .hdr and .exr files, projected to second-order SH.

The centre of the map is behind the person (-z), its right half at the image's right (+x), its top is up (+y), and its left and
right borders are behind the camera (+z).
"""

from pathlib import Path

import cv2
import numpy as np

from lcvd.array import Array
from lcvd.errors import FileError, LcvdError, MissingFile
from lcvd.light.presets import expose, point_light

SUFFIXES = (".hdr", ".exr")
_ROWS = 32
"""Number of rows projected at once, which limits the memory."""


def load_environment(path: Path, yaw: float = 0.0) -> Array:
    """The light (9, 3) of a map, normalised in exposure like the presets (`expose`), so that the map's unit doesn't matter.

    Args:
        path: equirectangular map, linear RGB.
        yaw: rotation of the map about the vertical in degrees; positive moves its centre to the image's right, 180 moves it
            behind the camera.

    Raises:
        MissingFile: the file doesn't exist.
        FileError: the file isn't an equirectangular map, or has no light from the camera's side. The message names the file.
    """
    radiance = read_map(path)
    try:
        return expose(environment_light(radiance, yaw))
    except LcvdError as error:
        raise FileError(f"{path}: {error}") from None


def environment_light(radiance: Array, yaw: float = 0.0) -> Array:
    """Light (9, 3) float32 of a map (H, 2H, 3) of radiance L: its shading is irradiance / pi to second order.

    Irradiance E(n) is the integral of L(w) max(n w, 0) over the sphere (Ramamoorthi and Hanrahan 2001). Each pixel is a distant
    lamp whose irradiance is L times its exact solid angle, so a map of L = 1 has a shading of 1 everywhere.

    Raises:
        FileError: the shape differs, or a value isn't finite.
    """
    height, width = radiance.shape[:2]
    if radiance.ndim != 3 or radiance.shape[2] != 3 or width != 2 * height:
        raise FileError(f"a map of shape {radiance.shape}; an equirectangular one is (H, 2H, 3): twice as wide as high")
    if not np.isfinite(radiance).all():
        raise FileError(f"{np.count_nonzero(~np.isfinite(radiance))} values aren't finite; repair the map")
    edges = np.cos(np.pi * np.arange(height + 1) / height)
    angles = (edges[:-1] - edges[1:]) * (2 * np.pi / width)
    polar = np.pi * (np.arange(height) + 0.5) / height
    turn = 2 * np.pi * ((np.arange(width) + 0.5) / width - 0.5) + np.deg2rad(yaw)
    light = np.zeros((9, 3))
    for start in range(0, height, _ROWS):
        rows = slice(start, start + _ROWS)
        flat, up = np.sin(polar[rows])[:, None], np.cos(polar[rows])[:, None]
        directions = np.broadcast_arrays(flat * np.sin(turn), up, -flat * np.cos(turn))
        lamps = point_light(np.stack(directions, axis=-1)) * angles[rows, None, None]
        # Filters of image editors leave small negative values.
        light += np.einsum("hwk,hwc->kc", lamps, np.maximum(radiance[rows], 0).astype(np.float64))
    return (light / np.pi).astype(np.float32)


def read_map(path: Path) -> Array:
    """Linear RGB (H, W, 3) float32 of an .hdr (Radiance) or .exr (OpenEXR) image.

    Raises:
        MissingFile: the file doesn't exist.
        FileError: the file can't be read, or has no R, G and B. The message names the file.
    """
    if not path.is_file():
        raise MissingFile(f"{path}: no such file; an environment map is an .hdr or .exr image")
    if path.suffix.lower() == ".exr":
        return _read_exr(path)
    found = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    if found is None or found.dtype != np.float32 or found.ndim != 3:
        raise FileError(f"{path}: no Radiance image; save the map as .hdr or .exr again")
    return np.ascontiguousarray(found[..., ::-1])


def _read_exr(path: Path) -> Array:
    import OpenEXR  # slow to import, and rarely needed

    try:
        with OpenEXR.File(str(path), separate_channels=True) as file:
            channels = {name: channel.pixels for name, channel in file.channels().items()}
    except Exception as error:
        raise FileError(f"{path}: no OpenEXR image: {error}") from None
    if not {"R", "G", "B"} <= set(channels):
        raise FileError(f"{path}: channels {sorted(channels)}; a map needs R, G and B")
    return np.stack([channels[name] for name in "RGB"], axis=-1).astype(np.float32)
