"""Light presets, and lights from files.

A preset is a lamp plus ambient fill, projected onto the nine SH functions of the spec's shading (C4). Its exposure is
normalised: the mean shading over the brightest `LIT_SHARE` of the visible hemisphere is `EXPOSURE`.
"""

import json
import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from lcvd.array import Array
from lcvd.errors import FileError, MissingFile, UsageError
from lcvd.render.sh import LUMA, check_light, shading

EXPOSURE, LIT_SHARE = 1.0, 0.3
WHITE, WARM, COOL = (1.0, 1.0, 1.0), (1.25, 0.97, 0.68), (0.80, 0.98, 1.25)
FILL = 0.25
"""Ambient fill of a preset relative to its lamp. It keeps shading positive and the lamp visible."""

_LAMPS: dict[str, tuple[tuple[float, float, float], tuple[float, float, float], float]] = {
    "front": ((0.0, 0.1, 1.0), WHITE, 0.3),
    "left": ((-0.9, 0.15, 0.4), WHITE, FILL),
    "right": ((0.9, 0.15, 0.4), WHITE, FILL),
    "top": ((0.0, 0.9, 0.4), WHITE, FILL),
    "bottom": ((0.0, -0.85, 0.5), WHITE, FILL),
    "top-left": ((-0.65, 0.65, 0.45), WHITE, FILL),
    "top-right": ((0.65, 0.65, 0.45), WHITE, FILL),
    "warm-left": ((-0.85, 0.2, 0.5), WARM, FILL),
    "warm-right": ((0.85, 0.2, 0.5), WARM, FILL),
    "cool-left": ((-0.85, 0.2, 0.5), COOL, FILL),
    "cool-right": ((0.85, 0.2, 0.5), COOL, FILL),
    "soft": ((0.3, 0.5, 0.8), WHITE, 1.5),
}
PRESETS = tuple(_LAMPS)
"""Names of all presets. Left and right are those of the image."""


def lamp(direction: Sequence[float], colour: Sequence[float] = WHITE) -> Array:
    """A distant lamp of irradiance `colour` in `direction` (x right, y up, z towards the camera): light (9, 3) float32.

    Raises:
        UsageError: the direction has length 0.
    """
    length = math.sqrt(sum(float(value) ** 2 for value in direction))
    if not 0 < length < math.inf:
        raise UsageError(f"a lamp's direction needs a finite length above 0, not {tuple(direction)}")
    values = point_light(np.asarray(direction, float) / length)
    return (values[:, None] * np.asarray(colour, float)).astype(np.float32)


def point_light(directions: Array) -> Array:
    """Coefficients (..., 9) of distant lamps of irradiance 1 in the unit `directions` (..., 3), float64.

    The SH projection of a point light is the value of each function in its direction. The spec's constants include the
    Lambertian kernel of bands 1 and 2; the kernel's factor pi of the constant band is part of the light.
    """
    x, y, z = np.moveaxis(np.asarray(directions, float), -1, 0)
    band0, band1 = math.pi / math.sqrt(4 * math.pi), math.sqrt(3 / (4 * math.pi))
    band2 = math.sqrt(15 / (4 * math.pi))
    values = [np.full_like(x, band0), band1 * x, band1 * y, band1 * z, band2 * x * y, band2 * x * z, band2 * y * z]
    values += [band2 / 2 * (x * x - y * y), band2 / math.sqrt(12) * (3 * z * z - 1)]
    return np.stack(values, axis=-1)


def ambient(colour: Sequence[float] = WHITE) -> Array:
    """Ambient light whose shading is `colour` everywhere: (9, 3) float32."""
    light = np.zeros((9, 3), np.float32)
    light[0] = np.asarray(colour, float) * math.sqrt(4 * math.pi)
    return light


def expose(light: Array, mean: float = EXPOSURE) -> Array:
    """Scale a light so that the luma of its shading has this mean over the lit part of the visible hemisphere.

    Raises:
        UsageError: the shading is nowhere positive.
    """
    luma = shading(_sphere(), light) @ np.asarray(LUMA, np.float32)
    level = float(luma[luma >= np.quantile(luma, 1 - LIT_SHARE)].mean())
    if level <= 1e-6:
        raise UsageError(f"this light's brightest shading is {level:.3g}; it needs light from the camera's side")
    return (light * (mean / level)).astype(np.float32)


