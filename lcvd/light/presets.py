"""Lights by name, and lights from files.

A preset is a lamp and an even fill, projected onto the nine functions of the spec's shading (C4), and exposed for what
is lit: mean shading `EXPOSURE` over the brightest `LIT_SHARE` of the hemisphere that a camera sees.
"""

from __future__ import annotations

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
"""Even fill of a preset in shares of its lamp: keeps shading positive and leaves the lamp visible."""

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
"""Names of all presets; sides are the image's."""


def lamp(direction: Sequence[float], colour: Sequence[float] = WHITE) -> Array:
    """A distant lamp of irradiance `colour` in `direction` (x right, y up, z to the camera): light (9, 3) float32.

    Raises:
        ValueError: a direction without length.
    """
    length = math.sqrt(sum(float(value) ** 2 for value in direction))
    if not 0 < length < math.inf:
        raise UsageError(f"a lamp's direction needs a finite length above 0, not {tuple(direction)}")
    values = point_light(np.asarray(direction, float) / length)
    return (values[:, None] * np.asarray(colour, float)).astype(np.float32)


def point_light(directions: Array) -> Array:
    """Coefficients (..., 9) of distant lamps of irradiance 1 in the unit `directions` (..., 3), float64.

    Projecting a point of light onto SH gives each function's value in its direction; the spec's constants fold the
    Lambertian kernel into bands 1 and 2 and leave its factor pi of the constant band to the light.
    """
    x, y, z = np.moveaxis(np.asarray(directions, float), -1, 0)
    band0, band1 = math.pi / math.sqrt(4 * math.pi), math.sqrt(3 / (4 * math.pi))
    band2 = math.sqrt(15 / (4 * math.pi))
    values = [np.full_like(x, band0), band1 * x, band1 * y, band1 * z, band2 * x * y, band2 * x * z, band2 * y * z]
    values += [band2 / 2 * (x * x - y * y), band2 / math.sqrt(12) * (3 * z * z - 1)]
    return np.stack(values, axis=-1)


def ambient(colour: Sequence[float] = WHITE) -> Array:
    """Even light whose shading is `colour` everywhere: (9, 3) float32."""
    light = np.zeros((9, 3), np.float32)
    light[0] = np.asarray(colour, float) * math.sqrt(4 * math.pi)
    return light


def expose(light: Array, mean: float = EXPOSURE) -> Array:
    """The light scaled so that its shading's luma has this mean over the lit part of a sphere as the camera sees it.

    Raises:
        ValueError: the light shades the sphere black or negative, so no scale exposes it.
    """
    luma = shading(_sphere(), light) @ np.asarray(LUMA, np.float32)
    level = float(luma[luma >= np.quantile(luma, 1 - LIT_SHARE)].mean())
    if level <= 1e-6:
        raise UsageError(f"this light's brightest shading is {level:.3g}; it needs light from the camera's side")
    return (light * (mean / level)).astype(np.float32)


def preset(name: str) -> Array:
    """The light (9, 3) of that name, see `PRESETS`.

    Raises:
        ValueError: no preset has that name.
    """
    return expose(_preset(name))


def preset_parts(name: str) -> tuple[tuple[float, float, float], tuple[float, float, float], float]:
    """What a preset is made of: its lamp's direction and irradiance, and its fill, both as exposed.

    Raises:
        ValueError: no preset has that name.
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
    """Lights (count, 9, 3) of one lamp that circles the camera's axis once, clockwise from the top; 1 shows the top.

    Raises:
        ValueError: `count` below 1.
    """
    if count < 1:
        raise UsageError(f"an orbit needs at least one light, not {count}")
    turns = 2 * np.pi * np.arange(count) / count
    return np.stack([expose(lamp((math.sin(a), math.cos(a), height), colour) + ambient([FILL] * 3)) for a in turns])


def save_light(path: Path, light: Array) -> None:
    """Write one light (9, 3), or one a frame (T, 9, 3), as JSON: ``{"light": [[r, g, b], ...]}``."""
    rounded = [[round(float(value), 7) for value in row] for row in check_light(light).reshape(-1, 3)]
    shape = list(np.shape(light))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"light": rounded, "shape": shape}, sort_keys=True) + "\n", encoding="utf-8")


def load_light(path: Path) -> Array:
    """A light (9, 3) or (T, 9, 3), float32, from JSON (as `save_light` writes it, or nine rows of three) or ``.npy``.

    Raises:
        MissingFile: no such file.
        ValueError: the file holds no light; the message names it and says what was found.
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
    """Normals (N, 3) of the pixels that an orthographic camera sees of a sphere."""
    axis = (np.arange(size) + 0.5) / size * 2 - 1
    x, y = np.meshgrid(axis, axis)
    inside = x * x + y * y < 1
    x, y = x[inside], y[inside]
    return np.stack([x, y, np.sqrt(1 - x * x - y * y)], axis=-1)