def preset(name: str) -> Array:
    """The light (9, 3) with this name, see `PRESETS`.

    Raises:
        UsageError: there is no such preset.
    """
    return expose(_preset(name))


def preset_parts(name: str) -> tuple[tuple[float, float, float], tuple[float, float, float], float]:
    """A preset's lamp direction, lamp irradiance and ambient fill, with the exposure applied to both.

    Raises:
        UsageError: there is no such preset.
    """
    plain = _preset(name)
    scale = float(expose(plain)[0, 1] / plain[0, 1])
    direction, (red, green, blue), fill = _LAMPS[name]
    return direction, (red * scale, green * scale, blue * scale), fill * scale


def _preset(name: str) -> Array:
    if name not in _LAMPS:
        raise UsageError(f"light {name!r} doesn't exist; choose one of {', '.join(PRESETS)}")
    direction, colour, fill = _LAMPS[name]
    return lamp(direction, colour) + ambient([fill] * 3)


def orbit(count: int, colour: Sequence[float] = WHITE, height: float = 0.45) -> Array:
    """Lights (count, 9, 3) of a lamp that circles the camera axis once, clockwise from the top.

    Raises:
        UsageError: `count` is below 1.
    """
    if count < 1:
        raise UsageError(f"an orbit needs at least one light, not {count}")
    turns = 2 * np.pi * np.arange(count) / count
    return np.stack([expose(lamp((math.sin(a), math.cos(a), height), colour) + ambient([FILL] * 3)) for a in turns])


def fibonacci_sphere(count: int) -> Array:
    """Directions (count, 3) spread evenly over the sphere along a spiral, from +z to -z."""
    steps = np.arange(count) + 0.5
    z = 1 - 2 * steps / count
    turn = np.pi * (1 + math.sqrt(5)) * steps
    flat = np.sqrt(1 - z * z)
    return np.stack([flat * np.cos(turn), flat * np.sin(turn), z], axis=-1)


def save_light(path: Path, light: Array) -> None:
    """Write one light (9, 3), or one per frame (T, 9, 3), as JSON: ``{"light": [[r, g, b], ...]}``."""
    rounded = [[round(float(value), 7) for value in row] for row in check_light(light).reshape(-1, 3)]
    shape = list(np.shape(light))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"light": rounded, "shape": shape}, sort_keys=True) + "\n", encoding="utf-8")


def load_light(path: Path) -> Array:
    """Read a light (9, 3) or (T, 9, 3), float32, from JSON (written by `save_light`, or nine rows of three) or ``.npy``.

    Raises:
        MissingFile: the file doesn't exist.
        FileError: the file has no valid light. The message names the file and the problem.
    """
    if not path.is_file():
        raise MissingFile(f"{path}: no such file; a light is a name ({', '.join(PRESETS)}) or a .json or .npy file")
    try:
        if path.suffix == ".npy":
            return check_light(np.load(path, allow_pickle=False))
        found = json.loads(path.read_text(encoding="utf-8"))
        rows = found["light"] if isinstance(found, dict) else found
        values = np.asarray(rows, np.float32)
        return check_light(values.reshape(found["shape"]) if isinstance(found, dict) and "shape" in found else values)
    except (ValueError, KeyError, TypeError, EOFError) as error:
        raise FileError(f"{path}: no light: {error}; it must hold nine rows of three numbers") from None


def _sphere(size: int = 33) -> Array:
    """Normals (N, 3) of the pixels of a sphere in orthographic projection."""
    axis = (np.arange(size) + 0.5) / size * 2 - 1
    x, y = np.meshgrid(axis, axis)
    inside = x * x + y * y < 1
    x, y = x[inside], y[inside]
    return np.stack([x, y, np.sqrt(1 - x * x - y * y)], axis=-1)
